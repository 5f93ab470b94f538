"""Tables in and out: CSV, TSV, JSON lines (also gzipped) and Parquet, with nothing guessed and nothing filled in."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_path, open_bytes
from dnagpt.files.compressed import STANDARD_STREAM, shown
from dnagpt.files.hdf5 import read_hdf5
from dnagpt.files.json_lines import json_line, json_text, parse_json_lines
from dnagpt.files.optional import needs_extra
from dnagpt.files.parquet import read_parquet
from dnagpt.files.recognition import HEAD_LENGTH, is_binary, quoted, recognise
from dnagpt.files.suggestions import did_you_mean

if TYPE_CHECKING:
    from _csv import Reader as CsvReader
    from collections.abc import Callable, Iterator, Sequence

Columns = dict[str, list[Any]]

logger = logging.getLogger("dnagpt")

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_HDF5 = (".h5", ".hdf5")
_FORMATS = "Known endings are .csv, .tsv, .jsonl (each also with .gz) and .parquet."
_NULLABLE: dict[str, Any] = {
    "bool": pd.BooleanDtype(),
    "int8": pd.Int8Dtype(), "int16": pd.Int16Dtype(), "int32": pd.Int32Dtype(), "int64": pd.Int64Dtype(),
    "uint8": pd.UInt8Dtype(), "uint16": pd.UInt16Dtype(), "uint32": pd.UInt32Dtype(), "uint64": pd.UInt64Dtype(),
}  # fmt: skip
"""Types of Arrow whose columns can hold a missing value in pandas."""
_LONGEST_CELL = 2**31 - 1
_EXCERPT = 40
_NOT_TABLES = (b"\x1f\x8b", b"%PDF", b"<!DOCTYPE", b"<html", b"version https://git-lfs", b"##fileformat=VCF")


def read_table(path: str | os.PathLike[str], *, ending: str | None = None) -> pd.DataFrame:
    r"""Read a table whose first row (or whose keys) names the columns; `-` is CSV on standard input.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "sites.csv"
    ...     _ = file.write_text("sequence,label,gene\nACGT,1,NA\nTTTT,0,\n")
    ...     read_table(file).to_dict("list")
    {'sequence': ['ACGT', 'TTTT'], 'label': ['1', '0'], 'gene': ['NA', '']}

    CSV and TSV give text: numbers stay as they are written, `NA` is two letters, an empty cell is "". JSON lines,
    Parquet and HDF5 (see `read_hdf5`) keep their types, and Parquet its index (see `index_as_columns`). Blank lines are
    skipped. Cells in quotation marks may hold line breaks, which a warning counts; a quotation mark without a partner,
    which makes one row of several, is refused. `ending` (".tsv") says the format of a file whose own name does not.
    Raises InputError with the line for rows that do not fit the columns, and for a file that is missing, empty, without
    rows, binary, not UTF-8 or has a column name twice.
    """
    name = shown(path)
    ending = ending or _ending(path)
    if ending in _PARQUET:
        return _read_parquet(Path(path), name)
    if ending in _HDF5:
        return read_hdf5(path)
    parse = _parser(ending, name)
    with open_bytes(path) as handle:
        columns = parse(decoded(handle.read(), name), name)
    return pd.DataFrame({name: pd.Series(cells, dtype=_column_type(cells)) for name, cells in columns.items()})


def _column_type(cells: Sequence[object]) -> type:
    """The type of a column: text, or whatever JSON gave, cell by cell."""
    return str if all(isinstance(cell, str) for cell in cells) else object


def index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose index, where it says something, has become its first columns.

    >>> frame = pd.DataFrame({"sequence": ["AC", "GT"]}, index=pd.Index(["r1", "r2"], name="id"))
    >>> index_as_columns(frame).to_dict("list")
    {'id': ['r1', 'r2'], 'sequence': ['AC', 'GT']}

    Row numbers from 0 say nothing. A level without a name is called `index`, one whose name a column has already
    `index_NAME`; one that repeats that column is left out.
    """
    plain = isinstance(frame.index, pd.RangeIndex) and frame.index.equals(pd.RangeIndex(len(frame)))
    if plain and frame.index.name is None:
        return frame
    columns = {str(name): frame[name] for name in frame.columns}
    levels: dict[str, Any] = {}
    for number, name in enumerate(frame.index.names):
        values = frame.index.get_level_values(number)
        label = "index" if name is None else str(name)
        if name is not None and label in columns and list(columns[label]) == list(values):
            continue
        while label in columns or label in levels:
            label = f"index_{label}"
        levels[label] = values.to_series(index=frame.index)
    return pd.concat([pd.DataFrame(levels, index=frame.index), frame], axis=1).reset_index(drop=True)


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table in the format that its ending names, whole or not at all; `-` is CSV on standard output.

    >>> write_table(pd.DataFrame({"record": ["a"], "probability": [0.25]}), "-")
    record,probability
    a,0.25

    Parquet keeps the index; in text formats its levels become columns (see `index_as_columns`). Numbers keep all their
    digits, and JSON lines keep types. Raises InputError for an unknown ending, a column name that comes twice or values
    that Parquet cannot hold in one column, StorageError when the disk refuses.
    """
    name = shown(path, "standard output")
    require_table_ending(path)
    require_distinct([str(column) for column in frame.columns], name)
    ending = _ending(path)
    with atomic_path(path) as temporary:
        if ending in _PARQUET:
            _write_parquet(frame, temporary, name)
        elif os.fspath(path).lower().endswith(".gz"):
            with temporary.open("wb") as stored, gzip.GzipFile("", "wb", fileobj=stored, mtime=0) as packed:
                _write_text(frame, io.TextIOWrapper(packed, encoding="utf-8", newline=""), ending)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as text:
                _write_text(frame, text, ending)


def require_table_ending(path: str | os.PathLike[str]) -> None:
    """Check that a name's ending tells in which format a table is to be written, before the work that fills it.

    >>> require_table_ending("answers.doc")
    Traceback (most recent call last):
    dnagpt.errors.InputError: answers.doc has no ending that names a table format. ...
    """
    if _ending(path) not in {*_SEPARATORS, *_JSON_LINES, *_PARQUET}:
        raise InputError(f"{shown(path, 'standard output')} has no ending that names a table format. {_FORMATS}")


def require_columns(frame: pd.DataFrame, names: Sequence[str], where: str) -> None:
    """Check that a table has the columns that are needed; the error lists what is missing and what there is.

    >>> frame = pd.DataFrame({"sequence": ["ACGT"], "lable": ["1"]})
    >>> require_columns(frame, ["sequence", "label"], "train.csv")
    Traceback (most recent call last):
    dnagpt.errors.InputError: train.csv has no column 'label'; its columns are 'sequence', 'lable'. Did you mean ...
    """
    there = [str(column) for column in frame.columns]
    missing = [name for name in names if name not in there]
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        hints = did_you_mean(missing[0], there) if len(missing) == 1 else ""
        raise InputError(
            f"{where} has no {word} {_listed(missing)}; its columns are {_listed(there)}."
            f"{hints or ' Rename a column or choose another table.'}"
        )


def as_text(cells: pd.Series[Any]) -> pd.Series[str]:
    """Write the cells of a column as text; a missing one is empty, whatever stands for it in the table.

    >>> as_text(pd.Series([7, None], dtype="Int64")).tolist()
    ['7', '']
    """
    return cells.astype(str).where(cells.notna(), "")


def table_ending(path: str | os.PathLike[str]) -> str:
    """Give the ending that names the format of a table, or nothing.

    >>> table_ending("sites.CSV.gz"), table_ending("genome.fa")
    ('.csv', '')
    """
    ending = _ending(path)
    return ending if ending in {*_SEPARATORS, *_JSON_LINES, *_PARQUET, *_HDF5} else ""


def _ending(path: str | os.PathLike[str]) -> str:
    """The ending that names the format, without .gz; standard streams carry CSV."""
    if os.fspath(path) == STANDARD_STREAM:
        return ".csv"
    return Path(os.fspath(path).lower().removesuffix(".gz")).suffix


def _parser(ending: str, name: str) -> Callable[[str, str], Columns]:
    if ending in _JSON_LINES:
        return lambda text, name: parse_json_lines(text, name, require_distinct)
    if ending in _SEPARATORS:
        return lambda text, name: _parse_separated(text, name, _SEPARATORS[ending])
    raise InputError(f"{name} has no ending that names a table format. {_FORMATS}")


def decoded(content: bytes, name: str) -> str:
    r"""Read the bytes of a table as UTF-8 text, without a byte order mark.

    >>> decoded(b"\xef\xbb\xbfsequence\nACGT\n", "sites.csv")
    'sequence\nACGT\n'

    Raises InputError, with the line, for bytes that no text table has, and for a file without text.
    """
    head = content[:HEAD_LENGTH]
    if is_binary(head) or head.startswith((*_NOT_TABLES, b"\xff\xfe", b"\xfe\xff")):
        kind, advice = recognise(head) or ("binary data", "give a text file")
        raise InputError(f"{name} is not a text table but {kind}: {advice}.")
    if b"\x00" in content:
        line = content.count(b"\n", 0, content.index(b"\x00")) + 1
        raise InputError(f"{name}, line {line}: a zero byte, which no text has. The file is damaged; fetch it again.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        context = quoted(content[max(0, error.start - _EXCERPT // 4) : error.start + 1])
        raise InputError(f"{name}, line {line}: {context} is not UTF-8 text. Save the table as UTF-8.") from error
    if not text.strip():
        raise InputError(f"{name} is empty. A table has a row of column names and rows below it.")
    return text


def _parse_separated(text: str, name: str, separator: str) -> Columns:
    csv.field_size_limit(_LONGEST_CELL)  # the module's own limit, 131,072 letters, is shorter than many sequences
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = _numbered_rows(reader, name)
    _, header = next(rows)
    require_distinct(header, name)
    _require_separator(header, separator, name)
    body = []
    broken: list[int] = []
    for first_line, row in rows:
        if len(row) != len(header):
            excerpt = repr(separator.join(row)[:_EXCERPT])
            raise InputError(
                f"{name}, line {reader.line_num}: {len(row)} {'cell' if len(row) == 1 else 'cells'}, but "
                f"{len(header)} columns are named ({excerpt}). "
                "Complete the row, or quote cells that contain the separator."
            )
        if reader.line_num > first_line:
            _require_one_row(row, separator, f"{name}, line {first_line}")
            broken.append(first_line)
        body.append(row)
    if not body:
        raise InputError(f"{name} has column names ({_listed(header)}) but no rows. Add rows or choose another table.")
    if broken:
        logger.warning(
            "%s: cells of %s of %s rows hold line breaks within quotation marks (first at line %d).",
            name, f"{len(broken):,}", f"{len(body):,}", broken[0],
        )  # fmt: skip
    return {column: [row[index] for row in body] for index, column in enumerate(header)}


def _numbered_rows(reader: CsvReader, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank lines, each with its first line; what the csv module refuses becomes a sentence."""
    first_line = 1
    try:
        for row in reader:
            if row:
                yield first_line, row
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: {error}. A cell that begins with a quotation mark must end with one."
        ) from error


