"""The table of polyadenylation-like sites and decoys: balanced, matched in GC content, without duplicates."""

import bisect
from dataclasses import dataclass

import numpy as np

from demo_simulation.chain import Bases, Chain, decode, gc_bin, sample
from demo_simulation.polyadenylation import SITE_LENGTH, draw_hexamer, plant_decoy, plant_site

SPLITS = (("train", 4000), ("validation", 500), ("test", 1000))
GC_RANGE = (0.36, 0.54)
DECOY_SURPLUS = 3
GC_RESIDUE = 0.008
"""How much higher the GC content of a decoy is, on average, than that of the true site it is matched with."""


@dataclass(frozen=True)
class SignalRow:
    """One row of signals.csv.gz."""

    id: str
    sequence: str
    label: int
    motif: str
    split: str


def make_signals(rng: np.random.Generator, chain: Chain) -> list[SignalRow]:
    """Draw the rows in random order; every split has as many true sites as decoys, with the same hexamers."""
    rows: list[SignalRow] = []
    for split, size in SPLITS:
        motifs = [draw_hexamer(rng) for _ in range(size // 2)]
        sites = _backgrounds(rng, chain, len(motifs))
        for window, motif in zip(sites, motifs, strict=True):
            plant_site(rng, window, motif)
        decoys = _matched_decoys(rng, chain, sites, motifs)
        labelled = [(window, 1, motif) for window, motif in zip(sites, motifs, strict=True)]
        labelled += [(window, 0, motif) for window, motif in zip(decoys, motifs, strict=True)]
        for place in rng.permutation(len(labelled)):
            window, label, motif = labelled[place]
            rows.append(SignalRow(f"simulated_{len(rows):05d}", decode(window), label, motif, split))
    if len({row.sequence for row in rows}) != len(rows):
        raise ValueError("two rows of the signal table have the same sequence; choose another seed")
    return rows


def _backgrounds(rng: np.random.Generator, chain: Chain, count: int) -> Bases:
    bins_R = gc_bin(rng.uniform(*GC_RANGE, count))
    return sample(rng, chain, np.repeat(bins_R[:, None], SITE_LENGTH, axis=1))


def _matched_decoys(rng: np.random.Generator, chain: Chain, sites: Bases, motifs: list[str]) -> list[Bases]:
    """Give each true site the unused decoy with its hexamer whose GC content is nearest to its own."""
    pools = {
        motif: _decoy_pool(rng, chain, motif, DECOY_SURPLUS * motifs.count(motif)) for motif in dict.fromkeys(motifs)
    }
    return [_take_nearest(pools[motif], _gc(site) + GC_RESIDUE) for site, motif in zip(sites, motifs, strict=True)]


def _decoy_pool(rng: np.random.Generator, chain: Chain, motif: str, count: int) -> list[tuple[float, int, Bases]]:
    windows = _backgrounds(rng, chain, count)
    for window in windows:
        plant_decoy(rng, window, motif)
    return sorted((_gc(window), number, window) for number, window in enumerate(windows))


def _take_nearest(pool: list[tuple[float, int, Bases]], gc: float) -> Bases:
    right = bisect.bisect_left(pool, gc, key=lambda entry: entry[0])
    nearest = min((place for place in (right - 1, right) if 0 <= place < len(pool)), key=lambda p: abs(pool[p][0] - gc))
    return pool.pop(nearest)[2]


def _gc(window: Bases) -> float:
    return float(np.isin(window, (1, 2)).mean())
