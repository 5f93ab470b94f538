import itertools

import numpy as np
import pytest
from tests.evaluation.haplotypes.simulated import random_alleles, simulated, sites_at

from dnagpt.evaluation.haplotypes.homozygosity import compare_homozygosity
from dnagpt.haplotypes.values import Alleles


def test_windows_worked_by_hand() -> None:
    window = np.array([[0, 0], [0, 0], [0, 0], [0, 1], [0, 1], [1, 0]], dtype=np.uint8)  # 1/2, 1/3, 1/6
    agreement = compare_homozygosity(window, window, sites_at([1, 2]), window=2)
    assert agreement is not None
    assert agreement.real.h1.tolist() == pytest.approx([(9 + 4 + 1) / 36])
    assert agreement.real.h12.tolist() == pytest.approx([(25 + 1) / 36])
    assert agreement.real.h123.tolist() == pytest.approx([1])
    assert agreement.real.h2_h1.tolist() == pytest.approx([5 / 14])
    # 15 pairs, of which 3 + 1 are the same.
    assert agreement.real.diversity.tolist() == pytest.approx([11 / 15])
    assert agreement.h1_difference == 0


def test_windows_do_not_reach_over_the_end_of_a_contig() -> None:
    alleles = random_alleles(10, 11, 0)
    sites = sites_at(list(range(11)), ["1"] * 5 + ["2"] * 6)
    agreement = compare_homozygosity(alleles, alleles, sites, window=3)
    assert agreement is not None
    assert agreement.starts.tolist() == [0, 5, 8]
    assert compare_homozygosity(alleles, alleles, sites, window=7) is None


def test_too_few_different_haplotypes_show() -> None:
    people = simulated()
    collapsed = people.alleles[np.arange(400) % 8]
    agreement = compare_homozygosity(people.alleles, collapsed, people.sites)
    assert agreement is not None
    assert agreement.h1_difference > 0.05
    assert agreement.h12_difference > 0.05
    assert agreement.diversity_difference < -0.05
    expected = np.corrcoef(agreement.real.h1, agreement.generated.h1)[0, 1]
    assert agreement.h1_correlation == pytest.approx(expected)


def pairs_alike(alleles: Alleles, core: int, step: int) -> float:
    """EHH from its definition: the share of pairs of carriers that are the same from the core to `step` away."""
    shares = []
    for allele in (0, 1):
        carriers = alleles[alleles[:, core] == allele]
        for side in (carriers[:, core : core + step + 1], carriers[:, core - step : core + 1]):
            same = [bool((one == two).all()) for one, two in itertools.combinations(side, 2)]
            shares.append(np.mean(same))
    return float(np.mean(shares))


def test_ehh_is_the_share_of_pairs_that_are_the_same() -> None:
    people = simulated()
    real, generated = people.alleles[:60, :41], people.alleles[200:260, :41]
    agreement = compare_homozygosity(real, generated, sites_at(list(range(41))))
    assert agreement is not None
    assert len(agreement.cores) == 10
    for step in (0, 1, len(agreement.real_ehh) - 1):
        reaching = [int(core) for core in agreement.cores if step <= core <= 40 - step]
        expected = np.mean([pairs_alike(real, core, step) for core in reaching])
        assert agreement.real_ehh[step] == pytest.approx(expected)
    assert agreement.real_ehh[0] == 1
    assert agreement.ehh_difference == pytest.approx(np.abs(agreement.real_ehh - agreement.generated_ehh).mean())


def test_independent_sites_lose_homozygosity_sooner() -> None:
    people = simulated()
    independent = np.random.default_rng(0).permuted(people.alleles, axis=0)
    agreement = compare_homozygosity(people.alleles, independent, people.sites)
    assert agreement is not None
    assert agreement.generated_ehh[10] < agreement.real_ehh[10] / 2


def test_rare_sites_alone_have_no_core() -> None:
    alleles = np.zeros((10, 30), dtype=np.uint8)
    alleles[0] = 1
    agreement = compare_homozygosity(alleles, alleles, sites_at(list(range(30))))
    assert agreement is not None
    assert len(agreement.cores) == len(agreement.real_ehh) == 0
    assert np.isnan(agreement.ehh_difference)


def test_a_single_carrier_has_nobody_to_be_the_same_as() -> None:
    alleles = random_alleles(4, 30, 0)
    agreement = compare_homozygosity(alleles, alleles, sites_at(list(range(30))))
    assert agreement is not None
    assert set(alleles[:, agreement.cores].sum(axis=0).tolist()) == {2}
    assert agreement.real_ehh[0] == 1