def _require_one_row(row: list[str], separator: str, where: str) -> None:
    """Refuse a cell over several lines each of which is a row by itself: its quotation mark has no partner."""
    lines = separator.join(row).splitlines()
    if len(row) > 1 and len(lines) > 1 and all(line.count(separator) == len(row) - 1 for line in lines):
        raise InputError(
            f"{where}: a quotation mark makes one row of {len(lines):,} lines, each of which has {len(row)} cells. "
            "Delete the mark, or write it twice within a quoted cell; give JSON lines if the cell has line breaks."
        )


def _require_separator(header: list[str], separator: str, name: str) -> None:
    """One column whose name holds another separator is a table of another format."""
    if len(header) > 1:
        return
    for other, format_name in ((",", "CSV"), ("\t", "TSV"), (";", "semicolon-separated")):
        if other != separator and other in header[0]:
            expected = "commas" if separator == "," else "tabs"
            raise InputError(
                f"{name}: the first row {header[0][:_EXCERPT]!r} is {format_name} text, and the ending of the file "
                f"says {expected}. Rename the file or save it with {expected}."
            )


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    with open_bytes(path) as handle:
        head = handle.read(4)
    if not head:
        raise InputError(f"{name} is empty. A table has named columns and rows.")
    if head != b"PAR1":
        raise InputError(f"{name} is not Parquet: it begins with {quoted(head)}. Give it the ending of its format.")
    frame = _with_nullable_types(read_parquet(path), path)
    require_distinct([str(column) for column in frame.columns], name)
    if frame.empty:
        raise InputError(f"{name} has no rows or no columns. Choose another table.")
    return frame


