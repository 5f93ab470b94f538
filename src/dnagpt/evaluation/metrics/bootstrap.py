"""Bootstrap intervals: how far a number could have come out otherwise, had other examples of the same kind been drawn.

Shapes: R resamples, n examples. A resample is a row of weights: how often each example was drawn (weights_Rn).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError

Floats = NDArray[np.float64]
Statistics = Mapping[str, Floats]
_CELLS = 2_000_000  # weights held at once: 16 MB, whatever the number of examples


@dataclass(frozen=True)
class Estimate:
    """A measured number with the interval in which it would fall again.

    >>> print(Estimate(0.93, 0.91, 0.95))
    0.930 (0.910 to 0.950)
    """

    value: float
    """The statistic on the examples as they are."""
    low: float
    """Lower end of the interval; nan where no resample defines the statistic."""
    high: float
    """Upper end of the interval."""
    undefined: int = 0
    """Resamples left out of the interval because the statistic is undefined on them (one class only, say)."""

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def bootstrap(
    statistic: Callable[..., float], *arrays: ArrayLike, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> Estimate:
    """Measure any statistic together with its percentile bootstrap interval.

    The arrays are aligned: row i of each belongs to example i, and examples are drawn together, with replacement. A
    difference between two models on the same examples is a statistic of three arrays. `classification_intervals` and
    `regression_intervals` do the same, from the same draws, for all their metrics at once and far faster.

    Method: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.

    >>> bootstrap(np.mean, [1.0, 1.0, 1.0], samples=10)
    Estimate(value=1.0, low=1.0, high=1.0, undefined=0)
    """
    columns = [np.asarray(array) for array in arrays]
    if not columns or len({len(column) for column in columns}) != 1:
        raise InputError(
            f"a bootstrap needs aligned arrays, got lengths {[len(column) for column in columns]}; "
            "give one value per example in each"
        )
    draws = _draws(len(columns[0]), samples, seed)
    resampled = np.array([statistic(*(column[rows] for column in columns)) for rows in draws], dtype=np.float64)
    return percentile_interval(float(statistic(*columns)), resampled, level=level)


def bootstrap_weighted(
    statistics: Callable[[Floats], Statistics], count: int, *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, Estimate]:
    """Measure many statistics at once, given a function that takes weights of the examples instead of the examples.

    `statistics` maps weights_Rn to named arrays of R values. The resamples equal those of `bootstrap` with the same
    seed. Memory is bounded by blocks of resamples.

    >>> values = np.array([1.0, 2.0, 6.0])
    >>> mean = lambda weights: {"mean": weights @ values / weights.sum(axis=1)}
    >>> bootstrap_weighted(mean, 3, samples=200)["mean"].value
    3.0
    """
    point = {name: float(value[0]) for name, value in statistics(np.ones((1, count))).items()}
    blocks: dict[str, list[Floats]] = {name: [] for name in point}
    for weights in _weight_blocks(count, samples, seed):
        for name, value in statistics(weights).items():
            blocks[name].append(value)
    return {name: percentile_interval(point[name], np.concatenate(blocks[name]), level=level) for name in point}


def percentile_interval(value: float, resampled: Floats, *, level: float = 0.95) -> Estimate:
    """Cut the central part out of resampled values, leaving out (and counting) those that are undefined.

    >>> percentile_interval(2.0, np.array([1.0, 2.0, 3.0, np.nan]), level=1.0)
    Estimate(value=2.0, low=1.0, high=3.0, undefined=1)
    """
    if not 0 < level <= 1:
        raise InputError(f"the level of an interval is a probability above 0 and up to 1, got {level}; 0.95 is usual")
    defined = resampled[~np.isnan(resampled)]
    undefined = len(resampled) - len(defined)
    if not len(defined):
        return Estimate(value, float("nan"), float("nan"), undefined)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), undefined)


def _draws(count: int, samples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Draw the example numbers of each resample in turn."""
    if count < 1 or samples < 1:
        raise InputError(f"a bootstrap needs at least one example and one resample, got {count} and {samples}")
    generator = np.random.default_rng(seed)
    for _ in range(samples):
        yield generator.integers(count, size=count)


def _weight_blocks(count: int, samples: int, seed: int) -> Iterator[Floats]:
    """Count how often each example was drawn, for as many resamples at a time as memory allows."""
    rows_per_block = max(1, _CELLS // max(1, count))
    block: list[Floats] = []
    for rows in _draws(count, samples, seed):
        block.append(np.bincount(rows, minlength=count).astype(np.float64))
        if len(block) == rows_per_block:
            yield np.stack(block)
            block = []
    if block:
        yield np.stack(block)
