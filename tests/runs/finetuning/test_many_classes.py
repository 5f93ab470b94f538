"""Tasks of more classes than there are reserved tokens."""

from pathlib import Path

import pandas as pd
import pytest
from tests.commands.calls import call, check_complaint, done, dotted
from tests.commands.examples import random_bases

from dnagpt.store.folder import load_model

CLASSES = [f"k{place}" for place in range(40)]


def template(classes: list[str]) -> str:
    return f"<R>{{sequence}}<=><B>{{kind?:choice({','.join(classes)})}}"


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # forty classes leave a figure no room
def test_forty_classes_are_taught_answered_and_classified_by_transformers(tmp_path: Path) -> None:
    rows = [(random_bases(12, seed=place), CLASSES[place % 40]) for place in range(240)]
    pd.DataFrame(rows, columns=["sequence", "kind"]).to_csv(tmp_path / "kinds.csv", index=False)
    done(
        "finetune", "--table", tmp_path / "kinds.csv", "--template", template(CLASSES), "-o", tmp_path / "run",
        "--quiet", "--set", "epochs=1", "--set", "beside=[]",
        *dotted({"model.layers": 1, "model.width": 32, "model.heads": 2, "model.context": 32}),
    )  # fmt: skip
    done("predict", tmp_path / "run" / "model", tmp_path / "kinds.csv", "-o", tmp_path / "out.csv", "--quiet")
    chances = pd.read_csv(tmp_path / "out.csv").filter(like="probability_")
    assert list(chances) == [f"probability_{name}" for name in CLASSES]
    assert chances.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    model = load_model(tmp_path / "run" / "model")
    assert [model.vocabulary.token(one) for one in model.vocabulary.choice_ids(40)[30:34]] == ["<X>", "<Z>", "A", "G"]

    pytest.importorskip("transformers")
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    import dnagpt.hf  # noqa: F401

    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run" / "model")
    asked = tokenizer(opened.config.prompt.format(sequence=rows[0][0]), return_tensors="pt")
    found = opened(**asked).logits.softmax(-1)[0].tolist()
    assert found == pytest.approx(chances.iloc[0].tolist(), abs=1e-5)


def test_the_most_classes_are_named_before_any_record_is_read(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text("not a table \0")
    many = template([f"k{place}" for place in range(200)])
    check_complaint(
        call("finetune", "--table", tmp_path / "kinds.csv", "--template", many, "-o", tmp_path / "run", "--quiet"),
        "A choice of 200 cannot be written", "32 reserved tokens and 84 k-mers", "Give 1 to 116 choices",
    )  # fmt: skip
    assert not (tmp_path / "run").exists()
