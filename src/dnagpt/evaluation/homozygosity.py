"""Long shared haplotypes: homozygosity in windows and its decay around a site, in real and generated haplotypes.

Shapes: W windows of sites, D steps away from a core site.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WindowHomozygosity:
    """Garud's H in windows of sites: the chance that two haplotypes of a set are the same throughout a window."""

    h1: Floats
    """(W,) sum of squared frequencies of the haplotypes of a window."""
    h12: Floats
    """(W,) the same, the two most frequent ones taken as one."""
    h123: Floats
    """(W,) the same, the three most frequent ones taken as one."""
    h2_h1: Floats
    """(W,) H1 without the most frequent haplotype, over H1."""
    diversity: Floats
    """(W,) haplotype diversity: the chance that two different haplotypes of the set differ in the window."""


@dataclass(frozen=True, eq=False)
class HomozygosityAgreement:
    """Haplotype homozygosity of real and generated haplotypes."""

    window: int
    """Sites a window."""
    starts: NDArray[np.int64]
    """(W,) place of the first site of each window; windows lie side by side and end with their contig."""
    real: WindowHomozygosity
    """In the real set."""
    generated: WindowHomozygosity
    """In the generated set."""
    h1_correlation: float
    """Pearson correlation of H1 over windows; nan with fewer than two."""
    h1_difference: float
    """Mean over windows of generated minus real H1: above 0, too few different haplotypes were generated."""
    h12_difference: float
    """Mean over windows of generated minus real H12."""
    cores: NDArray[np.int64]
    """Places of the core sites around which EHH was measured: common in both sets."""
    real_ehh: Floats
    """(D,) extended haplotype homozygosity 0, 1, 2 ... sites away from the core, mean over cores, alleles and both sides."""
    generated_ehh: Floats
    """(D,) the same of the generated set."""
    ehh_difference: float
    """Mean over the steps of the absolute difference; nan without core sites."""
