"""Simulated genes: a promoter, a start, coding exons with a codon preference, introns, a polyadenylation-like site.

A gene is written over the sequence that is there, so what it leaves alone (introns, untranslated regions) stays
background. Sources of the signals: Bucher 1990 (TATA box near -30), Kozak 1987 (GCCACCATGG), Mount 1982 (splice sites).
Coding exons are whole codons long, which real exons need not be.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demo_simulation.chain import BASES, Bases, encode
from demo_simulation.polyadenylation import SITE_LENGTH, draw_hexamer, plant_site

STOPS = ("TAA", "TAG", "TGA")
SENSE_CODONS = [a + b + c for a in BASES for b in BASES for c in BASES if a + b + c not in STOPS]
ROOM = 2400
"""No gene is longer than this many bases."""
SIGNAL_FREEDOM = 0.03
CODON_FREEDOM = (0.12, 0.12, 0.7)
"""How readily a substitution is accepted at the three places of a codon, against 1 outside genes."""


@dataclass(frozen=True)
class Feature:
    """Something planted, at 0-based half-open positions of its contig."""

    name: str
    start: int
    end: int
    strand: str


@dataclass
class Draft:
    """A gene being written in reading direction, over a copy of the background."""

    bases: Bases
    freedom: NDArray[np.float64]
    codon_place: NDArray[np.int8]
    features: list[Feature] = field(default_factory=list)
    cursor: int = 0

    def skip(self, count: int) -> None:
        """Leave background as it is."""
        self.cursor += count

    def write(self, bases: Bases, freedom: float) -> None:
        """Write bases that later evolution changes only with this freedom."""
        end = self.cursor + len(bases)
        self.bases[self.cursor : end] = bases
        self.freedom[self.cursor : end] = freedom
        self.cursor = end

    def mark(self, name: str, start: int, end: int | None = None) -> None:
        """Note a feature, up to the cursor unless an end is given."""
        self.features.append(Feature(name, start, self.cursor if end is None else end, "+"))


def codon_preference(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how often each of the 61 sense codons is used."""
    weights = rng.gamma(1.2, 1.0, len(SENSE_CODONS))
    preference: NDArray[np.float64] = weights / weights.sum()
    return preference


def write_gene(rng: np.random.Generator, background: Bases, preference: NDArray[np.float64]) -> Draft:
    """Write one gene of 2 to 4 exons over a background of `ROOM` bases; the cursor ends where the gene does."""
    draft = Draft(background.copy(), np.ones(len(background)), np.zeros(len(background), dtype=np.int8))
    draft.write(encode("TATAAA"), SIGNAL_FREEDOM)
    draft.mark("tata_box", 0)
    draft.skip(25 + int(rng.integers(40, 100)))
    draft.write(encode("GCCACC"), SIGNAL_FREEDOM)
    exons = int(rng.integers(2, 5))
    for exon in range(exons):
        start = draft.cursor
        if exon == 0:
            draft.write(encode("ATG"), SIGNAL_FREEDOM)
        _write_codons(rng, draft, preference)
        if exon == exons - 1:
            draft.write(encode(str(rng.choice(STOPS))), SIGNAL_FREEDOM)
        draft.mark("coding_exon", start)
        if exon < exons - 1:
            _write_intron(rng, draft)
    draft.skip(int(rng.integers(40, 120)))
    _write_site(rng, draft)
    draft.mark("gene", 0)
    return draft


def _write_codons(rng: np.random.Generator, draft: Draft, preference: NDArray[np.float64]) -> None:
    codons = rng.choice(SENSE_CODONS, int(rng.integers(35, 75)), p=preference)
    start = draft.cursor
    draft.write(encode("".join(codons)), 1.0)
    places = np.arange(draft.cursor - start) % 3
    draft.freedom[start : draft.cursor] = np.array(CODON_FREEDOM)[places]
    draft.codon_place[start : draft.cursor] = places + 1


def _write_intron(rng: np.random.Generator, draft: Draft) -> None:
    start = draft.cursor
    draft.write(encode("GTAAGT" if rng.random() < 0.5 else "GTGAGT"), SIGNAL_FREEDOM)
    draft.skip(int(rng.integers(80, 240)))
    draft.write(rng.choice(4, 14, p=[0.06, 0.28, 0.06, 0.60]).astype(np.uint8), 0.3)
    draft.write(encode("CAG"), SIGNAL_FREEDOM)
    draft.mark("intron", start)


def _write_site(rng: np.random.Generator, draft: Draft) -> None:
    start = draft.cursor
    for element in plant_site(rng, draft.bases[start : start + SITE_LENGTH], draw_hexamer(rng)):
        draft.freedom[start + element.start : start + element.end] = 0.15
        if element.name == "hexamer":
            draft.freedom[start + element.start : start + element.end] = SIGNAL_FREEDOM
            draft.mark("polyadenylation_hexamer", start + element.start, start + element.end)
    draft.skip(SITE_LENGTH)
