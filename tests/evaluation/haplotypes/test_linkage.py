import allel
import numpy as np
import pytest
from tests.evaluation.haplotypes.simulated import random_alleles, simulated, sites_at

from dnagpt.evaluation.haplotypes.linkage import BINS, compare_linkage, r2_matrix
from dnagpt.haplotypes.values import Alleles


def counted_r2(alleles: Alleles, one: int, two: int) -> float:
    """r2 from its definition, D^2 / (p_a (1 - p_a) p_b (1 - p_b))."""
    a, b = alleles[:, one].astype(float), alleles[:, two].astype(float)
    disequilibrium = (a * b).mean() - a.mean() * b.mean()
    return float(disequilibrium**2 / (a.mean() * (1 - a.mean()) * b.mean() * (1 - b.mean())))


def test_r2_is_that_of_scikit_allel_and_of_its_definition() -> None:
    alleles = simulated().alleles[:, :40]
    rows, columns = np.triu_indices(40, 1)
    found = r2_matrix(alleles)[rows, columns]
    oracle = allel.rogers_huff_r(alleles.T.astype(np.int8)) ** 2
    assert found == pytest.approx(oracle, abs=1e-5)
    assert found[17] == pytest.approx(counted_r2(alleles, rows[17], columns[17]), abs=1e-6)


def test_r2_worked_by_hand() -> None:
    alleles = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], dtype=np.uint8)
    # p_a = 1/2, p_b = 1/4, p_ab = 1/4: D = 1/8, r2 = (1/64) / (1/4 * 3/16) = 1/3
    assert r2_matrix(alleles)[0, 1] == pytest.approx(1 / 3)


def test_fixed_sites_are_dropped_and_counted() -> None:
    real, generated = random_alleles(30, 10, 0), random_alleles(30, 10, 1)
    real[:, 2], generated[:, [2, 7]] = 1, 0
    agreement = compare_linkage(real, generated, sites_at(list(range(10))))
    assert agreement is not None
    assert (agreement.sites, agreement.dropped) == (8, 2)
    assert agreement.matrix_sites.tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert np.isfinite(agreement.real_matrix).all()


def test_random_pairs_and_all_pairs_correlate_alike_and_as_numpy_says() -> None:
    people = simulated()
    real, generated = people.alleles[::2], people.alleles[1::2]
    agreement = compare_linkage(real, generated, people.sites, pairs=20_000)
    assert agreement is not None
    rows, columns = np.triu_indices(real.shape[1], 1)
    expected = np.corrcoef(r2_matrix(real)[rows, columns], r2_matrix(generated)[rows, columns])[0, 1]
    assert agreement.full_correlation == pytest.approx(expected, abs=1e-5)
    assert agreement.correlation == pytest.approx(expected, abs=0.02)
    assert agreement.near_correlation == pytest.approx(expected, abs=0.02)  # one contig
    assert agreement.real.shape == (20_000,)
    for side, near, matrix, alleles in (
        (agreement.real, agreement.near_real, agreement.real_matrix, real),
        (agreement.generated, agreement.near_generated, agreement.generated_matrix, generated),
    ):
        assert matrix == pytest.approx(r2_matrix(alleles)[np.ix_(agreement.matrix_sites, agreement.matrix_sites)])
        assert side.mean() == pytest.approx(near.mean(), rel=0.1)


def test_near_pairs_lie_on_one_contig() -> None:
    first, second = random_alleles(50, 1, 0), random_alleles(50, 1, 1)
    alleles = np.hstack([first, first, second, second])  # r2 is 1 within contigs
    agreement = compare_linkage(alleles, alleles, sites_at([1, 2, 1, 2], ["1", "1", "2", "2"]), pairs=500)
    assert agreement is not None
    assert agreement.near_real == pytest.approx(np.ones(500))
    assert agreement.real.min() < 0.5
    assert agreement.decay is not None
    assert agreement.decay.pairs.sum() == 2


def test_sites_on_contigs_of_their_own_have_no_decay() -> None:
    alleles = random_alleles(20, 2, 0)
    agreement = compare_linkage(alleles, alleles, sites_at([1, 1], ["1", "2"]))
    assert agreement is not None
    assert agreement.decay is None
    assert np.isnan(agreement.near_correlation)
    assert compare_linkage(alleles[:, :1], alleles[:, :1], sites_at([1])) is None


@pytest.mark.parametrize("contigs", [1, 2])
def test_decay_is_the_mean_over_pairs_counted_one_by_one(contigs: int) -> None:
    people = simulated()
    real, generated = people.alleles[::2, :60], people.alleles[1::2, :60]
    names = ["1"] * 60 if contigs == 1 else ["1"] * 25 + ["2"] * 35
    sites = sites_at(people.sites.positions[:60].tolist(), names)
    kept = np.flatnonzero((np.ptp(real, axis=0) > 0) & (np.ptp(generated, axis=0) > 0)).tolist()
    agreement = compare_linkage(real, generated, sites)
    assert agreement is not None
    decay = agreement.decay
    assert decay is not None
    found: list[list[float]] = [[] for _ in range(BINS)]
    for one in kept:
        for two in kept:
            if two > one and names[one] == names[two]:
                distance = sites.positions[two] - sites.positions[one]
                place = min(BINS - 1, int((distance >= decay.edges[1:-1]).sum()))
                found[place].append(counted_r2(real, one, two))
    assert decay.pairs.tolist() == [len(values) for values in found]
    means = [np.mean(values) if values else np.nan for values in found]
    assert decay.real == pytest.approx(np.array(means), abs=1e-5, nan_ok=True)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    people = simulated()
    whole = compare_linkage(people.alleles[::2], people.alleles[1::2], people.sites)
    monkeypatch.setattr("dnagpt.evaluation.haplotypes.linkage._BLOCK", 7)
    blocks = compare_linkage(people.alleles[::2], people.alleles[1::2], people.sites)
    assert whole is not None
    assert blocks is not None
    assert whole.full_correlation == pytest.approx(blocks.full_correlation, abs=1e-6)
    assert whole.decay is not None
    assert blocks.decay is not None
    assert whole.decay.pairs.tolist() == blocks.decay.pairs.tolist()
