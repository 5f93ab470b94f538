"""Polyadenylation-like sites, planted from what is published of their elements, and the decoys that look like them.

Sources of the element facts (DNA letters; distances in nucleotides):
 Beaudoing et al. 2000, Genome Res 10:1001: AATAAA and ATTAAA are the hexamers of most human sites, about four to one.
 Chen, MacDonald & Wilusz 1995, NAR 23:2614: cleavage 11-23 after the hexamer; downstream element of five bases, at
  least four T, usually 10-30 after the cleavage site.
 Zarudnaya et al. 2003, NAR 31:1375: about 80 % of sites have a downstream element, T-rich twice as often as GT-rich.
 McLauchlan et al. 1985, NAR 13:1347: the GT-rich consensus YGTGTTYY.
 Legendre & Gautheret 2003, BMC Genomics 4:7: T-rich segments on both sides set true sites apart from chance hexamers.
 Hu et al. 2005, RNA 11:1485: T-rich, TGTA and TATA elements upstream.
Tract lengths, copy numbers and the decoys are this simulation's own choice.
"""

from dataclasses import dataclass

import numpy as np

from demo_simulation.chain import Bases, encode

SITE_LENGTH = 240
HEXAMER_START = 120
HEXAMER_END = HEXAMER_START + 6
HEXAMERS = ("AATAAA", "ATTAAA")
HEXAMER_SHARES = (0.8, 0.2)
DOWNSTREAM_SHARE = 0.8
UPSTREAM_SHARE = 0.75
TGTA_SHARE = 0.6
CUT_SHARE = 0.8
DECOY_DISPLACED_SHARE = 0.35
"""Share of a decoy's elements that are planted too, but where they mean nothing; the others are left out."""

UPSTREAM_START = (56, 104)
"""Where an upstream T-rich tract begins in a true site: up to 64 bases before the hexamer."""
DOWNSTREAM_START = (146, 176)
"""Where the downstream element begins in a true site."""
WRONG_STARTS = ((4, 60), (174, 226))
"""Where a decoy's tracts begin: far from the hexamer, before or after it."""


@dataclass(frozen=True)
class Element:
    """One planted element: 0-based half-open positions in the site."""

    name: str
    start: int
    end: int


def draw_hexamer(rng: np.random.Generator) -> str:
    """Draw AATAAA or ATTAAA, about four to one."""
    return str(rng.choice(HEXAMERS, p=HEXAMER_SHARES))


def plant_site(rng: np.random.Generator, window: Bases, hexamer: str) -> list[Element]:
    """Write the elements of a true site over a background window of 240 bases, in place."""
    elements = [_write(window, HEXAMER_START, encode(hexamer), "hexamer")]
    if rng.random() < UPSTREAM_SHARE:
        starts = rng.integers(*UPSTREAM_START, size=int(rng.integers(1, 3)))
        elements.extend(_write(window, int(start), _t_rich(rng), "upstream_t_rich") for start in starts)
    if rng.random() < TGTA_SHARE:
        elements.append(_write(window, int(rng.integers(60, 112)), encode("TGTA"), "tgta"))
    if rng.random() < CUT_SHARE:
        elements.append(_write(window, HEXAMER_END + int(rng.integers(11, 22)), encode("CA"), "cleavage"))
    if rng.random() < DOWNSTREAM_SHARE:
        elements.append(_write(window, int(rng.integers(*DOWNSTREAM_START)), _downstream(rng), "downstream"))
    return elements


def plant_decoy(rng: np.random.Generator, window: Bases, hexamer: str) -> list[Element]:
    """Write the same hexamer, and elements of a true site at places where they mean nothing, in place."""
    elements = [_write(window, HEXAMER_START, encode(hexamer), "hexamer")]
    for tract in (_t_rich(rng), _t_rich(rng), _downstream(rng)):
        if rng.random() < DECOY_DISPLACED_SHARE:
            low, high = WRONG_STARTS[int(rng.integers(len(WRONG_STARTS)))]
            elements.append(_write(window, int(rng.integers(low, high)), tract, "displaced"))
    return elements


def _t_rich(rng: np.random.Generator) -> Bases:
    length = int(rng.integers(9, 17))
    tract = rng.choice(4, length, p=[0.08, 0.06, 0.08, 0.78])
    return tract.astype(np.uint8)


def _downstream(rng: np.random.Generator) -> Bases:
    """A T-rich element in two sites of three, else the GT-rich YGTGTTYY."""
    if rng.random() < 2 / 3:
        return _t_rich(rng)
    consensus = "YGTGTTYY" * int(rng.integers(1, 3))
    return encode("".join(str(rng.choice(["C", "T"])) if letter == "Y" else letter for letter in consensus))


def _write(window: Bases, start: int, element: Bases, name: str) -> Element:
    end = min(start + len(element), SITE_LENGTH)
    window[start:end] = element[: end - start]
    return Element(name, start, end)
