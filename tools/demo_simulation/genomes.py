"""Four simulated genomes that descend from one: the ancestor, its evolution, then what each species has alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from demo_simulation.chain import Bases, Chain, Lineage, build_chains, gc_bin, reverse_complement, sample
from demo_simulation.evolution import Ancestor, evolve, propose
from demo_simulation.genes import ROOM, Feature, codon_preference, write_gene
from demo_simulation.repeats import draw_copy, make_element

SPECIES = {"R": "human-like", "S": "mouse-like", "O": "fly-like", "K": "worm-like"}
LINEAGES = (
    Lineage("R", 0.00, 0.16),
    Lineage("S", 0.01, 0.16),
    Lineage("O", 0.03, 0.30),
    Lineage("K", -0.04, 0.30),
    Lineage("ancestor", 0.00, 0.00),
)
CONTIG_LENGTHS = (84_000, 66_000, 48_000)
"""Of the ancestor, in bases; what each species inserts comes on top."""
DOMAIN_LENGTH = (800, 5_000)
DOMAIN_GC = (0.20, 0.70)
GENE_SPACING = 9_000
OLD_REPEAT_SPACING = 20_000
YOUNG_REPEAT_SPACING = 12_000
OLD_DIVERGENCE = (0.05, 0.12)
YOUNG_DIVERGENCE = (0.01, 0.08)
GAPS_PER_CONTIG = 2
GAP_LENGTH = (60, 320)
MARGIN = 40
"""Bases kept free between planted things, and at the ends of a contig."""


@dataclass(frozen=True)
class SimulatedContig:
    """One finished contig: letters (N for unknown, lower case for repeats) and what was planted where."""

    name: str
    species: str
    letters: bytes
    features: list[Feature]


@dataclass
class Planted:
    """A contig being planted: the ancestor's arrays, what is on it, and which positions are taken."""

    ancestor: Ancestor
    features: list[Feature]
    taken: NDArray[np.bool_]


def make_chains(rng: np.random.Generator) -> dict[str, Chain]:
    """Draw the chains of the four species and of their ancestor."""
    return build_chains(rng, LINEAGES)


def make_genomes(rng: np.random.Generator, chains: dict[str, Chain], seed: int) -> list[SimulatedContig]:
    """Simulate every contig of the four species."""
    preference = codon_preference(rng)
    element = make_element(rng, chains["ancestor"])
    contigs = []
    for number, length in enumerate(CONTIG_LENGTHS, start=1):
        planted = _make_ancestor(rng, chains["ancestor"], length, preference, element)
        proposals = propose(length, tuple(SPECIES), seed * 100 + number)
        evolved = evolve(rng, planted.ancestor, proposals, [chains[name] for name in (*SPECIES, "ancestor")])
        for species, bases in zip(SPECIES, evolved, strict=True):
            contigs.append(_finish(rng, f"simulated_{species}_{number}", species, bases, planted, element))
    return contigs


def _make_ancestor(
    rng: np.random.Generator, chain: Chain, length: int, preference: NDArray[np.float64], element: Bases
) -> Planted:
    gc_bins = _draw_domains(rng, length)
    bases = sample(rng, chain, gc_bins[None])[0]
    arrays = Ancestor(bases, gc_bins, np.ones(length), np.zeros(length, dtype=np.int8))
    planted = Planted(arrays, [], np.zeros(length, dtype=np.bool_))
    _plant_genes(rng, planted, preference)
    _plant_old_repeats(rng, planted, element)
    return planted


def _draw_domains(rng: np.random.Generator, length: int) -> NDArray[np.int64]:
    """GC bins in stretches of 2-20 kb, their lengths log-uniform and their GC content uniform."""
    gc = np.empty(length)
    start = 0
    while start < length:
        end = start + int(np.exp(rng.uniform(*np.log(DOMAIN_LENGTH))))
        gc[start:end] = rng.uniform(*DOMAIN_GC)
        start = end
    return gc_bin(gc)


