"""Haplotypes with real linkage, drawn by a coalescent simulator, and plain ones drawn site by site."""

from functools import cache

import msprime
import numpy as np

from dnagpt.haplotypes.values import Alleles, Haplotypes, Sites


def sites_at(positions: list[int], contigs: list[str] | None = None) -> Sites:
    count = len(positions)
    return Sites(
        contigs or ["1"] * count, np.array(positions, dtype=np.int64), ["."] * count, ["A"] * count, ["G"] * count
    )


def random_alleles(count: int, sites: int, seed: int, frequency: float = 0.5) -> Alleles:
    return (np.random.default_rng(seed).random((count, sites)) < frequency).astype(np.uint8)


def people(alleles: Alleles, sites: Sites | None = None, populations: list[str] | None = None) -> Haplotypes:
    """Two haplotypes a person, side by side."""
    sites = sites or sites_at([100 * place for place in range(alleles.shape[1])])
    return Haplotypes(alleles, sites, [f"p{row // 2}" for row in range(len(alleles))], populations)


@cache
def simulated(seed: int = 1) -> Haplotypes:
    """400 haplotypes of two populations that parted 1,000 generations ago, at common sites of 300 kb."""
    history = msprime.Demography()
    for name in ("one", "two", "before"):
        history.add_population(name=name, initial_size=5_000)
    history.add_population_split(time=1_000, derived=["one", "two"], ancestral="before")
    trees = msprime.sim_ancestry(
        {"one": 100, "two": 100}, demography=history, sequence_length=300_000, recombination_rate=1e-8, random_seed=seed
    )
    trees = msprime.sim_mutations(trees, rate=3e-8, random_seed=seed, model=msprime.BinaryMutationModel())
    alleles = trees.genotype_matrix().T.astype(np.uint8)
    frequency = alleles.mean(axis=0)
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) > 0.05)[:300]
    positions = trees.tables.sites.position[common].astype(int).tolist()
    return people(np.ascontiguousarray(alleles[:, common]), sites_at(positions), ["one"] * 200 + ["two"] * 200)
