import allel
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from tests.evaluation.haplotypes.simulated import people, random_alleles, simulated

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.populations import compare_populations, hudson_fst, label_accuracy


def test_fst_is_that_of_scikit_allel() -> None:
    everybody = simulated()
    sets = everybody.alleles[:150], everybody.alleles[200:]
    counts = [allel.HaplotypeArray(side.T.view(np.int8)).count_alleles(max_allele=1) for side in sets]
    above, below = allel.hudson_fst(*counts)
    assert hudson_fst(*sets) == pytest.approx(above.sum() / below.sum())
    assert hudson_fst(*sets) > 0.02


def test_fst_of_sites_without_variation_is_undefined() -> None:
    assert np.isnan(hudson_fst(np.zeros((3, 2), dtype=np.uint8), np.zeros((4, 2), dtype=np.uint8)))


def test_fst_within_a_population_is_small_beside_that_between_them() -> None:
    everybody = simulated()
    generated = everybody.take(range(0, 400, 2))
    agreement = compare_populations(everybody.take(range(1, 400, 2)), generated)
    assert list(agreement.real_fst) == ["one-two"]
    assert all(abs(value) < agreement.real_fst["one-two"] / 5 for value in agreement.fst_by_population.values())
    assert set(agreement.fst_by_population) == {"one", "two"}


def test_halves_of_one_population_cannot_be_told_apart() -> None:
    alleles = random_alleles(800, 50, 0)
    agreement = compare_populations(people(alleles[:400]), people(alleles[400:]))
    assert agreement.discrimination is not None
    assert agreement.discrimination.accuracy == pytest.approx(0.5, abs=0.1)
    assert agreement.discrimination.tested == 240


def test_independent_sites_are_told_from_linked_ones_whose_frequencies_they_share() -> None:
    everybody = simulated()
    independent = people(np.random.default_rng(0).permuted(everybody.alleles, axis=0), everybody.sites)
    agreement = compare_populations(everybody, independent)
    assert agreement.fst == pytest.approx(0, abs=0.01)
    assert agreement.discrimination is not None
    assert agreement.discrimination.accuracy > 0.95
    assert agreement.discrimination.auc > 0.98


def test_neighbours_vote_as_those_of_scikit_learn() -> None:
    everybody = simulated()
    parts = [everybody.take(np.flatnonzero(np.arange(400) // 2 % 3 == part)) for part in range(3)]
    found = label_accuracy(*parts)
    assert found is not None
    model = PCA(6, random_state=0).fit(parts[0].alleles.astype(np.float32))
    points = [model.transform(part.alleles.astype(np.float32)) for part in parts]
    votes = KNeighborsClassifier(20).fit(points[0], parts[0].populations)
    assert found.real == pytest.approx(votes.score(points[1], parts[1].populations))
    assert found.generated == pytest.approx(votes.score(points[2], parts[2].populations))
    assert found.generated > 0.8


def test_wrong_labels_show_by_population() -> None:
    everybody = simulated()
    wrong = people(everybody.alleles, everybody.sites, ["one"] * 400)
    agreement = compare_populations(everybody, wrong)
    assert agreement.labels is not None
    assert agreement.labels.real > 0.8
    assert agreement.labels.generated == pytest.approx(0.5, abs=0.1)
    assert list(agreement.labels.generated_by_population) == ["one"]
    assert set(agreement.labels.real_by_population) == {"one", "two"}
    assert agreement.generated_fst == {}


def test_unknown_populations_are_left_out_and_strange_ones_refused() -> None:
    everybody = simulated()
    unknown = people(everybody.alleles, everybody.sites)
    agreement = compare_populations(everybody, unknown)
    assert agreement.labels is None
    assert agreement.fst_by_population == {}
    with pytest.raises(InputError, match=r"population three, of which there is no real haplotype \(there are one, two"):
        compare_populations(everybody, people(everybody.alleles, everybody.sites, ["three"] * 400))


def test_a_handful_of_people_is_too_few() -> None:
    few = people(random_alleles(10, 20, 0), populations=["x"] * 10)
    agreement = compare_populations(few, few)
    assert agreement.discrimination is None
    assert agreement.labels is None
