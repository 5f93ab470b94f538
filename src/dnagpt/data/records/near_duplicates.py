"""Sequences that share much of their 16-mers on either strand, joined to clusters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Kmers = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

KMER = 16
"""Letters of a k-mer: 2 bits each, so that one fills 32 bits."""

_UNKNOWN = 4
_CODES = bytes({ord(letter): code for code, letters in enumerate(("Aa", "Cc", "Gg", "TtUu")) for letter in letters}.get(
    byte, _UNKNOWN) for byte in range(256))  # fmt: skip
_LETTERS_AT_ONCE = 1 << 22
_COMMON_SHARE, _COMMON_LEAST, _COMMON_SAMPLE = 0.5, 100, 1000
_SAMPLED = 32
"""How many of the sampled k-mers two sequences at the threshold have in common, on average."""
_MIXER = np.uint32(2654435761)
_ALL_PAIRS = 32
_NEIGHBOURS = 8
_PAIRS_AT_ONCE = 1 << 23


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which sequences belong together."""

    cluster: Places
    """(sequences,) the number of each one's cluster: that of its first member."""
    ignored: int
    """How many k-mers say nothing, because they stand in more than half of the sequences."""


def near_duplicate_clusters(sequences: Sequence[str], threshold: float) -> Clusters:
    """Join sequences of which two share at least `threshold` of the smaller one's distinct 16-mers, either strand.

    >>> first = "ACGTTGCAAGGCTTAACCGGTATTCGATGCA"
    >>> near_duplicate_clusters([first, "T" * 40, "CC" + first[:-4]], 0.5).cluster.tolist()
    [0, 1, 0]

    A 16-mer and its reverse complement count as the same; those with an unknown letter do not count, nor do those in
    more than half of the sequences (and more than 100), such as adapters. Clusters are closed: a and c belong together
    where both are near b. Sequences without a 16-mer stand alone.

    Candidates are pairs that share sampled k-mers (one in s, with s such that two sequences at the threshold share 32
    on average); each is checked on all its k-mers, unless its two are joined already. So no pair is joined that is not
    near; one at the very threshold can be missed, if it has been unlucky in the sample and no third one joins it.
    Time grows as n log n with the sampled k-mers, plus the pairs that share some; a k-mer in more than 32 sequences
    pairs each with 8 neighbours. Memory: the letters in pieces of 4 million, and 8 bytes a sampled k-mer.
    """
    parents = np.arange(len(sequences), dtype=np.int64)
    common = _common_kmers(sequences)
    sizes, kmers, owners = _sampled(sequences, threshold, common)
    keys, counts = _candidate_pairs(kmers, owners, len(sequences))
    first, second = np.divmod(keys, max(1, len(sequences)))
    enough = counts >= np.maximum(1, threshold * np.minimum(sizes[first], sizes[second]) / 3)
    order = np.argsort(-counts[enough], kind="stable")

    @lru_cache(maxsize=1 << 14)
    def all_kmers(place: int) -> Kmers:
        kmers = _distinct_kmers(sequences[place])
        return np.setdiff1d(kmers, common, assume_unique=True) if len(common) else kmers

    for one, other in zip(first[enough][order].tolist(), second[enough][order].tolist(), strict=True):
        root, other_root = _root(parents, one), _root(parents, other)
        if root != other_root and _share(all_kmers(one), all_kmers(other)) >= threshold:
            parents[max(root, other_root)] = min(root, other_root)
    cluster = np.array([_root(parents, place) for place in range(len(sequences))], dtype=np.int64)
    return Clusters(cluster, len(common))


