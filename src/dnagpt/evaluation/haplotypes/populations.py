"""Whether generated haplotypes have the populations of real ones, and whether a classifier can tell the sets apart.

Shapes: N real and M generated haplotypes, S sites, P populations, K neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.similarity import Floats
from dnagpt.evaluation.metrics.ranking import area_under_roc, score_order
from dnagpt.files.optional import needs_extra
from dnagpt.haplotypes.values import Alleles, Haplotypes

NEIGHBOURS = 20
"""Nearest real haplotypes that vote on a population."""
COMPONENTS = 6
"""Principal components of the real haplotypes among which neighbours are sought."""
SET_ASIDE = 0.3
"""Share of people set aside, of whom a classifier or the neighbours have not seen anything."""
FEWEST_PEOPLE = 10
"""People of a set below which no classifier is taught, and no neighbours vote."""
_SHRINKAGE = 100.0  # of the ridge classifier, as there may be more features than haplotypes
_ROWS = 1024

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Discrimination:
    """A classifier two-sample test: a model taught to tell generated from real haplotypes, asked about others."""

    accuracy: float
    """Share of unseen haplotypes that it sorts rightly; 0.5 is ideal, both sets being equally large."""
    auc: float
    """Area under its ROC curve; 0.5 is ideal."""
    tested: int
    """Unseen haplotypes, half of them generated; both haplotypes of a person stood on one side."""


@dataclass(frozen=True)
class LabelAccuracy:
    """Whether the nearest real haplotypes of a haplotype are of its own population."""

    generated: float
    """Share of generated haplotypes most of whose nearest real ones are of the population they were generated for."""
    real: float
    """The same of real haplotypes that were set aside: what can be expected."""
    generated_by_population: Mapping[str, float]
    """The share of generated haplotypes, population by population."""
    real_by_population: Mapping[str, float]
    """The share of real ones set aside."""
    neighbours: int
    """K, how many nearest real haplotypes vote."""


@dataclass(frozen=True)
class PopulationAgreement:
    """Populations of generated haplotypes beside those of real ones."""

    fst: float
    """Hudson's Fst between all generated and all real haplotypes: 0 is ideal."""
    discrimination: Discrimination | None
    """Telling generated from real haplotypes, whatever their population; None with too few people."""
    fst_by_population: Mapping[str, float]
    """Hudson's Fst between generated and real haplotypes of each population; empty where populations are not known."""
    real_fst: Mapping[str, float]
    """Hudson's Fst between each two real populations, `A-B`: the scale of what divides people."""
    generated_fst: Mapping[str, float]
    """The same between generated populations."""
    labels: LabelAccuracy | None
    """Neighbours by population; None where the populations of a set are not known, or with too few people."""


def compare_populations(
    real: Haplotypes,
    generated: Haplotypes,
    *,
    reference: Haplotypes | None = None,
    aside: Haplotypes | None = None,
    seed: int = 0,
) -> PopulationAgreement:
    """Compare the populations of real (N, S) and generated (M, S) haplotypes, and tell both sets apart.

    Neighbours are sought among the `reference` people, and what can be expected is measured on those `aside`; where
    they are not given with populations, `SET_ASIDE` of the real people are set aside. InputError where haplotypes were
    generated for a population that no real one is of.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["1"] * 2, np.arange(2), ["."] * 2, ["A"] * 2, ["G"] * 2)
    >>> alleles = np.array([[0, 0], [0, 1], [1, 1], [1, 1]], dtype=np.uint8)
    >>> people = Haplotypes(alleles, sites, ["a", "a", "b", "b"], ["X", "X", "Y", "Y"])
    >>> compare_populations(people, people).real_fst
    {'X-Y': 0.6666666666666666}
    """
    if real.populations is not None and generated.populations is not None:
        _check_names(real.populations, generated.populations)
    if reference is None or aside is None or reference.populations is None or aside.populations is None:
        kept, other = _split_people(real.individuals, seed)
        reference, aside = real.take(kept), real.take(other)
    enough = min(len(set(side.individuals)) for side in (real, generated)) >= FEWEST_PEOPLE
    return PopulationAgreement(
        fst=hudson_fst(real.alleles, generated.alleles),
        discrimination=_discriminate(real, generated, seed) if enough else None,
        fst_by_population=_fst_by_population(real, generated),
        real_fst=_fst_between(real),
        generated_fst=_fst_between(generated),
        labels=label_accuracy(reference, aside, generated, seed=seed) if enough else None,
    )


def hudson_fst(left: Alleles, right: Alleles) -> float:
    """Give Hudson's Fst between two sets of haplotypes (N, S) and (M, S), as a ratio of sums over sites.

    Formula: Hudson et al. 1992 as in Bhatia et al. 2013, Genome Research 23:1514, equation 10; slightly below 0 where
    the sets differ less than two draws of one population do; nan where no site varies.

    >>> hudson_fst(np.array([[0], [0]], dtype=np.uint8), np.array([[1], [1]], dtype=np.uint8))
    1.0
    """
    p, q = (side.mean(axis=0, dtype=np.float64) for side in (left, right))
    within = p * (1 - p) / max(1, len(left) - 1) + q * (1 - q) / max(1, len(right) - 1)
    across = float((p * (1 - q) + q * (1 - p)).sum())
    return float(((p - q) ** 2 - within).sum()) / across if across else float("nan")


