import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.haplotypes.simulated import simulated, sites_at

from dnagpt.evaluation.haplotypes.shared_stretches import longest_runs, shared_stretches
from dnagpt.haplotypes.values import Alleles, Sites


def runs_one_by_one(haplotypes: Alleles, panel: Alleles, sites: Sites) -> tuple[list[int], list[int]]:
    """Compare every haplotype with every one of the panel, site by site."""
    lengths, bases = [], []
    for haplotype in haplotypes:
        longest = widest = 0
        for other in panel:
            begin = None
            for place in range(len(sites)):
                if place and sites.contigs[place] != sites.contigs[place - 1]:
                    begin = None
                if haplotype[place] != other[place]:
                    begin = None
                    continue
                begin = place if begin is None else begin
                longest = max(longest, place - begin + 1)
                widest = max(widest, int(sites.positions[place] - sites.positions[begin]) + 1)
        lengths.append(longest)
        bases.append(widest)
    return lengths, bases


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6), st.integers(1, 12), st.integers(1, 3))
def test_runs_are_those_of_all_comparisons(seed: int, asked: int, panel: int, count: int, contigs: int) -> None:
    generator = np.random.default_rng(seed)
    alleles = generator.integers(2, size=(asked + panel, count), dtype=np.uint8)
    names = sorted(str(generator.integers(contigs)) for _ in range(count))
    sites = sites_at(np.cumsum(generator.integers(1, 50, size=count)).tolist(), names)
    lengths, bases = longest_runs(alleles[:asked], alleles[asked:], sites)
    assert (lengths.tolist(), bases.tolist()) == runs_one_by_one(alleles[:asked], alleles[asked:], sites)


def test_runs_in_simulated_haplotypes_are_those_of_all_comparisons() -> None:
    everybody = simulated()
    asked, panel = everybody.alleles[:10], everybody.alleles[100:140]
    lengths, bases = longest_runs(asked, panel, everybody.sites)
    assert (lengths.tolist(), bases.tolist()) == runs_one_by_one(asked, panel, everybody.sites)


def test_somebody_who_equals_nobody_anywhere_has_no_run() -> None:
    none = np.zeros((1, 3), dtype=np.uint8)
    shared = shared_stretches(none, 1 - none, sites_at([5, 6, 7]))
    assert (shared.mean_sites, shared.mean_bases, shared.panel) == (0, 0, 1)


def test_runs_end_with_their_contig() -> None:
    none = np.zeros((1, 5), dtype=np.uint8)
    shared = shared_stretches(none, none, sites_at([0, 9, 0, 1, 2], ["1", "1", "2", "2", "2"]))
    assert (shared.mean_sites, shared.mean_bases) == (3, 10)
