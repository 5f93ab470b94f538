"""The table of promoters and their expression: a number that depends on the sequence and on two other numbers."""

from dataclasses import dataclass

import numpy as np

from demo_simulation.chain import Bases, Chain, decode, encode, gc_bin, sample

SPLITS = (("train", 3200), ("validation", 400), ("test", 800))
PROMOTER_LENGTH = 120
GC_RANGE = (0.36, 0.56)
TATA, ACTIVATOR, REPRESSOR = "TATAAAAG", "CCAATCAG", "GCTGACTC"
"""The planted motifs: a TATA box, a CCAAT-like box that activates, and one that represses."""

TATA_START = (84, 92)
"""Where a TATA box begins: about 30 bases before the start of transcription, which is the end of the promoter."""
BOX_START = (4, 76)
TATA_SHARE, REPRESSOR_SHARE = 0.5, 0.35
MOST_ACTIVATORS = 3

INTERCEPT = 1.2
EFFECT_TATA, EFFECT_ACTIVATOR, EFFECT_REPRESSOR = 0.5, 0.3, -0.6
EFFECT_HALF_LIFE, EFFECT_UTR = 0.8, -0.4
NOISE = 0.2
"""Everything adds up in log10 units of expression; half-life and UTR length act through their logarithms."""


@dataclass(frozen=True)
class ExpressionRow:
    """One row of expression.csv.gz."""

    id: str
    sequence: str
    half_life: float
    """Of the mRNA, in hours."""
    utr_length: int
    """Of the 3' UTR, in bases."""
    expression: float
    """Molecules of mRNA a cell."""
    split: str


def make_expression(rng: np.random.Generator, chain: Chain) -> list[ExpressionRow]:
    """Draw promoters with planted motifs, half-lives and UTR lengths, and the expression that follows from them."""
    rows: list[ExpressionRow] = []
    for split, size in SPLITS:
        bins_R = gc_bin(rng.uniform(*GC_RANGE, size))
        for window in sample(rng, chain, np.repeat(bins_R[:, None], PROMOTER_LENGTH, axis=1)):
            effect = _plant(rng, window)
            half_life, utr_length = 10 ** rng.normal(0.8, 0.3), 10 ** rng.normal(2.7, 0.35)
            log10 = INTERCEPT + effect + rng.normal(0.0, NOISE)
            log10 += EFFECT_HALF_LIFE * (np.log10(half_life) - 0.8) + EFFECT_UTR * (np.log10(utr_length) - 2.7)
            facts = round(float(half_life), 2), round(float(utr_length)), round(float(10**log10), 2)
            rows.append(ExpressionRow(f"promoter_{len(rows):05d}", decode(window), *facts, split))
    return rows


def _plant(rng: np.random.Generator, window: Bases) -> float:
    """Write motifs over a background window, in place, and return what they add to the log10 of expression."""
    effect = 0.0
    for start in rng.choice(range(BOX_START[0], BOX_START[1], 9), rng.integers(0, MOST_ACTIVATORS + 1), replace=False):
        _write(window, int(start), ACTIVATOR)
        effect += EFFECT_ACTIVATOR
    if rng.random() < REPRESSOR_SHARE:
        _write(window, int(rng.integers(*BOX_START)), REPRESSOR)
        effect += EFFECT_REPRESSOR
    if rng.random() < TATA_SHARE:
        _write(window, int(rng.integers(*TATA_START)), TATA)
        effect += EFFECT_TATA
    return effect


def _write(window: Bases, start: int, motif: str) -> None:
    window[start : start + len(motif)] = encode(motif)
