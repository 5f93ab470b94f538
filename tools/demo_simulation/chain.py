"""The base composition of the simulated genomes: a Markov chain of order 5 whose GC content can be set.

Bases are codes 0-3 in the order of `BASES` here (not the package's own codes), and a context is the number that the
five bases before a position make, the nearest base in the lowest digit.

Shape legend: R rows, L positions, C = 4^5 contexts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BASES = "ACGT"
ORDER = 5
CONTEXTS = 4**ORDER
GC_BINS = np.round(np.arange(0.16, 0.7401, 0.01), 2)

EFFECT_BY_ORDER = {1: 0.30, 2: 0.34, 3: 0.16, 4: 0.02, 5: 0.02}
"""Standard deviation of the random log-odds that the 1, 2, ... 5 bases before a position contribute."""
CPG_DEPLETION = 1.3
"""Log-odds taken from G after C: about one expected CpG in four is left, as in a methylated genome."""

Bases = NDArray[np.uint8]


@dataclass(frozen=True)
class Lineage:
    """What sets the chain of one lineage apart from the shared one."""

    name: str
    gc_shift: float
    own_effect: float


@dataclass(frozen=True)
class Chain:
    """Log-probabilities of the next base for one lineage: one table for each GC bin."""

    lineage: Lineage
    log_probability_GCB: NDArray[np.float64]


def encode(text: str) -> Bases:
    """Turn letters into base codes.

    >>> encode("ACGT").tolist()
    [0, 1, 2, 3]
    """
    return np.array([BASES.index(letter) for letter in text], dtype=np.uint8)


def decode(bases: Bases) -> str:
    """Turn base codes into letters.

    >>> decode(encode("GATTACA"))
    'GATTACA'
    """
    return np.frombuffer(BASES.encode(), dtype=np.uint8)[bases].tobytes().decode()


def reverse_complement(bases: Bases) -> Bases:
    """Read the other strand.

    >>> decode(reverse_complement(encode("AACG")))
    'CGTT'
    """
    return (3 - bases[::-1]).astype(np.uint8)


def gc_bin(gc: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the index of the nearest GC bin.

    >>> gc_bin(np.array([0.28, 0.30, 0.62])).tolist()
    [0, 2, 34]
    """
    bins: NDArray[np.int64] = np.clip(np.rint((gc - GC_BINS[0]) * 100).astype(np.int64), 0, len(GC_BINS) - 1)
    return bins


def build_chains(rng: np.random.Generator, lineages: tuple[Lineage, ...]) -> dict[str, Chain]:
    """Draw one chain of transition probabilities, and the variant of it that each lineage has."""
    shared_CB = _shared_log_odds(rng)
    chains = {}
    for lineage in lineages:
        own_16B = rng.normal(0.0, 1.0, (16, 4)) * lineage.own_effect
        log_odds_CB = shared_CB + own_16B[np.arange(CONTEXTS) % 16]
        chains[lineage.name] = Chain(lineage, _tables_by_gc(log_odds_CB, GC_BINS + lineage.gc_shift))
    return chains


def sample(rng: np.random.Generator, chain: Chain, bins_RL: NDArray[np.int64]) -> Bases:
    """Draw sequences from the chain, one a row; `bins_RL` names the GC bin of each position."""
    cumulative_GCB: NDArray[np.float64] = np.cumsum(np.exp(chain.log_probability_GCB), axis=-1)
    rows, length = bins_RL.shape
    context_R = rng.integers(0, CONTEXTS, rows)
    out_RL = np.empty((rows, length), dtype=np.uint8)
    for position in range(length):
        thresholds_RB: NDArray[np.float64] = cumulative_GCB[bins_RL[:, position], context_R, :3]
        base_R = (rng.random((rows, 1)) > thresholds_RB).sum(axis=1)
        out_RL[:, position] = base_R
        context_R = (context_R * 4 + base_R) % CONTEXTS
    return out_RL


def _shared_log_odds(rng: np.random.Generator) -> NDArray[np.float64]:
    contexts = np.arange(CONTEXTS)
    log_odds_CB = np.zeros((CONTEXTS, 4))
    for order, effect in EFFECT_BY_ORDER.items():
        log_odds_CB += rng.normal(0.0, effect, (4**order, 4))[contexts % 4**order]
    log_odds_CB[contexts % 4 == BASES.index("C"), BASES.index("G")] -= CPG_DEPLETION
    return log_odds_CB


def _tables_by_gc(log_odds_CB: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """One table of log-probabilities for each GC target: the tilt is solved at a few targets, interpolated between."""
    knots = np.linspace(targets[0], targets[-1], 7)
    tilts = np.interp(targets, knots, [_solve_tilt(log_odds_CB, knot) for knot in knots])
    return np.stack([_log_normalised(log_odds_CB, tilt) for tilt in tilts])


def _solve_tilt(log_odds_CB: NDArray[np.float64], target: float) -> float:
    low, high = -3.0, 3.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if _stationary_gc(_log_normalised(log_odds_CB, middle)) < target else (low, middle)
    return (low + high) / 2


def _log_normalised(log_odds_CB: NDArray[np.float64], tilt: float) -> NDArray[np.float64]:
    tilted_CB = log_odds_CB + tilt * np.array([0.0, 1.0, 1.0, 0.0])
    normalised: NDArray[np.float64] = tilted_CB - np.log(np.exp(tilted_CB).sum(axis=1, keepdims=True))
    return normalised


def _stationary_gc(log_probability_CB: NDArray[np.float64]) -> float:
    probability_CB = np.exp(log_probability_CB)
    share_C = np.full(CONTEXTS, 1 / CONTEXTS)
    for _ in range(40):
        share_C = (share_C[:, None] * probability_CB).reshape(4, CONTEXTS // 4, 4).sum(axis=0).ravel()
    by_last_base = share_C.reshape(-1, 4).sum(axis=0)
    return float(by_last_base[1] + by_last_base[2])