def _with_nullable_types(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a Parquet table in which whole numbers and truth values with gaps are not 1.0 and objects."""
    from pyarrow import parquet

    changed = {"float64": _NULLABLE.keys() - {"bool"}, "object": {"bool"}}
    columns = [
        field.name
        for field in parquet.read_schema(path)
        if field.name in frame.columns and str(field.type) in changed.get(str(frame[field.name].dtype), ())
    ]
    if columns:
        table = parquet.read_table(path, columns=columns)
        gaps = table.to_pandas(ignore_metadata=True, types_mapper=lambda kind: _NULLABLE.get(str(kind)))
        for name in columns:
            frame[name] = gaps[name].array
    return frame


def require_distinct(names: Sequence[str], where: str) -> None:
    """Check that no two columns have the same name.

    >>> require_distinct(["a", "b", "a"], "sites.csv")
    Traceback (most recent call last):
    dnagpt.errors.InputError: sites.csv: 'a' is the name of more than one column. Names must differ.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f"{where}: {_listed(repeated)} is the name of more than one column. Names must differ.")


def _write_parquet(frame: pd.DataFrame, path: Path, name: str) -> None:
    with needs_extra("tables", f"{name}, Parquet,"):
        import pyarrow as pa
    try:
        frame.to_parquet(path)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"{name}: Parquet needs columns whose values are all of one type ({str(error).splitlines()[0]}). "
            "Write JSON lines (.jsonl) instead."
        ) from error


def _write_text(frame: pd.DataFrame, text: io.TextIOBase, ending: str) -> None:
    frame = index_as_columns(frame)
    if ending in _JSON_LINES:
        text.writelines(f"{json_line(record)}\n" for record in frame.to_dict(orient="records"))
    else:
        cells = {name: _cells(frame[name]) for name in frame}
        pd.DataFrame(cells).to_csv(text, index=False, sep=_SEPARATORS[ending], lineterminator="\n")
    text.flush()


def _cells(column: pd.Series[Any]) -> pd.Series[Any]:
    """Write what JSON lines keep and CSV has no type for as JSON does: true, [1, 2]; null is an empty cell."""
    if column.dtype != object:
        return column
    nested = (bool, list, dict, np.ndarray)
    cells = [json_text(value) if isinstance(value, nested) else value for value in column]
    return pd.Series(cells, index=column.index, dtype=object)


def _listed(names: Sequence[str], limit: int = 20) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:limit])
    return f"{listed} and {len(names) - limit:,} more" if len(names) > limit else listed
