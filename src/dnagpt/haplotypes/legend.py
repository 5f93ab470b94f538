"""Legends: which sites the columns of a haplotype matrix are (`id position a0 a1`), positions 1-based in the file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_write, open_text
from dnagpt.files.compressed import shown
from dnagpt.haplotypes.values import Sites

if TYPE_CHECKING:
    from collections.abc import Sequence


UNKNOWN_CONTIG = "unknown"
MOST_POSITION = 2**31 - 1
"""The largest position that VCF files and their indexes can hold."""
_COLUMNS = ("id", "position", "a0", "a1")
_CONTIG_COLUMNS = ("contig", "chromosome", "chrom", "chr")
WRITTEN_COLUMNS = (*_COLUMNS, _CONTIG_COLUMNS[0])
"""The columns of a legend as `write_legend` writes it."""
# `15:27379578_C_A` or `chr15:27379578:C:A`, but not `rs148087467:60523:T:G`: names of databases are no contigs.
_PLACE = re.compile(r"(?!(?:rs|ss|esv|nsv)\d)(?P<contig>[^:\s]+):(?P<position>\d+)(?![^:_])")


def read_legend(path: str | os.PathLike[str]) -> Sites:
    r"""Read the sites of a legend: a header with `id position a0 a1`, then a line a site, plain or gzipped.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "panel.legend"
    ...     _ = file.write_text("id position a0 a1\n15:100_C_A 100 C A\n15:150_T_G 150 T G\n")
    ...     sites = read_legend(file)
    ...     sites.contigs, sites.positions.tolist(), sites.alternate
    (['15', '15'], [99, 149], ['A', 'G'])

    The contig is that of a column `contig` (or chromosome, chrom, chr), else what stands in the ids before the position
    (ids such as `rs1:100:C:A` say nothing, and are of the one contig that others name), else `unknown`. Other columns
    are not read. Raises InputError with the line for what is no such table, and where some ids name several contigs and
    others none.
    """
    name = shown(path)
    with open_text(path) as lines:
        try:
            rows = [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is not text. A legend begins with the line '{' '.join(_COLUMNS)}'.") from error
    if len(rows) < 2:
        raise InputError(f"{name} holds no sites. A legend has the line '{' '.join(_COLUMNS)}' and a line a site.")
    header = [column.lower() for column in rows[0][1]]
    if not set(_COLUMNS) <= set(header):
        raise InputError(
            f"{name}: the first line is {' '.join(rows[0][1])[:80]!r}, and a legend begins with '{' '.join(_COLUMNS)}'."
        )
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(f"{name}, line {number}: {len(row)} words, but {len(header)} columns are named.")
    names, positions, reference, alternate = ([row[header.index(column)] for _, row in rows[1:]] for column in _COLUMNS)
    for (number, _), position in zip(rows[1:], positions, strict=True):
        if not is_position(position):
            raise InputError(
                f"{name}, line {number}: {position[:30]!r} is not a position, a whole number from 1 to "
                f"{MOST_POSITION:,}."
            )
    contig_column = next((column for column in _CONTIG_COLUMNS if column in header), None)
    contigs = (
        _contigs_of(names, positions, name)
        if contig_column is None
        else [row[header.index(contig_column)] for _, row in rows[1:]]
    )
    return Sites(contigs, np.array(positions, dtype=np.int64) - 1, names, reference, alternate)


def write_legend(sites: Sites, path: str | os.PathLike[str]) -> None:
    """Write sites as a legend with the columns `id position a0 a1 contig`, whole or not at all.

    >>> write_legend(Sites(["15"], np.array([99]), ["rs1"], ["C"], ["A"]), "-")
    id position a0 a1 contig
    rs1 100 C A 15

    Raises InputError for a name or an allele with white space, StorageError when the disk refuses.
    """
    with atomic_write(path) as file:
        file.write(legend_text(sites, shown(path, "standard output")).encode())


def legend_text(sites: Sites, where: str) -> str:
    """Give the lines of `write_legend`; `where` names the file in messages.

    >>> legend_text(Sites(["15"], np.array([99]), ["rs1"], ["C"], ["A"]), "x.legend").splitlines()
    ['id position a0 a1 contig', 'rs1 100 C A 15']
    """
    lines = [" ".join(WRITTEN_COLUMNS)]
    columns: Sequence[Sequence[str]] = (sites.names, sites.reference, sites.alternate, sites.contigs)
    for position, words in zip(sites.positions.tolist(), zip(*columns, strict=True), strict=True):
        if any(len(word.split()) != 1 for word in words):
            raise InputError(f"{where}: the site {words} has an empty word or white space in it, which splits a line.")
        site, reference, alternate, contig = words
        lines.append(f"{site} {position + 1} {reference} {alternate} {contig}")
    return "\n".join([*lines, ""])


def numbered_sites(count: int) -> Sites:
    """Give the sites of a matrix that comes without a legend: A and T at positions 1 to `count` of no known contig.

    >>> sites = numbered_sites(2)
    >>> sites.contigs, sites.positions.tolist(), sites.reference, sites.alternate
    (['unknown', 'unknown'], [0, 1], ['A', 'A'], ['T', 'T'])
    """
    return Sites([UNKNOWN_CONTIG] * count, np.arange(count), ["."] * count, ["A"] * count, ["T"] * count)


def is_position(word: str) -> bool:
    """Return whether a word is a 1-based position that the index of a VCF file can hold.

    >>> is_position("100"), is_position("0"), is_position("99999999999999999999")
    (True, False, False)
    """
    return word.isascii() and word.isdigit() and len(word) <= len(str(MOST_POSITION)) and 0 < int(word) <= MOST_POSITION


def _contigs_of(names: Sequence[str], positions: Sequence[str], where: str) -> list[str]:
    """Read the contig of each site from its id; ids that name none are of the one contig that the others name."""
    found = [_contig_of(name, position) for name, position in zip(names, positions, strict=True)]
    named = list(dict.fromkeys(contig for contig in found if contig is not None))
    if len(named) > 1 and None in found:
        line = found.index(None) + 2
        raise InputError(
            f"{where}, line {line:,}: the id {names[line - 2][:40]!r} does not say on which contig its site is, and "
            f"other ids name several ({', '.join(named[:3])}). Add a column `contig`."
        )
    rest = named[0] if named else UNKNOWN_CONTIG
    return [rest if contig is None else contig for contig in found]


def _contig_of(name: str, position: str) -> str | None:
    match = _PLACE.match(name)
    return match["contig"] if match is not None and match["position"] == position else None


_MOST_DIGITS = 12


def read_saved_legend(text: str, where: str) -> Sites:
    r"""Read the text that `legend_text` wrote, strictly.

    >>> read_saved_legend("id position a0 a1 contig\nrs1 100 A G 15\n", "a.legend").positions.tolist()
    [99]

    InputError names the line that is not understood, or is out of order.
    """
    first, *lines = text.splitlines() or [""]
    if tuple(first.split()) != WRITTEN_COLUMNS or not lines:
        raise InputError(
            f"{where} is not a legend: it is to begin with {' '.join(WRITTEN_COLUMNS)!r}, one line a site below."
        )
    rows = [_saved_row(line, f"{where}, line {number:,}") for number, line in enumerate(lines, start=2)]
    names, positions, reference, alternate, contigs = (list(column) for column in zip(*rows, strict=True))
    sites = Sites(contigs, np.array(positions, dtype=np.int64) - 1, names, reference, alternate)
    if len(wrong := sites.out_of_order):
        line = int(wrong[0]) + 2
        raise InputError(f"{where}, line {line:,}: the site stands before the one above it. Restore the file.")
    return sites


def _saved_row(line: str, where: str) -> list[str]:
    row = line.split()
    if len(row) != len(WRITTEN_COLUMNS) or not line.isprintable():
        raise InputError(
            f"{where}: {line[:60]!r} is not a site, which has {len(WRITTEN_COLUMNS)} columns. Restore the file."
        )
    position = row[1]
    if not (position.isascii() and position.isdigit() and len(position) <= _MOST_DIGITS and int(position) > 0):
        raise InputError(f"{where}: {position[:60]!r} is not a position, a whole number from 1. Restore the file.")
    return row
