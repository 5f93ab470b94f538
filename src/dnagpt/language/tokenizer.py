"""Text to ids and back.

A sequence is cut in non-overlapping chunks of k letters from the left, and a shorter tail is its own k-mer. Where the
alphabet lacks the unknown letter, runs of it within a chunk are tokens of their own, so the frame is kept. In prompts
each stretch between reserved tokens is cut on its own.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.language.kmers import (
    Ids,
    Integers,
    Letters,
    Place,
    Reader,
    code_reader,
    describe,
    pieces,
    text_reader,
    whole_chunks,
)
from dnagpt.language.vocabulary import Vocabulary

_BLOCKS = (120_000, 2_000)
"""Chunks encoded at once: as many as stay in the cache, and fewer around letters that are not plain."""
_BATCH_LETTERS = 1 << 20
_PROMPT_PART = re.compile(r"<(?P<reserved>[^<>]*)>|(?P<letters>[^<>]+)|(?P<stray>[<>])")


@dataclass(frozen=True, eq=False)
class Encoded:
    """The ids of a text, and what was read as the unknown letter on the way."""

    ids: Ids
    """(T,) uint16, or uint32 for a vocabulary of more than 65,535 tokens."""
    ambiguous: Mapping[str, int] = field(default_factory=dict)
    """How often each ambiguity code was read as the unknown letter (or each text as the fallback id)."""


class EncodedBatch(NamedTuple):
    """The ids of many sequences, one after the other."""

    ids: Ids
    """(T,) the ids of all sequences."""
    offsets: Integers
    """(S + 1,) where each sequence starts in `ids`, and where the last one ends."""
    ambiguous: Mapping[str, int]
    """How often each ambiguity code was read as the unknown letter, over all sequences."""


def encode_sequence(vocabulary: Vocabulary, sequence: str | bytes, *, where: str = "sequence") -> Encoded:
    """Turn a DNA, RNA or protein sequence into ids.

    Lower case is read as upper case; ambiguity codes are read as the unknown letter, and counted.

    >>> encoded = encode_sequence(Vocabulary.preset("released-1to6mers"), "ACGTACGTN")
    >>> encoded.ids.tolist(), encoded.ambiguous
    ([9297, 134], {})
    >>> encode_sequence(Vocabulary.preset("dna-4mers"), "acRtNN").ambiguous
    {'R': 1}

    `where` names the sequence in messages. Any other letter, and a tail that the vocabulary has no token for, is an
    InputError.
    """
    return _encode_text(vocabulary, sequence, Place(where, 0))


def encode_codes(vocabulary: Vocabulary, codes: npt.NDArray[np.uint8], *, where: str = "window") -> Ids:
    """Turn the stored bases of a genome into ids.

    >>> import numpy as np
    >>> codes = np.array([1, 3, 2, 4, 0x80 | 1, 3], dtype=np.uint8)
    >>> encode_codes(Vocabulary.preset("released-1to6mers"), codes).tolist()
    [9297]

    `codes` is (L,) uint8: N 0, A 1, G 2, C 3, T 4; the soft-mask bit 0x80 is ignored.
    """
    if codes.dtype != np.uint8 or codes.ndim != 1:
        raise InputError(f"{where}: base codes should be one row of uint8, not {codes.dtype} of shape {codes.shape}.")

    def read(start: int, end: int) -> Letters:
        return np.ascontiguousarray(codes[start:end])

    return _encode_letters(code_reader(vocabulary), len(codes), read, Place(where, 0)).ids


def encode_batch(
    vocabulary: Vocabulary,
    sequences: Sequence[str | bytes],
    *,
    where: str = "sequence",
    names: Sequence[str] | None = None,
) -> EncodedBatch:
    """Turn many sequences, of any lengths, into ids.

    >>> batch = encode_batch(Vocabulary.preset("released-1to6mers"), ["ACGTACG", "", "N"])
    >>> batch.ids.tolist(), batch.offsets.tolist()
    ([9297, 36, 34], [0, 2, 2, 3])

    Messages call sequence i `names[i]`, or else `where` with its number from 1.
    """
    reader = text_reader(vocabulary)
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    counts: list[Integers] = []
    parts: list[Ids] = []
    seen = np.zeros(256, dtype=np.int64)
    for first, last in _groups(lengths):

        def place_of(index: int, first: int = first) -> Place:
            return Place(names[first + index] if names else f"{where} {first + index + 1}", 0)

        group = _encode_group(reader, sequences[first:last], lengths[first:last], place_of, seen)
        parts.append(group[0])
        counts.append(group[1])
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), *counts]).cumsum()
    return EncodedBatch(_joined(vocabulary, parts), offsets, _named(seen))


def encode_prompt(
    vocabulary: Vocabulary, prompt: str, *, where: str = "prompt", fallback_id: int | None = None
) -> Encoded:
    """Turn a prompt, with reserved tokens in angle brackets, into ids.

    >>> encode_prompt(Vocabulary.preset("released-1to6mers"), "<R>ACGTACG<+><M><=>").ids.tolist()
    [21, 9297, 36, 10, 18, 14]

    An unknown `<X>`, a lone bracket, a blank or any other character is an InputError that gives the position, counted
    from 1. With `fallback_id` a chunk that is not a token exactly as it stands (lower case, an ambiguity code, a tail)
    becomes that id, as the release does with 0; such chunks are counted in `ambiguous`.
    """
    parts: list[Ids] = []
    ambiguous: Counter[str] = Counter()
    for match in _PROMPT_PART.finditer(prompt):
        here = Place(where, match.start())
        if match["letters"] is None:
            parts.append(np.array([_reserved_id(vocabulary, match, here)], dtype=vocabulary.dtype))
            continue
        if fallback_id is None:
            encoded = _encode_text(vocabulary, match["letters"], here)
        else:
            encoded = _encode_exactly(vocabulary, match["letters"], fallback_id)
        parts.append(encoded.ids)
        ambiguous.update(encoded.ambiguous)
    return Encoded(_joined(vocabulary, parts), dict(ambiguous))


def decode(vocabulary: Vocabulary, ids: npt.ArrayLike | Iterable[int]) -> str:
    """Write ids as text, reserved tokens in angle brackets.

    >>> decode(Vocabulary.preset("released-1to6mers"), [21, 9297, 36, 14])
    '<R>ACGTACG<=>'
    """
    listed: list[int] = np.asarray(ids, dtype=np.int64).tolist()
    texts = {token_id: vocabulary.token(token_id) for token_id in set(listed)}
    return "".join([texts[token_id] for token_id in listed])


def decode_sequence(vocabulary: Vocabulary, ids: npt.ArrayLike | Iterable[int]) -> str:
    """Write ids as a sequence; a reserved token among them is an InputError.

    >>> decode_sequence(Vocabulary.preset("rna"), [9297])
    'ACGUAC'
    """
    listed = np.asarray(ids, dtype=np.int64)
    reserved = np.flatnonzero(listed < len(vocabulary.reserved))
    if reserved.size:
        token = vocabulary.token(int(listed[reserved[0]]))
        raise InputError(f"Token {reserved[0] + 1} of {listed.size} is {token}, which is no part of a sequence.")
    return decode(vocabulary, listed)


def _encode_text(vocabulary: Vocabulary, text: str | bytes, place: Place) -> Encoded:
    def read(start: int, end: int) -> Letters:
        return _letters(text[start:end], lambda _: place._replace(start=place.start + start))

    return _encode_letters(text_reader(vocabulary), len(text), read, place)


def _encode_letters(reader: Reader, size: int, read: Callable[[int, int], Letters], place: Place) -> Encoded:
    """Encode `size` letters that `read(start, end)` gives block by block, so that a block stays in the cache."""
    k, step = reader.vocabulary.k, _BLOCKS[0] * reader.vocabulary.k
    if size <= step and size % k == 0 and (ids := whole_chunks(reader, read(0, size))) is not None:
        return Encoded(ids)
    seen = np.zeros(256, dtype=np.int64)
    ids, filled = np.empty(-(-size // k), dtype=reader.vocabulary.dtype), 0
    for start in range(0, size, step):
        letters = read(start, min(start + step, size))
        whole = len(letters) // k * k
        here = place._replace(start=place.start + start)
        parts = _encode_blocks(reader, letters[:whole], here, _BLOCKS, seen)
        if whole < len(letters):
            tail = here._replace(start=here.start + whole)
            parts = chain(parts, _encode_blocks(reader, letters[whole:], tail, (), seen))
        for part in parts:
            if filled + len(part) > len(ids):
                ids = np.resize(ids, 2 * filled + len(part))
            ids[filled : filled + len(part)] = part
            filled += len(part)
    return Encoded(ids[:filled], _named(seen))


def _encode_blocks(
    reader: Reader, letters: Letters, place: Place, blocks: tuple[int, ...], seen: Integers
) -> Iterator[Ids]:
    """Encode block by block, and a block with letters that are not plain in smaller blocks, the last ones piecewise."""
    if not blocks:
        seen += _count_ambiguous(reader, letters)
        yield pieces(reader, letters, np.zeros(1, np.int64), np.array([len(letters)]), lambda _: place).ids
        return
    step = blocks[0] * reader.vocabulary.k
    for start in range(0, len(letters), step):
        block = letters[start : start + step]
        ids = whole_chunks(reader, block)
        if ids is None:
            yield from _encode_blocks(reader, block, place._replace(start=place.start + start), blocks[1:], seen)
        else:
            yield ids


def _encode_group(
    reader: Reader,
    sequences: Sequence[str | bytes],
    lengths: Integers,
    place_of: Callable[[int], Place],
    seen: Integers,
) -> tuple[Ids, Integers]:
    """Encode sequences side by side, each filled up to whole chunks with a plain letter whose ids are then replaced."""
    k = reader.vocabulary.k
    chunks = -(-lengths // k)
    filler = reader.vocabulary.alphabet[0]
    filled = _filled(sequences, (chunks * k).tolist(), filler)
    starts = (chunks.cumsum() - chunks) * k
    letters = _letters(filled, place_of, starts)
    ids = whole_chunks(reader, letters)
    if ids is None:
        seen += _count_ambiguous(reader, letters)
        return pieces(reader, letters, starts, lengths, place_of)
    tails = np.flatnonzero(lengths % k)
    if tails.size:
        before = lengths[tails] // k * k

        def place_of_tail(index: int) -> Place:
            return place_of(int(tails[index]))._replace(start=int(before[index]))

        tail = pieces(reader, letters, starts[tails] + before, lengths[tails] - before, place_of_tail)
        ids[(starts[tails] + before) // k] = tail.ids
    return ids, chunks


def _filled(sequences: Sequence[str | bytes], lengths: list[int], filler: str) -> str | bytes:
    if all(map(isinstance, sequences, repeat(bytes))):
        return b"".join(map(bytes.ljust, sequences, lengths, repeat(filler.encode())))  # type: ignore[arg-type]
    texts = (text if isinstance(text, str) else text.decode("latin-1") for text in sequences)
    return "".join(map(str.ljust, texts, lengths, repeat(filler)))


def _groups(lengths: Integers) -> Iterator[tuple[int, int]]:
    """Split a batch where a cache-sized number of letters is full."""
    group = np.append(lengths, 0).cumsum()[:-1] // _BATCH_LETTERS
    bounds = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(lengths)]
    return pairwise(bounds)


def _letters(text: str | bytes, place_of: Callable[[int], Place], starts: Integers | None = None) -> Letters:
    """View text as bytes; Latin-1 keeps one byte a character, and what is not ASCII is refused later with its place."""
    if isinstance(text, bytes):
        return np.frombuffer(text, dtype=np.uint8)
    try:
        return np.frombuffer(text.encode("latin-1"), dtype=np.uint8)
    except UnicodeEncodeError as error:
        starts = np.zeros(1, np.int64) if starts is None else starts
        raise InputError(
            f"{describe(error.start, starts, place_of)}: {text[error.start]!r} is not a letter of a sequence; delete "
            "or replace it."
        ) from error


def _encode_exactly(vocabulary: Vocabulary, letters: str, fallback_id: int) -> Encoded:
    chunks = [letters[start : start + vocabulary.k] for start in range(0, len(letters), vocabulary.k)]
    found = {chunk: vocabulary.kmer_id(chunk) for chunk in set(chunks)}
    ids = [fallback_id if (token_id := found[chunk]) is None else token_id for chunk in chunks]
    return Encoded(
        np.array(ids, dtype=vocabulary.dtype), dict(Counter(chunk for chunk in chunks if found[chunk] is None))
    )


def _reserved_id(vocabulary: Vocabulary, match: re.Match[str], place: Place) -> int:
    where = f"{place.name}, position {place.start + 1}"
    if match["stray"]:
        raise InputError(
            f"{where}: the bracket {match['stray']!r} has no partner. Reserved tokens are written with both, as <R>."
        )
    try:
        return vocabulary.reserved_id(match["reserved"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _count_ambiguous(reader: Reader, letters: Letters) -> Integers:
    return np.where(reader.ambiguous, np.bincount(letters, minlength=256), 0)


def _named(seen: Integers) -> dict[str, int]:
    """Sum both cases of each letter."""
    counts: Counter[str] = Counter()
    for byte in np.flatnonzero(seen).tolist():
        counts[chr(byte).upper()] += int(seen[byte])
    return dict(counts)


def _joined(vocabulary: Vocabulary, parts: Sequence[Ids]) -> Ids:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=vocabulary.dtype)
