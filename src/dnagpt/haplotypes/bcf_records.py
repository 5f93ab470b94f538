"""The structure of BCF records (VCF 4.3 specification, section 6.3), checked before htslib follows what they claim."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnagpt.errors import InputError
from dnagpt.haplotypes.legend import MOST_POSITION

if TYPE_CHECKING:
    from typing import BinaryIO

MAGIC = b"BCF\x02"
_MOST_HEADER, _MOST_RECORD = 1 << 28, 1 << 30
_CHARACTERS = 7
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 4, 5: 4, _CHARACTERS: 1}
"""Bytes of a value by its type: missing, int8, int16, int32, float, character."""
_INTEGERS = {1: "<b", 2: "<h", 3: "<i"}
_SHARED = struct.Struct("<iiiIII")
_IDX = re.compile(r"IDX=(\d+)")
_LINE = re.compile(r"##(contig|FILTER|INFO|FORMAT)=<ID=([^,>]+)")


class _DamagedError(Exception):
    """What a record claims is not there."""


@dataclass(frozen=True)
class _Header:
    contigs: int
    """How many contigs there are numbers for."""
    names: dict[int, str]
    """What INFO, FORMAT and FILTER numbers stand for."""
    people: int


class _Reader:
    """Reads typed values out of a block of bytes, and no further."""

    def __init__(self, block: bytes) -> None:
        self._block, self._place = block, 0

    def take(self, count: int) -> bytes:
        found = self._block[self._place : self._place + count]
        if len(found) < count:
            raise _DamagedError
        self._place += count
        return found

    def kind(self) -> tuple[int, int]:
        """Read how many values of which type follow."""
        (described,) = self.take(1)
        count, kind = described >> 4, described & 15
        if kind not in _WIDTHS:
            raise _DamagedError
        return (self.integer() if count == 15 else count), kind

    def integer(self) -> int:
        count, kind = self.kind()
        if count != 1 or kind not in _INTEGERS:
            raise _DamagedError
        (value,) = struct.unpack(_INTEGERS[kind], self.take(_WIDTHS[kind]))
        return int(value)

    def values(self) -> tuple[int, bytes]:
        count, kind = self.kind()
        if count < 0:
            raise _DamagedError
        return kind, self.take(count * _WIDTHS[kind])

    def require_end(self) -> None:
        if self._place != len(self._block):
            raise _DamagedError


def check_records(file: BinaryIO, where: str) -> None:
    """Refuse a BCF stream of which a record claims more, or something else, than it holds; `where` names the file."""
    header = _read_header(file, where)
    number = 0
    while lengths := file.read(8):
        number += 1
        try:
            _check_record(file, lengths, header)
        except (_DamagedError, struct.error, UnicodeDecodeError) as error:
            raise InputError(
                f"{where}, record {number:,}: its parts do not fit together. The file is damaged; fetch it again."
            ) from error


def _check_record(file: BinaryIO, lengths: bytes, header: _Header) -> None:
    shared_length, samples_length = struct.unpack("<II", lengths)
    if max(shared_length, samples_length) > _MOST_RECORD:
        raise _DamagedError
    shared = file.read(shared_length)
    samples = file.read(samples_length)
    if len(shared) < shared_length or len(samples) < samples_length or shared_length < _SHARED.size:
        raise _DamagedError
    contig, position, _, _, alleles_info, formats_people = _SHARED.unpack_from(shared)
    if not 0 <= contig < header.contigs or not -1 <= position < MOST_POSITION:
        raise _DamagedError
    if formats_people & 0xFFFFFF != header.people:
        raise _DamagedError
    _check_shared(_Reader(shared[_SHARED.size :]), alleles_info >> 16, alleles_info & 0xFFFF, header)
    _check_samples(_Reader(samples), formats_people >> 24, header)


def _check_shared(reader: _Reader, alleles: int, infos: int, header: _Header) -> None:
    if not alleles:
        raise _DamagedError
    for _ in range(1 + alleles):  # the name of the site, then its alleles
        kind, value = reader.values()
        if kind not in {0, _CHARACTERS} or b"\0" in value or b"\t" in value or b"\n" in value:
            raise _DamagedError
        value.decode()
    kind, filters = reader.values()
    if kind not in {0, *_INTEGERS}:
        raise _DamagedError
    if kind and any(number not in header.names for (number,) in struct.iter_unpack(_INTEGERS[kind], filters)):
        raise _DamagedError
    for _ in range(infos):
        if reader.integer() not in header.names:
            raise _DamagedError
        reader.values()
    reader.require_end()


def _check_samples(reader: _Reader, formats: int, header: _Header) -> None:
    for _ in range(formats):
        name = header.names.get(reader.integer())
        if name is None:
            raise _DamagedError
        count, kind = reader.kind()
        if count < 0 or (name in {"GT", "PS"} and (kind not in _INTEGERS or not count)):
            raise _DamagedError
        reader.take(count * _WIDTHS[kind] * header.people)
    reader.require_end()


def _read_header(file: BinaryIO, where: str) -> _Header:
    start = file.read(9)
    (length,) = struct.unpack("<I", start[5:9]) if len(start) == 9 else (0,)
    content = file.read(length) if 0 < length <= _MOST_HEADER else b""
    try:
        text = content.rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: a name in its header is not UTF-8. Write the file anew with UTF-8 names."
        ) from error
    lines = text.splitlines()
    if len(content) < length or not lines or not lines[-1].startswith("#CHROM"):
        raise InputError(f"{where} is not VCF or BCF, or its header is damaged. Check it with `bcftools head`.")
    contigs: set[int] = set()
    names: dict[int, str] = {0: "PASS"}
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        given = _IDX.search(line)
        if found[1] == "contig":
            contigs.add(int(given[1]) if given else len(contigs))
        elif given or found[2] not in names.values():
            names[int(given[1]) if given else len(names)] = found[2]
    people = lines[-1].split("\t")[9:]
    if len(set(people)) < len(people):
        raise InputError(f"{where}: a sample is named twice. Give each column a name of its own.")
    return _Header(len(contigs), names, len(people))
