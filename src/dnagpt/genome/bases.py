"""DNA letters as one byte a base: N=0 A=1 G=2 C=3 T=4, with bit 0x80 set where the letter was lower case (soft-masked).

The order is chosen so that two bases are complementary when their codes add up to five.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.files.recognition import quoted

Codes = npt.NDArray[np.uint8]

CODE_LETTERS = b"NAGCT"
SOFT_MASK = 0x80
IUPAC_CODES = frozenset("RYSWKMBDHV")

# Stands for "neither a base nor N" in a first, fast translation; never leaves this package.
IRREGULAR = 0x40

_PROTEIN_ONLY = frozenset("EFILPQ*")
_CONTEXT = 8
_PROTEIN_WINDOW = 200


def _encoding_table(*, iupac_as_n: bool) -> bytes:
    """The 256 codes for the 256 byte values; U is read as T, and what is no base is IRREGULAR."""
    table = bytearray([IRREGULAR] * 256)
    letters = {letter: code for code, letter in enumerate(CODE_LETTERS)} | {ord("U"): CODE_LETTERS.index(b"T")}
    if iupac_as_n:
        letters |= {ord(letter): 0 for letter in IUPAC_CODES}
    for letter, code in letters.items():
        table[letter] = code
        table[letter | 0x20] = code | SOFT_MASK
    return bytes(table)


def _decoding_table() -> bytes:
    table = bytearray(b"?" * 256)
    for code, letter in enumerate(CODE_LETTERS):
        table[code] = letter
        table[code | SOFT_MASK] = letter | 0x20
    return bytes(table)


def _complement_table() -> bytes:
    table = bytearray(range(256))
    for code in range(1, len(CODE_LETTERS)):
        table[code] = 5 - code
        table[code | SOFT_MASK] = (5 - code) | SOFT_MASK
    return bytes(table)


ENCODING_TABLE = _encoding_table(iupac_as_n=False)
IUPAC_ENCODING_TABLE = _encoding_table(iupac_as_n=True)
DECODING_TABLE = _decoding_table()
COMPLEMENT_TABLE = _complement_table()
_REGULAR_LETTERS = bytes(letter for letter in range(256) if ENCODING_TABLE[letter] != IRREGULAR)


def encode_bases(text: bytes, where: str, *, first_position: int = 1) -> tuple[Codes, Counter[str]]:
    """Turn DNA or RNA letters into base codes, and count the ambiguity codes that had to be read as N.

    >>> codes, ambiguous = encode_bases(b"ACGTnRu", "example")
    >>> codes.tolist(), dict(ambiguous)
    ([1, 3, 2, 4, 128, 0, 132], {'R': 1})
    >>> encode_bases(b"ACGTXACGT", "genes.fa, record 'x'")
    Traceback (most recent call last):
    dnagpt.errors.InputError: genes.fa, record 'x', position 5: 'X' is not a base (in 'ACGTXACGT'). \
Allowed are A, C, G, T or U, N and the ambiguity codes RYSWKMBDHV, in either case.

    `where` names the place in a message ("file, record"); `first_position` is the 1-based position there of the first
    letter. The codes are a read-only array as long as the text.
    """
    codes = text.translate(ENCODING_TABLE)
    ambiguous: Counter[str] = Counter()
    if IRREGULAR in codes:
        codes = text.translate(IUPAC_ENCODING_TABLE)
        if IRREGULAR in codes:
            raise _not_a_base(text, codes.index(IRREGULAR), where, first_position)
        ambiguous.update(text.translate(None, _REGULAR_LETTERS).decode("ascii").upper())
    return np.frombuffer(codes, dtype=np.uint8), ambiguous


def decode_bases(codes: Codes) -> str:
    """Write base codes as letters again, lower case where the base was soft-masked.

    >>> decode_bases(np.array([1, 3, 2, 4, 128, 132], dtype=np.uint8))
    'ACGTnt'
    """
    return codes.tobytes().translate(DECODING_TABLE).decode("ascii")


def gc_content(codes: Codes) -> float:
    """The share of G and C among the known bases (N does not count); not a number when no base is known.

    >>> gc_content(encode_bases(b"GCaN", "example")[0])
    0.6666666666666666
    """
    bases = codes & ~np.uint8(SOFT_MASK)
    known = int(np.count_nonzero(bases))
    strong = int(np.count_nonzero((bases == 2) | (bases == 3)))
    return strong / known if known else float("nan")


def reverse_complement(codes: Codes) -> Codes:
    """The other strand, read in its own direction; N stays N and soft-masking moves along.

    >>> decode_bases(reverse_complement(encode_bases(b"AACgN", "example")[0]))
    'NcGTT'
    """
    return np.frombuffer(codes[::-1].tobytes().translate(COMPLEMENT_TABLE), dtype=np.uint8)


def looks_like_protein(text: bytes) -> bool:
    """Whether letters read like amino acids: one that DNA never uses, and many that are no base.

    >>> looks_like_protein(b"MKVLAAGIVPLLLSA"), looks_like_protein(b"ACGTLACGTACGTACGT")
    (True, False)
    """
    letters = text.upper()
    others = len(letters.translate(None, b"ACGTUN"))
    return not _PROTEIN_ONLY.isdisjoint(letters.decode("latin-1")) and 4 * others >= len(letters)


def _not_a_base(text: bytes, index: int, where: str, first_position: int) -> InputError:
    context = text[max(0, index - _CONTEXT) : index + _CONTEXT + 1]
    around = text[max(0, index - _PROTEIN_WINDOW // 2) : index + _PROTEIN_WINDOW // 2]
    if looks_like_protein(around):
        advice = "The text looks like protein; a DNA or RNA sequence is needed."
    elif text[index : index + 1] == b"-":
        advice = "It is an alignment gap; remove the gaps first."
    elif text[index : index + 1] == b">":
        advice = "A FASTA header needs a line of its own."
    elif text[index] < 0x20 or text[index] > 0x7E:
        advice = "The text is damaged or binary; a plain DNA or RNA sequence is needed."
    else:
        advice = "Allowed are A, C, G, T or U, N and the ambiguity codes RYSWKMBDHV, in either case."
    letter = quoted(text[index : index + 1])
    return InputError(
        f"{where}, position {first_position + index:,}: {letter} is not a base (in {quoted(context)}). {advice}"
    )
