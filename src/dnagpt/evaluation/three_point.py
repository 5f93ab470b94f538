"""Whether three alleles go together in generated haplotypes as they do in real ones, beyond what pairs explain.

Shapes: G gaps, T triplets of sites a gap, 8 combinations of alleles a triplet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ThreePointAgreement:
    """3-point correlations of triplets of sites, gap by gap."""

    gaps: tuple[int | None, ...]
    """(G,) how many sites lie from one site of a triplet to the next; None: three sites drawn at random."""
    correlations: Floats
    """(G,) Pearson correlation of generated and real 3-point correlations; nan where one side does not vary."""
    triplets: int
    """Triplets of each gap, drawn with replacement."""
    real: Floats
    """(G, T * 8) 3-point correlations in the real set."""
    generated: Floats
    """(G, T * 8) the same in the generated set."""
