"""The .2bit format of UCSC, decoded straight to base codes with every length checked against the file.

Written out here because the format is short and a damaged file must end in a sentence: py2bit maps the file into memory
and follows its lengths unchecked. Format: https://genome.ucsc.edu/FAQ/FAQformat.html#format7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.recognition import TWOBIT_SIGNATURES, quoted
from dnagpt.genome.bases import SOFT_MASK, Codes
from dnagpt.genome.fasta import Header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

_CHUNK = 1 << 22  # bases; a multiple of the four that share a byte
_BASES_A_BYTE = 4
_HEADER_BYTES = 16
_VERSIONS = {0: 4, 1: 8}  # version -> bytes of a file offset
_TCAG = np.array([4, 3, 1, 2], dtype=np.uint8)


def _unpacking_table() -> npt.NDArray[np.uint32]:
    """Four base codes, as one 32-bit word, for each value of a packed byte; the first base is in the highest bits."""
    values = np.arange(256, dtype=np.uint8)
    return _TCAG[np.stack([values >> shift & 3 for shift in (6, 4, 2, 0)], axis=1)].view(np.uint32).ravel()


_UNPACKED = _unpacking_table()


@dataclass(frozen=True)
class _Blocks:
    """Sorted stretches of one contig that share a property (unknown, soft-masked)."""

    starts: Positions
    ends: Positions

    def mask(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        """Which of the bases start .. end lie inside a block."""
        touched = slice(np.searchsorted(self.ends, start, side="right"), np.searchsorted(self.starts, end))
        steps = np.zeros(end - start + 1, dtype=np.int8)
        steps[np.maximum(self.starts[touched] - start, 0)] += 1
        steps[np.minimum(self.ends[touched], end) - start] -= 1
        return np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)


class _Reader:
    """A .2bit file, its byte order and its size; every read is checked against the size."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        self._handle = handle
        self._name = name
        self.size = handle.seek(0, 2)
        self._order = "<"
        signature = self.bytes_at(0, 4)
        if signature not in TWOBIT_SIGNATURES:
            raise self.damaged(f"it begins with {quoted(signature)}")
        self._order = "<" if signature == TWOBIT_SIGNATURES[0] else ">"

    def bytes_at(self, offset: int, count: int) -> bytes:
        if offset + count > self.size:
            raise self.damaged(f"it refers to byte {offset + count:,}, and has {self.size:,}")
        self._handle.seek(offset)
        return self._handle.read(count)

    def integers(self, offset: int, count: int, width: int = 4) -> Positions:
        raw = self.bytes_at(offset, count * width)
        return np.frombuffer(raw, dtype=f"{self._order}u{width}").astype(np.int64)

    def integer(self, offset: int, width: int = 4) -> int:
        return int(self.integers(offset, 1, width)[0])

    def damaged(self, reason: str) -> InputError:
        return InputError(f"{self._name} is not a complete .2bit file: {reason}. Fetch the file again.")


def is_twobit(path: Path) -> bool:
    """Whether a file begins as a .2bit file does, whatever its name."""
    with path.open("rb") as handle:
        return handle.read(4) in TWOBIT_SIGNATURES


def read_twobit(handle: BinaryIO, name: str) -> Iterator[Header | bytes]:
    """Read a .2bit file as the headers of its contigs, each followed by its base codes in stretches.

    Unknown stretches are N, soft-masking is kept. Raises InputError for any length or offset that the file cannot hold,
    contigs that share their bases, a name that comes twice, a contig without bases and a file without contigs. So there
    are at most four bases for each byte of the file.
    """
    reader = _Reader(handle, name)
    contigs = _read_directory(reader, name)
    _require_own_bases(reader, contigs)
    for number, (contig, offset) in enumerate(contigs.items(), start=1):
        yield Header(contig, "", number)
        yield from _read_contig(reader, offset, f"{name}, record {number} ('{contig}')")


def _read_directory(reader: _Reader, name: str) -> dict[str, int]:
    """Contig names and where their data begin."""
    version, count = (int(value) for value in reader.integers(4, 2))
    if version not in _VERSIONS:
        raise reader.damaged(f"it says format version {version}, and only 0 and 1 exist")
    if count == 0:
        raise InputError(f"{name} is empty: it holds no sequence. Check that it was written or downloaded completely.")
    width = _VERSIONS[version]
    position = _HEADER_BYTES
    contigs: dict[str, int] = {}
    for number in range(1, count + 1):
        length = reader.bytes_at(position, 1)[0]
        raw = reader.bytes_at(position + 1, length)
        if not raw or not raw.isascii() or not raw.decode("ascii").isprintable():
            raise reader.damaged(f"record {number} is named {quoted(raw)}")
        contig = raw.decode("ascii")
        if contig in contigs:
            raise InputError(f"{name}, record {number}: the name '{contig}' comes twice. Names must differ.")
        contigs[contig] = reader.integer(position + 1 + length, width)
        position += 1 + length + width
    return contigs


def _require_own_bases(reader: _Reader, contigs: dict[str, int]) -> None:
    """Refuse contigs that share their bytes: a base, also an unknown one, takes a quarter of a byte of its own."""
    packed = sum(-(-reader.integer(offset) // _BASES_A_BYTE) for offset in contigs.values())
    if packed > reader.size:
        raise reader.damaged(f"its contigs claim {packed:,} bytes of bases, and it has {reader.size:,}")


def _read_contig(reader: _Reader, offset: int, where: str) -> Iterator[bytes]:
    length = reader.integer(offset)
    if length == 0:
        raise InputError(f"{where}: a contig without bases. Remove it from the genome.")
    unknown, offset = _read_blocks(reader, offset + 4, length, where)
    masked, offset = _read_blocks(reader, offset, length, where)
    packed_start = offset + 4  # behind a reserved word
    for start in range(0, length, _CHUNK):
        end = min(start + _CHUNK, length)
        packed = reader.bytes_at(packed_start + start // _BASES_A_BYTE, -(-(end - start) // _BASES_A_BYTE))
        codes: Codes = _UNPACKED[np.frombuffer(packed, dtype=np.uint8)].view(np.uint8)[: end - start]
        codes[unknown.mask(start, end)] = 0
        codes[masked.mask(start, end)] |= SOFT_MASK
        yield codes.tobytes()


def _read_blocks(reader: _Reader, offset: int, length: int, where: str) -> tuple[_Blocks, int]:
    """The blocks at a place in the file, and the place behind them."""
    count = reader.integer(offset)
    starts = reader.integers(offset + 4, count)
    sizes = reader.integers(offset + 4 + 4 * count, count)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], (starts + sizes)[order]
    if count and (ends[-1] > length or sizes.min() == 0 or (starts[1:] < ends[:-1]).any()):
        raise InputError(f"{where}: its masked stretches overlap or leave the contig. Fetch the file again.")
    return _Blocks(starts, ends), offset + 4 + 8 * count