def _root(parents: Places, place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place


def _share(kmers: Kmers, others: Kmers) -> float:
    smaller = min(len(kmers), len(others))
    ordered = np.sort(np.concatenate([kmers, others]))
    return np.count_nonzero(ordered[1:] == ordered[:-1]) / smaller if smaller else 0.0


def _canonical_kmers(text: str) -> tuple[Kmers, npt.NDArray[np.bool_]]:
    """Pack the k-mer at every position, or its reverse complement if that is smaller; and whether all is known."""
    codes = np.frombuffer(text.encode("ascii", "replace").translate(_CODES), dtype=np.uint8)
    unknown = np.concatenate([[0], np.cumsum(codes == _UNKNOWN, dtype=np.int32)])
    forward = (codes & 3).astype(np.uint32)
    backward = np.uint32(3) - forward
    width = 1
    while width < KMER:
        shift = np.uint32(2 * width)
        forward = (forward[:-width] << shift) | forward[width:]
        backward = backward[:-width] | (backward[width:] << shift)
        width *= 2
    return np.minimum(forward, backward), unknown[KMER:] == unknown[:-KMER]


def _distinct_kmers(text: str) -> Kmers:
    if len(text) < KMER:
        return np.empty(0, dtype=np.uint32)
    kmers, known = _canonical_kmers(text)
    ordered = np.sort(kmers[known])
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def _common_kmers(sequences: Sequence[str]) -> Kmers:
    """Find the k-mers of more than half of the sequences, from up to a thousand of them."""
    if len(sequences) <= _COMMON_LEAST:
        return np.empty(0, dtype=np.uint32)
    chosen = np.unique(np.linspace(0, len(sequences) - 1, min(_COMMON_SAMPLE, len(sequences))).astype(np.int64))
    kmers, counts = np.unique(
        np.concatenate([_distinct_kmers(sequences[place]) for place in chosen]), return_counts=True
    )
    found: Kmers = kmers[counts > max(_COMMON_SHARE * len(chosen), _COMMON_LEAST * len(chosen) / len(sequences))]
    return found


def _pieces(sequences: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Cut the list into stretches of a bounded number of letters."""
    start = letters = 0
    for place, sequence in enumerate(sequences):
        letters += len(sequence) + 1
        if letters >= _LETTERS_AT_ONCE:
            yield start, place + 1
            start, letters = place + 1, 0
    if start < len(sequences):
        yield start, len(sequences)


def _sampled(sequences: Sequence[str], threshold: float, common: Kmers) -> tuple[Places, Kmers, Places]:
    """Sample k-mers by their hash: how many each sequence has, and all (k-mer, sequence) in order."""
    lengths = np.array([len(sequence) for sequence in sequences] or [0])
    usual = max(1.0, float(np.percentile(lengths, 5)) - KMER + 1)
    limit = np.uint32(min(1.0, _SAMPLED / (threshold * usual)) * (2**32 - 1))
    pairs = []
    for start, end in _pieces(sequences):
        piece = sequences[start:end]
        kmers, known = _canonical_kmers("/".join(piece) + "/" * KMER)
        owners = np.repeat(np.arange(start, end, dtype=np.uint64), lengths[start:end] + 1)[: len(kmers)]
        chosen = np.flatnonzero(known[: len(owners)] & (kmers[: len(owners)] * _MIXER <= limit))
        pairs.append(np.unique((kmers[chosen].astype(np.uint64) << np.uint64(32)) | owners[chosen]))
    joined = np.sort(np.concatenate(pairs)) if pairs else np.empty(0, dtype=np.uint64)
    kmers = (joined >> np.uint64(32)).astype(np.uint32)
    kept = ~np.isin(kmers, common)
    places: Places = (joined & np.uint64(2**32 - 1)).astype(np.int64)[kept]
    return np.bincount(places, minlength=len(sequences)).astype(np.int64), kmers[kept], places


def _candidate_pairs(kmers: Kmers, owners: Places, count: int) -> tuple[Places, Places]:
    """Count the sampled k-mers that pairs of sequences share; a pair is written as `first * count + second`."""
    _, runs, lengths = np.unique(kmers, return_inverse=True, return_counts=True)
    neighbours = _rank_by_smallest_kmer(kmers, owners, count)
    order = np.lexsort((neighbours[owners], kmers))
    kmers, owners, long = kmers[order], owners[order], lengths[runs[order]] > _ALL_PAIRS
    keys, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    waiting: list[Places] = []
    for distance in range(1, _ALL_PAIRS):
        same = kmers[distance:] == kmers[:-distance]
        if distance > _NEIGHBOURS:
            same &= ~long[distance:]
        one, other = owners[:-distance][same], owners[distance:][same]
        waiting.append(np.minimum(one, other) * count + np.maximum(one, other))
        if not len(waiting[-1]) or sum(map(len, waiting)) > _PAIRS_AT_ONCE or distance == _ALL_PAIRS - 1:
            keys, counts = _merged(keys, counts, np.concatenate(waiting))
            if not len(waiting[-1]):
                break
            waiting = []
    return keys, counts


def _merged(keys: Places, counts: Places, more: Places) -> tuple[Places, Places]:
    new, new_counts = np.unique(more, return_counts=True)
    joined, places = np.unique(np.concatenate([keys, new]), return_inverse=True)
    return joined, np.bincount(places, weights=np.concatenate([counts, new_counts])).astype(np.int64)


def _rank_by_smallest_kmer(kmers: Kmers, owners: Places, count: int) -> Places:
    """Order sequences so that similar ones stand close: by the k-mer with the smallest hash."""
    smallest = np.full(count, 2**32 - 1, dtype=np.uint32)
    np.minimum.at(smallest, owners, kmers * _MIXER)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(smallest, kind="stable")] = np.arange(count)
    return rank
