"""Which records of a task file are scored, and what is said of them: parts, folds, further test data."""

from pathlib import Path

import pytest
from tests.commands.calls import done
from tests.commands.examples import GC_TEMPLATE, gc_rows
from tests.commands.test_end_to_end import read_rows
from tests.commands.test_finetune import metrics_of, records_of, tiny, write


@pytest.mark.parametrize(
    ("fractions", "part", "told"),
    [
        ((1, 0, 0), "train", "so the scores are of the training records, which the model was taught with"),
        ((0.8, 0.2, 0), "validation", "so the scores are of the validation records, by which the weights"),
        ((0.8, 0.1, 0.1), "test", ""),
    ],
)
def test_scores_that_are_not_of_test_records_say_so(
    here: Path, fractions: tuple[float, ...], part: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = write(here / "sites.csv", gc_rows(40))
    (one,) = records_of({"template": GC_TEMPLATE, "data": {"table": table, "fractions": fractions}})
    assert one.scored == part
    found = [note for note in one.labelled.notes if note.startswith("Task task: there are no test records")]
    assert len(found) == bool(told)
    assert all(told in note and note in caplog.text for note in found)


def test_the_report_says_that_scores_are_of_the_training_records(here: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    done("finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", *tiny(data__fractions="[1,0,0]"))
    assert "scores are of the training records" in " ".join(metrics_of(here / "run")["tasks"]["task"]["notes"])
    assert "scores are of the training records" in (here / "run" / "report.html").read_text()
    assert len(read_rows(here / "run" / "predictions.csv")) == 20
