"""Training that diverges ends in a sentence that says so, at the step where it happens."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from tests.commands.calls import call, check_complaint, small
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

from dnagpt.errors import InputError
from dnagpt.inference.predict import Prediction
from dnagpt.language.template import Template
from dnagpt.runs.finetuning.report import refuse_divergence

NUMBER_TEMPLATE = "<K>{sequence}<=><M>{gc?:number}"


@pytest.mark.parametrize("template", [GC_TEMPLATE, NUMBER_TEMPLATE])
@pytest.mark.parametrize("validate_every", [1, 100])
def test_a_learning_rate_that_is_too_high(template: str, validate_every: int, here: Path) -> None:
    rows = [{**row, "gc": n / 40} for n, row in enumerate(gc_rows(40))]
    (here / "sites.csv").write_text(table_text(rows))
    values = {"training__learning_rate": 1e6, "training__validate_every": validate_every, "training__steps": 60}
    finished = call(
        "finetune", "--table", "sites.csv", "--template", template, "-o", "run", "--quiet", *small(**values),
        "--set", "beside=[]", "--set", "training.precision=float32", "--set", "training.clip=1e9",
    )  # fmt: skip
    check_complaint(finished, "At step ", "no longer a number: training diverged", "Lower training.learning_rate")


def test_pretraining_that_diverges(here: Path, genome: Path) -> None:
    values = {"training__learning_rate": 1e30, "training__steps": 60, "training__validate_every": 60}
    finished = call("pretrain", "--fasta", f"K={genome}", "-o", "run", "--quiet", *small(**values))
    check_complaint(finished, "At step ", "training diverged")
    assert not (here / "run" / "model").exists()
    assert not list((here / "run").glob("checkpoints/*"))


@pytest.mark.parametrize("numbers", [[[1.0]], [[2.0], [np.nan]]])
def test_answers_that_are_no_numbers_are_told(numbers: list[list[float]]) -> None:
    item = Template.parse(NUMBER_TEMPLATE).answered[0]
    refused = pytest.raises(InputError, match="answers gc with what is no number: its training diverged")
    with nullcontext() if np.isfinite(numbers).all() else refused:
        refuse_divergence([Prediction(item, numbers=np.array(numbers))])
