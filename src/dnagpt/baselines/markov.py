"""Markov models of DNA: what the next base costs when only the few before it are known, in bits.

A language model of DNA is measured against these. On a real genome, the best order is the floor to beat; on a genome
drawn from a `MarkovSource`, the entropy is known exactly, and a loss clearly below it proves a leak.

Bases are uint8 codes, N=0 A=1 G=2 C=3 T=4, plus 0x80 where soft-masked (read as the base).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnagpt.baselines.kmers import words
from dnagpt.errors import InputError
from dnagpt.genome.bases import SOFT_MASK

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_CHUNK = 1 << 20  # positions counted at once
_HIGHEST_ORDER = 10  # 4**11 counts: 34 MB
_BORDER = np.zeros(1, dtype=np.uint8)


@dataclass(frozen=True)
class MarkovScore:
    """What the bases of the test part cost under a Markov model of one order."""

    order: int
    """Bases of context."""
    bits: float
    """Mean cost of a base; nan where none could be scored."""
    scored: int
    """Test positions scored."""
    skipped: int
    """Test positions left out: N, an N in their context, or fewer than `order` bases before them."""
    fitted: int
    """Training positions counted."""
    fitted_skipped: int
    """Training positions left out, for the same reasons."""


@dataclass(frozen=True)
class MarkovSource:
    """A random process that writes DNA, and whose entropy is known."""

    order: int
    """Bases of context."""
    transitions: Floats
    """Probability of the next base (columns A, G, C, T) after each context, shape (4**order, 4)."""
    stationary: Floats
    """How often each context occurs in the long run, shape (4**order,)."""
    entropy_rate: float
    """Bits a base in the long run: the exact floor of any model that knows `order` bases or more."""


def markov_bits_per_base(
    train: Sequence[Codes], test: Sequence[Codes], orders: Sequence[int] = range(1, 9), smoothing: float = 4.0
) -> dict[int, float]:
    """Give the bits a base of Markov models of several orders, fitted on some sequences and tested on others.

    This is `markov_scores` without the counts of positions.

    >>> repeat = np.tile(np.array([1, 2], dtype=np.uint8), 5000)
    >>> round(markov_bits_per_base([repeat], [repeat], orders=[1])[1], 2)
    0.0
    """
    return {order: score.bits for order, score in markov_scores(train, test, orders, smoothing).items()}


def markov_scores(
    train: Sequence[Codes], test: Sequence[Codes], orders: Sequence[int] = range(1, 9), smoothing: float = 4.0
) -> dict[int, MarkovScore]:
    """Fit Markov models of several orders on some sequences and measure what other sequences cost under them.

    `p(base | context) = (count(context, base) + smoothing) / (count(context) + 4 * smoothing)`: the smoothing is added
    to each of the four bases. The cost is `-log2 p`, averaged over test positions. A position that holds N, or has it
    in its context, is skipped and counted; contexts never reach across sequences.

    Raises InputError for an order that is not 1 to 10, a smoothing that is not positive, or a byte that is no code.

    >>> two = np.array([1, 2, 0, 1, 2], dtype=np.uint8)
    >>> score = markov_scores([two], [two], orders=[1], smoothing=1.0)[1]
    >>> score.scored, score.skipped, round(score.bits, 9)  # p = (2 + 1) / (2 + 4)
    (2, 3, 1.0)
    """
    if not smoothing > 0:
        raise InputError(f"smoothing must be above 0, got {smoothing}, or a base never seen would cost infinitely much")
    fitted, tested = _Joined.of(train), _Joined.of(test)
    return {order: _score(fitted, tested, order, smoothing) for order in orders}


def markov_source(order: int, seed: int, *, concentration: float = 1.0) -> MarkovSource:
    """Draw a random Markov process together with its exact entropy.

    Each row of the transition table comes from a symmetric Dirichlet distribution: a smaller `concentration` gives a
    more predictable genome. Entropy rate: Cover and Thomas, Elements of Information Theory, theorem 4.2.4.

    >>> source = markov_source(2, seed=1)
    >>> source.transitions.shape, 0 < source.entropy_rate < 2
    ((16, 4), True)
    """
    _check_order(order)
    rows = np.random.default_rng(seed).dirichlet(np.full(4, concentration), size=4**order)
    # A floor keeps every base possible, so that the process forgets where it started.
    transitions = (rows + 1e-4) / (rows + 1e-4).sum(axis=1, keepdims=True)
    stationary = _stationary(transitions)
    return MarkovSource(order, transitions, stationary, float(stationary @ _entropies(transitions)))


def sample_markov(source: MarkovSource, length: int, seed: int) -> Codes:
    """Write one stretch of DNA with the process, started as if it had run for ever.

    >>> sample_markov(markov_source(1, seed=1), 1000, seed=2).shape
    (1000,)
    """
    generator = np.random.default_rng(seed)
    context = int(generator.choice(len(source.stationary), p=source.stationary))
    bases = [context // 4**place % 4 for place in reversed(range(source.order))]
    thresholds = np.cumsum(source.transitions, axis=1)[:, :3].tolist()
    contexts = len(thresholds)
    for draw in generator.random(max(0, length - source.order)).tolist():
        first, second, third = thresholds[context]
        base = (draw >= first) + (draw >= second) + (draw >= third)
        context = (context * 4 + base) % contexts
        bases.append(base)
    return np.array(bases[:length], dtype=np.uint8) + np.uint8(1)


def window_entropy(source: MarkovSource, length: int) -> float:
    """Give the exact cost in bits of a whole window of the process, of which nothing is known before its first base.

    Divided by the length, it is the floor of a model that reads windows; it nears the entropy rate from above. Reading
    windows backwards does not change it.

    >>> source = markov_source(1, seed=1)
    >>> bool(np.isclose(window_entropy(source, 3) - window_entropy(source, 2), source.entropy_rate))
    True
    """
    known = min(length, source.order)
    beginnings = source.stationary.reshape(4**known, -1).sum(axis=1)
    return float(_entropies(beginnings)) + max(0, length - source.order) * source.entropy_rate


@dataclass(frozen=True)
class _Joined:
    """Sequences laid one after the other with an N between them, so that no context reaches across."""

    stretches: Sequence[Codes]
    positions: int

    @classmethod
    def of(cls, sequences: Sequence[Codes]) -> "_Joined":
        """Join short sequences until they fill a chunk: half a million contigs cost what their bases cost."""
        stretches: list[Codes] = []
        waiting: list[Codes] = []
        size = 0
        for sequence in sequences:
            waiting += [_BORDER, sequence] if waiting else [sequence]
            size += len(sequence)
            if size >= _CHUNK:
                stretches.append(waiting[0] if len(waiting) == 1 else np.concatenate(waiting))
                waiting, size = [], 0
        if waiting:
            stretches.append(np.concatenate(waiting))
        return cls(stretches, sum(map(len, sequences)))


def _score(train: _Joined, test: _Joined, order: int, smoothing: float) -> MarkovScore:
    _check_order(order)
    fitted, fitted_skipped = _count_transitions(train, order)
    seen, skipped = _count_transitions(test, order)
    probability = (fitted + smoothing) / (fitted.sum(axis=1, keepdims=True) + 4 * smoothing)
    scored = int(seen.sum())
    bits = -float((seen * np.log2(probability)).sum()) / scored if scored else float("nan")
    return MarkovScore(order, bits, scored, skipped, int(fitted.sum()), fitted_skipped)


def _count_transitions(sequences: _Joined, order: int) -> tuple[Counts, int]:
    """Count each base after each context, and the positions that could not be counted."""
    counts = np.zeros(4 ** (order + 1), dtype=np.int64)
    for stretch in sequences.stretches:
        for bases in _chunks(stretch, order):
            numbers, known = words(bases, order + 1)
            counts += np.bincount(numbers[known], minlength=len(counts))
    return counts.reshape(-1, 4), sequences.positions - int(counts.sum())


def _chunks(codes: Codes, order: int) -> Iterator[NDArray[np.uint8]]:
    """Cut a sequence in pieces that overlap by the context, as bases 0-3, with N far above them."""
    for start in range(0, max(0, len(codes) - order), _CHUNK):
        bare = np.asarray(codes[start : start + _CHUNK + order]) & np.uint8(~SOFT_MASK & 0xFF)
        if (bare > 4).any():
            place = start + int((bare > 4).argmax())
            raise InputError(f"byte {codes[place]} at position {place} is no base code; codes are N=0 A=1 G=2 C=3 T=4")
        yield bare - np.uint8(1)  # N wraps around to 255


def _check_order(order: int) -> None:
    if not 1 <= order <= _HIGHEST_ORDER:
        raise InputError(f"a Markov model has 1 to {_HIGHEST_ORDER} bases of context here, got order {order}")


def _stationary(transitions: Floats) -> Floats:
    """Follow the process until the part of each context no longer changes."""
    contexts = len(transitions)
    parts = np.full(contexts, 1 / contexts)
    for _ in range(10_000):
        # The context (b1 ... bk) followed by b leads to (b2 ... bk b): drop the first base by summing over it.
        following = (parts[:, None] * transitions).reshape(4, -1).sum(axis=0)
        if np.abs(following - parts).max() < 1e-15:
            break
        parts = following
    return np.asarray(following / following.sum())


def _entropies(probabilities: Floats) -> Floats:
    """Entropy in bits along the last axis."""
    logs = np.log2(np.where(probabilities > 0, probabilities, 1.0))
    return -np.asarray((probabilities * logs).sum(axis=-1))
