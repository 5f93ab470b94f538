"""BED files as tables: with a row of column names, with the commented one of the UCSC browser, or without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.atomic import open_bytes
from dnagpt.files.compressed import shown
from dnagpt.files.tables import decoded, require_distinct
from dnagpt.genome.intervals import BED_COMMENTS

if TYPE_CHECKING:
    import os

BED_COLUMNS = (
    "chrom", "start", "end", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb", "blockCount", "blockSizes",
    "blockStarts",
)  # fmt: skip
"""The columns of a BED file in their order; the first three are always there."""

_FEWEST = 3


def read_bed_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Read all columns of a BED file as text.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "exons.bed"
    ...     _ = file.write_text("track name=exons\nchr1\t10\t20\texon1\nchr2\t0\t5\texon2\n")
    ...     read_bed_table(file).to_dict("list")
    {'chrom': ['chr1', 'chr2'], 'start': ['10', '0'], 'end': ['20', '5'], 'name': ['exon1', 'exon2']}

    Column names stand in the first row, or in a comment before it, as `#chrom chromStart chromEnd` of the UCSC browser;
    without them the 3 to 12 columns of BED have their usual names. Lines that begin with `#`, `track` or `browser` are
    skipped, and so are blank ones. Cells are separated by tabs, or by blanks where there is no tab. Raises InputError
    with the line for rows of another length, and for a file without rows.
    """
    name = shown(path)
    with open_bytes(path) as handle:
        lines = decoded(handle.read(), name).replace("\r\n", "\n").split("\n")
    comments = tuple(word.decode() for word in BED_COMMENTS)
    first = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith(comments)), None)
    if first is None:
        raise InputError(f"{name} holds no interval. A BED line has a contig, a start and an end, separated by tabs.")
    rows = [
        (number, _cells(line))
        for number, line in enumerate(lines[first:], start=first + 1)
        if line.strip() and not line.startswith(comments)
    ]
    columns, rows = _named(rows, lines[:first], name)
    for number, cells in rows:
        if len(cells) != len(columns):
            raise InputError(
                f"{name}, line {number}: {len(cells)} cells, but {len(columns)} columns ({', '.join(columns)}). "
                "Complete the line; cells are separated by tabs."
            )
    return pd.DataFrame([cells for _, cells in rows], columns=columns, dtype=str)


def _cells(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def _named(
    rows: list[tuple[int, list[str]]], before: list[str], name: str
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Find the names of the columns, and the rows below them."""
    first = rows[0][1]
    if len(first) >= _FEWEST and first[1].strip().isdigit() and first[2].strip().isdigit():
        commented = [_cells(line) for line in before if line.startswith("#")]
        header = next((cells for cells in commented if len(cells) == len(first) and "start" in cells[1].lower()), None)
        if header is not None:
            return _distinct(header, name), rows
        if len(first) > len(BED_COLUMNS):
            raise InputError(
                f"{name}, line {rows[0][0]}: {len(first)} columns without names, and BED has up to "
                f"{len(BED_COLUMNS)}. Name them in a first row."
            )
        return list(BED_COLUMNS[: len(first)]), rows
    if len(first) < _FEWEST:
        raise InputError(
            f"{name}, line {rows[0][0]}: {len(first)} of the {_FEWEST} columns that BED needs (contig, start, end). "
            "Separate them with tabs."
        )
    if len(rows) == 1:
        raise InputError(f"{name} has column names ({', '.join(first)}) but no rows. Add rows or choose another table.")
    return _distinct(first, name), rows[1:]


def _distinct(header: list[str], name: str) -> list[str]:
    require_distinct(header, name)
    return header
