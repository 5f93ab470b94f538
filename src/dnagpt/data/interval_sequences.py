"""Records that are intervals of a genome: their sequences, on the strand that they name."""

from collections.abc import Sequence

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases, reverse_complement
from dnagpt.genome.index import Genome
from dnagpt.genome.intervals import Interval
from dnagpt.genome.tables import as_text, require_columns

CONTIG_COLUMNS = ("chromosome", "region", "chrom", "#chrom", "#chromosome")
"""The names under which tables of intervals have the contig."""


def sequences_of_intervals(table: pd.DataFrame, genome: Genome, names: Sequence[str]) -> list[str]:
    """Read the sequence of each row: columns chromosome (or region), start, end, and strand if there is one.

    Positions are 0-based and half-open, as in BED. A row on the strand `-` gives the reverse complement; `+`, `.` and
    an empty cell give the sequence as the genome has it. Letters are upper case. Raises InputError with the row for an
    unknown contig, positions that are none or leave the contig, and any other strand.
    """
    contig = next((name for name in CONTIG_COLUMNS if name in table.columns), "chromosome")
    require_columns(table, [contig, "start", "end"], names[0].rpartition(", row")[0] or names[0])
    strands = as_text(table["strand"]) if "strand" in table.columns else ["+"] * len(table)
    rows = zip(as_text(table[contig]), table["start"], table["end"], strands, names, strict=True)
    return [_sequence(genome, *row) for row in rows]


def _sequence(genome: Genome, contig: str, start: object, end: object, strand: str, where: str) -> str:
    if strand not in ("+", "-", ".", ""):
        raise InputError(f"{where}: {strand!r} is no strand. Write + or -.")
    try:
        codes = genome.slice(Interval(contig.strip(), _position(start), _position(end)))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return decode_bases(reverse_complement(codes) if strand == "-" else codes).upper()


def _position(value: object) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"{value!r} is not a position, a whole number from 0.")
    return int(text)
