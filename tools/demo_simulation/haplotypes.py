"""Phased haplotypes of three populations, as SNPs on a contig of the simulated human-like genome."""

from dataclasses import dataclass

import msprime  # type: ignore[import-untyped]  # it publishes no types
import numpy as np
from numpy.typing import NDArray

POPULATIONS = {"P1": "the root, large throughout", "P2": "left P1 through a bottleneck", "P3": "split from P2"}
SAMPLES = {"P1": 170, "P2": 170, "P3": 160}
SNPS = 200
MUTATION_RATE = 4e-8
RECOMBINATION_RATE = 4e-8
"""A base a generation: three to four times the human rates, so that a short contig holds what 300 kb of human would."""
MINIMUM_ALLELE_COUNT = 10
TRANSITION = dict(zip("ACGT", "GTAC", strict=True))
TRANSVERSIONS = {"A": "CT", "C": "AG", "G": "CT", "T": "AG"}
TEST_SHARE = 0.2


@dataclass(frozen=True)
class SimulatedHaplotypes:
    """Phased genotypes: alleles (S sites, two columns a sample), 0-based positions and the alleles' letters."""

    contig: str
    contig_length: int
    positions_S: list[int]
    references: list[str]
    alternates: list[str]
    alleles_SH: NDArray[np.int8]
    samples: list[str]
    populations: list[str]
    splits: list[str]


def make_haplotypes(rng: np.random.Generator, contig: str, letters: bytes, seed: int) -> SimulatedHaplotypes:
    """Simulate the genealogy of 500 people and lay 200 of its SNPs over the contig; REF is the contig's base."""
    genealogy = msprime.sim_ancestry(
        samples=SAMPLES,
        demography=_demography(),
        sequence_length=len(letters),
        recombination_rate=RECOMBINATION_RATE,
        random_seed=seed,
    )
    mutated = msprime.sim_mutations(
        genealogy, rate=MUTATION_RATE, model=msprime.BinaryMutationModel(), random_seed=seed
    )
    alleles_SH = mutated.genotype_matrix()
    positions = mutated.sites_position.astype(np.int64)
    kept = _choose_sites(rng, alleles_SH, positions, letters)
    references = [chr(letters[position]).upper() for position in positions[kept]]
    populations = [name for name, count in SAMPLES.items() for _ in range(count)]
    return SimulatedHaplotypes(
        contig=contig,
        contig_length=len(letters),
        positions_S=positions[kept].tolist(),
        references=references,
        alternates=[_alternate(rng, base) for base in references],
        alleles_SH=alleles_SH[kept].astype(np.int8),
        samples=[f"simulated_{number:03d}" for number in range(len(populations))],
        populations=populations,
        splits=_splits(rng, populations),
    )


def _demography() -> msprime.Demography:
    """Three populations in the manner of out-of-Africa models, with round numbers."""
    demography = msprime.Demography()
    demography.add_population(name="P1", initial_size=14_000)
    demography.add_population(name="P2", initial_size=12_000, growth_rate=0.001)
    demography.add_population(name="P3", initial_size=10_000, growth_rate=0.0015)
    demography.add_population(name="P23", initial_size=3_000)
    demography.add_population(name="root", initial_size=12_000)
    demography.set_symmetric_migration_rate(["P1", "P2"], 2e-5)
    demography.set_symmetric_migration_rate(["P2", "P3"], 5e-5)
    demography.add_population_split(time=850, derived=["P2", "P3"], ancestral="P23")
    demography.add_population_split(time=2_800, derived=["P1", "P23"], ancestral="root")
    return demography


def _choose_sites(
    rng: np.random.Generator, alleles_SH: NDArray[np.int32], positions_S: NDArray[np.int64], letters: bytes
) -> NDArray[np.int64]:
    """Choose 200 biallelic sites at known bases, with at least ten copies (1 %) of either allele."""
    ones = (alleles_SH == 1).sum(axis=1)
    common = np.minimum(ones, alleles_SH.shape[1] - ones) >= MINIMUM_ALLELE_COUNT
    known = np.array([letters[position] != ord("N") for position in positions_S])
    usable = np.flatnonzero(common & known & (alleles_SH.max(axis=1) == 1))
    if len(usable) < SNPS:
        raise ValueError(f"the genealogy has {len(usable)} usable SNPs and {SNPS} are wanted; raise MUTATION_RATE")
    return np.sort(rng.choice(usable, SNPS, replace=False))


def _alternate(rng: np.random.Generator, base: str) -> str:
    """A transition in two SNPs of three."""
    return TRANSITION[base] if rng.random() < 2 / 3 else str(rng.choice(list(TRANSVERSIONS[base])))


def _splits(rng: np.random.Generator, populations: list[str]) -> list[str]:
    splits = np.full(len(populations), "train", dtype=object)
    for name in POPULATIONS:
        members = np.flatnonzero(np.array(populations) == name)
        splits[rng.choice(members, round(TEST_SHARE * len(members)), replace=False)] = "test"
    return [str(split) for split in splits]
