"""Who is of which population, and who is related to whom: tables about people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.atomic import open_text
from dnagpt.files.compressed import shown
from dnagpt.files.tables import read_table, require_columns, table_ending

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

_log = logging.getLogger(__name__)

_SAMPLE_COLUMNS = ("sample", "samplename", "sampleid", "individual", "individualid", "iid", "id")
_POPULATION_COLUMNS = ("population", "pop")
_RELATIVE_COLUMNS = (("sample1", "sample2"), ("iid1", "iid2"), ("id1", "id2"), ("sample", "relative"))
_FATHERS = ("father", "fatherid", "paternalid", "pat")
_MOTHERS = ("mother", "motherid", "maternalid", "mat")
_PEDIGREES = (".fam", ".ped")
_PEDIGREE_COLUMNS = ("family", "individual", "father", "mother")
_NOBODY = frozenset({"", "0", "."})
_KINSHIP_SCALES = {"kinship": 1.0, "kin": 1.0, "pihat": 2.0}
"""Columns of how closely two people are related: the kinship coefficient (KING, plink2), or twice that (PLINK)."""
THIRD_DEGREE = 0.0442
"""The least kinship of third-degree relatives, first cousins (Manichaikul et al. 2010, Bioinformatics 26:2867)."""


def read_populations(
    table: str | os.PathLike[str], *, column: str | None = None, sample_column: str | None = None
) -> dict[str, str]:
    r"""Read which population each person is of.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "people.tsv"
    ...     _ = file.write_text("Sample name\tPopulation code\tSuperpopulation code\nHG1\tFIN\tEUR\nHG2\tJPT\tEAS\n")
    ...     read_populations(file, column="Superpopulation code")
    {'HG1': 'EUR', 'HG2': 'EAS'}

    CSV, TSV, Parquet or JSON lines; any other ending (`.panel`, `.txt`) is read as columns separated by white space.
    Without `sample_column`, people are in the one column that is called sample, sample name, sample id, individual,
    individual id, iid or id (in any case, with any of blank, `_`, `.` and `-` between the words); without `column`,
    populations are in the one that is called population or pop. Where there is none of these, or more than one, nothing
    is guessed. People whose cell is empty are left out, and their number is logged. Raises InputError for missing
    columns and for a person with two different populations.
    """
    frame = _read_columns(table)
    name = shown(table)
    sample_column = sample_column or _only_column(frame, _SAMPLE_COLUMNS, "people", "sample_column", name)
    column = column or _only_column(frame, _POPULATION_COLUMNS, "populations", "population_column", name)
    require_columns(frame, [sample_column, column], name)
    populations: dict[str, str] = {}
    without = 0
    cells = zip(_cells(frame, sample_column), _cells(frame, column), strict=True)
    for number, (person, population) in enumerate(cells, start=1):
        if not person:
            raise InputError(f"{name}, record {number:,}: the column '{sample_column}' is empty. Name each person.")
        if not population:
            without += 1
        elif populations.setdefault(person, population) != population:
            raise InputError(
                f"{name}, record {number:,}: '{person}' is of '{populations[person]}' in a record before and of "
                f"'{population}' here. Leave one of the two records."
            )
    if without:
        _log.warning("%s: %s records have no population in the column '%s'", name, f"{without:,}", column)
    if not populations:
        raise InputError(f"{name}: the column '{column}' is empty. Choose another column.")
    return populations


def read_relatives(path: str | os.PathLike[str], *, kinship: float = THIRD_DEGREE) -> list[tuple[str, str]]:
    r"""Read pairs of people who are related, so that they are kept on one side of a division.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pairs = pathlib.Path(folder) / "pairs.csv"
    ...     _ = pairs.write_text("ID1,ID2,kinship\nHG1,HG2,0.25\n")
    ...     family = pathlib.Path(folder) / "trio.fam"
    ...     _ = family.write_text("F1 HG3 HG1 HG2 0 0\nF1 HG1 0 0 1 0\n")
    ...     read_relatives(pairs), read_relatives(family)
    ([('HG1', 'HG2')], [('HG3', 'HG1'), ('HG3', 'HG2')])

    A pedigree gives each child with its parents: a `.fam` or `.ped` file without a header (family, person, father,
    mother; 0 for a parent who is not known), or a table with columns for the person, the father (father, father id,
    paternal id, pat) and the mother. Any other table, as `read_populations` reads it, needs two columns called sample1
    and sample2, IID1 and IID2 (KING, plink2), ID1 and ID2, or sample and relative. Where it also has a column kinship
    (KING) or PI_HAT (PLINK, twice the kinship), pairs below `kinship` are not related, and their number is logged.
    Raises InputError where there are no such columns, and for a pedigree that gives nobody a parent.
    """
    name = shown(path)
    is_pedigree = name.lower().endswith(_PEDIGREES)
    frame = _read_columns(path, header=_PEDIGREE_COLUMNS if is_pedigree else None)
    plain = {_plain(str(column)): str(column) for column in frame.columns}
    parents = [plain[word] for words in (_FATHERS, _MOTHERS) for word in words if word in plain]
    if parents:
        child = _only_column(frame, _SAMPLE_COLUMNS, "people", "sample", name)
        pairs = [(child, parent) for parent in parents]
    else:
        pairs = [(plain[one], plain[other]) for one, other in _RELATIVE_COLUMNS if {one, other} <= plain.keys()][:1]
    if not pairs:
        raise InputError(
            f"{name} has no two columns of relatives; its columns are {_listed(frame)}. "
            "Call them 'sample1' and 'sample2'."
        )
    if not parents:
        frame = _closely_related(frame, plain, kinship, name)
    related = (zip(_cells(frame, one), _cells(frame, other), strict=True) for one, other in pairs)
    found = [pair for column in related for pair in column if _NOBODY.isdisjoint(pair)]
    if is_pedigree and not found:
        raise InputError(f"{name} gives nobody a father or a mother. Columns are family, person, father, mother.")
    return found


def _closely_related(frame: pd.DataFrame, plain: Mapping[str, str], kinship: float, name: str) -> pd.DataFrame:
    """Leave out pairs that are less closely related than asked for, where the table says how closely they are."""
    column = next((word for word in _KINSHIP_SCALES if word in plain), None)
    if column is None:
        return frame
    values = []
    for number, cell in enumerate(_cells(frame, plain[column]), start=1):
        try:
            values.append(float(cell) / _KINSHIP_SCALES[column])
        except ValueError:
            raise InputError(
                f"{name}, record {number:,}: {cell[:20]!r} in '{plain[column]}' is not a number."
            ) from None
    kept = frame[[value >= kinship for value in values]]
    if len(kept) < len(frame):
        _log.warning(
            "%s: %s of %s pairs have a kinship below %g (data.haplotypes.kinship) and count as unrelated",
            name, f"{len(frame) - len(kept):,}", f"{len(frame):,}", kinship,
        )  # fmt: skip
    return kept


def families(individuals: Sequence[str], relatives: Iterable[tuple[str, str]]) -> list[str]:
    """Give the group of each individual: those whom a chain of relatives joins are one, called after its first member.

    >>> families(["HG1", "HG1", "HG2", "HG3"], [("HG3", "HG9"), ("HG9", "HG1")])
    ['HG1', 'HG1', 'HG2', 'HG1']

    A relative who is not among the individuals joins others all the same.
    """
    parent: dict[str, str] = {}

    def root(person: str) -> str:
        while (above := parent.setdefault(person, person)) != person:
            parent[person] = parent[above]
            person = above
        return person

    for one, other in relatives:
        parent[root(one)] = root(other)
    first: dict[str, str] = {}
    return [first.setdefault(root(person), person) for person in individuals]


def _read_columns(path: str | os.PathLike[str], header: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of the known formats, or of columns separated by tabs or else by white space, as panels are.

    `header` names the first columns of a file that has no header of its own.
    """
    if table_ending(path):
        return read_table(path)
    name = shown(path)
    with open_text(path) as file:
        try:
            lines = [(number, line.rstrip()) for number, line in enumerate(file, start=1) if line.strip()]
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is not text. Give a table of people.") from error
    own_header = bool(lines) and bool(set(map(_plain, lines[0][1].split("\t"))) & {*_FATHERS, *_MOTHERS})
    separator = "\t" if lines and "\t" in lines[0][1] and (header is None or own_header) else None
    rows = [(number, line.split(separator)) for number, line in lines]
    if rows and header is not None and not set(map(_plain, rows[0][1])) & {*_FATHERS, *_MOTHERS}:
        rows = [(number, row[: len(header)]) for number, row in rows]
        rows.insert(0, (0, list(header)))
    if len(rows) < 2:
        raise InputError(f"{name} holds no people. A table has a row of column names and rows below it.")
    columns = rows[0][1]
    for number, row in rows[1:]:
        if separator:
            row.extend([""] * (len(columns) - len(row)))  # empty cells at the end of the line
        if len(row) != len(columns):
            raise InputError(f"{name}, line {number}: {len(row)} words, but {len(columns)} columns are named.")
    return pd.DataFrame([row for _, row in rows[1:]], columns=columns, dtype=str)


def _only_column(frame: pd.DataFrame, known: Sequence[str], what: str, option: str, name: str) -> str:
    found = [str(column) for column in frame.columns if _plain(str(column)) in known]
    if len(found) != 1:
        which = f"more than one column may hold {what}" if found else f"no column is known to hold {what}"
        raise InputError(f"{name}: {which}; its columns are {_listed(frame)}. Name one of them as `{option}`.")
    return found[0]


def _cells(frame: pd.DataFrame, column: str) -> list[str]:
    return ["" if pd.isna(cell) else str(cell).strip() for cell in frame[column]]


def _plain(column: str) -> str:
    return column.lower().translate(str.maketrans("", "", " _.-#"))


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(f"'{column}'" for column in frame.columns)
