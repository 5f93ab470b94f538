"""Several sets of haplotypes measured against the same real ones: generated sets, baselines, and real halves.

One line: `real + generated sets -> each, and each baseline, measured -> table, figures, page`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnagpt.baselines.haplotypes import sample_independent, sample_markov_sites, sample_mosaics
from dnagpt.evaluation.haplotypes.linkage import varies
from dnagpt.evaluation.haplotypes.quality import HaplotypeQuality, measure_haplotypes
from dnagpt.haplotypes.values import Haplotypes

Kind = Literal["generated", "baseline", "limit"]
Sampler = Callable[[Haplotypes, int, int], Haplotypes]
"""A baseline: training haplotypes, how many to draw, and a seed in; haplotypes out."""
INDEPENDENT, MARKOV_5, MARKOV_10, MOSAICS = "independent sites", "Markov, 5 sites", "Markov, 10 sites", "Li-Stephens"
LIMIT = "real halves"
NAMES_OF_OTHERS = ("real", INDEPENDENT, MARKOV_5, MARKOV_10, MOSAICS, LIMIT)
"""What no generated set can be called."""


@dataclass(frozen=True, eq=False)
class ComparedSet:
    """One set of haplotypes, measured against the real ones."""

    name: str
    """What people call it: the name of its file, or of the baseline."""
    kind: Kind
    """`generated`: what is judged; `baseline`: needs no model; `limit`: as good as as many real people can be."""
    quality: HaplotypeQuality
    """All that was measured."""


def baselines(morgans: NDArray[np.float64] | None) -> dict[str, Sampler]:
    """Name the baselines; mosaics only where the sites' places on a genetic map are known.

    >>> list(baselines(None))
    ['independent sites', 'Markov, 5 sites', 'Markov, 10 sites']
    """
    found: dict[str, Sampler] = {
        INDEPENDENT: lambda training, count, seed: sample_independent(training, count, seed=seed),
        MARKOV_5: lambda training, count, seed: sample_markov_sites(training, count, order=5, seed=seed),
        MARKOV_10: lambda training, count, seed: sample_markov_sites(training, count, order=10, seed=seed),
    }
    if morgans is not None:
        found[MOSAICS] = lambda training, count, seed: sample_mosaics(training, count, morgans=morgans, seed=seed)
    return found


def compare_sets(
    real: Haplotypes,
    generated: Mapping[str, Haplotypes],
    *,
    training: Haplotypes | None = None,
    held_out: Haplotypes | None = None,
    beside: Mapping[str, Sampler],
    limit: bool = True,
    seed: int = 0,
) -> Iterator[ComparedSet]:
    """Measure every generated set, then every baseline, then one half of the real people against the other.

    Baselines are fitted on the training haplotypes, or on the real ones where no training set is named, and draw as
    many haplotypes as the largest generated set has. The halves are of people: both haplotypes of one stand on one
    side. They have no training set, so nothing of privacy is measured for them.

    All sets have the sites of `real` (`haplotype_quality.measure_haplotypes`). Linkage is compared at sites that vary
    in the real and in every generated set, so that a set cannot gain by losing sites.
    """
    linked = np.logical_and.reduce([varies(one.alleles) for one in (real, *generated.values())])
    for name, one in generated.items():
        quality = measure_haplotypes(real, one, training=training, held_out=held_out, linked=linked, seed=seed)
        yield ComparedSet(name, "generated", quality)
    count = max((len(one) for one in generated.values()), default=len(real))
    for name, sampler in beside.items():
        drawn = sampler(real if training is None else training, count, seed)
        quality = measure_haplotypes(real, drawn, training=training, held_out=held_out, linked=linked, seed=seed)
        yield ComparedSet(name, "baseline", quality)
    if limit:
        yield ComparedSet(LIMIT, "limit", measure_haplotypes(*real_halves(real, seed), linked=linked, seed=seed))


def real_halves(real: Haplotypes, seed: int) -> tuple[Haplotypes, Haplotypes]:
    """Divide people at random in two halves that share nobody.

    >>> from dnagpt.haplotypes.values import Sites
    >>> real = Haplotypes(
    ...     np.zeros((8, 0), dtype=np.uint8), Sites([], np.zeros(0, dtype=np.int64), [], [], []), "AABBCCDD"
    ... )
    >>> one, other = real_halves(real, seed=0)
    >>> len(one), len(other), set(one.individuals) & set(other.individuals)
    (4, 4, set())
    """
    people = list(dict.fromkeys(real.individuals))
    order = np.random.default_rng(seed).permutation(len(people))
    first = {people[place] for place in order[: len(people) // 2]}
    sides = np.array([person in first for person in real.individuals])
    return real.take(np.flatnonzero(sides)), real.take(np.flatnonzero(~sides))
