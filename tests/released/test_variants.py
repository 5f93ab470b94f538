"""Which released file a file is, what it can be asked, and files that lack a part of the network."""

from pathlib import Path

import pytest
import torch
from tests.commands.calls import call, check_complaint, done
from tests.released.files import released_file, released_network

from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.released import VARIANTS, read_released
from dnagpt.released.reading import _Shape, _variant
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.store.weights import Absent
from dnagpt.tasks import Task

FILE = Path("weights.pth")
SMALL_M, SMALL_H = _Shape(12, 768, 512, 19_564), _Shape(12, 768, 4096, 15_659)
LARGE = _Shape(60, 2048, 512, 19_564)
NUMBERS = ("number_embedding", "number_head")


def test_a_variant_is_found_out_where_only_one_fits() -> None:
    assert _variant(LARGE, (), FILE, None, None) == "3b_m"
    assert _variant(SMALL_M, NUMBERS, FILE, None, None) == "classification"
    assert _variant(SMALL_H, ("token_head",), FILE, None, None) == "regression"
    assert _variant(_Shape(2, 4, 8, 15_659), (), FILE, None, 2) is None


@pytest.mark.parametrize(
    ("shape", "names"), [(SMALL_M, "0.1b_m and classification"), (SMALL_H, "0.1b_h and regression")]
)
def test_two_variants_of_one_shape_have_to_be_told_apart(shape: _Shape, names: str) -> None:
    with pytest.raises(InputError, match=rf"weights\.pth fits {names}, which have the same shape") as refusal:
        _variant(shape, (), FILE, None, None)
    first, second = names.split(" and ")
    assert f"--variant {first} or --variant {second}" in str(refusal.value)
    assert {_variant(shape, (), FILE, name, None) for name in (first, second)} == {first, second}


def test_a_named_variant_that_does_not_fit_is_refused_with_every_difference() -> None:
    with pytest.raises(InputError, match=r"is not the variant 3b_m: layers 12, not 60; width 768, not 2,048\."):
        _variant(SMALL_M, (), FILE, "3b_m", None)
    with pytest.raises(InputError, match=r"context 512, not 4,096; vocabulary_size 19,564, not 15,659\."):
        _variant(SMALL_M, (), FILE, "0.1b_h", None)
    with pytest.raises(InputError, match="heads 8, not 12"):
        _variant(SMALL_M, (), FILE, "0.1b_m", 8)
    with pytest.raises(InputError, match=r"not the variant 0\.1b_m: no number embedding; no number head"):
        _variant(SMALL_M, NUMBERS, FILE, "0.1b_m", None)
    with pytest.raises(InputError, match=r"no variant '7b'. There are 0\.1b_h, 0\.1b_m, 3b_m, classification"):
        _variant(SMALL_M, (), FILE, "7b", None)


def test_fine_tuned_variants_bring_the_task_of_the_release() -> None:
    templates = {name: variant.task and str(variant.task.template) for name, variant in VARIANTS.items()}
    assert templates == {
        "0.1b_h": None,
        "0.1b_m": None,
        "3b_m": None,
        "classification": "<R>{sequence}<=><R>{label?:boolean}",
        "regression": "<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}",
    }


def test_weights_without_number_parts_answer_what_they_can_and_say_what_they_lack(tmp_path: Path) -> None:
    file = released_file(
        tmp_path / "classifier.pth", "released-1to6mers", without=("number_embedding", "num_regression")
    )
    said = done("import", file, "--heads", 2, "-o", tmp_path / "model")
    assert "Tasks: classification." in said
    assert "Its weights have no number embedding and no number head." in said
    model = load_model(tmp_path / "model")
    assert model.lacks == ("number_embedding", "number_head")
    assert list(model.tasks) == ["classification"]
    table = tmp_path / "sites.csv"
    table.write_text("sequence\nACGTACGTA\n")
    answers = done("predict", tmp_path / "model", table, "--quiet")
    assert 0 < float(answers.splitlines()[1].split(",")[-1]) < 1
    again = tmp_path / "again.pth"
    done("export", tmp_path / "model", "--to", "released", "-o", again)
    assert torch.load(again, weights_only=True).keys() == torch.load(file, weights_only=True).keys()


def test_a_task_that_needs_a_missing_head_is_refused(tmp_path: Path) -> None:
    file = released_file(tmp_path / "classifier.pth", without=("num_regression",))
    done("import", file, "--heads", 2, "-o", tmp_path / "model")
    model = load_model(tmp_path / "model")
    task = Task("level", Template.parse("<R>{sequence}<=><M>{level?:number}"))
    with pytest.raises(InputError, match=r"'level' .* needs a number head, which the weights lack"):
        Model(model.network, model.vocabulary, {"level": task})
    with (tmp_path / "model" / "tasks.toml").open("a") as tasks:
        tasks.write('[level]\ntemplate = "<R>{sequence}<=><M>{level?:number}"\n')
    (tmp_path / "new.csv").write_text("sequence\nACGTAC\n")
    check_complaint(
        call("predict", tmp_path / "model", tmp_path / "new.csv", "--task", "level", "--quiet"),
        "needs a number head", "which the weights lack",
    )  # fmt: skip


def test_a_folder_whose_weights_miss_a_head_it_does_not_say_it_lacks_is_refused(tmp_path: Path) -> None:
    whole = read_released(released_file(tmp_path / "whole.pth"), heads=2)
    part = read_released(released_file(tmp_path / "part.pth", without=("num_regression",)), heads=2)
    save_model(tmp_path / "whole", whole)
    save_model(tmp_path / "part", part)
    (tmp_path / "part" / "model.safetensors").replace(tmp_path / "whole" / "model.safetensors")
    with pytest.raises(InputError, match=r"number_head\.0\.weight is missing"):
        load_model(tmp_path / "whole")


def test_an_absent_part_answers_nothing_and_lets_tokens_pass() -> None:
    with pytest.raises(InputError, match="These weights have no token head"):
        Absent("token_head")(torch.zeros(1, 2, 4))
    with pytest.raises(InputError, match="These weights have no number embedding"):
        Absent("number_embedding")(torch.tensor([[0.0, 2.5]]))
    network = read_without_numbers()
    ids = torch.tensor([[21, 40]])
    with torch.no_grad():
        rows = network(ids, torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.bool))
        assert torch.equal(rows, network(ids))


def read_without_numbers() -> torch.nn.Module:
    network = released_network()
    network.number_embedding = Absent("number_embedding")
    return network.eval()
