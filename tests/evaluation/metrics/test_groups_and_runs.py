"""Scores of groups and of runs equal scikit-learn, scipy and the standard library, and what is undefined says why."""

import csv
import io
import json
import math
import statistics

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import classification_intervals, classification_metrics
from dnagpt.evaluation.metrics.groups import number_scores_by_group, scores_by_group
from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.evaluation.metrics.several_runs import summary_of_runs
from dnagpt.evaluation.report.page import Section, render_report
from dnagpt.evaluation.report.tables import cross_table, groups_table, runs_table, score_rows, scores_csv, subsets_table

GENERATOR = np.random.default_rng(3)
LABELS = GENERATOR.integers(2, size=300)
POSITIVE = np.clip(0.25 * LABELS + 0.75 * GENERATOR.random(300), 0, 1)
SPREAD = np.stack([1 - POSITIVE, POSITIVE], axis=1)
GROUPS = [f"chr{number}" for number in GENERATOR.choice([1, 2, 10, 20], size=300)]
NAN = float("nan")


def test_classes_of_each_group_equal_scikit_learn_on_its_examples() -> None:
    found = scores_by_group(LABELS, SPREAD, GROUPS)
    assert list(found) == ["chr1", "chr2", "chr10", "chr20"]
    for group, values in found.items():
        rows = np.array(GROUPS) == group
        called = POSITIVE[rows] > 0.5
        assert values["count"] == rows.sum()
        assert values["accuracy"] == pytest.approx(reference.accuracy_score(LABELS[rows], called))
        assert values["mcc"] == pytest.approx(reference.matthews_corrcoef(LABELS[rows], called))
        assert values["auroc"] == pytest.approx(reference.roc_auc_score(LABELS[rows], POSITIVE[rows]))
        assert values["auprc"] == pytest.approx(reference.average_precision_score(LABELS[rows], POSITIVE[rows]))


def test_numbers_of_each_group_equal_scipy_on_its_examples() -> None:
    truth = GENERATOR.normal(size=300)
    guess = truth + GENERATOR.normal(size=300)
    for group, values in number_scores_by_group(truth, guess, GROUPS).items():
        rows = np.array(GROUPS) == group
        assert values["squared_pearson"] == pytest.approx(stats.pearsonr(truth[rows], guess[rows]).statistic ** 2)
        assert values["determination"] == pytest.approx(reference.r2_score(truth[rows], guess[rows]))
        assert values["spearman"] == pytest.approx(stats.spearmanr(truth[rows], guess[rows]).statistic)
        assert values["rmse"] == pytest.approx(math.sqrt(reference.mean_squared_error(truth[rows], guess[rows])))


def test_a_group_of_one_class_says_what_is_undefined() -> None:
    found = scores_by_group([1, 1, 0, 1], np.eye(2)[[1, 0, 0, 1]], ["a", "a", "b", "b"])
    assert (found["a"]["accuracy"], found["a"]["mcc"], found["a"]["auroc"]) == (0.5, None, None)
    assert found["a"]["notes"] == [
        "auroc is undefined: every one of the 2 examples belongs to class 1",
        "mcc is undefined: there is one class only",
    ]
    assert found["b"]["mcc"] == pytest.approx(1)
    assert json.loads(json.dumps(found, allow_nan=False))["a"]["mcc"] is None
    table = groups_table(found)
    assert table.columns == ("Group", "Examples", "Accuracy", "Matthews correlation (MCC)", "AUROC", "Note")
    assert table.rows[0][:5] == ("a", 2, 0.5, None, None)
    assert "mcc is undefined" in str(table.rows[0][5])


def test_several_classes_and_groups_without_notes() -> None:
    found = scores_by_group([0, 1, 2] * 2, np.eye(3)[[0, 1, 2] * 2], [1, 1, 1, 2, 2, 2])
    table = groups_table(found, caption="By fold")
    assert table.columns == ("Group", "Examples", "Accuracy", "Matthews correlation (MCC)", "AUROC (macro)")
    assert [row[:3] for row in table.rows] == [("1", 3, 1.0), ("2", 3, 1.0)]
    assert "By fold" in render_report("T", "t", [Section("S", tables=(table,))], {})


