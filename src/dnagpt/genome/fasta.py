"""FASTA read strictly, one record at a time, from plain, gzip and bgzip files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import pysam

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_path
from dnagpt.files.compressed import open_source, require_plausible_size, shown
from dnagpt.files.recognition import HEAD_LENGTH, is_binary, quoted, recognise

WHITESPACE = b" \t\r\n\v\f"

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEADER_SIGN = ord(">")
_MERGED = b"\x01"
"""What NCBI puts between the headers of sequences that are one record because they are the same."""
_SEQUENCE_BYTES = bytes(byte for byte in range(0x21, 0x7F) if byte != _HEADER_SIGN)
_EXCERPT = 20


@dataclass(frozen=True, slots=True)
class SequenceRecord:
    """One named sequence; `name` is the header up to the first blank, `description` what follows it."""

    name: str
    description: str
    sequence: str


@dataclass(frozen=True, slots=True)
class Header:
    """The line that opens a record; `number` counts the records of the file from 1."""

    name: str
    description: str
    number: int


class PieceReader(Protocol):
    """Checks one stretch of a record's lines and returns what is kept of it; `position` letters came before."""

    def __call__(self, text: bytes, header: Header, position: int) -> bytes:
        """Return the stretch without white space, as letters or as codes."""


def read_fasta(path: str | os.PathLike[str], *, unique_names: bool = True) -> Iterator[SequenceRecord]:
    r"""Read the records of a FASTA file one after the other; `-` is standard input.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "two.fa"
    ...     _ = file.write_text(">a first one\nACGT\nacgt\n>b\nNNNN\n")
    ...     [(record.name, record.description, record.sequence) for record in read_fasta(file)]
    [('a', 'first one', 'ACGTacgt'), ('b', '', 'NNNN')]

    Of headers that NCBI merged (with a control-A between them) the first gives the name, and the others stand in the
    description, each behind a `>`. Letters stay as they are, so that any alphabet (DNA, RNA, protein) can judge them;
    white space goes. Memory is bounded by the longest record. Raises InputError for a file that is missing, empty, cut
    short or of another format, a record without a name or a sequence, and a name that comes twice (unless
    `unique_names` is off: examples to learn from need no names of their own).
    """
    name = shown(path)
    header: Header | None = None
    pieces: list[bytes] = []
    length = 0
    stored, plain = open_source(path, streamed=True)  # records may be alike, so what unpacks is limited by record
    with plain as handle:
        for event in scan_fasta(read_chunks(handle, _CHUNK), name, _LetterReader(name), unique_names=unique_names):
            if isinstance(event, bytes):
                pieces.append(event)
                length += len(event)
                require_plausible_size(length, stored.consumed, name)
                continue
            if header is not None:
                yield _record(header, pieces)
            header, pieces, length = event, [], 0
        if header is not None:
            yield _record(header, pieces)


def read_chunks(handle: BinaryIO, size: int) -> Iterator[bytes]:
    """The content of a file in pieces of at most `size` bytes."""
    while chunk := handle.read(size):
        yield chunk


def scan_fasta(
    chunks: Iterable[bytes], name: str, read_piece: PieceReader, *, unique_names: bool = True
) -> Iterator[Header | bytes]:
    r"""Split FASTA text into headers and the stretches of sequence that belong to them.

    >>> reader = lambda text, header, position: text.translate(None, WHITESPACE)
    >>> list(scan_fasta([b">a x\nAC", b"GT\n", b"TT\n"], "example", reader))
    [Header(name='a', description='x', number=1), b'AC', b'GT', b'TT']

    `read_piece` sees every stretch once, in order. `name` is what messages call the file. Errors as in `read_fasta`.
    """
    header: Header | None = None
    position = 0
    line = 1
    numbers: dict[str, int] = {}
    records = 0
    for is_header, text in _split(_checked(chunks, name), name):
        if is_header:
            _require_sequence(header, position, name)
            records += 1
            header, position = _parse_header(text, records, name), 0
            if unique_names and numbers.setdefault(header.name, header.number) != header.number:
                raise InputError(
                    f"{name}: records {numbers[header.name]} and {header.number} are both named '{header.name}'. "
                    "Names must differ; rename or remove one."
                )
            yield header
        elif header is None:
            _require_blank(text, line, name)
            line += text.count(b"\n")
        elif piece := read_piece(text, header, position):
            position += len(piece)
            yield piece
    if header is None:
        raise InputError(f"{name} is empty: it holds no sequence. Check that it was written or downloaded completely.")
    _require_sequence(header, position, name)


