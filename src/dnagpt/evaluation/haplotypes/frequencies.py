"""How well generated haplotypes carry each allele as often as real ones.

Shapes: N real and M generated haplotypes, S sites, n haplotypes to which both sets are projected.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.similarity import DRAWN, Floats, pearson
from dnagpt.haplotypes.values import Alleles

RARE = 0.2
"""Up to this frequency in the real set, allele 1 counts as rare."""


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
    real: Floats = field(metadata=DRAWN)
    """(S,) frequency of allele 1 in the real set."""
    generated: Floats = field(metadata=DRAWN)
    """(S,) frequency of allele 1 in the generated set."""
    quantiles: Floats
    """(101,) probabilities from 0 to 1."""
    real_quantiles: Floats
    """(101,) those quantiles of the real frequencies."""
    generated_quantiles: Floats
    """(101,) those quantiles of the generated frequencies."""
    real_spectrum: Floats
    """(n // 2 + 1,) folded spectrum: number of sites whose rarer allele is carried by 0, 1, 2 ... of n haplotypes."""
    generated_spectrum: Floats
    """(n // 2 + 1,) the same of the generated set."""
    spectrum_size: int
    """n, the size of the smaller set; the larger one is projected to it, so its counts are expectations."""


def compare_frequencies(real: Alleles, generated: Alleles) -> FrequencyAgreement:
    """Compare how often allele 1 is carried at each site, real (N, S) against generated (M, S) haplotypes.

    Definitions: Yelmen et al. 2021, PLoS Genetics 17:e1009303.

    >>> real = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0], [0, 0, 1]], dtype=np.uint8)
    >>> generated = np.array([[0, 0, 1], [0, 1, 1]], dtype=np.uint8)
    >>> agreement = compare_frequencies(real, generated)
    >>> agreement.fixed_generated, agreement.fixed_only_generated, round(agreement.correlation, 3)
    (2, 1, 0.982)
    """
    size = min(len(real), len(generated))
    frequencies = [alleles.mean(axis=0, dtype=np.float64) for alleles in (real, generated)]
    spectra = [folded_spectrum(alleles, size) for alleles in (real, generated)]
    true, made = frequencies
    rare = true <= RARE
    difference = np.abs(made - true)
    fixed_real, fixed_generated = ((side == 0) | (side == 1) for side in frequencies)
    quantiles = np.linspace(0, 1, 101)
    return FrequencyAgreement(
        correlation=pearson(true, made),
        rare_correlation=pearson(true[rare], made[rare]),
        rare_sites=int(rare.sum()),
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
        fixed_real=int(fixed_real.sum()),
        fixed_generated=int(fixed_generated.sum()),
        fixed_only_generated=int((fixed_generated & ~fixed_real).sum()),
        spectrum_difference=_class_difference(*spectra),
        real=true,
        generated=made,
        quantiles=quantiles,
        real_quantiles=np.quantile(true, quantiles),
        generated_quantiles=np.quantile(made, quantiles),
        real_spectrum=spectra[0],
        generated_spectrum=spectra[1],
        spectrum_size=size,
    )


def folded_spectrum(alleles: Alleles, size: int | None = None) -> Floats:
    """Count the sites whose rarer allele is carried by 0, 1, 2 ... haplotypes, as expected of `size` haplotypes.

    Where `size` is less than the number of haplotypes (N), each site is spread over the counts that a draw of `size`
    haplotypes without replacement would show (hypergeometric; Nielsen et al. 2004, Genetics 168:2373), so that sets of
    different sizes can be compared. Returns (size // 2 + 1,) numbers of sites.

    >>> folded_spectrum(np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0], [0, 0, 1]], dtype=np.uint8)).tolist()
    [1.0, 1.0, 1.0]
    >>> folded_spectrum(np.array([[0], [1], [1], [0]], dtype=np.uint8), 2).round(4).tolist()
    [0.3333, 0.6667]
    """
    total = len(alleles)
    size = total if size is None else size
    carriers = np.bincount(alleles.sum(axis=0, dtype=np.int64), minlength=total + 1)
    counts = carriers.astype(np.float64) if size == total else _projected(carriers, size)
    folded = counts + counts[::-1]
    folded[size // 2] /= 2 - size % 2
    return folded[: size // 2 + 1]


def _projected(carriers: NDArray[np.int64], size: int) -> Floats:
    """Spread sites with 0 ... N carriers over the carriers that `size` of the N haplotypes would show."""
    total = len(carriers) - 1
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])

    def log_choose(n: int, k: NDArray[np.int64]) -> Floats:
        return np.asarray(log_factorial[n] - log_factorial[k] - log_factorial[n - k], dtype=np.float64)

    result = np.zeros(size + 1)
    for count in np.flatnonzero(carriers).tolist():
        drawn = np.arange(max(0, size - (total - count)), min(size, count) + 1)
        chance = log_choose(count, drawn) + log_choose(total - count, size - drawn) - log_choose(total, np.array(size))
        result[drawn] += carriers[count] * np.exp(chance)
    return result


def _class_difference(real: Floats, generated: Floats) -> float:
    """Compare two spectra in classes that double in width, as the share of sites that would have to change class."""
    starts = np.concatenate([[0], 2 ** np.arange(np.ceil(np.log2(max(2, len(real)))).astype(int))])
    starts = starts[starts < len(real)]
    difference = np.add.reduceat(real, starts) - np.add.reduceat(generated, starts)
    return float(np.abs(difference).sum() / 2 / real.sum())
