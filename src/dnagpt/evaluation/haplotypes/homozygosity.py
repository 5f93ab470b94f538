"""Long shared haplotypes: homozygosity in windows and its decay around a site, in real and generated haplotypes.

Shapes: N haplotypes, S sites, W windows of sites, D + 1 steps away from a core site.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.linkage import contig_spans
from dnagpt.evaluation.haplotypes.similarity import Floats, pearson
from dnagpt.files.optional import needs_extra
from dnagpt.haplotypes.values import Alleles, Sites

WINDOW = 20
"""Sites of a window."""
CORES = 10
"""Core sites at most around which EHH is measured."""
REACH = 50
"""Sites on either side of a core over which EHH is measured."""
COMMON = 0.2
"""A core site's rarer allele is at least this frequent in both sets."""
_CARRIERS = 1000  # carriers at most among whom EHH is counted: all their pairs are compared

Places = NDArray[np.int64]


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
    """(W,) haplotype diversity: the chance that two different haplotypes of the set differ in the window (Nei 1987)."""


@dataclass(frozen=True, eq=False)
class HomozygosityAgreement:
    """Haplotype homozygosity of real and generated haplotypes."""

    window: int
    """Sites of a window."""
    starts: Places
    """(W,) place of the first site of each window; windows lie side by side, none reaches over the end of a contig."""
    real: WindowHomozygosity
    """In the real set."""
    generated: WindowHomozygosity
    """In the generated set."""
    h1_correlation: float
    """Pearson correlation of H1 over windows; nan with fewer than two."""
    h1_difference: float
    """Mean over windows of generated minus real H1: above 0, there are too few different generated haplotypes."""
    h12_difference: float
    """Mean over windows of generated minus real H12."""
    diversity_difference: float
    """Mean over windows of generated minus real haplotype diversity."""
    cores: Places
    """Places of the core sites around which EHH was measured; common in both sets."""
    real_ehh: Floats
    """(D + 1,) extended haplotype homozygosity up to 0, 1 ... sites away from the core: mean over cores that have
    so many sites on either side, both alleles and both sides; empty without a core."""
    generated_ehh: Floats
    """(D + 1,) the same of the generated set."""
    ehh_difference: float
    """Mean over the steps of the absolute difference; nan without a core."""


def compare_homozygosity(
    real: Alleles, generated: Alleles, sites: Sites, *, window: int = WINDOW
) -> HomozygosityAgreement | None:
    """Compare how homozygous windows of real (N, S) and generated (M, S) haplotypes are, and how far that reaches.

    Garud's H1, H12, H123 and H2/H1 (Garud et al. 2015, PLoS Genetics 11:e1005004) in windows of a fixed number of sites
    and EHH (Sabeti et al. 2002, Nature 419:832) by scikit-allel. EHH at a distance is the chance that two carriers of
    the same core allele are the same from the core to there. None where no contig has a window of sites.

    Homozygosity within a set depends on its size where most haplotypes differ (N copies of nobody have H1 = 1 / N), so
    compare sets of about one size; diversity is free of that.

    >>> sites = Sites(["1"] * 4, np.arange(4), ["."] * 4, ["A"] * 4, ["G"] * 4)
    >>> alleles = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1]], dtype=np.uint8)
    >>> compare_homozygosity(alleles, alleles, sites, window=2).real.h1.tolist()
    [0.625, 0.5]
    """
    spans = contig_spans(sites.contigs)
    starts = np.array([place for first, stop in spans for place in range(first, stop - window + 1, window)], np.int64)
    if not len(starts):
        return None
    true, made = (_window_homozygosity(alleles, starts, window) for alleles in (real, generated))
    cores = _cores(real, generated, spans)
    decays = [_ehh(alleles, cores) for alleles in (real, generated)]
    return HomozygosityAgreement(
        window=window,
        starts=starts,
        real=true,
        generated=made,
        h1_correlation=pearson(true.h1, made.h1),
        h1_difference=float((made.h1 - true.h1).mean()),
        h12_difference=float((made.h12 - true.h12).mean()),
        diversity_difference=float((made.diversity - true.diversity).mean()),
        cores=np.array([core for core, _ in cores], dtype=np.int64),
        real_ehh=decays[0],
        generated_ehh=decays[1],
        ehh_difference=float(np.abs(decays[1] - decays[0]).mean()) if cores else float("nan"),
    )


def _window_homozygosity(alleles: Alleles, starts: Places, window: int) -> WindowHomozygosity:
    """Count the different haplotypes of each window."""
    with needs_extra("popgen", "haplotype homozygosity"):
        import allel
    columns = np.ascontiguousarray(alleles.T).view(np.int8)
    rows = np.array([allel.garud_h(columns[start : start + window]) for start in starts])
    count = len(alleles)
    diversity = (1 - rows[:, 0]) * count / max(1, count - 1)
    return WindowHomozygosity(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], diversity)


def _cores(real: Alleles, generated: Alleles, spans: Sequence[tuple[int, int]]) -> list[tuple[int, tuple[int, int]]]:
    """Choose sites common in both sets, evenly among those with most room on their contig, and give that contig."""
    common = np.ones(real.shape[1], dtype=bool)
    for alleles in (real, generated):
        carriers = alleles.sum(axis=0, dtype=np.int64)
        common &= np.minimum(carriers, len(alleles) - carriers) >= max(2, COMMON * len(alleles))
    able = [(int(place), span) for span in spans for place in span[0] + np.flatnonzero(common[slice(*span)])]
    room = np.array([min(REACH, place - first, stop - 1 - place) for place, (first, stop) in able], dtype=np.int64)
    enough = np.sort(room)[-CORES:].min(initial=REACH)
    best = [core for core, free in zip(able, room.tolist(), strict=True) if free >= max(1, enough)]
    chosen = np.unique(np.linspace(0, len(best) - 1, min(CORES, len(best))).round().astype(np.int64))
    return [best[place] for place in chosen.tolist()]


def _ehh(alleles: Alleles, cores: Sequence[tuple[int, tuple[int, int]]]) -> Floats:
    """Take the mean EHH over cores, their alleles and both sides; at each step over the cores that have the sites."""
    with needs_extra("popgen", "haplotype homozygosity"):
        import allel
    reaches = [min(REACH, place - first, stop - 1 - place) for place, (first, stop) in cores]
    curves = np.full((len(cores), 2, 2, max(reaches, default=-1) + 1), np.nan)
    for curve, reach, (place, _) in zip(curves, reaches, cores, strict=True):
        for allele in (0, 1):
            carriers = np.flatnonzero(alleles[:, place] == allele)
            carriers = carriers[np.linspace(0, len(carriers) - 1, min(_CARRIERS, len(carriers))).astype(np.int64)]
            around = np.ascontiguousarray(alleles[carriers, place - reach : place + reach + 1].T).view(np.int8)
            for side, sites in enumerate((around[reach:], around[reach::-1])):
                curve[allele, side, : reach + 1] = allel.ehh_decay(sites)[: reach + 1]
    return np.asarray(np.nanmean(curves, axis=(0, 1, 2)))
