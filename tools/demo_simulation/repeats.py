"""Interspersed repeats: diverged, often truncated copies of one element, in either orientation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_simulation.chain import Bases, Chain, encode, gc_bin, reverse_complement, sample

ELEMENT_LENGTH = 300
ELEMENT_GC = 0.52
TAIL = "A" * 14
TRUNCATED_SHARE = 0.4
LONGEST_TRUNCATION = 180
DELETION_SHARE = 0.1
"""Of all differences between a copy and its element, the share that is a lost base."""


@dataclass(frozen=True)
class Copy:
    """One copy as it stands in a contig, and the strand on which the element reads forwards."""

    bases: Bases
    strand: str


def make_element(rng: np.random.Generator, chain: Chain) -> Bases:
    """Draw the element: 300 bases of the chain at GC 0.52, then a run of A, as elements that are copied by RNA have."""
    bins = np.repeat(gc_bin(np.array([ELEMENT_GC])), ELEMENT_LENGTH)
    return np.concatenate([sample(rng, chain, bins[None])[0], encode(TAIL)])


def draw_copy(rng: np.random.Generator, element: Bases, divergence: float) -> Copy:
    """Copy the element with this share of differing bases, in two of five cases without its start."""
    start = int(rng.integers(1, LONGEST_TRUNCATION)) if rng.random() < TRUNCATED_SHARE else 0
    bases = _diverge(rng, element[start:], divergence)
    return Copy(bases, "+") if rng.random() < 0.5 else Copy(reverse_complement(bases), "-")


def _diverge(rng: np.random.Generator, element: Bases, divergence: float) -> Bases:
    differs: NDArray[np.bool_] = rng.random(len(element)) < divergence
    lost = differs & (rng.random(len(element)) < DELETION_SHARE)
    bases = np.where(differs, (element + rng.integers(1, 4, len(element))) % 4, element).astype(np.uint8)
    return bases[~lost]
