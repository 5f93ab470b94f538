"""Letters to k-mer ids, for whole arrays at once.

Two ways lead to the same ids. `whole_chunks` serves text of plain letters cut in full k-mers: it reads two letters with
one table lookup and folds the pairs by Horner's rule. `pieces` serves the rest: tails, letters that are read as the
unknown letter, and runs of it; it finds what cannot be read.

Shapes: S stretches of text, C chunks of k letters, P pieces (one token each).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.language.vocabulary import Vocabulary

Ids: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
Letters: TypeAlias = npt.NDArray[np.uint8]
Integers: TypeAlias = npt.NDArray[np.int64]

CODE_LETTERS = "NAGCT"
"""The letters behind the base codes 0 to 4 of a genome."""
SOFT_MASK = 0x80
_UNKNOWN_RUN = np.uint8(0xFE)
_UNREADABLE = np.uint8(0xFF)


class Place(NamedTuple):
    """Where a stretch of text comes from, for messages."""

    name: str
    """What people call it: a file and record."""
    start: int
    """The letters that stand before it there."""


@dataclass(frozen=True, eq=False)
class Reader:
    """How one vocabulary reads bytes."""

    vocabulary: Vocabulary
    digits: npt.NDArray[np.uint8]
    """(256,) place in the alphabet of each byte, or that it is a run of unknown letters, or unreadable."""
    ambiguous: npt.NDArray[np.bool_]
    """(256,) bytes that are read as the unknown letter, to be counted."""
    singles: bytes
    """(256,) place in the alphabet of each plain byte, else the highest byte."""
    pairs: npt.NDArray[np.uint16]
    """(65536,) value of two plain bytes, read as one little-endian number, else the highest number."""
    explain: Callable[[int], str]
    """Says in words what an unreadable byte is and what can be read."""


class Pieces(NamedTuple):
    """The tokens of several stretches of text."""

    ids: Ids
    """(P,) all tokens, stretch after stretch."""
    counts: Integers
    """(S,) tokens of each stretch."""


def letters_read(vocabulary: Vocabulary) -> dict[str, str]:
    """Return as which letter of the vocabulary each capital letter is read.

    >>> read_as = letters_read(Vocabulary.preset("dna-4mers"))
    >>> read_as["A"], read_as["U"], read_as["R"]
    ('A', 'T', 'N')
    """
    read_as = {letter: letter for letter in {*vocabulary.alphabet, vocabulary.unknown}}
    return read_as | dict(vocabulary.synonyms) | dict.fromkeys(vocabulary.ambiguous, vocabulary.unknown)


@lru_cache(maxsize=32)
def text_reader(vocabulary: Vocabulary) -> Reader:
    """Prepare to read letters, in either case."""
    read_as = letters_read(vocabulary)
    meaning = {ord(form): letter for key, letter in read_as.items() for form in (key, key.lower())}

    def explain(byte: int) -> str:
        synonyms = "".join(f", {letter} as {target}" for letter, target in vocabulary.synonyms)
        ambiguous = f", {vocabulary.ambiguous} as {vocabulary.unknown}" if vocabulary.ambiguous else ""
        known = vocabulary.alphabet + ("" if vocabulary.unknown_in_alphabet else vocabulary.unknown)
        return (
            f"{chr(byte)!r} cannot be read. The vocabulary {vocabulary.name} reads {known}{synonyms}{ambiguous} in "
            "either case; delete or replace this character"
        )

    ambiguous = {ord(form) for letter in vocabulary.ambiguous for form in (letter, letter.lower())}
    return _reader(vocabulary, meaning, ambiguous, explain)


@lru_cache(maxsize=32)
def code_reader(vocabulary: Vocabulary) -> Reader:
    """Prepare to read base codes (N 0, A 1, G 2, C 3, T 4, with or without the soft-mask bit 0x80)."""
    synonyms = dict(vocabulary.synonyms)
    letters = [letter if letter in vocabulary.alphabet else synonyms.get(letter, letter) for letter in CODE_LETTERS]
    if vocabulary.unknown != "N" or set(vocabulary.alphabet) | {"N"} != set(letters):
        raise InputError(
            f"The vocabulary {vocabulary.name} has the letters {vocabulary.alphabet}, but bases of a genome need a DNA "
            "or RNA vocabulary. Choose a preset such as dna-4mers."
        )
    meaning = {code | mask: letter for code, letter in enumerate(letters) for mask in (0, SOFT_MASK)}
    return _reader(vocabulary, meaning, set(), lambda byte: f"{byte} is not a base code. Codes are 0 to 4, or plus 128")


def whole_chunks(reader: Reader, letters: Letters) -> Ids | None:
    """Encode plain letters whose number is a multiple of k; None as soon as one letter is not plain.

    Horner's rule runs in the type of the ids: the value of a k-mer is below the size of the vocabulary.
    """
    vocabulary = reader.vocabulary
    k, base, dtype = vocabulary.k, len(vocabulary.alphabet), vocabulary.dtype
    chunks = len(letters) // k
    if not chunks:
        return np.empty(0, dtype)
    values_C = np.zeros(chunks, dtype)
    for place in range(0, k, 2):
        if place + 1 < k:
            pair_C = np.ndarray((chunks,), "<u2", letters.data, offset=place, strides=(k,))
            part_C, scale, refused = reader.pairs.take(pair_C), base * base, 0xFFFF
        else:
            single_C = letters[place::k].tobytes().translate(reader.singles)
            part_C, scale, refused = np.frombuffer(single_C, np.uint8), base, 0xFF
        if part_C.max() == refused:
            return None
        values_C *= dtype(scale)
        values_C += part_C
    values_C += dtype(vocabulary.kmer_ids(k).start)
    return values_C


def pieces(
    reader: Reader, letters: Letters, starts: Integers, lengths: Integers, place_of: Callable[[int], Place]
) -> Pieces:
    """Encode stretches of any letters and length: chunks of k from the left, a shorter tail, runs of unknowns apart.

    `starts` rises and stretches do not overlap; `place_of` names a stretch by its index when it cannot be encoded.
    """
    digits = reader.digits[letters]
    inside = _covered(len(letters), starts, lengths)
    _refuse_unreadable(reader, letters, (digits == _UNREADABLE) & inside, starts, place_of)
    unknown = digits == _UNKNOWN_RUN
    breaks = np.zeros(len(letters) + 1, dtype=bool)
    breaks[_chunk_starts(starts, lengths, reader.vocabulary.k)] = True
    breaks[starts + lengths] = True
    breaks[1:-1] |= unknown[1:] != unknown[:-1]
    bounds = np.flatnonzero(breaks[:-1])
    first_P = bounds[inside[bounds]]
    length_P = np.append(bounds[1:], len(letters))[inside[bounds]] - first_P
    too_short = length_P < reader.vocabulary.shortest
    if too_short.any():
        worst = int(np.argmax(too_short))
        piece = digits[first_P[worst] : first_P[worst] + length_P[worst]]
        raise _too_short(reader.vocabulary, piece, describe(int(first_P[worst]), starts, place_of))
    ids = _piece_ids(reader.vocabulary, digits, first_P, length_P, unknown[first_P])
    return Pieces(ids, np.diff(np.searchsorted(first_P, np.append(starts, len(letters)))))


def _reader(
    vocabulary: Vocabulary, meaning: Mapping[int, str], ambiguous: set[int], explain: Callable[[int], str]
) -> Reader:
    digits = np.full(256, _UNREADABLE)
    plain = np.zeros(256, dtype=bool)
    for byte, letter in meaning.items():
        digits[byte] = vocabulary.alphabet.index(letter) if letter in vocabulary.alphabet else _UNKNOWN_RUN
        plain[byte] = letter in vocabulary.alphabet and byte not in ambiguous
    wide = digits.astype(np.uint16)
    pairs = wide[np.newaxis, :] * np.uint16(len(vocabulary.alphabet)) + wide[:, np.newaxis]
    both_plain = plain[np.newaxis, :] & plain[:, np.newaxis]
    return Reader(
        vocabulary=vocabulary,
        digits=digits,
        ambiguous=np.isin(np.arange(256), list(ambiguous)),
        singles=np.where(plain, digits, np.uint8(0xFF)).tobytes(),
        pairs=np.where(both_plain, pairs, np.uint16(0xFFFF)).ravel(),
        explain=explain,
    )


def _covered(size: int, starts: Integers, lengths: Integers) -> npt.NDArray[np.bool_]:
    """Mark the letters that belong to a stretch; between stretches there may be filling."""
    steps = np.zeros(size + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + lengths, -1)
    return np.cumsum(steps[:-1]) > 0


def _chunk_starts(starts: Integers, lengths: Integers, k: int) -> Integers:
    chunks_S = -(-lengths // k)
    before_S = np.cumsum(chunks_S) - chunks_S
    within = np.arange(int(chunks_S.sum())) - np.repeat(before_S, chunks_S)
    return np.repeat(starts, chunks_S) + k * within


def _piece_ids(
    vocabulary: Vocabulary,
    digits: npt.NDArray[np.uint8],
    first_P: Integers,
    length_P: Integers,
    unknown_P: npt.NDArray[np.bool_],
) -> Ids:
    values = np.zeros(len(first_P), dtype=np.int64)
    for place in range(vocabulary.k):
        here = digits.take(first_P + place, mode="clip")
        values = np.where(length_P > place, values * len(vocabulary.alphabet) + here, values)
    lengths = range(vocabulary.shortest, vocabulary.k + 1)
    values += np.array([vocabulary.kmer_ids(length).start for length in lengths])[length_P - vocabulary.shortest]
    runs = len(vocabulary.reserved) + length_P - vocabulary.shortest
    return np.where(unknown_P, runs, values).astype(vocabulary.dtype)


def _refuse_unreadable(
    reader: Reader,
    letters: Letters,
    bad: npt.NDArray[np.bool_],
    starts: Integers,
    place_of: Callable[[int], Place],
) -> None:
    if bad.any():
        position = int(np.argmax(bad))
        raise InputError(f"{describe(position, starts, place_of)}: {reader.explain(int(letters[position]))}.")


def _too_short(vocabulary: Vocabulary, piece: npt.NDArray[np.uint8], where: str) -> InputError:
    letters = vocabulary.alphabet
    text = "".join(letters[digit] if digit < len(letters) else vocabulary.unknown for digit in piece.tolist())
    return InputError(
        f"{where}: the piece {text!r} is too short to be a token of {vocabulary.name}, which has "
        f"{vocabulary.describe()}. Cut or pad the sequence to a multiple of {vocabulary.k} letters, or choose a "
        "vocabulary with shorter k-mers."
    )


def describe(position: int, starts: Integers, place_of: Callable[[int], Place]) -> str:
    """Name a letter by its stretch and its position there, counted from 1."""
    stretch = int(np.searchsorted(starts, position, side="right")) - 1
    place = place_of(stretch)
    return f"{place.name}, position {place.start + position - int(starts[stretch]) + 1}"
