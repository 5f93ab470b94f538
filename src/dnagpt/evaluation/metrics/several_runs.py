"""Several runs of the same thing, seeds or folds: how far a score depends on chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dnagpt.errors import InputError


@dataclass(frozen=True)
class RunSummary:
    """One score over several runs.

    >>> print(RunSummary(mean=0.8125, deviation=0.0042, count=5))
    0.812 ± 0.004
    """

    mean: float
    """Mean over the runs that define the score; nan where none does."""
    deviation: float
    """Standard deviation of one run (n - 1 in the denominator); nan for fewer than two runs."""
    count: int
    """Runs that define the score."""
    undefined: int = 0
    """Runs left out because the score is undefined in them."""

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "undefined"
        return f"{self.mean:.3f}" if math.isnan(self.deviation) else f"{self.mean:.3f} ± {self.deviation:.3f}"

    def as_dict(self) -> dict[str, float | int | None]:
        """Give plain values for a JSON file; what is undefined becomes null.

        >>> RunSummary(mean=0.8, deviation=float("nan"), count=1).as_dict()
        {'mean': 0.8, 'deviation': None, 'count': 1, 'undefined': 0}
        """
        return {
            "mean": None if math.isnan(self.mean) else self.mean,
            "deviation": None if math.isnan(self.deviation) else self.deviation,
            "count": self.count,
            "undefined": self.undefined,
        }


def summary_of_runs(runs: Sequence[Mapping[str, float | None]]) -> dict[str, RunSummary]:
    """Give mean and standard deviation of every score over several runs.

    A run is its scores by name, as `scores()` of the metrics gives them; a score that is nan or None in a run is
    left out of the mean, and counted.

    Raises InputError where there is no run, or runs have different scores.

    >>> print(summary_of_runs([{"mcc": 0.5}, {"mcc": 0.7}, {"mcc": 0.6}])["mcc"])
    0.600 ± 0.100
    """
    if not runs:
        raise InputError("there is no run to sum up; give the scores of at least one")
    for number, run in enumerate(runs):
        if set(run) != set(runs[0]):
            odd = ", ".join(sorted(set(run) ^ set(runs[0])))
            raise InputError(f"run {number} and run 0 do not have the same scores: {odd}; sum up runs of one task only")
    return {name: _summary([run[name] for run in runs]) for name in runs[0]}


def _summary(values: Sequence[float | None]) -> RunSummary:
    defined = [value for value in values if value is not None and not math.isnan(value)]
    mean = float(np.mean(defined)) if defined else float("nan")
    deviation = float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")
    return RunSummary(mean, deviation, len(defined), len(values) - len(defined))
