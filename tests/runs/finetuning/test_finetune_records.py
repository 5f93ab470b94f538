"""Which records of a task file are scored, and what is said of them: parts, folds, further test data."""

from pathlib import Path

import pandas as pd
import pytest
from tests.commands.calls import call, check_complaint, done
from tests.commands.examples import GC_TEMPLATE, gc_rows
from tests.commands.test_end_to_end import read_rows
from tests.runs.finetuning.test_finetune import metrics_of, records_of, tiny, write

from dnagpt.data.records.duplicates import reverse_complement_text
from dnagpt.errors import InputError
from dnagpt.runs.finetuning import scoring
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.runs.finetuning.several import variations


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


def test_records_of_further_tests_that_stand_in_training_are_told_and_left_out_of_a_set(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own, other, rest = gc_rows(40), gc_rows(12, seed=1), gc_rows(8, seed=2)
    unused = [{**row, "part": "train"} for row in rest]
    table = write(here / "own.csv", [{**row, "part": "test" if n % 5 == 0 else "train"} for n, row in enumerate(own)])
    mixed = write(here / "mixed.csv", [*({**row, "part": "test"} for row in own + other), *unused])
    fresh = write(here / "fresh.csv", [*({**row, "part": "test"} for row in other), *unused])
    tests = {name: {"table": path, "split_column": "part"} for name, path in (("mixed", mixed), ("fresh", fresh))}
    (one,) = records_of({"template": GC_TEMPLATE, "data": {"table": table, "split_column": "part"}, "tests": tests})
    taught = {str(record["sequence"]) for record in one.labelled.part("train")}
    assert one.tests["mixed"].in_training["test"].tolist() == [row["sequence"] in taught for row in own + other]
    told = "of 52 test records of tests.mixed have a sequence that stands in training too"
    assert told in caplog.text
    assert [told in note for note in one.labelled.notes].count(True) == 1
    assert not any("tests.fresh" in note for note in one.labelled.notes)
    sets = {found.name: found for found in scoring.test_sets(one, "test")}
    assert list(sets) == ["test", "mixed", "mixed, not in training", "fresh"]
    asked = [*one.labelled.part("test"), *one.tests["mixed"].part("test"), *one.tests["fresh"].part("test")]
    clean = [str(asked[place]["sequence"]) for place in sets["mixed, not in training"].rows]  # type: ignore[union-attr]
    assert clean == [row["sequence"] for row in own + other if row["sequence"] not in taught]


def test_what_repeats_in_further_tests_is_what_the_task_calls_a_repeat(here: Path) -> None:
    rows = [{**row, "part": "train" if n < 10 else "dev"} for n, row in enumerate(gc_rows(20))]
    turned = [{**row, "sequence": reverse_complement_text(row["sequence"]), "part": "test"} for row in rows[:4]]
    table = write(here / "own.csv", rows)
    more = write(here / "more.csv", rows + turned)
    tests = {"more": {"table": more, "split_column": "part"}}
    for level, expected in (("exact", False), ("reverse-complement", True)):
        data = {"table": table, "split_column": "part", "duplicate_level": level}
        (one,) = records_of({"template": GC_TEMPLATE, "data": data, "tests": tests})
        assert set(one.tests["more"].in_training["test"].tolist()) == {expected}


def test_further_tests_with_folds_move_with_those_of_the_task() -> None:
    data = {"table": "own.csv", "folds": 3}
    tests = {"same": {"table": "own.csv", "folds": 3}, "other": {"table": "other.csv"}}
    asked = {"template": GC_TEMPLATE, "data": data, "tests": tests, "every_fold": True}
    for fold, settings in enumerate(variations(FinetuneSettings.model_validate(asked)).values()):
        (one,) = settings.tasks.values()
        assert (one.data.fold, one.tests["same"].fold, one.tests["other"].fold) == (fold, fold, 0)
    asked["tests"] = {"same": {"table": "own.csv", "folds": 4}}
    with pytest.raises(InputError, match="and in `tests` that have some"):
        variations(FinetuneSettings.model_validate(asked))


def test_a_model_with_views_has_no_answer_for_a_missing_sequence(here: Path) -> None:
    write(here / "sites.csv", gc_rows(20))
    done("finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run", *tiny(views__frames=2))
    new = pd.DataFrame({"sequence": ["ACGTACGT", None]})
    for name, frame in (("new.parquet", new), ("text.parquet", new.astype("string")), ("new.csv", new)):
        frame.to_csv(here / name, index=False) if name.endswith("csv") else frame.to_parquet(here / name)
        finished = call("predict", "run/model", name, "-o", "answers.csv", "--quiet")
        check_complaint(finished, f"{name}, row 2: the field sequence is empty", "Fill it in")
        assert not (here / "answers.csv").exists()


def test_further_tests_in_rna_are_found_in_training(here: Path) -> None:
    rows = [{**row, "part": "train" if n < 10 else "dev"} for n, row in enumerate(gc_rows(20))]
    spelled = [{**row, "sequence": row["sequence"].replace("T", "u").lower(), "part": "test"} for row in rows[:4]]
    fresh = [{**row, "part": "test"} for row in gc_rows(2, seed=5)]
    table, more = write(here / "own.csv", rows), write(here / "more.csv", [*rows, *spelled, *fresh])
    data, other = ({"table": path, "split_column": "part"} for path in (table, more))
    (one,) = records_of({"template": GC_TEMPLATE, "data": data, "tests": {"more": other}})
    assert one.tests["more"].in_training["test"].tolist() == [True] * 4 + [False] * 2
    assert any(note.startswith("4 of 6 test records of tests.more have a sequence that") for note in one.labelled.notes)
