"""Whether generated haplotypes keep the secrets of the people that a model was trained on.

Shapes: T training, H held-out and M generated haplotypes, S sites, Q quantiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotype_distances import Distances, SetDistances, distance_matrix, nearest
from dnagpt.evaluation.ranking import area_under_roc, score_order
from dnagpt.evaluation.shared_stretches import SharedStretches, shared_stretches
from dnagpt.genome.haplotypes import Alleles, Sites

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
    """Standard deviation of that difference over the draws of `size` haplotypes."""
    membership_auc: float
    """Area under the ROC curve of an attack that takes for members whose nearest generated neighbour is near: 0.5 is
    ideal."""
    training_copies: int
    """Generated haplotypes that equal one of the whole training set."""
    held_out_copies: int
    """Generated haplotypes that equal one of the whole held-out set."""
    training_stretches: SharedStretches
    """Runs of sites shared with the training set, thinned to `size` haplotypes."""
    held_out_stretches: SharedStretches
    """Runs of sites shared with the held-out set, thinned to `size` haplotypes."""


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
    true, made = (side[_draw(len(side), size, generator)] for side in (truth, synthetic))
    return _accuracy(SetDistances.of(true, made))


def known_accuracy(distances: SetDistances, *, seed: int = 0) -> AdversarialAccuracy:
    """Do the same as `adversarial_accuracy` with distances that are known already, the true set first."""
    counts = distances.between.shape
    if counts[0] == counts[1]:
        return _accuracy(distances)
    generator = np.random.default_rng(seed)
    return _accuracy(distances.take(*(_draw(count, min(counts), generator) for count in counts)))


def measure_privacy(
    training: Alleles, held_out: Alleles, generated: Alleles, sites: Sites, *, seed: int = 0
) -> Privacy:
    """Compare generated haplotypes (M, S) with those of training (T, S) and those held out (H, S).

    AATS needs sets of one size, so all three are thinned to the smallest one, `DRAWS` times, and the means are given.
    The attack (Hilprecht et al. 2019; Yelmen et al. 2021 give its neighbours as AATS) asks for all people how far their
    nearest generated haplotype is. Copies are counted in full.

    >>> people = np.random.default_rng(0).integers(2, size=(30, 12), dtype=np.uint8)
    >>> sites = Sites(["1"] * 12, np.arange(12), ["."] * 12, ["A"] * 12, ["G"] * 12)
    >>> stolen = measure_privacy(people[:20], people[20:], people[:20], sites)
    >>> stolen.membership_auc, stolen.training_copies, stolen.privacy_loss > 0
    (1.0, 20, True)
    """
    size = min(len(training), len(held_out), len(generated))
    generator = np.random.default_rng(seed)
    made = distance_matrix(generated, generated)
    against = [
        SetDistances(distance_matrix(people, people), made, distance_matrix(people, generated), len(sites))
        for people in (training, held_out)
    ]
    draws: list[list[AdversarialAccuracy]] = [[], []]
    for _ in range(DRAWS):
        synthetic = _draw(len(generated), size, generator)
        for known, side in zip(draws, against, strict=True):
            known.append(_accuracy(side.take(_draw(len(side.first), size, generator), synthetic)))
    losses = [unseen.score - seen.score for seen, unseen in zip(*draws, strict=True)]
    distances = [nearest(side.between, itself=False) for side in against]
    stretches = [
        shared_stretches(generated, people[_draw(len(people), size, generator)], sites)
        for people in (training, held_out)
    ]
    return Privacy(
        training=_mean(draws[0]),
        held_out=_mean(draws[1]),
        privacy_loss=float(np.mean(losses)),
        privacy_loss_deviation=float(np.std(losses)),
        membership_auc=_attack(*distances),
        training_copies=_copies(against[0].between),
        held_out_copies=_copies(against[1].between),
        training_stretches=stretches[0],
        held_out_stretches=stretches[1],
    )


def _draw(count: int, size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw `size` of `count` haplotypes, in their order; all of them where that is all there are."""
    return np.sort(generator.choice(count, size=size, replace=False))


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


def _copies(people_by_generated: Distances) -> int:
    return int((people_by_generated == 0).any(axis=0).sum())
