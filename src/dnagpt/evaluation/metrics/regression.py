"""How well numbers were predicted. Shapes: R weightings, n examples (see classification.py on weights)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate, Floats, bootstrap_weighted
from dnagpt.evaluation.metrics.ranking import ScoreOrder, ratio, score_order, weighted_ranks

_SCORES = ("squared_pearson", "determination", "pearson", "spearman", "rmse", "mae")


@dataclass(frozen=True)
class RegressionMetrics:
    """How well numbers were predicted, on one set of examples."""

    squared_pearson: float
    """Squared Pearson correlation, the r2 of the paper: blind to a wrong scale or offset."""
    determination: float
    """1 - SSE / SST, the r2 of scikit-learn: below 0 where the mean of the truth would have done better."""
    pearson: float
    """Pearson correlation."""
    spearman: float
    """Rank correlation."""
    rmse: float
    """Root of the mean squared error, in the unit of the truth."""
    mae: float
    """Mean absolute error, in the unit of the truth."""
    count: int
    """Number of examples."""
    notes: tuple[str, ...] = ()
    """Why a score is undefined."""

    def scores(self) -> dict[str, float]:
        """Give the scores by name.

        >>> regression_metrics([1, 2, 3], [1, 2, 3]).scores()["mae"]
        0.0
        """
        return {name: getattr(self, name) for name in _SCORES}


def regression_metrics(truth: ArrayLike, prediction: ArrayLike) -> RegressionMetrics:
    """Score predicted numbers against the true ones, with both definitions of r2, each by its name.

    Raises InputError where the arrays differ in length or hold anything but finite numbers.

    >>> metrics = regression_metrics([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    >>> round(metrics.squared_pearson, 9), metrics.determination, metrics.mae
    (1.0, -6.0, 2.0)
    >>> regression_metrics([1.0, 2.0], [5.0, 5.0]).notes
    ('correlations are undefined: every prediction is 5',)
    """
    numbers = _Numbers.of(truth, prediction)
    statistics = numbers.statistics(np.ones((1, len(numbers.truth))))
    return RegressionMetrics(
        **{name: float(statistics[name][0]) for name in _SCORES},
        count=len(numbers.truth),
        notes=tuple(_notes(numbers.truth, numbers.prediction)),
    )


def regression_intervals(
    truth: ArrayLike, prediction: ArrayLike, *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, Estimate]:
    """Give every score of `regression_metrics` with its percentile bootstrap interval.

    >>> regression_intervals([1, 2, 3], [1, 2, 3], samples=50)["mae"].high
    0.0
    """
    numbers = _Numbers.of(truth, prediction)
    return bootstrap_weighted(numbers.statistics, len(numbers.truth), samples=samples, seed=seed, level=level)


@dataclass(frozen=True)
class _Numbers:
    """Checked truth and prediction, sorted once for their ranks."""

    truth: Floats
    prediction: Floats
    truth_order: ScoreOrder
    prediction_order: ScoreOrder

    @classmethod
    def of(cls, truth: ArrayLike, prediction: ArrayLike) -> Self:
        true, guess = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
        if true.ndim != 1 or true.shape != guess.shape or not len(true):
            raise InputError(
                f"true numbers of shape {true.shape} and predicted ones of shape {guess.shape} do not fit; "
                "give one of each an example, with at least one example"
            )
        finite = np.isfinite(true) & np.isfinite(guess)
        if not finite.all():
            wrong = int(finite.argmin())
            raise InputError(
                f"example {wrong} has the true number {true[wrong]} and the predicted one {guess[wrong]}; "
                "only finite numbers can be scored, so leave such examples out and report how many"
            )
        return cls(true, guess, score_order(true), score_order(guess))

    def statistics(self, weights_Rn: Floats) -> dict[str, Floats]:
        """Score each weighting of the examples."""
        error = self.prediction - self.truth
        total_R = weights_Rn.sum(axis=1)
        squared_R = weights_Rn @ error**2
        pearson_R = _correlation(weights_Rn, self.truth[None], self.prediction[None])
        ranks = weighted_ranks(self.truth_order, weights_Rn), weighted_ranks(self.prediction_order, weights_Rn)
        return {
            "squared_pearson": pearson_R**2,
            "determination": 1 - ratio(squared_R, _spread(weights_Rn, self.truth[None])),
            "pearson": pearson_R,
            "spearman": _correlation(weights_Rn, *ranks),
            "rmse": np.sqrt(squared_R / total_R),
            "mae": weights_Rn @ np.abs(error) / total_R,
        }


def _correlation(weights_Rn: Floats, left: Floats, right: Floats) -> Floats:
    """Pearson correlation of each weighting (R); nan where one side does not vary."""
    together = (weights_Rn * _centred(weights_Rn, left) * _centred(weights_Rn, right)).sum(axis=1)
    return ratio(together, np.sqrt(_spread(weights_Rn, left)) * np.sqrt(_spread(weights_Rn, right)))


def _spread(weights_Rn: Floats, values: Floats) -> Floats:
    """Sum of squared distances from the mean (R), exactly 0 where values differ by rounding only."""
    squares = (weights_Rn * _centred(weights_Rn, values) ** 2).sum(axis=1)
    rounding = (1e-13 * np.abs(values).max()) ** 2 * weights_Rn.sum(axis=1)
    return np.where(squares > rounding, squares, 0.0)


def _centred(weights_Rn: Floats, values: Floats) -> Floats:
    mean_R1 = (weights_Rn * values).sum(axis=1, keepdims=True) / weights_Rn.sum(axis=1, keepdims=True)
    return np.asarray(values - mean_R1)


def _notes(truth: Floats, prediction: Floats) -> list[str]:
    """Say which scores are undefined on these numbers, and why."""
    notes = []
    if np.ptp(truth) == 0:
        notes.append(f"correlations and determination are undefined: every true number is {truth[0]:g}")
    if np.ptp(prediction) == 0:
        notes.append(f"correlations are undefined: every prediction is {prediction[0]:g}")
    return notes