class _LetterReader:
    """Keeps any printable letter: which of them belong to an alphabet is for the alphabet to say."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, text: bytes, header: Header, position: int) -> bytes:
        letters = text.translate(None, WHITESPACE)
        if strange := letters.translate(None, _SEQUENCE_BYTES):
            index = letters.index(strange[:1])
            advice = (
                "A header needs a line of its own." if strange[0] == _HEADER_SIGN else "The file is damaged or binary."
            )
            raise InputError(
                f"{self._name}, record '{header.name}', position {position + index + 1:,}: {quoted(strange[:1])} "
                f"cannot be part of a sequence. {advice}"
            )
        return letters


def _record(header: Header, pieces: list[bytes]) -> SequenceRecord:
    return SequenceRecord(header.name, header.description, b"".join(pieces).decode("ascii"))


def _checked(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Refuse other formats at the first bytes, and drop a byte order mark."""
    iterator = iter(chunks)
    first = next(iterator, b"").removeprefix(_BYTE_ORDER_MARK)
    if not first.lstrip(WHITESPACE).startswith(b">") and (other := recognise(first[:HEAD_LENGTH])):
        kind, advice = other
        raise InputError(f"{name} is not FASTA but {kind}: {advice}.")
    yield first
    yield from iterator


def _split(chunks: Iterable[bytes], name: str) -> Iterator[tuple[bool, bytes]]:
    """Yield (True, header line without its sign) and (False, other lines), wherever the chunks cut."""
    unfinished = b""
    at_line_start = True
    for chunk in chunks:
        data, start, unfinished = unfinished + chunk, 0, b""
        while start < len(data):
            if at_line_start and data[start] == _HEADER_SIGN:
                end = data.find(b"\n", start)
                if end < 0:
                    unfinished = data[start:]
                    break
                yield True, data[start + 1 : end]
                start = end + 1
            else:
                end = _next_header(data, start + 1)
                yield False, data[start:end]
                at_line_start = data[end - 1] == ord("\n")
                start = end
        if len(unfinished) > _LONGEST_HEADER:
            raise InputError(
                f"{name}: the header {quoted(unfinished[:_EXCERPT])}... does not end within "
                f"{_LONGEST_HEADER:,} bytes. The file is damaged or not FASTA."
            )
    if unfinished:
        yield True, unfinished[1:]


def _next_header(data: bytes, start: int) -> int:
    """Where the next line that begins with `>` starts, or the end of the data."""
    found = data.find(b">", start)
    while found > 0 and data[found - 1] != ord("\n"):
        found = data.find(b">", found + 1)
    return found if found > 0 else len(data)


def _parse_header(line: bytes, number: int, name: str) -> Header:
    content = line.strip(WHITESPACE).replace(_MERGED, b" >")
    if b"\r" in content:
        raise InputError(
            f"{name}, record {number}: lines end in carriage returns alone (old Macintosh text). "
            r"Convert them with `tr '\r' '\n'`."
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, record {number}: the header {quoted(content[: 2 * _EXCERPT])} is not UTF-8 text. "
            "Save the file as UTF-8."
        ) from error
    if not content:
        raise InputError(f"{name}, record {number}: the header has no name. Write one after the '>'.")
    if is_binary(content):
        raise InputError(
            f"{name}, record {number}: the header {quoted(content[: 2 * _EXCERPT])} holds control characters. "
            "The file is damaged or binary."
        )
    first, _, rest = text.replace("\t", " ").partition(" ")
    return Header(first, rest.strip(" "), number)


def _require_sequence(header: Header | None, length: int, name: str) -> None:
    if header is not None and length == 0:
        raise InputError(
            f"{name}, record {header.number} ('{header.name}'): a header without a sequence. "
            "Remove the record or add its bases."
        )


def _require_blank(text: bytes, line: int, name: str) -> None:
    if content := text.lstrip(WHITESPACE):
        line += text[: len(text) - len(content)].count(b"\n")
        excerpt = content.splitlines()[0][:_EXCERPT]
        raise InputError(
            f"{name}, line {line}: {quoted(excerpt)} comes before any header. "
            "A FASTA record begins with a line such as '>chr1'."
        )


class _Sink(Protocol):
    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


def write_fasta(records: Iterable[SequenceRecord], path: str | os.PathLike[str], width: int = 60) -> None:
    """Write records as FASTA with lines of `width` letters; `.gz` is compressed with bgzip, `-` is standard output.

    >>> from dnagpt.genome.fasta import SequenceRecord
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
