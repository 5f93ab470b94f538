"""The legend of a model folder, read strictly: what `dnagpt.genome.legend.legend_text` wrote, and nothing else."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dnagpt.errors import InputError
from dnagpt.genome.haplotypes import Sites

COLUMNS = ("id", "position", "a0", "a1", "contig")
_MOST_DIGITS = 12


def read_legend(text: str, where: str) -> Sites:
    r"""Read the text that `legend_text` wrote, strictly.

    >>> read_legend("id position a0 a1 contig\nrs1 100 A G 15\n", "a.legend").positions.tolist()
    [99]

    InputError names the line that is not understood, or is out of order.
    """
    first, *lines = text.splitlines() or [""]
    if tuple(first.split()) != COLUMNS or not lines:
        raise InputError(f"{where} is not a legend: it is to begin with {' '.join(COLUMNS)!r}, one line a site below.")
    rows = [_row(line, f"{where}, line {number:,}") for number, line in enumerate(lines, start=2)]
    names, positions, reference, alternate, contigs = (list(column) for column in zip(*rows, strict=True))
    _refuse_disorder(contigs, [int(position) for position in positions], where)
    return Sites(contigs, np.array(positions, dtype=np.int64) - 1, names, reference, alternate)


def _row(line: str, where: str) -> list[str]:
    row = line.split()
    if len(row) != len(COLUMNS) or not line.isprintable():
        raise InputError(f"{where}: {line[:60]!r} is not a site, which has {len(COLUMNS)} columns. Restore the file.")
    position = row[1]
    if not (position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS and int(position) > 0):
        raise InputError(f"{where}: {position[:60]!r} is not a position, a whole number from 1. Restore the file.")
    return row


def _refuse_disorder(contigs: Sequence[str], positions: Sequence[int], where: str) -> None:
    ended: set[str] = set()
    places = pairwise(zip(contigs, positions, strict=True))
    for number, ((contig, position), (next_contig, next_position)) in enumerate(places, start=3):
        if contig != next_contig:
            ended.add(contig)
        if next_contig in ended or (contig == next_contig and next_position < position):
            raise InputError(f"{where}, line {number:,}: the site stands before the one above it. Restore the file.")
