"""Statistics of order: areas under ROC and precision-recall curves, the curves themselves, ranks; ties treated exactly.

Shapes: R resamples (rows of weights), n examples, G groups of equal score. Weights say how often an example counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreOrder:
    """Examples sorted by score, lowest first, with equal scores gathered in groups."""

    order: NDArray[np.int64]
    """Example numbers in order of score (n)."""
    starts: NDArray[np.int64]
    """Where each group of equal scores begins in that order (G)."""

    def group_sums(self, weights_Rn: Floats) -> Floats:
        """Add up the weights of each group of equal scores: (R, n) to (R, G)."""
        return np.add.reduceat(weights_Rn[:, self.order], self.starts, axis=1)


def score_order(scores: ArrayLike) -> ScoreOrder:
    """Sort scores once, so that many weightings of them can be ranked without sorting again.

    >>> score_order([0.5, 0.1, 0.5]).starts.tolist()
    [0, 1]
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"scores of shape {values.shape} cannot be ranked; give one score an example, (n,)")
    order = np.argsort(values, kind="stable")
    return ScoreOrder(order, np.flatnonzero(np.r_[True, np.diff(values[order]) != 0]))


def area_under_roc(order: ScoreOrder, positive: ArrayLike, weights_Rn: Floats) -> Floats:
    """Give the chance that a random positive scores above a random negative, ties counting one half.

    Returns one area per row of weights; nan where a row lacks positives or negatives.

    Formula: Mann-Whitney U / (P N), Hanley and McNeil 1982, Radiology 143:29.

    >>> scores, positive = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    >>> area_under_roc(score_order(scores), positive, np.ones((1, 4))).tolist()
    [0.75]
    """
    is_positive = np.asarray(positive, dtype=np.float64)
    positives_RG = order.group_sums(weights_Rn * is_positive)
    negatives_RG = order.group_sums(weights_Rn * (1 - is_positive))
    below_RG = np.cumsum(negatives_RG, axis=1) - negatives_RG / 2
    pairs = positives_RG.sum(axis=1) * negatives_RG.sum(axis=1)
    return ratio((positives_RG * below_RG).sum(axis=1), pairs)


def average_precision(order: ScoreOrder, positive: ArrayLike, weights_Rn: Floats) -> Floats:
    """Give the area under the precision-recall curve, as the mean precision at each positive found.

    Returns one area per row of weights; nan where a row lacks positives.

    Formula: sum over thresholds of (recall gained) x (precision there), without interpolation, as in scikit-learn.

    >>> scores, positive = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    >>> round(float(average_precision(score_order(scores), positive, np.ones((1, 4)))[0]), 4)
    0.8333
    """
    is_positive = np.asarray(positive, dtype=np.float64)
    positives_RG = order.group_sums(weights_Rn * is_positive)[:, ::-1]
    all_RG = order.group_sums(weights_Rn)[:, ::-1]
    found_RG, called_RG = np.cumsum(positives_RG, axis=1), np.cumsum(all_RG, axis=1)
    precision_RG = found_RG / np.maximum(called_RG, 1e-300)
    return ratio((positives_RG * precision_RG).sum(axis=1), positives_RG.sum(axis=1))


def weighted_ranks(order: ScoreOrder, weights_Rn: Floats) -> Floats:
    """Rank examples as if each were repeated by its weight, equal scores sharing their mean rank: (R, n).

    >>> weighted_ranks(score_order([10, 30, 20, 20]), np.ones((1, 4))).tolist()
    [[1.0, 4.0, 2.5, 2.5]]
    """
    groups_RG = order.group_sums(weights_Rn)
    mean_ranks_RG = np.cumsum(groups_RG, axis=1) - groups_RG + (groups_RG + 1) / 2
    sizes = np.diff(np.r_[order.starts, len(order.order)])
    ranks_Rn = np.empty_like(weights_Rn, dtype=np.float64)
    ranks_Rn[:, order.order] = np.repeat(mean_ranks_RG, sizes, axis=1)
    return ranks_Rn


def roc_points(positive: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Walk the ROC curve from (0, 0) to (1, 1): false positive rate and true positive rate at each threshold.

    >>> [axis.tolist() for axis in roc_points([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])]
    [[0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0]]
    """
    found, called = _found_and_called(positive, scores)
    missed = called - found
    return np.r_[0.0, ratio(missed, missed[-1])], np.r_[0.0, ratio(found, found[-1])]


def precision_recall_points(positive: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Walk the precision-recall curve from the highest threshold down: precision and recall at each.

    >>> [axis.tolist() for axis in precision_recall_points([0, 1, 1], [0.5, 0.4, 0.8])]
    [[1.0, 0.5, 0.6666666666666666], [0.5, 0.5, 1.0]]
    """
    found, called = _found_and_called(positive, scores)
    return ratio(found, called), ratio(found, found[-1])


def ratio(numerator: ArrayLike, denominator: ArrayLike, *, empty: float = np.nan) -> Floats:
    """Divide, giving `empty` wherever the denominator is zero.

    >>> ratio([1.0, 2.0], [2.0, 0.0], empty=0.0).tolist()
    [0.5, 0.0]
    """
    top, bottom = np.broadcast_arrays(np.asarray(numerator, dtype=np.float64), np.asarray(denominator, np.float64))
    return np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom != 0)


def _found_and_called(positive: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Count true positives and all positive calls as the threshold falls through each distinct score (G, G)."""
    is_positive = np.asarray(positive, dtype=np.float64)[None]
    order = score_order(scores)
    found = np.cumsum(order.group_sums(is_positive)[0, ::-1])
    called = np.cumsum(order.group_sums(np.ones_like(is_positive))[0, ::-1])
    return found, called
