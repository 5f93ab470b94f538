"""Linkage disequilibrium: whether alleles go together in generated haplotypes as they do in real ones.

r2 is the squared Pearson correlation of the alleles of two sites, D^2 / (p_a (1 - p_a) p_b (1 - p_b)) (Hill and
Robertson 1968).

Shapes: N haplotypes, S sites, P pairs of sites, B bins of distance, K sites shown as a matrix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.similarity import DRAWN, Floats, pearson
from dnagpt.haplotypes.values import Alleles, Sites

MATRIX_SITES = 800
"""Sites that a matrix for a plot shows at most."""
BINS = 50
"""Bins of distance of the decay."""
_BLOCK = 512  # sites of one block of the decay

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinkageDecay:
    """Mean r2 of pairs of sites on one contig, by the distance between them."""

    edges: Floats
    """(B + 1,) borders of the bins in bases, evenly spaced on a logarithmic scale."""
    pairs: NDArray[np.int64]
    """(B,) number of pairs in each bin."""
    real: Floats
    """(B,) mean r2 in the real set; nan in an empty bin."""
    generated: Floats
    """(B,) mean r2 in the generated set; nan in an empty bin."""
    difference: float
    """Mean over the filled bins of the absolute difference of both means."""


@dataclass(frozen=True, eq=False)
class LinkageAgreement:
    """r2 between pairs of sites, in real and generated haplotypes."""

    correlation: float
    """Pearson correlation of generated and real r2 over random pairs of all sites; nan where one does not vary."""
    full_correlation: float
    """The same over all pairs of sites."""
    near_correlation: float
    """Pearson correlation over random pairs of sites on one contig; nan without such pairs."""
    sites: int
    """Sites that vary in both sets, and in all that are compared beside them; only these are used."""
    dropped: int
    """Sites left out because they are fixed in one of these sets."""
    real: Floats = field(metadata=DRAWN)
    """(P,) r2 of the random pairs in the real set."""
    generated: Floats = field(metadata=DRAWN)
    """(P,) r2 of the same pairs in the generated set."""
    near_real: Floats = field(metadata=DRAWN)
    """(P,) r2 of the random pairs on one contig in the real set; empty without such pairs."""
    near_generated: Floats = field(metadata=DRAWN)
    """(P,) r2 of the same pairs in the generated set."""
    decay: LinkageDecay | None
    """r2 by distance; None where no contig has two sites that vary in both sets."""
    matrix_sites: Places = field(metadata=DRAWN)
    """(K,) places of the sites that the matrices show: neighbours around the middle one, `MATRIX_SITES` at most."""
    real_matrix: NDArray[np.float32] = field(metadata=DRAWN)
    """(K, K) r2 between these sites in the real set."""
    generated_matrix: NDArray[np.float32] = field(metadata=DRAWN)
    """(K, K) the same in the generated set."""


def compare_linkage(
    real: Alleles, generated: Alleles, sites: Sites, *, among: NDArray[np.bool_] | None = None, pairs: int = 10_000,
    seed: int = 0,
) -> LinkageAgreement | None:  # fmt: skip
    """Compare r2 between pairs of sites, real (N, S) against generated (M, S) haplotypes.

    Sites that are fixed in one of the sets have no r2 there and are dropped, and counted; so are those that are not
    `among` (S,) the sites to compare, which several sets that are compared with one another should share. Random pairs
    are two different sites each, all pairs alike, drawn with replacement. None where fewer than two sites are left.

    Definitions: Yelmen et al. 2021, PLoS Genetics 17:e1009303.

    >>> sites = Sites(["1"] * 3, np.array([9, 19, 119]), ["."] * 3, ["A"] * 3, ["G"] * 3)
    >>> alleles = np.array([[0, 0, 1], [0, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=np.uint8)
    >>> agreement = compare_linkage(alleles, alleles, sites)
    >>> agreement.correlation, sorted(set(agreement.real.tolist())), agreement.decay.pairs.sum().item()
    (1.0, [0.0, 1.0], 3)
    """
    kept = np.flatnonzero(varies(real) & varies(generated) & (True if among is None else among))
    if len(kept) < 2:
        return None
    # Site by site in memory, as every pair reads two sites of all haplotypes.
    sets = [np.ascontiguousarray(alleles[:, kept].T) for alleles in (real, generated)]
    spans = contig_spans([sites.contigs[place] for place in kept.tolist()])
    generator = np.random.default_rng(seed)
    anywhere = _draw_pairs([(0, len(kept))], pairs, generator)
    near = _draw_pairs(spans, pairs, generator)
    far_r2, near_r2 = ([_pair_r2(alleles, *chosen) for alleles in sets] for chosen in (anywhere, near))
    first = max(0, (len(kept) - MATRIX_SITES) // 2)
    shown = slice(first, first + MATRIX_SITES)
    full, decay = _all_pairs(sets, sites.positions[kept], spans)
    matrices = [r2_matrix(alleles[shown].T) for alleles in sets]
    return LinkageAgreement(
        correlation=pearson(*far_r2),
        full_correlation=full,
        near_correlation=pearson(*near_r2),
        sites=len(kept),
        dropped=real.shape[1] - len(kept),
        real=far_r2[0],
        generated=far_r2[1],
        near_real=near_r2[0],
        near_generated=near_r2[1],
        decay=decay,
        matrix_sites=kept[shown],
        real_matrix=matrices[0],
        generated_matrix=matrices[1],
    )


def r2_matrix(alleles: Alleles) -> NDArray[np.float32]:
    """Give r2 between all sites of (N, S) haplotypes: (S, S); nan where a site does not vary.

    >>> r2_matrix(np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.uint8)).tolist()
    [[1.0, 0.0, nan], [0.0, 1.0, nan], [nan, nan, nan]]
    """
    standard = _standardised(np.ascontiguousarray(alleles.T))
    return np.minimum((standard @ standard.T) ** 2, 1)


def contig_spans(contigs: Sequence[str]) -> list[tuple[int, int]]:
    """Give the first place and the last place + 1 of each stretch of sites on one contig.

    >>> contig_spans(["1", "1", "X"])
    [(0, 2), (2, 3)]
    """
    borders = [place for place in range(1, len(contigs)) if contigs[place] != contigs[place - 1]]
    return list(pairwise([0, *borders, len(contigs)]))


def varies(alleles: Alleles) -> NDArray[np.bool_]:
    """Tell at which sites (S,) haplotypes (N, S) carry both alleles."""
    return alleles.min(axis=0) != alleles.max(axis=0)


def _standardised(alleles_SN: Alleles) -> NDArray[np.float32]:
    """Centre each site and scale it to length 1, so that products are correlations; nan where it does not vary."""
    values = alleles_SN.astype(np.float32)
    values -= alleles_SN.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
    length = np.sqrt(np.einsum("sn,sn->s", values, values, dtype=np.float64))
    length[alleles_SN.min(axis=1) == alleles_SN.max(axis=1)] = np.nan
    values /= length[:, None].astype(np.float32)
    return values


def _draw_pairs(spans: Sequence[tuple[int, int]], count: int, generator: np.random.Generator) -> tuple[Places, Places]:
    """Draw pairs of different sites within spans, every pair of sites alike; none where no span has two sites."""
    starts, stops = (np.array(side, dtype=np.int64) for side in zip(*spans, strict=True))
    sizes = stops - starts
    possible = sizes * (sizes - 1)
    if not possible.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    span = generator.choice(len(spans), size=count, p=possible / possible.sum())
    first = generator.integers(sizes[span])
    second = generator.integers(sizes[span] - 1)
    second += second >= first
    return starts[span] + first, starts[span] + second


def _pair_r2(alleles_SN: Alleles, left: Places, right: Places) -> Floats:
    """Give r2 of each pair (P,) from the shares that carry allele 1 at the one, the other and both sites."""
    frequency = alleles_SN.mean(axis=1, dtype=np.float64)
    both = np.concatenate(
        [np.empty(0)]
        + [
            (alleles_SN[left[block]] & alleles_SN[right[block]]).mean(axis=1, dtype=np.float64)
            for block in _blocks(len(left), 1000)
        ]
    )
    p, q = frequency[left], frequency[right]
    return np.asarray((both - p * q) ** 2 / (p * (1 - p) * q * (1 - q)))


def _all_pairs(
    sets: Sequence[Alleles], positions: Places, spans: Sequence[tuple[int, int]]
) -> tuple[float, LinkageDecay | None]:
    """Correlate r2 over all pairs of sites, and take its mean by distance, in blocks of sites."""
    total = len(positions)
    contig = np.repeat(np.arange(len(spans)), [stop - start for start, stop in spans])
    edges = _distance_edges(positions, spans)
    pairs, sums = np.zeros(BINS, dtype=np.int64), np.zeros((2, BINS))
    moments = np.zeros((3, 3))
    standard = [_standardised(alleles) for alleles in sets]
    for block in _blocks(total, _BLOCK):
        places = np.arange(block.start, block.stop)[:, None], np.arange(block.start, total)[None]
        later = places[1] > places[0]
        r2 = np.stack([(side[block] @ side[block.start :].T)[later] ** 2 for side in standard])
        lifted = np.concatenate([np.ones((1, r2.shape[1])), r2])
        moments += lifted @ lifted.T
        if edges is not None:
            near = (contig[places[0]] == contig[places[1]])[later]
            distance = np.abs(positions[places[1]] - positions[places[0]])[later][near]
            bins = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, BINS - 1)
            pairs += np.bincount(bins, minlength=BINS)
            sums += [np.bincount(bins, weights=side[near], minlength=BINS) for side in r2]
    if edges is None:
        return _from_moments(moments), None
    means = np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0)
    return _from_moments(moments), LinkageDecay(
        edges, pairs, means[0], means[1], float(np.nanmean(np.abs(means[1] - means[0])))
    )


def _distance_edges(positions: Places, spans: Sequence[tuple[int, int]]) -> Floats | None:
    """Space bins evenly on a logarithmic scale over the distances within contigs; None where there are none."""
    gaps = [np.diff(positions[start:stop]) for start, stop in spans if stop - start > 1]
    if not gaps:
        return None
    shortest = max(1, min(int(gap.min()) for gap in gaps))
    longest = max(int(gap.sum()) for gap in gaps)
    return np.geomspace(shortest, max(longest, shortest + 1), BINS + 1)


def _from_moments(moments: Floats) -> float:
    """Give Pearson's correlation from the sums of 1, x, y and their products (3, 3)."""
    covariance = moments[1:, 1:] / moments[0, 0] - np.outer(moments[0, 1:], moments[0, 1:]) / moments[0, 0] ** 2
    spread = covariance[0, 0] * covariance[1, 1]
    return float(covariance[0, 1] / np.sqrt(spread)) if spread > 0 else float("nan")


def _blocks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))
