"""How well generated haplotypes carry each allele as often as real ones.

Shapes: N real and M generated haplotypes, S sites, n haplotypes that both sets are projected to.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrequencyAgreement:
    """Frequencies of allele 1 in real and generated haplotypes, site by site, and how far they agree."""

    correlation: float
    """Pearson correlation over all sites; nan where one side does not vary."""
    rare_correlation: float
    """Pearson correlation over the sites where allele 1 is rare in the real set."""
    rare_sites: int
    """Number of such sites: real frequency up to `RARE`."""
    mean_difference: float
    """Mean absolute difference of frequencies."""
    largest_difference: float
    """Largest absolute difference of frequencies."""
    fixed_real: int
    """Sites at which every real haplotype carries the same allele."""
    fixed_generated: int
    """Sites at which every generated haplotype carries the same allele."""
    fixed_only_generated: int
    """Sites that vary among the real haplotypes and not among the generated ones: variation that was lost."""
    spectrum_difference: float
    """Share of sites that stand in another class of minor-allele count (0, 1, 2-3, 4-7, 8-15 ...), 0 to 1."""
    real: Floats
    """(S,) frequency of allele 1 in the real set."""
    generated: Floats
    """(S,) frequency of allele 1 in the generated set."""
    quantiles: Floats
    """(101,) probabilities from 0 to 1."""
    real_quantiles: Floats
    """(101,) those quantiles of the real frequencies."""
    generated_quantiles: Floats
    """(101,) those quantiles of the generated frequencies."""
    real_spectrum: Floats
    """(n // 2 + 1,) folded site-frequency spectrum: sites whose rarer allele is carried by 0, 1, 2 ... of n haplotypes."""
    generated_spectrum: Floats
    """(n // 2 + 1,) the same of the generated set."""
    spectrum_size: int
    """n, the size of the smaller set; the larger one is projected to it, so its counts are expectations."""
