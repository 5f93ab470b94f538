"""Small sets of haplotypes with linkage and two populations, and generated ones to compare with them."""

from functools import cache

import numpy as np

from dnagpt.baselines.haplotypes import sample_independent, sample_mosaics
from dnagpt.evaluation.haplotypes.comparison import ComparedSet, baselines, compare_sets
from dnagpt.haplotypes.values import Haplotypes, Sites

PEOPLE, SITES = 60, 48


@cache
def real_haplotypes() -> Haplotypes:
    """60 people of two populations at 48 sites of two contigs; alleles turn over along mosaics of 8 founders."""
    generator = np.random.default_rng(7)
    founders = generator.random((8, SITES)) < generator.uniform(0.1, 0.9, SITES)
    of = np.repeat([0, 1], PEOPLE)[:, None] * 4 + generator.integers(4, size=(2 * PEOPLE, SITES // 6)).repeat(6, axis=1)
    alleles = (founders[of, np.arange(SITES)] ^ (generator.random((2 * PEOPLE, SITES)) < 0.02)).astype(np.uint8)
    people = [f"HG{row // 2:03d}" for row in range(2 * PEOPLE)]
    return Haplotypes(alleles, sites(), people, [("north", "south")[row // PEOPLE] for row in range(2 * PEOPLE)])


def sites() -> Sites:
    """48 sites, 1,000 bases apart, half of them on each of two contigs."""
    half = SITES // 2
    names = [f"rs{place}" for place in range(SITES)]
    positions = np.tile(np.arange(half, dtype=np.int64) * 1000 + 500, 2)
    return Sites(["1"] * half + ["2"] * half, positions, names, ["A"] * SITES, ["G"] * SITES)


def generated_haplotypes() -> dict[str, Haplotypes]:
    """A good set and a poor one, the good one with populations."""
    real = real_haplotypes()
    morgans = np.tile(np.arange(SITES // 2) * 1e-4, 2)
    parts = [
        sample_mosaics(real.take(np.arange(first, first + PEOPLE)), PEOPLE, morgans=morgans, seed=3)
        for first in (0, PEOPLE)
    ]
    alleles = np.concatenate([one.alleles for one in parts])
    people = [f"new{row // 2}" for row in range(2 * PEOPLE)]
    good = Haplotypes(alleles, real.sites, people, real.populations)
    return {"good": good, "poor <&>": sample_independent(real, 100, seed=4)}


@cache
def compared_sets() -> list[ComparedSet]:
    """Both generated sets, four baselines and the halves, with a training and a held-out set."""
    real = real_haplotypes()
    people = np.arange(len(real)) // 2 % 4 == 0
    training, held_out = (real.take(np.flatnonzero(side)) for side in (~people, people))
    beside = baselines(np.tile(np.arange(SITES // 2) * 1e-4, 2))
    found = compare_sets(real, generated_haplotypes(), training=training, held_out=held_out, beside=beside, seed=1)
    return list(found)
