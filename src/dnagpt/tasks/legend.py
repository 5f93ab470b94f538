"""The legend of a model folder, read strictly: what `dnagpt.genome.legend.legend_text` wrote, and nothing else."""

import numpy as np

from dnagpt.errors import InputError
from dnagpt.genome.haplotypes import Sites
from dnagpt.genome.legend import WRITTEN_COLUMNS

_MOST_DIGITS = 12


def read_legend(text: str, where: str) -> Sites:
    r"""Read the text that `legend_text` wrote, strictly.

    >>> read_legend("id position a0 a1 contig\nrs1 100 A G 15\n", "a.legend").positions.tolist()
    [99]

    InputError names the line that is not understood, or is out of order.
    """
    first, *lines = text.splitlines() or [""]
    if tuple(first.split()) != WRITTEN_COLUMNS or not lines:
        raise InputError(
            f"{where} is not a legend: it is to begin with {' '.join(WRITTEN_COLUMNS)!r}, one line a site below."
        )
    rows = [_row(line, f"{where}, line {number:,}") for number, line in enumerate(lines, start=2)]
    names, positions, reference, alternate, contigs = (list(column) for column in zip(*rows, strict=True))
    sites = Sites(contigs, np.array(positions, dtype=np.int64) - 1, names, reference, alternate)
    if len(wrong := sites.out_of_order):
        line = int(wrong[0]) + 2
        raise InputError(f"{where}, line {line:,}: the site stands before the one above it. Restore the file.")
    return sites


def _row(line: str, where: str) -> list[str]:
    row = line.split()
    if len(row) != len(WRITTEN_COLUMNS) or not line.isprintable():
        raise InputError(
            f"{where}: {line[:60]!r} is not a site, which has {len(WRITTEN_COLUMNS)} columns. Restore the file."
        )
    position = row[1]
    if not (position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS and int(position) > 0):
        raise InputError(f"{where}: {position[:60]!r} is not a position, a whole number from 1. Restore the file.")
    return row
