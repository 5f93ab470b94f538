"""Whether three alleles go together in generated haplotypes as they do in real ones, beyond what pairs explain.

Shapes: N haplotypes, S sites, G gaps, T triplets of sites a gap.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.similarity import DRAWN, Floats
from dnagpt.haplotypes.values import Alleles

GAPS = (1, 4, 16, 64, 256, 512, 1024)
_TRIPLETS_AT_ONCE = 250


@dataclass(frozen=True, eq=False)
class ThreePointAgreement:
    """3-point correlations of triplets of sites, gap by gap."""

    gaps: tuple[int | None, ...]
    """(G,) how many sites lie from one site of a triplet to the next; None: three sites drawn at random."""
    correlations: Floats
    """(G,) Pearson correlation of generated and real 3-point correlations over triplets and allele combinations."""
    mean_correlation: float
    """Mean of these over the gaps."""
    triplets: int
    """T, triplets of each gap, drawn with replacement."""
    real: Floats = field(metadata=DRAWN)
    """(G, T) 3-point correlation of allele 1 at all three sites in the real set."""
    generated: Floats = field(metadata=DRAWN)
    """(G, T) the same in the generated set."""


def compare_three_points(
    real: Alleles, generated: Alleles, *, triplets: int = 1000, seed: int = 0
) -> ThreePointAgreement | None:
    """Compare 3-point correlations of real (N, S) and generated (M, S) haplotypes over random triplets of sites.

    A triplet of gap g is the sites i, i + g and i + 2g in the order of the sites, whatever their contig; a gap that is
    too wide for the sites is left out. None with fewer than three sites.

    Over the 8 combinations of alleles of a triplet f_abc - f_ab f_c - f_bc f_a - f_ac f_b + 2 f_a f_b f_c is one number
    with either sign, the third central moment, so that number is kept and the correlation over all combinations is
    taken from it. Definitions: Yelmen et al. 2021, PLoS Genetics 17:e1009303.

    >>> alleles = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1]], dtype=np.uint8)
    >>> compare_three_points(alleles, alleles).gaps
    (1, None)
    """
    count = real.shape[1]
    if count < 3:
        return None
    generator = np.random.default_rng(seed)
    gaps = (*(gap for gap in GAPS if 2 * gap < count), None)
    places = np.concatenate([_draw_triplets(count, gap, triplets, generator) for gap in gaps])
    values = [three_point_correlation(alleles, places).reshape(len(gaps), -1) for alleles in (real, generated)]
    product = (values[0] * values[1]).sum(axis=1)
    length = np.sqrt((values[0] ** 2).sum(axis=1) * (values[1] ** 2).sum(axis=1))
    correlations = np.divide(product, length, out=np.full(len(gaps), np.nan), where=length > 0)
    defined = correlations[~np.isnan(correlations)]
    mean = float(defined.mean()) if len(defined) else float("nan")
    return ThreePointAgreement(gaps, correlations, mean, triplets, values[0], values[1])


def three_point_correlation(alleles: Alleles, places: NDArray[np.int64]) -> Floats:
    """Give the 3-point correlation of allele 1 at triplets of sites (T, 3) of (N, S) haplotypes: (T,).

    >>> alleles = np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], dtype=np.uint8)
    >>> three_point_correlation(alleles, np.array([[0, 1, 2]])).tolist()
    [0.09375]
    """
    columns = np.ascontiguousarray(alleles.T)
    frequency = columns.mean(axis=1, dtype=np.float64)
    result = []
    for start in range(0, len(places), _TRIPLETS_AT_ONCE):
        chosen = places[start : start + _TRIPLETS_AT_ONCE]
        a, b, c = (columns[chosen[:, part]] for part in range(3))
        f_a, f_b, f_c = (frequency[chosen[:, part]] for part in range(3))
        f_ab, f_ac, f_bc, f_abc = (
            together.mean(axis=1, dtype=np.float64) for together in (a & b, a & c, b & c, a & b & c)
        )
        result.append(f_abc - f_ab * f_c - f_bc * f_a - f_ac * f_b + 2 * f_a * f_b * f_c)
    return np.concatenate(result)


def _draw_triplets(count: int, gap: int | None, triplets: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw triplets of different sites of S = `count`: (T, 3)."""
    if gap is None:
        return np.stack([generator.choice(count, size=3, replace=False) for _ in range(triplets)])
    return generator.integers(count - 2 * gap, size=(triplets, 1)) + np.array([0, gap, 2 * gap])
