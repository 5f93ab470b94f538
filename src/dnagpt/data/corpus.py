"""Genomes of several species, divided into stretches to train on and stretches held out."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from dnagpt.errors import InputError
from dnagpt.genome.index import Genome, open_genome
from dnagpt.genome.intervals import Interval, merge_intervals, read_bed, split_tail, subtract_intervals

logger = logging.getLogger("dnagpt")


class SpeciesSource(BaseModel):
    """One genome of the corpus."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    letter: str
    """The reserved token of the species: R human, S mouse, V bovine, L zebrafish, O fruit fly, K worm ..."""
    path: Path
    """A FASTA file (plain, gzip, bgzip) or a .2bit file."""
    name: str = ""
    """What reports call it; the file's name if left out."""
    weight: float | None = Field(default=None, gt=0)
    """How often it is drawn relative to the others; the size to the power `alpha` if left out."""
    held_out: Path | None = None
    """A BED file of the intervals held out for validation; the last part of each contig if left out."""

    @property
    def label(self) -> str:
        """The name in reports."""
        return self.name or self.path.name.split(".")[0]


class CorpusConfig(BaseModel):
    """Which genomes are read, and how windows are drawn from them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    species: tuple[SpeciesSource, ...] = Field(min_length=1)
    """The genomes."""
    alpha: float = Field(default=1.0, ge=0, le=2)
    """Species are drawn in proportion to size^alpha: 1 by bases, 0 all alike."""
    held_out_fraction: float = Field(default=0.1, gt=0, lt=1)
    """The last part of every contig, held out for validation where no BED file says otherwise."""
    unknown_fraction: float = Field(default=0.05, ge=0, le=1)
    """A window with a larger share of N is drawn again."""
    both_strands: bool = True
    """Whether half of the windows are read from the reverse strand (as reverse complement)."""


@dataclass(frozen=True)
class Species:
    """One genome with its stretches for training and those held out."""

    letter: str
    label: str
    genome: Genome
    training: tuple[Interval, ...]
    held_out: tuple[Interval, ...]
    weight: float

    def codes(self, interval: Interval) -> npt.NDArray[np.uint8]:
        """Read the bases of an interval, without soft-masking (N=0 A=1 G=2 C=3 T=4)."""
        return self.genome.slice(interval) & np.uint8(0x7F)


def open_corpus(config: CorpusConfig) -> tuple[Species, ...]:
    """Open every genome of the corpus, indexing those seen for the first time."""
    return tuple(_open_species(source, config) for source in config.species)


def _open_species(source: SpeciesSource, config: CorpusConfig) -> Species:
    genome = open_genome(source.path)
    if genome.ambiguous:
        counts = ", ".join(f"{letter} {count:,}" for letter, count in sorted(genome.ambiguous.items()))
        logger.warning("%s: ambiguity codes read as N: %s", source.path, counts)
    training, held_out = _parts(genome, source, config)
    bases = sum(interval.length for interval in training)
    if not bases or not held_out:
        raise InputError(
            f"{source.path}: nothing is left to train on or to hold out. Check held_out or held_out_fraction."
        )
    weight = source.weight if source.weight is not None else float(bases) ** config.alpha
    return Species(source.letter, source.label, genome, training, held_out, weight)


def _parts(
    genome: Genome, source: SpeciesSource, config: CorpusConfig
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    if source.held_out is None:
        return split_tail(genome.contigs, config.held_out_fraction)
    held_out = merge_intervals(read_bed(source.held_out))
    for interval in held_out:
        genome.slice(interval)  # names the interval that the genome does not have
    whole = [Interval(contig.name, 0, contig.length) for contig in genome.contigs]
    return subtract_intervals(whole, held_out), held_out
