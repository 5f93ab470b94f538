"""Classification metrics equal scikit-learn on random data, and numbers worked by hand."""

import json
import math
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.classification import calibration_bins, classification_intervals, classification_metrics
from dnagpt.evaluation.metrics.metrics import as_dict, metric_label, to_table
from dnagpt.evaluation.metrics.ranking import (
    area_under_roc,
    average_precision,
    precision_recall_points,
    roc_points,
    score_order,
)

Labels = NDArray[np.int64]
Floats = NDArray[np.float64]


def draw(classes: int, count: int, seed: int, *, decimals: int = 12) -> tuple[Labels, Floats]:
    """Draw labels and probabilities that know something of them; few decimals make ties."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    scores = generator.normal(size=(count, classes)) + 1.2 * np.eye(classes)[labels]
    first = np.round(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), decimals)
    first[:, -1] = np.round(1 - first[:, :-1].sum(axis=1), decimals)
    return labels, np.abs(first)


@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_two_classes_equal_scikit_learn(seed: int, decimals: int) -> None:
    labels, probabilities = draw(2, 300, seed, decimals=decimals)
    found = classification_metrics(labels, probabilities)
    called = probabilities.argmax(axis=1)
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, called))
    assert found.precision == pytest.approx(reference.precision_score(labels, called))
    assert found.recall == pytest.approx(reference.recall_score(labels, called))
    assert found.f1 == pytest.approx(reference.f1_score(labels, called))
    assert found.mcc == pytest.approx(reference.matthews_corrcoef(labels, called))
    assert found.auroc == pytest.approx(reference.roc_auc_score(labels, probabilities[:, 1]))
    assert found.auprc == pytest.approx(reference.average_precision_score(labels, probabilities[:, 1]))
    assert np.array_equal(found.confusion, reference.confusion_matrix(labels, called))
    assert found.class_counts == tuple(np.bincount(labels))
    assert not found.notes


@pytest.mark.parametrize("classes", [3, 7])
def test_several_classes_equal_scikit_learn_macro_averages(classes: int) -> None:
    labels, probabilities = draw(classes, 400, seed=classes)
    found = classification_metrics(labels, probabilities)
    called = probabilities.argmax(axis=1)
    assert found.precision == pytest.approx(reference.precision_score(labels, called, average="macro"))
    assert found.recall == pytest.approx(reference.recall_score(labels, called, average="macro"))
    assert found.f1 == pytest.approx(reference.f1_score(labels, called, average="macro"))
    assert found.mcc == pytest.approx(reference.matthews_corrcoef(labels, called))
    expected = reference.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert found.auroc == pytest.approx(expected)
    one_hot = np.eye(classes)[labels]
    assert found.auprc == pytest.approx(reference.average_precision_score(one_hot, probabilities, average="macro"))
    assert {"accuracy", "macro_f1", "macro_auroc", "mcc"} <= set(found.scores())


def test_areas_equal_scikit_learn_under_any_weights() -> None:
    labels, probabilities = draw(2, 200, seed=5, decimals=1)
    weights = np.random.default_rng(6).integers(0, 4, size=(3, 200)).astype(float)
    order = score_order(probabilities[:, 1])
    for row in range(3):
        expected = reference.roc_auc_score(labels, probabilities[:, 1], sample_weight=weights[row])
        assert area_under_roc(order, labels, weights)[row] == pytest.approx(expected)
        expected = reference.average_precision_score(labels, probabilities[:, 1], sample_weight=weights[row])
        assert average_precision(order, labels, weights)[row] == pytest.approx(expected)


def test_curves_equal_scikit_learn() -> None:
    labels, probabilities = draw(2, 150, seed=7, decimals=2)
    false_rate, true_rate, _ = reference.roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(roc_points(labels, probabilities[:, 1]), (false_rate, true_rate))
    precision, recall, _ = reference.precision_recall_curve(labels, probabilities[:, 1])
    found = precision_recall_points(labels, probabilities[:, 1])
    np.testing.assert_allclose(found, (precision[-2::-1], recall[-2::-1]))


def test_worked_by_hand() -> None:
    """Four right, one positive missed, two called by mistake: 3 TP, 1 TN, 2 FP, 1 FN."""
    labels = [1, 1, 1, 1, 0, 0, 0]
    positive = np.array([0.9, 0.8, 0.7, 0.3, 0.6, 0.6, 0.1])
    found = classification_metrics(labels, np.stack([1 - positive, positive], axis=1))
    assert found.confusion == ((1, 2), (1, 3))
    assert found.accuracy == pytest.approx(4 / 7)
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(3 / 4)
    assert found.f1 == pytest.approx(2 / 3)
    assert found.mcc == pytest.approx((3 * 1 - 2 * 1) / math.sqrt(5 * 4 * 3 * 2))
    # The three high positives beat every negative; the low one beats one of three.
    assert found.auroc == pytest.approx((3 * 3 + 1) / 12)


def test_calibration_error_by_hand() -> None:
    """Two bins: confidence 0.9 with half of the calls right, confidence 0.6 with all right."""
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    labels = [0, 1, 1, 1]
    assert classification_metrics(labels, probabilities).calibration_error == pytest.approx((0.4 + 0.4) / 2)
    bins = calibration_bins(labels, probabilities, bins=2)
    assert bins.counts.tolist() == [4]
    assert bins.confidence.tolist() == pytest.approx([0.75])
    assert bins.accuracy.tolist() == pytest.approx([0.75])


def test_labels_of_one_class_leave_auroc_undefined_and_say_why() -> None:
    for label in (0, 1):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = classification_metrics([label] * 3, [[0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
        assert math.isnan(found.auroc)
        assert f"every one of the 3 examples belongs to class {label}" in found.notes[0]
    no_positives = classification_metrics([0, 0], [[0.9, 0.1], [0.8, 0.2]])
    assert (no_positives.accuracy, no_positives.precision, no_positives.recall, no_positives.mcc) == (1, 0, 0, 0)
    assert any("precision is set to 0" in note for note in no_positives.notes)
    assert json.loads(json.dumps(as_dict(no_positives), allow_nan=False))["auprc"] is None


def test_a_class_without_examples_is_left_out_of_the_mean_area() -> None:
    labels, probabilities = draw(2, 100, seed=3)
    with_empty = np.column_stack([probabilities, np.zeros(100)])
    found = classification_metrics(labels, with_empty)
    assert found.auroc == pytest.approx(classification_metrics(labels, probabilities).auroc)
    assert "leave out classes without an example: 2" in found.notes[0]
    assert found.class_counts[2] == 0


def test_calling_one_class_only_sets_mcc_to_zero() -> None:
    found = classification_metrics([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    assert found.mcc == 0
    assert "mcc is set to 0: every example was called class 0" in found.notes


def test_half_precision_probabilities_and_boolean_labels_are_accepted() -> None:
    probabilities = np.array([[0.3335, 0.6665], [0.75, 0.25]], dtype=np.float16)
    assert classification_metrics([True, False], probabilities).accuracy == 1


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 2], [[1, 0], [0, 1]], "label 2 of example 1 is none of the 2 classes"),
        ([0, -1], [[1, 0], [0, 1]], "label -1 of example 1"),
        ([0, 1], [[1, 0], [0.5, 0.7]], "example 1 are not all 0 or more with a sum of 1"),
        ([0, 1], [[1, 0], [float("nan"), 1]], "example 1"),
        ([0.0, 1.0], [[1, 0], [0, 1]], "labels must be whole numbers, got float64"),
        ([0], [[1, 0], [0, 1]], "do not fit"),
        ([0, 1], [0.1, 0.9], "do not fit"),
        ([], np.zeros((0, 2)), "at least one example"),
    ],
)
def test_input_that_does_not_fit_is_named(labels: object, probabilities: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        classification_metrics(labels, probabilities)  # type: ignore[arg-type]


def test_table_holds_every_score_with_its_interval() -> None:
    labels, probabilities = draw(3, 60, seed=1)
    found = classification_metrics(labels, probabilities)
    table = to_table(found, classification_intervals(labels, probabilities, samples=50))
    assert [row["metric"] for row in table] == list(found.scores())
    assert all(float(row["low"]) <= float(row["high"]) for row in table)
    assert [metric_label(str(row["metric"])) for row in table][1] == "Precision (macro)"
