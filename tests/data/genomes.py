"""Small genomes in memory, and species made of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dnagpt.data.corpus import Species
from dnagpt.genome.index import Genome
from dnagpt.genome.intervals import Contig, Interval, split_tail


def genome_of(contigs: Mapping[str, npt.NDArray[np.uint8]]) -> Genome:
    """A genome of base codes by contig name."""
    offsets = np.cumsum([0, *(len(codes) for codes in contigs.values())]).tolist()
    described = tuple(
        Contig(name, len(codes), offset) for (name, codes), offset in zip(contigs.items(), offsets[:-1], strict=True)
    )
    return Genome(Path("memory.fa"), described, np.concatenate(list(contigs.values())))


def random_codes(length: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Bases A, G, C and T with equal chances."""
    return np.random.default_rng(seed).integers(1, 5, length, dtype=np.uint8)


def species_of(
    genome: Genome,
    *,
    letter: str = "R",
    weight: float = 1.0,
    held_out_fraction: float = 0.1,
    training: tuple[Interval, ...] | None = None,
) -> Species:
    """A species whose contigs end in a held-out part."""
    found, held_out = split_tail(genome.contigs, held_out_fraction)
    return Species(letter, f"species {letter}", genome, found if training is None else training, held_out, weight)
