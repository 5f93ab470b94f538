"""Count k-mers of many sequences at once. A base is a number 0-3; anything above is unknown."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnagpt.errors import InputError

Floats = NDArray[np.float64]
_UNKNOWN = 4
_BATCH = 256  # sequences counted together: a few MB even where each has 10,000 bases
_LONGEST_K = 8  # 65,536 columns


def _letter_table() -> NDArray[np.uint8]:
    table = np.full(256, _UNKNOWN, dtype=np.uint8)
    for number, letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
        table[[ord(letter) for letter in letters]] = number
    return table


_BASE_OF_LETTER = _letter_table()


def words(bases: NDArray[np.uint8], k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Number the k-mer that starts at each position, and say which of them hold known bases only.

    The first base counts most: the 2-mer (b0, b1) is number 4 b0 + b1. Numbers of unknown k-mers mean nothing.

    >>> numbers, known = words(np.array([0, 1, 3, 4], dtype=np.uint8), 2)
    >>> numbers[known].tolist()
    [1, 7]
    """
    count = max(0, len(bases) - k + 1)
    numbers, known = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    for place in range(k):
        base = bases[place : place + count]
        numbers = numbers * 4 + (base & 3)
        known &= base <= 3
    return numbers, known


def kmer_frequencies(sequences: Sequence[str], k: int = 4, *, segments: int = 1) -> Floats:
    """Describe each sequence by how often each k-mer occurs in it.

    Lower case is read as upper case and U as T. A k-mer with any other letter is skipped. With several `segments`, each
    sequence is cut in that many equal stretches, and k-mers are counted in each by where they start; so a signal in
    the middle can have different surroundings on its two sides.

    Returns:
        Frequencies, shape (sequences, segments * 4**k), k-mers in the order AA, AC, AG, AT, CA ...; each stretch sums
        to one, or is all zero where it holds no known k-mer.

    Raises:
        InputError: k is not 1 to 8, or there is no segment.

    >>> kmer_frequencies(["AACN", "tttu"], k=1).tolist()
    [[0.6666666666666666, 0.3333333333333333, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    if not 1 <= k <= _LONGEST_K or segments < 1:
        raise InputError(f"k-mers can be 1 to {_LONGEST_K} bases long in 1 or more segments, got {k} and {segments}")
    batches = [sequences[start : start + _BATCH] for start in range(0, len(sequences), _BATCH)]
    if not batches:
        return np.zeros((0, segments * 4**k))
    return np.concatenate([_batch_frequencies(batch, k, segments) for batch in batches])


def gc_content(sequences: Sequence[str]) -> Floats:
    """Give the part of G and C among the known bases of each sequence; one half where no base is known.

    >>> gc_content(["GGCA", "nnnn"]).tolist()
    [0.75, 0.5]
    """
    frequencies = kmer_frequencies(sequences, 1)
    return np.where(frequencies.any(axis=1), frequencies[:, 1] + frequencies[:, 2], 0.5)


def _batch_frequencies(sequences: Sequence[str], k: int, segments: int) -> Floats:
    """Join the sequences with an unknown base between them, so that no k-mer reaches across, and count once."""
    text = "N".join(sequences) + "N" * k
    numbers, known = words(_BASE_OF_LETTER[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)], k)
    lengths = np.array([len(sequence) for sequence in sequences])
    spans = lengths + 1
    row = np.repeat(np.arange(len(sequences)), spans)
    start_in_row = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
    segment = start_in_row * segments // np.repeat(np.maximum(lengths - k + 1, 1), spans)
    cell = ((row * segments + segment) * 4**k + numbers[: len(row)])[known[: len(row)]]
    counts = np.bincount(cell, minlength=len(sequences) * segments * 4**k).reshape(len(sequences), segments, 4**k)
    return np.asarray(counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)).reshape(len(sequences), -1)
