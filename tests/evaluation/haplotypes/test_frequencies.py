import allel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.evaluation.haplotypes.simulated import random_alleles, simulated

from dnagpt.evaluation.haplotypes.frequencies import compare_frequencies, folded_spectrum
from dnagpt.evaluation.haplotypes.similarity import pearson, wasserstein

numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


@given(numbers, numbers)
def test_wasserstein_distance_is_that_of_scipy(left: list[float], right: list[float]) -> None:
    assert wasserstein(left, right) == pytest.approx(stats.wasserstein_distance(left, right), abs=1e-9)


def test_weighted_wasserstein_distance_is_that_of_scipy() -> None:
    left, right, more, less = ([1.0, 2.0, 9.0], [2.0, 3.0], [1.0, 0.0, 4.0], [2.0, 1.0])
    assert wasserstein(left, right, more, less) == pytest.approx(stats.wasserstein_distance(left, right, more, less))


def test_pearson_is_that_of_scipy_and_undefined_without_variation() -> None:
    left, right = np.random.default_rng(0).random((2, 30))
    assert pearson(left, right) == pytest.approx(stats.pearsonr(left, right).statistic)
    assert np.isnan(pearson(left, np.ones(30)))
    assert np.isnan(pearson([1.0], [2.0]))


def test_frequencies_worked_by_hand() -> None:
    real = np.array([[0, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]], dtype=np.uint8)
    generated = np.array([[0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], dtype=np.uint8)
    agreement = compare_frequencies(real, generated)
    assert agreement.real.tolist() == [0.0, 1.0, 0.4, 0.2]
    assert agreement.generated.tolist() == [0.2, 0.8, 0.0, 0.0]
    assert agreement.correlation == pytest.approx(stats.pearsonr([0, 1, 0.4, 0.2], [0.2, 0.8, 0, 0]).statistic)
    assert agreement.rare_sites == 2
    assert agreement.rare_correlation == pytest.approx(-1)
    assert agreement.mean_difference == pytest.approx(0.25)
    assert agreement.largest_difference == pytest.approx(0.4)
    assert (agreement.fixed_real, agreement.fixed_generated, agreement.fixed_only_generated) == (2, 2, 2)
    assert agreement.quantiles[[0, 50, 100]].tolist() == [0, 0.5, 1]
    assert agreement.real_quantiles[[0, 50, 100]].tolist() == pytest.approx([0, 0.3, 1])
    assert agreement.generated_quantiles[[0, 50, 100]].tolist() == pytest.approx([0, 0.1, 0.8])
    assert agreement.real_spectrum.tolist() == [2, 1, 1]
    assert agreement.generated_spectrum.tolist() == [2, 2, 0]


def test_folded_spectrum_is_that_of_scikit_allel() -> None:
    for count in (10, 11):
        alleles = random_alleles(count, 60, seed=count, frequency=0.3)
        counts = allel.HaplotypeArray(alleles.T.view(np.int8)).count_alleles(max_allele=1)
        assert folded_spectrum(alleles).tolist() == allel.sfs_folded(counts, n=count).tolist()


def test_projected_spectrum_is_the_mean_over_all_smaller_draws() -> None:
    alleles = random_alleles(40, 5, seed=3, frequency=0.3)
    for size in (6, 7):
        expected = np.zeros(size + 1)
        for carriers in alleles.sum(axis=0, dtype=np.int64):
            expected += stats.hypergeom(40, carriers, size).pmf(np.arange(size + 1))
        folded = np.array([expected[k] + (expected[size - k] if 2 * k != size else 0) for k in range(size // 2 + 1)])
        assert folded_spectrum(alleles, size) == pytest.approx(folded)


def test_spectrum_of_sets_of_different_size_agrees_with_itself() -> None:
    alleles = simulated().alleles
    agreement = compare_frequencies(alleles, alleles[::2])
    assert agreement.spectrum_size == 200
    assert agreement.real_spectrum.sum() == pytest.approx(alleles.shape[1])
    assert agreement.spectrum_difference < 0.05


def test_spectrum_difference_counts_sites_that_change_class() -> None:
    real = np.zeros((16, 4), dtype=np.uint8)
    real[:1, 0] = real[:2, 1] = real[:3, 2] = real[:8, 3] = 1
    generated = real.copy()
    generated[2, 1] = 1  # from 2 carriers to 3: the same class
    assert compare_frequencies(real, generated).spectrum_difference == 0
    generated[:, 0] = 0  # a singleton is lost
    assert compare_frequencies(real, generated).spectrum_difference == 0.25