@pytest.mark.parametrize(
    ("groups", "words"),
    [(["a"], "3 examples need as many groups, got 1"), (["a", None, "b"], "example 1 has no group"),
     (["a", "b", NAN], "example 2 has no group"), ([" ", "b", "c"], "example 0 has no group")],
)  # fmt: skip
def test_an_example_without_a_group_is_named(groups: list[object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        number_scores_by_group([1, 2, 3], [1, 2, 3], groups)


def test_a_wrong_label_is_named_by_its_place_among_all_examples() -> None:
    with pytest.raises(InputError, match="label 2 of example 2"):
        scores_by_group([0, 1, 2], np.eye(2)[[0, 1, 1]], ["a", "b", "b"])


def test_mean_and_deviation_of_runs_equal_the_standard_library() -> None:
    runs = [{"mcc": float(one), "rmse": float(two)} for one, two in GENERATOR.random((7, 2))]
    found = summary_of_runs(runs)
    for name in ("mcc", "rmse"):
        values = [run[name] for run in runs]
        assert found[name].mean == pytest.approx(statistics.mean(values))
        assert found[name].deviation == pytest.approx(statistics.stdev(values))
        assert found[name].count == 7


def test_runs_by_hand_with_undefined_ones_left_out_and_counted() -> None:
    found = summary_of_runs([{"auroc": 0.5}, {"auroc": None}, {"auroc": 0.9}, {"auroc": NAN}])["auroc"]
    assert (found.count, found.undefined) == (2, 2)
    assert found.mean == pytest.approx(0.7)
    assert found.deviation == pytest.approx(math.sqrt(2 * 0.2**2))
    (alone,) = summary_of_runs([{"mcc": 0.5}]).values()
    assert str(alone) == "0.500"
    assert alone.as_dict() == {"mean": 0.5, "deviation": None, "count": 1, "undefined": 0}
    (never,) = summary_of_runs([{"mcc": NAN}]).values()
    assert str(never) == "undefined"
    assert never.as_dict()["mean"] is None


def test_runs_that_cannot_be_summed_up_are_refused() -> None:
    with pytest.raises(InputError, match="no run"):
        summary_of_runs([])
    with pytest.raises(InputError, match="run 1 and run 0 do not have the same scores: mcc, rmse"):
        summary_of_runs([{"mcc": 0.5}, {"rmse": 0.5}])


def test_methods_with_different_scores_share_a_table_of_runs() -> None:
    table = runs_table({"model": [{"mcc": 0.5, "auroc": 0.8}], "GC": [{"mcc": 0.1}, {"mcc": 0.3}]})
    assert table.columns == ("Method", "Runs", "Matthews correlation (MCC)", "AUROC")
    assert table.rows == (("model", 1, "0.500", "0.800"), ("GC", 2, "0.200 ± 0.141", None))


def test_a_cross_table_has_a_gap_where_nothing_was_tested() -> None:
    table = cross_table({"human": {"human": 0.9}, "mouse": {"mouse": 0.8, "human": 0.7}}, caption="MCC")
    assert table.columns == ("Trained on", "human", "mouse")
    assert table.rows == (("human", 0.9, None), ("mouse", 0.7, 0.8))
    with pytest.raises(InputError, match="no score"):
        cross_table({"human": {}})


def test_subsets_stand_side_by_side() -> None:
    intervals = classification_intervals(LABELS, SPREAD, samples=20)
    clean = classification_intervals(LABELS[:200], SPREAD[:200], samples=20)
    table = subsets_table({"All 300": intervals, "Clean 200": {**clean, "auroc": Estimate(NAN, NAN, NAN)}})
    assert table.columns == ("Metric", "All 300", "Clean 200")
    accuracy = classification_metrics(LABELS[:200], SPREAD[:200]).accuracy
    assert str(table.rows[0][2]).startswith(f"{accuracy:.3f} (")
    assert table.rows[5][0] == "AUROC"
    assert table.rows[5][2] is None


def test_scores_as_csv_read_back_to_the_last_digit() -> None:
    intervals = {"model": classification_intervals(LABELS, SPREAD, samples=20)}
    rows = score_rows(intervals, answer="label", subset="all") + score_rows(
        {"GC, only": {"mcc": Estimate(NAN, NAN, NAN)}}, answer="label", subset="clean"
    )
    text = scores_csv(rows)
    assert text == scores_csv(rows)
    read = list(csv.DictReader(io.StringIO(text)))
    assert list(read[0]) == ["answer", "subset", "method", "metric", "value", "low", "high"]
    for row, (name, estimate) in zip(read, intervals["model"].items(), strict=False):
        assert (row["metric"], float(row["value"]), float(row["high"])) == (name, estimate.value, estimate.high)
    assert read[-1]["method"] == "GC, only"
    assert read[-1]["value"] == ""


def test_the_rmse_of_a_table_is_in_the_unit_of_the_numbers() -> None:
    """Ten times the unit, ten times the error; the correlations stay."""
    truth = GENERATOR.normal(size=50)
    guess = truth + 1
    small, large = regression_metrics(truth, guess), regression_metrics(10 * truth, 10 * guess)
    assert [small.rmse, large.rmse] == pytest.approx([1, 10])
    assert large.squared_pearson == pytest.approx(small.squared_pearson)
