"""Gametes: what a person with two haplotypes hands on, so that training sees each person anew every time.

Shapes: S sites.
"""

import logging

import numpy as np
import numpy.typing as npt

from dnagpt.haplotypes.genetic_map import GeneticMap
from dnagpt.haplotypes.values import Alleles, Sites

_log = logging.getLogger("dnagpt")
Chances = npt.NDArray[np.float64]


def crossover_chances(sites: Sites, genetic_map: GeneticMap) -> Chances:
    """Give for each site the chance, (S,), that a gamete changes haplotypes just before it.

    An odd number of crossovers over a genetic distance d has the chance (1 - exp(-2d)) / 2 (Haldane 1919, J Genet
    8:299); the first site of a contig has one half, as contigs are handed on independently of one another.

    >>> sites = Sites(["1", "1", "2"], np.array([0, 50_000_000, 7]), ["."] * 3, ["A"] * 3, ["T"] * 3)
    >>> crossover_chances(sites, GeneticMap.constant(1e-8)).round(3).tolist()
    [0.5, 0.316, 0.5]
    """
    distances = np.abs(np.diff(genetic_map.morgans_of(sites)))
    contigs = np.asarray(sites.contigs)
    for contig in dict.fromkeys(sites.contigs):
        within = (contigs[1:] == contig) & (contigs[:-1] == contig)
        if within.any() and not distances[within].any():
            _log.warning(
                "%s has no distance between any two sites of contig %s: gametes never recombine there",
                genetic_map.source, contig,
            )  # fmt: skip
    return np.append(0.5, np.where(contigs[1:] == contigs[:-1], (1 - np.exp(-2 * distances)) / 2, 0.5))


def gamete(pair: Alleles, chances: Chances, generator: np.random.Generator) -> Alleles:
    """Recombine the haplotypes of a person, (2, S), into one, (S,); a person with one haplotype, (1, S), keeps it.

    >>> pair = np.array([[0, 0, 0, 0], [1, 1, 1, 1]], dtype=np.uint8)
    >>> gamete(pair, np.array([0.5, 0.0, 0.0, 1.0]), np.random.default_rng(1)).tolist()
    [0, 0, 0, 1]
    """
    changes = generator.random(len(chances)) < chances
    return pair[np.cumsum(changes) % len(pair), np.arange(len(chances))]
