import allel
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from tests.evaluation.haplotypes.simulated import random_alleles, simulated

from dnagpt.evaluation.haplotypes.principal_components import compare_components, sinkhorn_divergence


def test_scores_are_those_of_a_singular_value_decomposition_and_of_scikit_allel_up_to_sign() -> None:
    alleles = simulated().alleles
    agreement = compare_components(alleles[::2], alleles[1::2], count=4)
    assert agreement is not None
    together = np.concatenate([alleles[::2], alleles[1::2]])
    left, lengths, _ = np.linalg.svd(together - together.mean(axis=0), full_matrices=False)
    found = np.concatenate([agreement.real, agreement.generated])
    assert np.abs(found) == pytest.approx(np.abs(left[:, :4] * lengths[:4]), abs=1e-3)
    assert agreement.explained == pytest.approx(lengths[:4] ** 2 / (lengths**2).sum(), abs=1e-6)
    scores, model = allel.pca(together.T.astype(np.int8), n_components=4, scaler=None)  # in half precision
    assert np.abs(found) == pytest.approx(np.abs(scores), abs=2e-2)
    assert agreement.explained == pytest.approx(model.explained_variance_ratio_, abs=1e-4)


def test_wasserstein_distances_are_those_of_scipy() -> None:
    alleles = simulated().alleles
    agreement = compare_components(alleles[:200], alleles[200:])
    assert agreement is not None
    assert agreement.wasserstein.shape == (6,)
    for part in range(6):
        expected = stats.wasserstein_distance(agreement.real[:, part], agreement.generated[:, part])
        assert agreement.wasserstein[part] == pytest.approx(expected)


def test_populations_are_farther_apart_than_halves_of_both() -> None:
    alleles = simulated().alleles
    apart, mixed = compare_components(alleles[:200], alleles[200:]), compare_components(alleles[::2], alleles[1::2])
    assert apart is not None
    assert mixed is not None
    assert apart.wasserstein[0] > 2 * mixed.wasserstein[0]
    assert apart.sinkhorn > 2 * mixed.sinkhorn
    assert apart.sinkhorn_size == 200


def test_without_two_varying_sites_there_are_no_components() -> None:
    alleles = np.zeros((6, 4), dtype=np.uint8)
    alleles[0, 1] = 1
    assert compare_components(alleles, alleles) is None


def test_fewer_components_than_asked_where_there_are_fewer_sites() -> None:
    agreement = compare_components(random_alleles(20, 3, 0), random_alleles(20, 3, 1))
    assert agreement is not None
    assert len(agreement.explained) == 3
    assert agreement.explained.sum() == pytest.approx(1)


def test_sinkhorn_divergence_nears_optimal_transport() -> None:
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(80, 2)), generator.normal([4, 0], size=(80, 2))
    cost = cdist(left, right)
    exact = cost[linear_sum_assignment(cost)].mean()
    assert sinkhorn_divergence(left, right, blur=0.005) == pytest.approx(exact, rel=0.05)


def test_sinkhorn_divergence_is_zero_for_one_cloud_and_alike_from_both_sides() -> None:
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(50, 2)), generator.normal(size=(70, 2)) * 2
    assert sinkhorn_divergence(left, left[::-1]) == pytest.approx(0, abs=1e-3)
    assert sinkhorn_divergence(left, right) == pytest.approx(sinkhorn_divergence(right, left), abs=1e-3)
    assert sinkhorn_divergence(left, right) > 0.1
    assert sinkhorn_divergence(np.zeros((3, 2)), np.zeros((4, 2))) == pytest.approx(0, abs=1e-12)
