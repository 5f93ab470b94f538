"""FASTA out: written whole or not at all, and only what `read_fasta` reads again."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import pysam

from dnagpt.errors import InputError
from dnagpt.genome.files import atomic_path
from dnagpt.genome.stored_bytes import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dnagpt.genome.sequences import SequenceRecord


class _Sink(Protocol):
    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


def write_fasta(records: Iterable[SequenceRecord], path: str | os.PathLike[str], width: int = 60) -> None:
    """Write records as FASTA with lines of `width` letters; `.gz` is compressed with bgzip, `-` is standard output.

    >>> from dnagpt.genome.sequences import SequenceRecord
    >>> write_fasta([SequenceRecord("a", "first one", "ACGTACGT")], "-", width=5)
    >a first one
    ACGTA
    CGT

    Records are taken one at a time. Raises InputError for a record that could not be read again: without a name or a
    sequence, a name that comes twice or has blanks in it, white space or '>' in a sequence; StorageError when the disk
    refuses.
    """
    if width < 1:
        raise InputError(f"FASTA lines of {width} letters cannot be written. Give a width of at least 1.")
    name = shown(path, "standard output")
    seen: set[str] = set()
    with atomic_path(path) as temporary, _opened(temporary, compressed=os.fspath(path).endswith(".gz")) as sink:
        for number, record in enumerate(records, start=1):
            _require_readable(record, f"{name}, record {number}")
            if record.name in seen:
                raise InputError(f"{name}, record {number}: the name '{record.name}' comes twice. Names must differ.")
            seen.add(record.name)
            sink.write(_formatted(record, width))
        if not seen:
            raise InputError(f"There is no sequence to write to {name}.")


@contextlib.contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[_Sink]:
    if not compressed:
        with path.open("wb") as handle:
            yield handle
        return
    previous = pysam.set_verbosity(0)  # its own complaints go to standard error; the exception says what is needed
    try:
        with pysam.BGZFile(os.fspath(path), "wb", None) as handle:
            yield handle
    finally:
        pysam.set_verbosity(previous)


def _formatted(record: SequenceRecord, width: int) -> bytes:
    header = f">{record.name} {record.description}".rstrip()
    lines = [record.sequence[start : start + width] for start in range(0, len(record.sequence), width)]
    return "\n".join([header, *lines, ""]).encode()


def _require_readable(record: SequenceRecord, where: str) -> None:
    if not record.name or record.name.split() != [record.name]:
        raise InputError(f"{where}: {record.name!r} cannot be a FASTA name. It needs letters and no white space.")
    if not f"{record.name}{record.description}".isprintable():
        raise InputError(f"{where}: the header of {record.name!r} holds control characters. Remove them.")
    if not record.sequence:
        raise InputError(f"{where}: '{record.name}' has no sequence. Leave the record out.")
    if not record.sequence.isascii() or not record.sequence.isprintable() or not {" ", ">"}.isdisjoint(record.sequence):
        raise InputError(f"{where}: '{record.name}' has characters that no FASTA sequence holds. Remove them.")
