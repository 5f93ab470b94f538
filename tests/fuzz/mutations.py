"""Damage done to the bytes of a file, the same for the same seed."""

import random
import re
import struct
from collections.abc import Callable, Sequence

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]

_NUMBERS = (
    *b"0 -1 1e999 nan -inf 0.1 1_000 0x10 +7 007 2147483647 2147483648 -2147483649 4294967296".split(),
    *b"9223372036854775807 9223372036854775808 99999999999999999999999 \xd9\xa3".split(),
    b"1" * 400,
)
_TOKENS = (
    *(b"", b"\n", b"\r\n", b"\r", b"\n\n", b"\t", b" ", b"\t\t", b"\x00", b"\xff", b"\xed\xa0\x80", b"\x1b[31m"),
    *b"\xc3\xa9 \xe2\x80\xa8 \xef\xbb\xbf NA nan null true . - N x ../x /etc/passwd %s".split(),
    *b"\" ' , ; # > @ $ { } [ ] ( ) < \\ | / =".split(),
    b"A" * 300,
)
_EDGES = (7, 8, 15, 16, 24, 31, 32, 40, 63, 64)
_INTEGERS = (0, 1, 2, 3, *(2**bits - 1 for bits in _EDGES), *(2**bits for bits in _EDGES))
_WORD = re.compile(rb"[^\s,;:=|<>\[\]{}\"']+")
_NUMBER = re.compile(rb"-?\d[\d.e+-]*")


def mutant(base: bytes, tokens: Sequence[bytes], generator: random.Random) -> bytes:
    """Return the bytes with one to four changes; `tokens` are words that mean something in the format."""
    content = bytearray(base)
    for _ in range(generator.choice((1, 1, 1, 2, 2, 3, 4))):
        generator.choice(_CHANGES)(content, generator, tokens)
    return bytes(content)


def _span(content: bytearray, generator: random.Random, longest: int = 64) -> tuple[int, int]:
    start = generator.randrange(len(content) + 1)
    return start, min(len(content), start + generator.randint(1, longest))


def _flip_bit(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)


def _set_byte(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[generator.randrange(len(content))] = generator.choice(
            (0, 9, 10, 13, 32, 34, 127, 255, generator.randrange(256))
        )


def _set_integer(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    """Overwrite a few bytes as a binary number would be."""
    width, code = generator.choice(((2, "H"), (4, "I"), (8, "Q")))
    if len(content) >= width:
        start = generator.randrange(len(content) - width + 1)
        value = generator.choice(_INTEGERS) % (1 << 8 * width)
        content[start : start + width] = struct.pack(generator.choice("<>") + code, value)


def _insert(content: bytearray, generator: random.Random, tokens: Sequence[bytes]) -> None:
    start, _ = _span(content, generator)
    content[start:start] = generator.choice(
        (generator.choice(_TOKENS), generator.choice(tokens or _TOKENS), generator.randbytes(3))
    )


def _delete(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    start, end = _span(content, generator, longest=generator.choice((1, 4, 64)))
    del content[start:end]


def _cut(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    del content[generator.randrange(len(content) + 1) :]


def _repeat(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    start, end = _span(content, generator)
    content[end:end] = content[start:end] * generator.choice((1, 1, 1, 2, 50))


def _move(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    start, end = _span(content, generator)
    piece = content[start:end]
    del content[start:end]
    place = generator.randrange(len(content) + 1)
    content[place:place] = piece


def _swap_lines(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    lines = bytes(content).split(b"\n")
    one, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    content[:] = b"\n".join(lines)


def _repeat_line(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    lines = bytes(content).split(b"\n")
    place = generator.randrange(len(lines))
    lines[place:place] = [lines[generator.randrange(len(lines))]] * generator.choice((1, 1, 2))
    content[:] = b"\n".join(lines)


def _drop_line(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    lines = bytes(content).split(b"\n")
    del lines[generator.randrange(len(lines))]
    content[:] = b"\n".join(lines)


def _replace_match(
    pattern: re.Pattern[bytes], content: bytearray, generator: random.Random, words: Sequence[bytes]
) -> None:
    found = [match.span() for match in pattern.finditer(bytes(content))]
    if found:
        start, end = generator.choice(found)
        content[start:end] = generator.choice(words)


def _replace_word(content: bytearray, generator: random.Random, tokens: Sequence[bytes]) -> None:
    _replace_match(_WORD, content, generator, generator.choice((_TOKENS, tokens or _TOKENS)))


def _replace_number(content: bytearray, generator: random.Random, _: Sequence[bytes]) -> None:
    _replace_match(_NUMBER, content, generator, _NUMBERS)


_CHANGES: tuple[Change, ...] = (
    _flip_bit, _set_byte, _set_integer, _insert, _insert, _delete, _cut, _repeat, _move, _swap_lines, _repeat_line,
    _drop_line, _replace_word, _replace_word, _replace_number, _replace_number,
)  # fmt: skip
