"""Records that are intervals of a genome: their sequences, on the strand that they name."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dnagpt.data.records.settings import Coordinates
from dnagpt.errors import InputError
from dnagpt.files.tables import as_text, require_columns
from dnagpt.genome.bases import decode_bases, reverse_complement
from dnagpt.genome.index import Genome
from dnagpt.genome.intervals import Interval, parse_position

# Names in lower case, without #, _, . and blanks. The first that a table has counts.
_CONTIGS = (
    "chromosome",
    "region",
    "chrom",
    "chr",
    "contig",
    "seqnames",
    "seqname",
    "seqid",
    "chromosomename",
    "refname",
)
_STARTS = ("start", "chromstart", "chrstart", "startposition", "startpos", "begin", "txstart")
_ENDS = ("end", "chromend", "chrend", "endposition", "endpos", "stop", "txend")
_ONE_BASED = ("seqnames", "seqname", "seqid")
_STRANDS = {"+": "+", "-": "-", ".": "+", "*": "+", "": "+"}


@dataclass(frozen=True)
class IntervalColumns:
    """The columns of a table that hold intervals, and how their positions count."""

    contig: str
    start: str
    end: str
    strand: str | None
    one_based: bool
    """Whether positions count from 1 and the end is the last base, as in GRanges and GFF; else as in BED."""


def contig_column(table: pd.DataFrame) -> str | None:
    """Return the column that names the chromosome, by the names that such columns usually have.

    >>> contig_column(pd.DataFrame(columns=["#chrom", "chromStart", "chromEnd"]))
    '#chrom'
    """
    return _usual(table, _CONTIGS)


def interval_columns(
    table: pd.DataFrame, where: str, *, chromosome: str | None = None, coordinates: Coordinates | None = None
) -> IntervalColumns:
    """Return the columns of a table that hold chromosome, start, end and strand, under any of their usual names.

    >>> table = pd.DataFrame({"seqnames": ["1"], "start": ["5"], "end": ["9"], "width": ["5"], "strand": ["*"]})
    >>> columns = interval_columns(table, "peaks.csv")
    >>> columns.contig, columns.one_based
    ('seqnames', True)

    `chromosome` names the column of the chromosome, `coordinates` how positions count, where the usual names do not.
    Raises InputError, with the columns that there are, where one is missing.
    """
    contig = chromosome or contig_column(table) or "chromosome"
    start, end = _usual(table, _STARTS) or "start", _usual(table, _ENDS) or "end"
    require_columns(table, [contig, start, end], where)
    if coordinates is not None:
        one_based = coordinates == "1-based"
    else:
        one_based = _one_based_by_width(table, start, end) or _plain(contig) in _ONE_BASED
    return IntervalColumns(contig, start, end, _usual(table, ("strand",)), one_based)


def sequences_of_intervals(
    table: pd.DataFrame, columns: IntervalColumns, genome: Genome, names: Sequence[str]
) -> list[str]:
    """Read the sequence of each row from a genome.

    A row on the strand `-` gives the reverse complement; `+`, `.`, `*` and an empty cell give the sequence as the
    genome has it. Letters are upper case. Raises InputError with the row for an unknown contig, positions that are
    none or leave the contig, and any other strand.
    """
    strands = as_text(table[columns.strand]) if columns.strand is not None else ["+"] * len(table)
    rows = zip(as_text(table[columns.contig]), table[columns.start], table[columns.end], strands, names, strict=True)
    first = 1 if columns.one_based else 0
    return [
        _sequence_of_interval(genome, contig, start, end, strand, first, where)
        for contig, start, end, strand, where in rows
    ]


def coordinates_note(columns: IntervalColumns, where: str) -> str:
    """Say in one line how the positions of a table were read.

    >>> coordinates_note(IntervalColumns("chrom", "start", "end", None, False), "peaks.csv")
    "peaks.csv: positions in 'start' and 'end' are read as in BED, 0-based with the end behind the last base \
(data.coordinates)."
    """
    how = (
        "1-based with the end included, as in GRanges and GFF" if columns.one_based
        else "as in BED, 0-based with the end behind the last base"
    )  # fmt: skip
    return f"{where}: positions in {columns.start!r} and {columns.end!r} are read {how} (data.coordinates)."


def _one_based_by_width(table: pd.DataFrame, start: str, end: str) -> bool:
    """Whether the widths of a table of R include both ends, so that positions count from 1."""
    width = _usual(table, ("width",))
    if width is None:
        return False
    starts, ends, widths = (pd.to_numeric(table[name], errors="coerce") for name in (start, end, width))
    return bool((ends - starts + 1 == widths).all())


def _sequence_of_interval(
    genome: Genome, contig: str, start: object, end: object, strand: str, first: int, where: str
) -> str:
    if strand.strip() not in _STRANDS:
        raise InputError(f"{where}: {strand!r} is no strand. Write + or -.")
    begin, stop = _position(start, first, where) - first, _position(end, first, where)
    try:
        codes = genome.slice(Interval(contig.strip(), begin, stop))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return decode_bases(reverse_complement(codes) if _STRANDS[strand.strip()] == "-" else codes).upper()


def _position(value: object, first: int, where: str) -> int:
    whole = isinstance(value, float) and value.is_integer()
    text = f"{value:.0f}" if whole else str(value).strip()
    if not (text.isascii() and text.isdigit()) or (position := parse_position(text, where)) < first:
        raise InputError(f"{where}: {_short(value)} is not a position, a whole number from {first}.")
    return position


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _usual(table: pd.DataFrame, known: Sequence[str]) -> str | None:
    """Return the column that has the first of these names, however it is written."""
    plain: dict[str, str] = {}
    for column in table.columns:
        plain.setdefault(_plain(str(column)), str(column))
    return next((plain[name] for name in known if name in plain), None)


def _plain(column: str) -> str:
    return "".join(letter for letter in column.lower() if letter not in "#_. ")
