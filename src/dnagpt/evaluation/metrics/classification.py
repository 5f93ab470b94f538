"""How well classes were told apart.

Two classes: precision, recall, F1, AUROC and AUPRC speak of class 1, the positive class. Several classes: they are
averaged over classes, every class counting the same, and are then called `macro_...`.

Every formula is written once, on weighted examples: weights of one give the value, weights of a resample give one
bootstrap replicate. Shapes: R weightings, n examples, C classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate, Floats, bootstrap_weighted
from dnagpt.evaluation.metrics.ranking import ScoreOrder, area_under_roc, average_precision, ratio, score_order

Value = TypeVar("Value")
CALIBRATION_BINS = 15
_SCORES = ("accuracy", "precision", "recall", "f1", "mcc", "auroc", "auprc", "calibration_error")
_AVERAGED = ("precision", "recall", "f1", "auroc", "auprc")


@dataclass(frozen=True)
class ClassificationMetrics:
    """How well classes were told apart, on one set of examples."""

    accuracy: float
    """Part of the examples called right."""
    precision: float
    """Part of the positive calls that are right; 0 where nothing was called positive."""
    recall: float
    """Part of the positives that were found; 0 where there are none."""
    f1: float
    """Harmonic mean of precision and recall; 0 where both are."""
    mcc: float
    """Matthews correlation of calls and truth: 1 perfect, 0 chance; several classes after Gorodkin 2004."""
    auroc: float
    """Chance that a positive scores above a negative (several classes: each against the rest); nan if undefined."""
    auprc: float
    """Average precision: area under the precision-recall curve; nan if undefined."""
    calibration_error: float
    """Mean distance of confidence from accuracy over 15 bins of confidence (ECE; Guo et al. 2017)."""
    confusion: tuple[tuple[int, ...], ...]
    """Number of examples by true class (row) and called class (column)."""
    class_counts: tuple[int, ...]
    """Number of examples of each true class."""
    count: int
    """Number of examples."""
    notes: tuple[str, ...] = ()
    """Why a score is undefined or set by convention."""

    def scores(self) -> dict[str, float]:
        """Give the scores by the names they have in tables: macro averages are called so.

        >>> list(classification_metrics([0, 1, 2], np.eye(3)).scores())[:4]
        ['accuracy', 'macro_precision', 'macro_recall', 'macro_f1']
        """
        return _name_averages({name: getattr(self, name) for name in _SCORES}, len(self.class_counts))


@dataclass(frozen=True)
class CalibrationBins:
    """Confidence beside accuracy, in equal bins of confidence; only bins that hold examples."""

    confidence: Floats
    """Mean probability of the called class in each bin."""
    accuracy: Floats
    """Part of the calls that are right in each bin."""
    counts: Floats
    """Examples in each bin."""


def classification_metrics(labels: ArrayLike, probabilities: ArrayLike) -> ClassificationMetrics:
    """Score called classes against the true ones.

    Args:
        labels: True class of each example, 0 to C - 1, shape (n,).
        probabilities: Probability of each class, shape (n, C); the most probable class is the one called, the lower
            one on a tie.

    Raises:
        InputError: The arrays do not fit each other, a label is no class, or a row is no distribution.

    >>> metrics = classification_metrics([0, 0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> metrics.accuracy, metrics.recall, metrics.auroc, metrics.confusion
    (0.75, 0.5, 0.75, ((2, 0), (1, 1)))
    >>> classification_metrics([1, 1], [[0.1, 0.9], [0.3, 0.7]]).notes
    ('auroc is undefined: every one of the 2 examples belongs to class 1',)
    """
    calls = _Calls.of(labels, probabilities)
    once = np.ones((1, len(calls.labels)))
    statistics = calls.statistics(once)
    confusion = calls.confusion(once)[0].astype(int)
    return ClassificationMetrics(
        **{name: float(statistics[name][0]) for name in _SCORES},
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        class_counts=tuple(confusion.sum(axis=1).tolist()),
        count=len(calls.labels),
        notes=tuple(_notes(confusion)),
    )


def classification_intervals(
    labels: ArrayLike, probabilities: ArrayLike, *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, Estimate]:
    """Give every score of `classification_metrics` with its percentile bootstrap interval.

    >>> classification_intervals([0, 1, 0, 1], np.eye(2)[[0, 1, 0, 1]], samples=50)["accuracy"]
    Estimate(value=1.0, low=1.0, high=1.0, undefined=0)
    """
    calls = _Calls.of(labels, probabilities)
    estimates = bootstrap_weighted(calls.statistics, len(calls.labels), samples=samples, seed=seed, level=level)
    return _name_averages(estimates, calls.probabilities.shape[1])


def calibration_bins(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = CALIBRATION_BINS) -> CalibrationBins:
    """Compare how sure the calls were with how often they were right.

    >>> found = calibration_bins([0, 1], [[0.9, 0.1], [0.9, 0.1]])
    >>> found.confidence.tolist(), found.accuracy.tolist(), found.counts.tolist()
    ([0.9], [0.5], [2.0])
    """
    calls = _Calls.of(labels, probabilities, bins=bins)
    counts, confidence, right = (sums[0] for sums in calls.bin_sums(np.ones((1, len(calls.labels)))))
    return CalibrationBins(confidence / counts, right / counts, counts)


def one_against_rest(
    labels: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> dict[str, tuple[NDArray[np.bool_], Floats]]:
    """Set each class against the others, as `plots.ranking_plot` draws them: is it this class, and how probable.

    Of two classes, only the second, the positive one, is given.

    >>> {name: positive.tolist() for name, (positive, _) in one_against_rest([0, 2], np.eye(3)[[0, 2]], "abc").items()}
    {'a': [True, False], 'b': [False, False], 'c': [False, True]}
    """
    truth, spread = _checked(labels, probabilities)
    if len(class_names) != spread.shape[1]:
        raise InputError(f"{spread.shape[1]} classes need as many names, got {', '.join(class_names)}")
    shown = range(1, 2) if len(class_names) == 2 else range(len(class_names))
    return {class_names[of]: (truth == of, spread[:, of]) for of in shown}


@dataclass(frozen=True)
class _Calls:
    """Checked labels and probabilities, with all that does not depend on weights worked out once."""

    labels: NDArray[np.int64]
    probabilities: Floats
    called: NDArray[np.int64]
    cells: ScoreOrder  # examples grouped by cell of the confusion matrix
    bins: ScoreOrder  # examples grouped by bin of confidence
    ranked: tuple[tuple[int, ScoreOrder], ...]  # class 1 of two classes, every class of several

    @classmethod
    def of(cls, labels: ArrayLike, probabilities: ArrayLike, *, bins: int = CALIBRATION_BINS) -> Self:
        truth, spread = _checked(labels, probabilities)
        classes = spread.shape[1]
        called = spread.argmax(axis=1)
        return cls(
            labels=truth,
            probabilities=spread,
            called=called,
            cells=score_order(truth * classes + called),
            bins=score_order(np.ceil(spread.max(axis=1) * bins)),  # open below, closed above, as in Guo et al.
            ranked=tuple((of, score_order(spread[:, of])) for of in ([1] if classes == 2 else range(classes))),
        )

    def statistics(self, weights_Rn: Floats) -> dict[str, Floats]:
        """Score each weighting of the examples."""
        return _confusion_scores(self.confusion(weights_Rn)) | {
            "auroc": self._mean_area(area_under_roc, weights_Rn),
            "auprc": self._mean_area(average_precision, weights_Rn),
            "calibration_error": self._calibration_error(weights_Rn),
        }

    def confusion(self, weights_Rn: Floats) -> Floats:
        """Count examples by true and called class: (R, C, C)."""
        classes = self.probabilities.shape[1]
        counts = np.zeros((len(weights_Rn), classes * classes))
        first = self.cells.order[self.cells.starts]
        counts[:, self.labels[first] * classes + self.called[first]] = self.cells.group_sums(weights_Rn)
        return counts.reshape(-1, classes, classes)

    def bin_sums(self, weights_Rn: Floats) -> tuple[Floats, Floats, Floats]:
        """Add up examples, confidences and right calls in each bin of confidence."""
        confidence, right = self.probabilities.max(axis=1), self.labels == self.called
        return (
            self.bins.group_sums(weights_Rn),
            self.bins.group_sums(weights_Rn * confidence),
            self.bins.group_sums(weights_Rn * right),
        )

    def _calibration_error(self, weights_Rn: Floats) -> Floats:
        _, confidence, right = self.bin_sums(weights_Rn)
        return np.asarray(np.abs(confidence - right).sum(axis=1) / weights_Rn.sum(axis=1))

    def _mean_area(self, area: Callable[[ScoreOrder, ArrayLike, Floats], Floats], weights_Rn: Floats) -> Floats:
        return _mean_of_defined(np.stack([area(order, self.labels == of, weights_Rn) for of, order in self.ranked], 1))


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Check that labels and probabilities describe the same examples and classes."""
    truth, spread = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if spread.ndim != 2 or spread.shape[1] < 2 or truth.shape != spread.shape[:1] or not len(truth):
        raise InputError(
            f"labels of shape {truth.shape} and probabilities of shape {spread.shape} do not fit; give one label an "
            "example, (n,), and one probability an example and class, (n, classes), with at least one example"
        )
    if truth.dtype.kind not in "biu":
        raise InputError(f"labels must be whole numbers, got {truth.dtype}; number the classes from 0")
    if (wrong := _first((truth < 0) | (truth >= spread.shape[1]))) is not None:
        raise InputError(
            f"label {truth[wrong]} of example {wrong} is none of the {spread.shape[1]} classes; "
            f"labels run from 0 to {spread.shape[1] - 1}"
        )
    # bf16 probabilities of many classes can miss a sum of one by a few thousandths
    proper = (spread >= 0).all(axis=1) & (np.abs(spread.sum(axis=1) - 1) < 0.01)
    if (wrong := _first(~proper)) is not None:
        raise InputError(
            f"probabilities {spread[wrong].tolist()} of example {wrong} are not all 0 or more with a sum of 1; "
            "give a softmax over the classes"
        )
    return truth.astype(np.int64), spread


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def _confusion_scores(confusion_RCC: Floats) -> dict[str, Floats]:
    """Work out everything that follows from the counts of true and called classes."""
    right_RC = np.einsum("rcc->rc", confusion_RCC)
    true_RC, called_RC = confusion_RCC.sum(axis=2), confusion_RCC.sum(axis=1)
    total_R = true_RC.sum(axis=1)
    per_class = {
        "precision": ratio(right_RC, called_RC, empty=0.0),
        "recall": ratio(right_RC, true_RC, empty=0.0),
        "f1": ratio(2 * right_RC, true_RC + called_RC, empty=0.0),
    }
    seen_RC = true_RC + called_RC > 0
    averaged = {name: _over_classes(value_RC, seen_RC) for name, value_RC in per_class.items()}
    mcc = _matthews(right_RC.sum(axis=1), true_RC, called_RC)
    return {"accuracy": right_RC.sum(axis=1) / total_R, **averaged, "mcc": mcc}


def _over_classes(value_RC: Floats, seen_RC: NDArray[np.bool_]) -> Floats:
    """Take class 1 of two classes; average several, leaving out those neither true nor called anywhere."""
    if value_RC.shape[1] == 2:
        return value_RC[:, 1]
    return np.asarray(ratio((value_RC * seen_RC).sum(axis=1), seen_RC.sum(axis=1)))


def _matthews(right_R: Floats, true_RC: Floats, called_RC: Floats) -> Floats:
    """Correlate calls and truth over all classes (Gorodkin 2004, Comput Biol Chem 28:367); 0 where undefined."""
    total_R = true_RC.sum(axis=1)
    covariance = right_R * total_R - (true_RC * called_RC).sum(axis=1)
    spread_true = total_R**2 - (true_RC**2).sum(axis=1)
    spread_called = total_R**2 - (called_RC**2).sum(axis=1)
    return ratio(covariance, np.sqrt(spread_true) * np.sqrt(spread_called), empty=0.0)


def _mean_of_defined(value_RC: Floats) -> Floats:
    defined_RC = ~np.isnan(value_RC)
    return ratio(np.where(defined_RC, value_RC, 0).sum(axis=1), defined_RC.sum(axis=1))


def _notes(confusion: NDArray[np.int_]) -> list[str]:
    """Say which scores are undefined or conventional on these counts, and why."""
    true, called, total = confusion.sum(axis=1), confusion.sum(axis=0), int(confusion.sum())
    two, notes = len(true) == 2, []
    if (true > 0).sum() == 1:
        names = "auroc and auprc are" if two and not true[1] else "auroc is"
        notes.append(f"{names} undefined: every one of the {total} examples belongs to class {true.argmax()}")
    elif not true.all():
        absent = ", ".join(str(one) for one in np.flatnonzero(true == 0))
        notes.append(f"macro_auroc and macro_auprc leave out classes without an example: {absent}")
    if two and not called[1]:
        notes.append("precision is set to 0: no example was called class 1")
    if two and not true[1]:
        notes.append("recall is set to 0: no example belongs to class 1")
    if (called > 0).sum() == 1 and (true > 0).sum() > 1:
        notes.append(f"mcc is set to 0: every example was called class {called.argmax()}")
    return notes


def _name_averages(values: dict[str, Value], classes: int) -> dict[str, Value]:
    """Call averages over several classes what they are."""
    if classes == 2:
        return values
    return {f"macro_{name}" if name in _AVERAGED else name: value for name, value in values.items()}
