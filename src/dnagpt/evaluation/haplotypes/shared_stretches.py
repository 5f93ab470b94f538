"""The longest runs of neighbouring sites that haplotypes share with anybody of a panel.

Shapes: M haplotypes asked about, N haplotypes of the panel, n = M + N, S sites, Q quantiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.linkage import contig_spans
from dnagpt.evaluation.haplotypes.similarity import Floats
from dnagpt.haplotypes.values import Alleles, Sites

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SharedStretches:
    """The longest run of neighbouring sites at which each generated haplotype equals somebody of a panel."""

    quantiles: Floats
    """(21,) probabilities: 0, .05 ... 1."""
    sites: Floats
    """(21,) those quantiles over generated haplotypes of the longest run in sites; runs end with their contig."""
    bases: Floats
    """(21,) those quantiles of the longest run in bases, counted from its first to its last site."""
    mean_sites: float
    """Mean longest run in sites."""
    mean_bases: float
    """Mean longest run in bases."""
    panel: int
    """Haplotypes of the panel: the more there are, the longer the runs."""


def shared_stretches(haplotypes: Alleles, panel: Alleles, sites: Sites) -> SharedStretches:
    """Find for each haplotype (M, S) the longest run of sites that it shares with one of a panel (N, S).

    >>> sites = Sites(["1"] * 4, np.array([0, 10, 20, 30]), ["."] * 4, ["A"] * 4, ["G"] * 4)
    >>> panel = np.array([[0, 0, 1, 1], [1, 1, 1, 0]], dtype=np.uint8)
    >>> shared = shared_stretches(np.array([[0, 1, 1, 0]], dtype=np.uint8), panel, sites)
    >>> shared.mean_sites, shared.mean_bases
    (3.0, 21.0)
    """
    lengths, bases = longest_runs(haplotypes, panel, sites)
    quantiles = np.linspace(0, 1, 21)
    return SharedStretches(
        quantiles, np.quantile(lengths, quantiles), np.quantile(bases, quantiles),
        float(lengths.mean()), float(bases.mean()), len(panel),
    )  # fmt: skip


def longest_runs(haplotypes: Alleles, panel: Alleles, sites: Sites) -> tuple[Places, Places]:
    """Give the longest run of each haplotype with anybody of the panel, in sites and in bases: (M,) and (M,).

    Contig by contig, all haplotypes are kept sorted by their alleles read backwards from the present site, with the
    place where each begins to equal the one before it, so that the best partner of each stands next to it (positional
    Burrows-Wheeler transform, Durbin 2014, Bioinformatics 30:1266). Time grows with (M + N) S.
    """
    together = np.ascontiguousarray(np.concatenate([haplotypes, panel]).T)
    asked = np.arange(together.shape[1]) < len(haplotypes)
    lengths, bases = np.zeros(len(haplotypes), np.int64), np.zeros(len(haplotypes), np.int64)
    for first, stop in contig_spans(sites.contigs):
        order = np.arange(len(asked))
        begins = np.full(len(asked), first)
        for site in range(first, stop):
            order, begins = _sorted_on(together[site], order, begins, site)
            who, since = _best_matches(asked[order], begins)
            persons, found = order[who], since <= site
            run = np.where(found, site + 1 - since, 0)
            span = np.where(found, sites.positions[site] - sites.positions[np.minimum(since, site)] + 1, 0)
            lengths[persons] = np.maximum(lengths[persons], run)
            bases[persons] = np.maximum(bases[persons], span)
    return lengths, bases


def _sorted_on(alleles: Alleles, order: Places, begins: Places, site: int) -> tuple[Places, Places]:
    """Bring the order and the beginnings of matches one site on: carriers of 0 first, else as before (all (n,))."""
    carried = alleles[order]
    orders, starts = [], []
    for allele in (0, 1):
        here = np.flatnonzero(carried == allele)
        if len(here):
            # Equal since the latest of all beginnings between this one and the last one that carried the same allele.
            since = np.maximum.reduceat(begins[: here[-1] + 1], np.concatenate([[0], here[:-1] + 1]))
            since[0] = site + 1
            orders.append(order[here])
            starts.append(since)
    return np.concatenate(orders), np.concatenate(starts)


def _best_matches(asked: NDArray[np.bool_], begins: Places) -> tuple[Places, Places]:
    """Give the ranks of those asked about, and since when each equals its better neighbour from the panel."""
    who = np.flatnonzero(asked)
    before = _latest_since_panel(asked, begins)
    after = np.concatenate([begins[1:], [np.iinfo(np.int64).max // 2]])
    behind = _latest_since_panel(asked[::-1], after[::-1])[::-1]
    return who, np.minimum(before[who], behind[who])


def _latest_since_panel(asked: NDArray[np.bool_], begins: Places) -> Places:
    """Take the running maximum of beginnings, afresh behind each haplotype of the panel."""
    never = np.iinfo(np.int64).max // 2
    panels_before: Places = np.cumsum(~asked) - ~asked
    step = 1 << 32  # more than any place of a site
    running = np.maximum.accumulate(np.minimum(begins, step - 1) + panels_before * step) - panels_before * step
    return np.where((panels_before == 0) | (running == step - 1), never, running)