def label_accuracy(
    reference: Haplotypes, aside: Haplotypes, generated: Haplotypes, *, seed: int = 0
) -> LabelAccuracy | None:
    """Ask whether the nearest `reference` haplotypes are of the right population, for real people aside and generated.

    All are laid on the first principal components of the reference, and the `NEIGHBOURS` nearest vote; equal votes go
    to the population that comes first by name. None where populations are not known, or no site varies.
    """
    known = reference.populations, aside.populations, generated.populations
    if known[0] is None or known[1] is None or known[2] is None:
        return None
    varying = reference.alleles.min(axis=0) != reference.alleles.max(axis=0)
    count = min(COMPONENTS, len(reference) - 1, int(varying.sum()))
    if not count:
        return None
    with needs_extra("report", "populations by neighbours"):
        from sklearn.decomposition import PCA
    analysis = PCA(n_components=count, random_state=seed).fit(reference.alleles.astype(np.float32))
    places = [analysis.transform(side.alleles.astype(np.float32)) for side in (reference, aside, generated)]
    neighbours = min(NEIGHBOURS, len(reference))
    right = [
        _vote(points, places[0], known[0], neighbours) == np.array(names)
        for points, names in ((places[1], known[1]), (places[2], known[2]))
    ]
    return LabelAccuracy(
        generated=float(right[1].mean()),
        real=float(right[0].mean()),
        generated_by_population=_shares(right[1], known[2]),
        real_by_population=_shares(right[0], known[1]),
        neighbours=neighbours,
    )


def _check_names(real: Sequence[str], generated: Sequence[str]) -> None:
    strangers = sorted(set(generated) - set(real))
    if strangers:
        raise InputError(
            f"Haplotypes were generated for the population {strangers[0]}, of which there is no real haplotype "
            f"(there are {', '.join(sorted(set(real)))}). Give both sets the same names of populations."
        )


def _split_people(individuals: Sequence[str], seed: int) -> tuple[Places, Places]:
    """Set people aside at random, with all their haplotypes: places of those kept and of those set aside."""
    people = sorted(set(individuals))
    order = np.random.default_rng(seed).permutation(len(people))
    gone = {people[place] for place in order[: round(SET_ASIDE * len(people))]}
    aside = np.array([person in gone for person in individuals], dtype=bool)
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def _discriminate(real: Haplotypes, generated: Haplotypes, seed: int) -> Discrimination:
    """Teach a ridge classifier on alleles and neighbouring pairs of alleles to tell the sets apart.

    Classifier two-sample test: Lopez-Paz and Oquab 2017, ICLR. The product of neighbouring alleles lets the classifier
    see whether neighbours go together, to which one on alleles alone is blind.
    """
    with needs_extra("report", "telling generated from real haplotypes"):
        from sklearn.linear_model import RidgeClassifier
    generator = np.random.default_rng(seed)
    split = [_split_people(side.individuals, seed) for side in (real, generated)]
    features, answers = [], []
    for part in range(2):
        size = min(len(places[part]) for places in split)
        drawn = [generator.choice(places[part], size, replace=False) for places in split]
        features.append(np.concatenate([_pair_features(side.alleles[rows]) for side, rows in
                                        zip((real, generated), drawn, strict=True)]))  # fmt: skip
        answers.append(np.repeat([0, 1], size))
    model = RidgeClassifier(alpha=_SHRINKAGE).fit(features[0], answers[0])
    scores = model.decision_function(features[1])
    auc = area_under_roc(score_order(scores), answers[1], np.ones((1, len(scores))))[0]
    return Discrimination(float(((scores > 0) == answers[1]).mean()), float(auc), len(scores))


def _pair_features(alleles: Alleles) -> NDArray[np.float32]:
    """Write alleles as -1 and 1, and after them whether neighbours are equal: (N, 2 S - 1)."""
    signs = alleles.astype(np.float32) * 2 - 1
    return np.concatenate([signs, signs[:, 1:] * signs[:, :-1]], axis=1)


def _by_population(haplotypes: Haplotypes) -> dict[str, Alleles]:
    """Give the haplotypes of each population that has two at least."""
    if haplotypes.populations is None:
        return {}
    names = np.array(haplotypes.populations)
    chosen = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
    return {name: haplotypes.alleles[places] for name, places in chosen.items() if len(places) > 1}


def _fst_by_population(real: Haplotypes, generated: Haplotypes) -> dict[str, float]:
    true, made = _by_population(real), _by_population(generated)
    return {name: hudson_fst(true[name], made[name]) for name in true if name in made}


def _fst_between(haplotypes: Haplotypes) -> dict[str, float]:
    sets = _by_population(haplotypes)
    return {f"{one}-{two}": hudson_fst(sets[one], sets[two]) for one, two in combinations(sets, 2)}


def _vote(points: Floats, reference: Floats, populations: Sequence[str], neighbours: int) -> NDArray[np.str_]:
    """Give the most frequent population among the nearest reference points of each point."""
    names, codes = np.unique(np.array(populations), return_inverse=True)
    votes = np.zeros((len(points), len(names)), dtype=np.int64)
    for start in range(0, len(points), _ROWS):
        block = points[start : start + _ROWS]
        squares = (block**2).sum(axis=1)[:, None] - 2 * block @ reference.T + (reference**2).sum(axis=1)
        nearest = np.argpartition(squares, neighbours - 1, axis=1)[:, :neighbours]
        for code in range(len(names)):
            votes[start : start + _ROWS, code] = (codes[nearest] == code).sum(axis=1)
    return np.asarray(names[votes.argmax(axis=1)])


def _shares(right: NDArray[np.bool_], populations: Sequence[str]) -> dict[str, float]:
    names = np.array(populations)
    return {str(name): float(right[names == name].mean()) for name in np.unique(names)}
