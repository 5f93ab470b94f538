import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from tests.evaluation.haplotypes.simulated import people, random_alleles, simulated

from dnagpt.evaluation.haplotypes.distances import SetDistances
from dnagpt.evaluation.haplotypes.privacy import adversarial_accuracy, known_accuracy, measure_privacy
from dnagpt.haplotypes.values import Alleles


def counted_accuracy(truth: Alleles, synthetic: Alleles) -> tuple[float, float]:
    """AA_truth and AA_syn from their definition, one haplotype at a time."""

    def parts(own: Alleles, other: Alleles) -> float:
        within, across = cdist(own, own, "cityblock"), cdist(own, other, "cityblock")
        np.fill_diagonal(within, np.inf)
        return float(np.mean(across.min(axis=1) > within.min(axis=1)))

    return parts(truth, synthetic), parts(synthetic, truth)


def test_accuracy_is_that_of_its_definition() -> None:
    truth, synthetic = simulated().alleles[::2], simulated(2).alleles[1::2, : simulated().alleles.shape[1]]
    found = adversarial_accuracy(truth, synthetic)
    assert (found.truth, found.synthetic) == counted_accuracy(truth, synthetic)
    assert found.score == (found.truth + found.synthetic) / 2


def test_accuracy_worked_by_hand() -> None:
    truth = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]], dtype=np.uint8)
    synthetic = np.array([[0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]], dtype=np.uint8)
    # Nearest synthetic 0, 1, 1 away against nearest other true 1, 1, 3: no one is nearer to a true one; a tie is not.
    # Nearest true 0, 1, 2 away against nearest other synthetic 2, 1, 1: the last one alone.
    found = adversarial_accuracy(truth, synthetic)
    assert (found.truth, found.size) == (0, 3)
    assert found.synthetic == pytest.approx(1 / 3)


def test_two_draws_of_one_population_cannot_be_told_apart() -> None:
    alleles = random_alleles(1000, 60, 0)
    found = adversarial_accuracy(alleles[:400], alleles[400:])
    assert found.size == 400
    assert found.score == pytest.approx(0.45, abs=0.07)  # ties count as not farther, which takes some off 0.5


def test_known_distances_give_the_same_accuracy() -> None:
    truth, synthetic = random_alleles(40, 30, 0), random_alleles(40, 30, 1)
    assert known_accuracy(SetDistances.of(truth, synthetic)) == adversarial_accuracy(truth, synthetic)
    more = random_alleles(90, 30, 2)
    assert known_accuracy(SetDistances.of(more, synthetic), seed=3) == adversarial_accuracy(more, synthetic, seed=3)


def test_copying_the_training_set_is_found_out() -> None:
    everybody = simulated()
    training, held_out = everybody.take(range(200)), everybody.take(range(200, 400))
    privacy = measure_privacy(training, held_out, people(training.alleles, training.sites))
    assert privacy.training.score == 0
    assert privacy.privacy_loss > 5 * privacy.privacy_loss_deviation
    assert privacy.membership_auc > 0.95  # some people carry the same haplotype
    assert privacy.training_copies == 200
    assert privacy.held_out_copies < 20
    assert privacy.training_stretches.quantiles[0] == 0
    assert (privacy.training_stretches.sites == everybody.alleles.shape[1]).all()
    assert privacy.held_out_stretches.mean_sites < privacy.training_stretches.mean_sites


def test_people_never_seen_are_not_given_away() -> None:
    everybody = simulated()
    order = np.random.default_rng(0).permutation(200)
    parts = [everybody.take(np.ravel([(2 * p, 2 * p + 1) for p in order[part::4]])) for part in range(4)]
    generated = people(np.concatenate([parts[2].alleles, parts[3].alleles]), everybody.sites)
    privacy = measure_privacy(parts[0], parts[1], generated)
    assert privacy.training.size == privacy.held_out.size == 100
    assert abs(privacy.privacy_loss) < 4 * privacy.privacy_loss_deviation
    assert privacy.membership_auc == pytest.approx(0.5, abs=0.15)


def test_attack_is_the_roc_area_of_the_nearest_neighbour() -> None:
    training, held_out, generated = (people(random_alleles(count, 25, count)) for count in (30, 20, 40))
    distances = [cdist(side.alleles, generated.alleles, "cityblock").min(axis=1) for side in (training, held_out)]
    expected = roc_auc_score([1] * 30 + [0] * 20, -np.concatenate(distances))
    assert measure_privacy(training, held_out, generated).membership_auc == pytest.approx(expected)


def test_the_same_seed_gives_the_same_numbers() -> None:
    sets = [people(random_alleles(count, 25, count)) for count in (30, 20, 40)]
    first, again, other = (measure_privacy(*sets, seed=seed) for seed in (1, 1, 2))
    assert first.privacy_loss == again.privacy_loss
    assert first.training != other.training


def test_runs_are_those_shared_with_the_whole_training_set() -> None:
    """Copies of a large training set are not hidden by held-out people being few."""
    everybody = people(random_alleles(240, 100, 4), simulated().sites.take(range(100)))
    training, held_out = everybody.take(range(220)), everybody.take(range(220, 240))
    privacy = measure_privacy(training, held_out, everybody.take(range(100, 120)))
    assert privacy.training_stretches.mean_sites == 100
    assert privacy.training_stretches.panel == 220
    assert privacy.held_out_stretches.mean_sites < 30
