"""What comparisons of haplotypes share: Pearson correlation and 1-D Wasserstein distance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
DRAWN = {"drawn": True}
"""Marks a field that only plots need, so that it is left out of JSON."""


def pearson(left: ArrayLike, right: ArrayLike) -> float:
    """Correlate two aligned arrays of numbers; nan where one of them does not vary, or holds fewer than two numbers.

    >>> round(pearson([1.0, 2.0, 3.0], [2.0, 4.0, 7.0]), 4)
    0.9934
    >>> pearson([1.0, 2.0], [3.0, 3.0])
    nan
    """
    one, two = (np.asarray(side, dtype=np.float64) for side in (left, right))
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])


def wasserstein(left: ArrayLike, right: ArrayLike, left_weights: ArrayLike = 1, right_weights: ArrayLike = 1) -> float:
    """Give the least mean distance over which one distribution of numbers must be moved to become the other.

    It is the area between both cumulative distributions (Vallender 1974). Weights say how often a number counts.

    >>> wasserstein([0.0, 1.0], [5.0, 6.0])
    5.0
    >>> wasserstein([0.0, 1.0], [0.0, 1.0], [3, 1], [1, 1])
    0.25
    """
    one, two = (np.asarray(side, dtype=np.float64) for side in (left, right))
    places = np.concatenate([one, two])
    shares = [np.broadcast_to(np.asarray(w, np.float64), side.shape) for w, side in
              ((left_weights, one), (right_weights, two))]  # fmt: skip
    steps = np.concatenate([shares[0] / shares[0].sum(), -shares[1] / shares[1].sum()])
    order = np.argsort(places, kind="stable")
    return float(np.abs(np.cumsum(steps[order])[:-1]) @ np.diff(places[order]))
