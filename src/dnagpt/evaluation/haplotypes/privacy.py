"""Whether generated haplotypes keep the secrets of the people that a model was trained on.

Shapes: T training, H held-out and M generated haplotypes, S sites, Q quantiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.distances import SetDistances, nearest
from dnagpt.evaluation.haplotypes.shared_stretches import SharedStretches, shared_stretches
from dnagpt.evaluation.metrics.ranking import area_under_roc, score_order
from dnagpt.haplotypes.values import Alleles, Haplotypes

DRAWS = 20
"""How often sets are thinned to one size; AATS against training and held-out people is the mean over these draws."""


@dataclass(frozen=True)
class AdversarialAccuracy:
    """Nearest-neighbour adversarial accuracy (AATS): whether true and synthetic haplotypes keep to themselves."""

    score: float
    """Mean of both parts: 0.5 is ideal, below it the synthetic set hugs the true one, above it they lie apart."""
    truth: float
    """Share of true haplotypes that are nearer to another true one than to any synthetic one."""
    synthetic: float
    """Share of synthetic haplotypes that are nearer to another synthetic one than to any true one."""
    size: int
    """Haplotypes in each set; a larger set was thinned at random to the size of the smaller one."""


@dataclass(frozen=True, eq=False)
class Privacy:
    """What generated haplotypes give away of the training set that they do not give away of people never seen."""

    training: AdversarialAccuracy
    """Against the training set, mean over draws."""
    held_out: AdversarialAccuracy
    """Against the held-out set, at the same size, mean over the same draws."""
    privacy_loss: float
    """AATS of the held-out set minus that of the training set: 0 is ideal, above it the training set is hugged."""
    privacy_loss_deviation: float
    """Standard deviation of that difference between random parts of all these people: what chance alone makes of it."""
    membership_auc: float
    """Area under the ROC curve of an attack that takes for members whose nearest generated neighbour is near: 0.5 is
    ideal."""
    training_copies: int
    """Generated haplotypes that equal one of the whole training set."""
    held_out_copies: int
    """Generated haplotypes that equal one of the whole held-out set."""
    training_stretches: SharedStretches
    """Runs of sites that generated haplotypes share with anybody of the whole training set."""
    held_out_stretches: SharedStretches
    """Runs of sites that held-out people share with anybody of the whole training set: what is usual among people."""


def adversarial_accuracy(truth: Alleles, synthetic: Alleles, *, seed: int = 0) -> AdversarialAccuracy:
    """Measure AATS of synthetic (M, S) against true (N, S) haplotypes, the larger set thinned to the smaller one.

    AA_truth is the share of true haplotypes whose nearest synthetic one is farther than their nearest other true one,
    AA_syn the same with the sets exchanged, AATS their mean; a tie counts as not farther. Definition: Yale et al. 2020,
    Neurocomputing 416:244, as used by Yelmen et al. 2021.

    >>> truth = np.array([[0, 0, 0, 0], [0, 0, 0, 1]], dtype=np.uint8)
    >>> adversarial_accuracy(truth, 1 - truth)
    AdversarialAccuracy(score=1.0, truth=1.0, synthetic=1.0, size=2)
    >>> adversarial_accuracy(truth, truth).score
    0.0
    """
    size = min(len(truth), len(synthetic))
    generator = np.random.default_rng(seed)
    true, made = (side[_draw(np.arange(len(side)), size, generator)] for side in (truth, synthetic))
    return _accuracy(SetDistances.of(true, made))


def known_accuracy(distances: SetDistances, *, seed: int = 0) -> AdversarialAccuracy:
    """Do the same as `adversarial_accuracy` with distances that are known already, the true set first."""
    counts = distances.between.shape
    if counts[0] == counts[1]:
        return _accuracy(distances)
    generator = np.random.default_rng(seed)
    return _accuracy(distances.take(*(_draw(np.arange(count), min(counts), generator) for count in counts)))


def measure_privacy(training: Haplotypes, held_out: Haplotypes, generated: Haplotypes, *, seed: int = 0) -> Privacy:
    """Compare generated haplotypes (M, S) with those of training (T, S) and those held out (H, S).

    AATS needs sets of one size, so all three are thinned to the smallest one, `DRAWS` times, and the means are given.
    As often, all people are dealt anew to two sets, which shows how far chance alone drives both apart. The attack asks
    for all people how far their nearest generated haplotype is (Hilprecht et al. 2019, PoPETs 2019:232, with one
    neighbour). Copies and runs are those of the whole sets. Privacy loss: Yale et al. 2020, Neurocomputing 416:244.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["1"] * 12, np.arange(12), ["."] * 12, ["A"] * 12, ["G"] * 12)
    >>> alleles = np.random.default_rng(0).integers(2, size=(30, 12), dtype=np.uint8)
    >>> people = Haplotypes(alleles, sites, [f"p{i}" for i in range(30)])
    >>> stolen = measure_privacy(people.take(range(20)), people.take(range(20, 30)), people.take(range(20)))
    >>> stolen.membership_auc, stolen.training_copies, stolen.privacy_loss > 0
    (1.0, 20, True)
    """
    everybody = np.concatenate([training.alleles, held_out.alleles])
    known = SetDistances.of(everybody, generated.alleles)
    member = np.arange(len(everybody)) < len(training)
    size = min(len(training), len(held_out), len(generated))
    generator = np.random.default_rng(seed)
    people = [*training.individuals, *held_out.individuals]
    measured = _both_accuracies(known, [member] * DRAWS, size, generator)
    dealt = [_deal(people, len(training), generator) for _ in range(DRAWS)]
    chance = _both_accuracies(known, dealt, size, generator)
    nearest_made = nearest(known.between, itself=False)
    copied = known.between == 0
    return Privacy(
        training=_mean([seen for seen, _ in measured]),
        held_out=_mean([unseen for _, unseen in measured]),
        privacy_loss=float(np.mean(_losses(measured))),
        privacy_loss_deviation=float(np.std(_losses(chance), ddof=1)),
        membership_auc=_attack(nearest_made[member], nearest_made[~member]),
        training_copies=int(copied[member].any(axis=0).sum()),
        held_out_copies=int(copied[~member].any(axis=0).sum()),
        training_stretches=shared_stretches(generated.alleles, training.alleles, training.sites),
        held_out_stretches=shared_stretches(held_out.alleles, training.alleles, training.sites),
    )


def _both_accuracies(
    known: SetDistances, divisions: Sequence[NDArray[np.bool_]], size: int, generator: np.random.Generator
) -> list[tuple[AdversarialAccuracy, AdversarialAccuracy]]:
    """Measure AATS of one draw of each division of the people: against those marked, and against the others."""
    pairs = []
    for marked in divisions:
        synthetic = _draw(np.arange(known.between.shape[1]), size, generator)
        sides = [_draw(np.flatnonzero(side), size, generator) for side in (marked, ~marked)]
        seen, unseen = (_accuracy(known.take(side, synthetic)) for side in sides)
        pairs.append((seen, unseen))
    return pairs


def _losses(pairs: list[tuple[AdversarialAccuracy, AdversarialAccuracy]]) -> list[float]:
    return [unseen.score - seen.score for seen, unseen in pairs]


def _deal(people: Sequence[str], first: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Deal people at random to a set of `first` haplotypes and another one; one person at most is in both."""
    names, of = np.unique(np.array(people), return_inverse=True)
    place = np.empty(len(names), dtype=np.int64)
    place[generator.permutation(len(names))] = np.arange(len(names))
    order = np.argsort(place[of], kind="stable")
    chosen = np.zeros(len(people), dtype=bool)
    chosen[order[:first]] = True
    return chosen


def _draw(places: NDArray[np.int64], size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw `size` of these places, in their order; all of them where that is all there are."""
    return np.sort(generator.choice(places, size=size, replace=False))


def _accuracy(distances: SetDistances) -> AdversarialAccuracy:
    """Count who is nearer to their own kind, in two sets of one size."""
    across = distances.between
    truth = float((nearest(across, itself=False) > nearest(distances.first, itself=True)).mean())
    synthetic = float((nearest(across.T, itself=False) > nearest(distances.second, itself=True)).mean())
    return AdversarialAccuracy((truth + synthetic) / 2, truth, synthetic, len(across))


def _mean(draws: list[AdversarialAccuracy]) -> AdversarialAccuracy:
    truth, synthetic = (float(np.mean([getattr(draw, part) for draw in draws])) for part in ("truth", "synthetic"))
    return AdversarialAccuracy((truth + synthetic) / 2, truth, synthetic, draws[0].size)


def _attack(members: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    """Rank everybody by nearness to a generated haplotype, and give the area under the ROC curve of being a member."""
    scores = -np.concatenate([members, others])
    belongs = np.repeat([1, 0], [len(members), len(others)])
    return float(area_under_roc(score_order(scores), belongs, np.ones((1, len(scores))))[0])
