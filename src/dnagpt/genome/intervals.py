"""Stretches of contigs, 0-based and half-open: `start` is the first base inside, `end` the first one behind."""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dnagpt.errors import InputError
from dnagpt.files.atomic import open_bytes
from dnagpt.files.compressed import shown
from dnagpt.files.recognition import is_binary, quoted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
import re

_BED_COLUMNS = 3
BED_COMMENTS = (b"#", b"track", b"browser")
"""What lines of a BED file begin with that hold no interval."""
MOST_POSITION = 2**63 - 1
"""The largest position that 64 bits hold."""


@dataclass(frozen=True, slots=True)
class Contig:
    """One sequence of a genome: `length` bases, the first of which is base `offset` of the whole index."""

    name: str
    length: int
    offset: int


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A stretch of a contig, 0-based and half-open, at least one base long.

    >>> Interval("chr1", 10, 14).length
    4
    >>> Interval("chr1", 14, 10)
    Traceback (most recent call last):
    dnagpt.errors.InputError: The interval chr1:14-10 is not a stretch of bases: it needs 0 <= start < end.
    """

    contig: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.contig:
            raise InputError(f"The interval {self.start}-{self.end} names no contig.")
        if not 0 <= self.start < self.end:
            raise InputError(f"The interval {self} is not a stretch of bases: it needs 0 <= start < end.")

    def __str__(self) -> str:
        return f"{self.contig}:{self.start}-{self.end}"

    @property
    def length(self) -> int:
        """The number of bases inside."""
        return self.end - self.start


def read_bed(path: str | os.PathLike[str]) -> list[Interval]:
    r"""Read the intervals of a BED file in the order of its lines, plain or gzipped; `-` is standard input.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "exons.bed"
    ...     _ = file.write_text("# exons\nchr1\t10\t20\texon1\nchr2\t0\t5\n")
    ...     read_bed(file)
    [Interval(contig='chr1', start=10, end=20), Interval(contig='chr2', start=0, end=5)]

    Columns behind the third are not read; comment, `track` and `browser` lines are skipped. Raises InputError with the
    line number for a line that is no interval, and for a file without any.
    """
    name = shown(path)
    intervals = []
    with open_bytes(path) as handle:
        for number, line in enumerate(handle, start=1):
            content = (line.removeprefix(BOM_UTF8) if number == 1 else line).rstrip()
            if content and not content.startswith(BED_COMMENTS):
                intervals.append(_parse_bed_line(content, f"{name}, line {number}"))
    if not intervals:
        raise InputError(f"{name} holds no interval. A BED line has a contig, a start and an end, separated by tabs.")
    return intervals


def merge_intervals(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sort intervals and join those that overlap or touch.

    >>> [str(joined) for joined in merge_intervals([Interval("b", 3, 9), Interval("a", 5, 8), Interval("a", 0, 5)])]
    ['a:0-8', 'b:3-9']
    """
    merged: list[Interval] = []
    for interval in sorted(intervals):
        last = merged[-1] if merged else None
        if last is not None and last.contig == interval.contig and interval.start <= last.end:
            merged[-1] = Interval(last.contig, last.start, max(last.end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def subtract_intervals(intervals: Iterable[Interval], removed: Iterable[Interval]) -> tuple[Interval, ...]:
    """What is left of intervals without the bases of others, sorted and merged.

    >>> [str(left) for left in subtract_intervals([Interval("a", 0, 10)], [Interval("a", 2, 4), Interval("a", 9, 12)])]
    ['a:0-2', 'a:4-9']
    """
    holes = {contig: tuple(group) for contig, group in groupby(merge_intervals(removed), key=lambda hole: hole.contig)}
    left: list[Interval] = []
    next_hole = dict.fromkeys(holes, 0)
    for interval in merge_intervals(intervals):
        contig, start = interval.contig, interval.start
        contig_holes = holes.get(contig, ())
        index = next_hole.get(contig, 0)
        while index < len(contig_holes) and contig_holes[index].start < interval.end:
            hole = contig_holes[index]
            if start < hole.start:
                left.append(Interval(contig, start, hole.start))
            start = max(start, hole.end)
            if hole.end >= interval.end:
                break
            index += 1
        next_hole[contig] = index
        if start < interval.end:
            left.append(Interval(contig, start, interval.end))
    return tuple(left)


def split_tail(contigs: Iterable[Contig], fraction: float) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """Set the last part of every contig aside: (intervals to train on, intervals held out).

    >>> training, held_out = split_tail([Contig("chr1", 100, 0), Contig("chr2", 50, 100)], 0.1)
    >>> [str(interval) for interval in training], [str(interval) for interval in held_out]
    (['chr1:0-90', 'chr2:0-45'], ['chr1:90-100', 'chr2:45-50'])

    `fraction` is at least 0 and below 1; the held-out length is rounded to the nearest base, so a contig of a few bases
    may lie on one side only. Every base is in exactly one interval.
    """
    if not 0 <= fraction < 1:
        raise InputError(f"The held-out fraction {fraction} must be at least 0 and below 1.")
    training, held_out = [], []
    for contig in contigs:
        border = contig.length - round(contig.length * fraction)
        if border > 0:
            training.append(Interval(contig.name, 0, border))
        if border < contig.length:
            held_out.append(Interval(contig.name, border, contig.length))
    return tuple(training), tuple(held_out)


def _parse_bed_line(content: bytes, where: str) -> Interval:
    if is_binary(content):
        raise InputError(f"{where}: {quoted(content[:40])} is binary. Give a plain BED file.")
    columns = content.split(b"\t") if b"\t" in content else content.split()
    if len(columns) < _BED_COLUMNS:
        raise InputError(
            f"{where}: {quoted(content[:40])} has {len(columns)} of the {_BED_COLUMNS} columns that BED needs "
            "(contig, start, end). Separate them with tabs."
        )
    try:
        contig = columns[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: the contig {quoted(columns[0][:40])} is not UTF-8 text. Give a plain BED file."
        ) from error
    start, end = (_coordinate(column.strip(), where) for column in columns[1:_BED_COLUMNS])
    try:
        return Interval(contig.strip(), start, end)
    except InputError as error:
        raise InputError(f"{where}: {error} BED counts from 0, and the end lies behind the last base.") from error


def _coordinate(column: bytes, where: str) -> int:
    if not column.isdigit():
        raise InputError(
            f"{where}: {quoted(column[:40])} is not a position, a whole number from 0. "
            "A header line must begin with '#'."
        )
    return parse_position(column.decode("ascii"), where)


def parse_position(digits: str, where: str) -> int:
    """Read a position of a contig, written in digits.

    >>> parse_position("0012", "sites.bed, line 1")
    12
    >>> parse_position("9" * 30, "sites.bed, line 1")
    Traceback (most recent call last):
    dnagpt.errors.InputError: sites.bed, line 1: a position of 30 digits, and no contig is that long. Correct the line.
    """
    plain = digits.lstrip("0") or "0"
    if len(plain) > len(str(MOST_POSITION)) or int(plain) > MOST_POSITION:
        raise InputError(f"{where}: a position of {len(plain):,} digits, and no contig is that long. Correct the line.")
    return int(plain)


_REGION = re.compile(r"(?P<contig>[^:].*?)(?::(?P<start>[\d,]+)(?P<range>-(?P<end>[\d,]*))?)?")


@dataclass(frozen=True)
class Region:
    """A stretch of a contig, 0-based and half-open; `end` is None where it reaches to the end of the contig.

    >>> Region("15", 99, 200).holds("15", 99), Region("15", 99, 200).holds("15", 200)
    (True, False)
    """

    contig: str
    start: int = 0
    end: int | None = None

    def __str__(self) -> str:
        """Write the region as bcftools reads it: 1-based, the last base included."""
        contig = f"{{{self.contig}}}" if ":" in self.contig else self.contig
        return f"{contig}:{self.start + 1}-{'' if self.end is None else self.end}"

    def holds(self, contig: str, position: int) -> bool:
        """Tell whether a site lies inside; one that only reaches in from the left does not."""
        return contig == self.contig and self.start <= position and (self.end is None or position < self.end)


def parse_region(text: str) -> Region:
    """Read a region as bcftools writes it: a contig, one position of it, or a stretch from the first to the last base.

    >>> parse_region("15:66,200,000-66,300,000")
    Region(contig='15', start=66199999, end=66300000)
    >>> parse_region("15"), parse_region("15:100"), parse_region("HLA*01:01:100-")
    (Region(contig='15', start=0, end=None), Region(contig='15', start=99, end=100), \
Region(contig='HLA*01:01', start=99, end=None))
    >>> parse_region("15:200-100")
    Traceback (most recent call last):
    dnagpt.errors.InputError: '15:200-100' is not a region: it needs 1 <= first <= last, as in 15:66,200,000-66,300,000.
    """
    match = _REGION.fullmatch(text.strip())
    wrong = f"'{text}' is not a region: it needs 1 <= first <= last, as in 15:66,200,000-66,300,000."
    if match is None:
        raise InputError(wrong)
    if match["start"] is None:
        return Region(match["contig"])
    first, last = (int((match[part] or "").replace(",", "") or -1) for part in ("start", "end"))
    if match["range"] is None:
        last = first
    if first < 1 or (last != -1 and last < first):
        raise InputError(wrong)
    return Region(match["contig"], first - 1, None if last == -1 else last)
