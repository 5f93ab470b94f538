import numpy as np
import pytest
from scipy.spatial.distance import cdist
from tests.evaluation.haplotypes.simulated import random_alleles

from dnagpt.evaluation.haplotypes.distances import compare_distances, distance_matrix, nearest


def test_distances_are_those_of_scipy_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = random_alleles(23, 101, 0), random_alleles(17, 101, 1)
    expected = cdist(left, right, "cityblock"), cdist(left, left, "cityblock")
    for rows in (1024, 5):
        monkeypatch.setattr("dnagpt.evaluation.haplotypes.distances._ROWS", rows)
        assert (distance_matrix(left, right) == expected[0]).all()
        assert (distance_matrix(left, left) == expected[1]).all()


def test_distances_of_many_sites_fit_their_type() -> None:
    none, every = np.zeros((1, 70_000), dtype=np.uint8), np.ones((1, 70_000), dtype=np.uint8)
    assert distance_matrix(none, every)[0, 0] == 70_000
    assert distance_matrix(none[:, :65_535], every[:, :65_535])[0, 0] == 65_535
    assert distance_matrix(none[:, :65_535], every[:, :65_535]).dtype == np.uint16


def test_nobody_is_their_own_nearest_neighbour_but_an_equal_one_is() -> None:
    alleles = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 1]], dtype=np.uint8)
    matrix = distance_matrix(alleles, alleles)
    assert nearest(matrix, itself=True).tolist() == [0, 0, 2]
    assert nearest(matrix, itself=False).tolist() == [0, 0, 0]
    assert matrix.diagonal().tolist() == [0, 0, 0]


def test_agreement_worked_by_hand() -> None:
    real = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 1]], dtype=np.uint8)
    generated = np.array([[0, 0, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]], dtype=np.uint8)
    agreement = compare_distances(real, generated)
    assert agreement.real.counts.tolist() == [1, 2, 0, 0]
    assert agreement.real.mean == pytest.approx(2 / 3)
    assert agreement.real.deviation == pytest.approx(np.std([0, 1, 1]))
    assert agreement.generated.counts.tolist() == [3, 0, 3, 0]
    assert agreement.between.counts.tolist() == [2, 1, 6, 3]
    assert agreement.between.identical == 2
    assert agreement.difference == pytest.approx(1 / 6 + 1 / 2)  # area between 1/3, 1, 1 and 1/2, 1/2, 1
    assert (agreement.copies, agreement.repeats, agreement.real_repeats) == (1, 2, 1)


def test_histograms_are_those_of_all_pairs() -> None:
    real, generated = random_alleles(31, 40, 2), random_alleles(20, 40, 3)
    agreement = compare_distances(real, generated)
    rows, columns = np.triu_indices(31, 1)
    within = cdist(real, real, "cityblock")[rows, columns].astype(int)
    assert agreement.real.counts.tolist() == np.bincount(within, minlength=41).tolist()
    assert agreement.real.mean == pytest.approx(within.mean())
    assert agreement.between.counts.sum() == 31 * 20


def test_a_set_of_one_has_no_pairs() -> None:
    one = np.zeros((1, 4), dtype=np.uint8)
    agreement = compare_distances(one, one)
    assert np.isnan(agreement.real.mean)
    assert np.isnan(agreement.difference)
    assert agreement.copies == 1
