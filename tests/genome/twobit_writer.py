"""The published .2bit format, written letter by letter and apart from the code that reads it."""

import struct
from itertools import groupby

_BITS = {"T": 0, "C": 1, "A": 2, "G": 3, "N": 0}


def twobit_bytes(records: dict[str, str], *, order: str = "<", version: int = 0) -> bytes:
    """A .2bit file of the records; version 1 has 64-bit offsets."""
    offset_format = order + ("Q" if version else "I")
    width = struct.calcsize(offset_format)
    position = 16 + sum(1 + len(name) + width for name in records)
    directory, bodies = b"", b""
    for name, sequence in records.items():
        directory += bytes([len(name)]) + name.encode() + struct.pack(offset_format, position + len(bodies))
        bodies += _body(sequence, order)
    return struct.pack(f"{order}4I", 0x1A412743, version, len(records), 0) + directory + bodies


def _body(sequence: str, order: str) -> bytes:
    upper = sequence.upper().ljust(-(-len(sequence) // 4) * 4, "T")
    packed = bytes(
        sum(_BITS[letter] << shift for letter, shift in zip(upper[start : start + 4], (6, 4, 2, 0), strict=True))
        for start in range(0, len(upper), 4)
    )
    unknown = _stretches([letter in "Nn" for letter in sequence])
    masked = _stretches([letter.islower() for letter in sequence])
    return (
        struct.pack(f"{order}I", len(sequence))
        + _block_list(unknown, order)
        + _block_list(masked, order)
        + struct.pack(f"{order}I", 0)
        + packed
    )


def _block_list(stretches: list[tuple[int, int]], order: str) -> bytes:
    starts = [start for start, _ in stretches]
    sizes = [size for _, size in stretches]
    return struct.pack(f"{order}{1 + 2 * len(stretches)}I", len(stretches), *starts, *sizes)


def _stretches(flags: list[bool]) -> list[tuple[int, int]]:
    found, position = [], 0
    for flag, group in groupby(flags):
        size = len(list(group))
        if flag:
            found.append((position, size))
        position += size
    return found