def _free_starts(rng: np.random.Generator, taken: NDArray[np.bool_], length: int, count: int) -> Iterator[int]:
    """Yield starts of stretches that nothing has taken, by rejection; the caller marks what it takes."""
    while count:
        start = int(rng.integers(MARGIN, len(taken) - length - MARGIN))
        if not taken[start - MARGIN : start + length + MARGIN].any():
            count -= 1
            yield start


def _plant_genes(rng: np.random.Generator, planted: Planted, preference: NDArray[np.float64]) -> None:
    arrays = planted.ancestor
    for start in _free_starts(rng, planted.taken, ROOM, len(planted.taken) // GENE_SPACING):
        place = slice(start, start + ROOM)
        forwards = rng.random() < 0.5
        background = arrays.bases[place] if forwards else reverse_complement(arrays.bases[place])
        draft = write_gene(rng, background, preference)
        arrays.bases[place] = draft.bases if forwards else reverse_complement(draft.bases)
        arrays.freedom[place] = draft.freedom if forwards else draft.freedom[::-1]
        arrays.codon_place[place] = draft.codon_place if forwards else -draft.codon_place[::-1]
        placed = [_place(feature, start, "+" if forwards else "-") for feature in draft.features]
        planted.features.extend(placed)
        planted.taken[placed[-1].start : placed[-1].end] = True


def _place(feature: Feature, start: int, strand: str) -> Feature:
    if strand == "+":
        return Feature(feature.name, start + feature.start, start + feature.end, "+")
    return Feature(feature.name, start + ROOM - feature.end, start + ROOM - feature.start, "-")


def _plant_old_repeats(rng: np.random.Generator, planted: Planted, element: Bases) -> None:
    """Write copies that all species inherit over the ancestor."""
    for start in _free_starts(rng, planted.taken, len(element), len(planted.taken) // OLD_REPEAT_SPACING):
        copy = draw_copy(rng, element, rng.uniform(*OLD_DIVERGENCE))
        end = start + len(copy.bases)
        planted.ancestor.bases[start:end] = copy.bases
        planted.features.append(Feature("old_repeat", start, end, copy.strand))
        planted.taken[start:end] = True


def _finish(
    rng: np.random.Generator, name: str, species: str, bases: Bases, planted: Planted, element: Bases
) -> SimulatedContig:
    """Insert the species' own young repeats, lower the case of all repeats, and lose some stretches to N."""
    count = len(bases) // YOUNG_REPEAT_SPACING
    points = np.unique(list(_free_starts(rng, planted.taken, 1, count)))
    copies = [draw_copy(rng, element, rng.uniform(*YOUNG_DIVERGENCE)) for _ in points]
    pieces: list[Bases] = []
    young: list[Feature] = []
    for (start, end), copy in zip(_between(points, len(bases)), [*copies, None], strict=True):
        pieces.append(bases[start:end])
        if copy is not None:
            offset = sum(map(len, pieces))
            young.append(Feature("young_repeat", offset, offset + len(copy.bases), copy.strand))
            pieces.append(copy.bases)
    shifts = np.concatenate([[0], np.cumsum([len(copy.bases) for copy in copies])])
    moved = [
        _shift(feature, int(shifts[np.searchsorted(points, feature.start, "right")])) for feature in planted.features
    ]
    features = sorted([*moved, *young], key=lambda feature: (feature.start, -feature.end))
    return SimulatedContig(name, species, _letters(rng, np.concatenate(pieces), features), features)


def _between(points: NDArray[np.int64], length: int) -> Iterator[tuple[int, int]]:
    yield from pairwise([0, *points.tolist(), length])


def _shift(feature: Feature, by: int) -> Feature:
    return Feature(feature.name, feature.start + by, feature.end + by, feature.strand)


def _letters(rng: np.random.Generator, bases: Bases, features: list[Feature]) -> bytes:
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)[bases]
    taken = np.zeros(len(bases), dtype=np.bool_)
    for feature in features:
        taken[feature.start : feature.end] = True
        if feature.name.endswith("repeat"):
            letters[feature.start : feature.end] |= 0x20
    for start in _free_starts(rng, taken, GAP_LENGTH[1], GAPS_PER_CONTIG):
        letters[start : start + int(rng.integers(*GAP_LENGTH))] = ord("N")
    return letters.tobytes()
