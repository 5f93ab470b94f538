"""Labels given to the classifier and to the language model: what counts, what is left out, what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from dnagpt.errors import InputError

ASKED = ["<R>ACGTA<=><B>", "<R>GG<=><B>", "<R>TTAGC<=><B>"]


def classifier(folder: Path) -> tuple[Any, Any]:
    opened = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return opened, AutoTokenizer.from_pretrained(folder)(ASKED, padding=True, return_tensors="pt")


def test_the_loss_of_a_row_labelled_minus_100_does_not_count(folder: Path) -> None:
    opened, inputs = classifier(folder)
    with torch.no_grad():
        whole = opened(**inputs, labels=torch.tensor([1, -100, 0])).loss
        alone = [opened(**{k: v[n : n + 1] for k, v in inputs.items()}, labels=torch.tensor([label])).loss
                 for n, label in ((0, 1), (2, 0))]  # fmt: skip
    torch.testing.assert_close(whole, torch.stack(alone).mean())
    nothing = opened(**inputs, labels=torch.full((3, 1), -100)).loss
    nothing.backward()
    assert nothing.item() == 0
    assert all(weight.grad is None or not weight.grad.any() for weight in opened.parameters())


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        ([0, -1, 1], r"no label -1 \(row 2\).* 2 labels are 0 to 1, and -100 marks"),
        ([0, 1, 2], r"no label 2 \(row 3\)"),
        ([0, -101, 1], "no label -101"),
        ([0.0, 1.0, 1.0], "labels are float32, not whole numbers from 0 to 1"),
        ([0, 1], "2 labels for 3 rows"),
        ([[0, 1], [1, 0], [0, 0]], "6 labels for 3 rows"),
    ],
)
def test_labels_that_are_none_are_told(folder: Path, labels: list[Any], part: str) -> None:
    opened, inputs = classifier(folder)
    with pytest.raises(InputError, match=part):
        opened(**inputs, labels=torch.tensor(labels))


def test_yes_and_no_may_be_booleans(folder: Path) -> None:
    opened, inputs = classifier(folder)
    with torch.no_grad():
        losses = [opened(**inputs, labels=labels).loss for labels in (torch.tensor([True, False, True]),
                                                                     torch.tensor([1, 0, 1]))]  # fmt: skip
    assert torch.equal(*losses)


def test_numbers_are_whole_or_not_and_finite(folder: Path) -> None:
    opened, inputs = classifier(folder)
    opened.config.problem_type = "regression"
    with torch.no_grad():
        said = opened(**inputs).logits[:, 0]
        loss = opened(**inputs, labels=torch.tensor([1, -100, 3])).loss
    assert float(loss) == pytest.approx(float((said - torch.tensor([1.0, -100.0, 3.0])).square().mean()), rel=1e-5)
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="label of row 2 is not a finite number"):
            opened(**inputs, labels=torch.tensor([1.0, wrong, 3.0]))


def test_tokens_to_be_learnt_are_ids(folder: Path) -> None:
    opened = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[21, 40, 41, 42]])
    with torch.no_grad():
        scores = opened(ids).logits[0].log_softmax(-1)
        found = opened(ids, labels=torch.tensor([[-100, 40, -100, 42]])).loss
    assert float(found) == pytest.approx(-float(scores[0, 40] + scores[2, 42]) / 2, rel=1e-5)
    for wrong in (-1, opened.config.vocabulary_size):
        with pytest.raises(InputError, match=rf"no label {wrong} \(row 1\)\. The 56 tokens are 0 to 55"):
            opened(ids, labels=torch.tensor([[21, wrong, 41, 42]]))
