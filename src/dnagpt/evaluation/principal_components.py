"""Whether generated haplotypes lie where real ones lie in the plane of their common principal components.

Shapes: N real and M generated haplotypes, S sites, C components.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComponentAgreement:
    """Principal components of real and generated haplotypes together, and how far the two clouds are apart."""

    explained: Floats
    """(C,) share of the total variance on each component."""
    real: Floats
    """(N, C) scores of the real haplotypes, in alleles: the unit of distance is one site."""
    generated: Floats
    """(M, C) scores of the generated haplotypes."""
    wasserstein: Floats
    """(C,) 1-D Wasserstein distance between both sets on each component, in units of the scores."""
    sinkhorn: float
    """Sinkhorn divergence between both sets on components 1 and 2, in units of the scores; 0 for equal clouds."""
    sinkhorn_size: int
    """Haplotypes of each set between which it was computed."""
