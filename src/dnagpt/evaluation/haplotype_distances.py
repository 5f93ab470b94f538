"""At how many sites haplotypes differ: within real ones, within generated ones, and between both.

Shapes: N real and M generated haplotypes, S sites.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DistanceCounts:
    """Pairs of haplotypes by the number of sites at which they differ."""

    counts: NDArray[np.int64]
    """(S + 1,) number of pairs that differ at 0, 1 ... S sites."""
    mean: float
    """Mean number of sites at which a pair differs."""
    deviation: float
    """Standard deviation of that number."""
    identical: int
    """Pairs that differ nowhere."""


@dataclass(frozen=True, eq=False)
class DistanceAgreement:
    """Distances within and between two sets of haplotypes."""

    real: DistanceCounts
    """Within the real set, each pair once."""
    generated: DistanceCounts
    """Within the generated set, each pair once."""
    between: DistanceCounts
    """Each real haplotype with each generated one."""
    difference: float
    """1-D Wasserstein distance between the distributions within the generated and within the real set, in sites."""
    copies: int
    """Generated haplotypes that equal a real one."""
    repeats: int
    """Generated haplotypes that repeat an earlier generated one."""
    real_repeats: int
    """Real haplotypes that repeat an earlier real one: what can be expected of as many people."""
