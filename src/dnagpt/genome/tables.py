"""Tables in and out: CSV, TSV, JSON lines (also gzipped) and Parquet, with nothing guessed and nothing filled in."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.genome.bases import quoted
from dnagpt.genome.extras import needs_extra
from dnagpt.genome.files import atomic_path, open_bytes
from dnagpt.genome.hdf5 import read_hdf5
from dnagpt.genome.nearest import did_you_mean
from dnagpt.genome.parquet import read_parquet
from dnagpt.genome.recognition import HEAD_LENGTH, is_binary, recognise
from dnagpt.genome.stored_bytes import STANDARD_STREAM, shown

if TYPE_CHECKING:
    from _csv import Reader as CsvReader
    from collections.abc import Callable, Iterator, Sequence

Columns = dict[str, list[str]]

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_HDF5 = (".h5", ".hdf5")
_FORMATS = "Known endings are .csv, .tsv, .jsonl (each also with .gz) and .parquet."
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

    Text formats give text: numbers stay as they are written, `NA` is two letters, an empty cell is "". JSON numbers
    keep their spelling, `true` and `false` too, and `null` is "". Parquet and HDF5 (see `read_hdf5`) keep their types.
    Blank lines are skipped. `ending` (".tsv") says the format of a file whose own name does not. Raises InputError with
    the line for rows that do not fit the columns, and for a file that is missing, empty, without rows, binary, not
    UTF-8 or has a column name twice.
    """
    name = shown(path)
    ending = ending or _ending(path)
    if ending in _PARQUET:
        return _read_parquet(Path(path), name)
    if ending in _HDF5:
        return read_hdf5(path)
    parse = _parser(ending, name)
    with open_bytes(path) as handle:
        columns = parse(_decoded(handle.read(), name), name)
    return pd.DataFrame(columns, dtype=str)


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table in the format that its ending names, whole or not at all; `-` is CSV on standard output.

    >>> write_table(pd.DataFrame({"record": ["a"], "probability": [0.25]}), "-")
    record,probability
    a,0.25

    The index is not written; numbers keep all their digits. Raises InputError for an unknown ending or a column name
    that comes twice, StorageError when the disk refuses.
    """
    name = shown(path, "standard output")
    require_table_ending(path)
    _require_distinct([str(column) for column in frame.columns], name)
    ending = _ending(path)
    with atomic_path(path) as temporary:
        if ending in _PARQUET:
            with needs_extra("tables", f"{name}, Parquet,"):
                import pyarrow as pa  # noqa: F401 - pandas finds it by itself
            frame.to_parquet(temporary, index=False)
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
        return _parse_json_lines
    if ending in _SEPARATORS:
        return lambda text, name: _parse_separated(text, name, _SEPARATORS[ending])
    raise InputError(f"{name} has no ending that names a table format. {_FORMATS}")


def _decoded(content: bytes, name: str) -> str:
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
    rows = _filled_rows(reader, name)
    header = next(rows)
    _require_distinct(header, name)
    _require_separator(header, separator, name)
    body = []
    for row in rows:
        if len(row) != len(header):
            excerpt = repr(separator.join(row)[:_EXCERPT])
            raise InputError(
                f"{name}, line {reader.line_num}: {len(row)} {'cell' if len(row) == 1 else 'cells'}, but "
                f"{len(header)} columns are named ({excerpt}). "
                "Complete the row, or quote cells that contain the separator."
            )
        body.append(row)
    if not body:
        raise InputError(f"{name} has column names ({_listed(header)}) but no rows. Add rows or choose another table.")
    return {column: [row[index] for row in body] for index, column in enumerate(header)}


def _filled_rows(reader: CsvReader, name: str) -> Iterator[list[str]]:
    """The rows that are not blank lines; what the csv module refuses becomes a sentence."""
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: {error}. A cell that begins with a quotation mark must end with one."
        ) from error


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


def _parse_json_lines(text: str, name: str) -> Columns:
    columns: Columns = {}
    first_line = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        record = _parse_json_record(line, f"{name}, line {number}")
        if not columns:
            columns, first_line = {key: [] for key in record}, number
        if record.keys() != columns.keys():
            wrong = sorted(record.keys() ^ columns.keys())
            raise InputError(
                f"{name}, line {number}: the keys differ from those of line {first_line} in {_listed(wrong)}. "
                "Every line needs the same keys."
            )
        for key, cell in record.items():
            columns[key].append(cell)
    return columns


def _parse_json_record(line: str, where: str) -> dict[str, str]:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _require_distinct([key for key, _ in pairs], where)
        return dict(pairs)

    try:
        record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=distinct)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: {line[:_EXCERPT]!r} is not JSON ({error}). Each line holds one object.") from error
    if not isinstance(record, dict) or not record:
        raise InputError(f'{where}: {line[:_EXCERPT]!r} is not an object with keys, such as {{"sequence": "ACGT"}}.')
    return {key: _json_cell(key, value, where) for key, value in record.items()}


def _json_cell(key: str, value: object, where: str) -> str:
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InputError(f"{where}: '{key}' holds half of a character (a lone surrogate). Write it as UTF-8 text.")
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    raise InputError(
        f"{where}: '{key}' holds a list or an object, not one value. Give it as text or in keys of its own."
    )


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    with open_bytes(path) as handle:
        head = handle.read(4)
    if not head:
        raise InputError(f"{name} is empty. A table has named columns and rows.")
    if head != b"PAR1":
        raise InputError(f"{name} is not Parquet: it begins with {quoted(head)}. Give it the ending of its format.")
    frame = read_parquet(path)
    _require_distinct([str(column) for column in frame.columns], name)
    if frame.empty:
        raise InputError(f"{name} has no rows or no columns. Choose another table.")
    return frame


def _require_distinct(names: list[str], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f"{where}: {_listed(repeated)} is the name of more than one column. Names must differ.")


def _write_text(frame: pd.DataFrame, text: io.TextIOBase, ending: str) -> None:
    if ending in _JSON_LINES:
        for record in frame.to_dict(orient="records"):
            text.write(json.dumps({str(key): _json_value(value) for key, value in record.items()}, ensure_ascii=False))
            text.write("\n")
    else:
        frame.to_csv(text, index=False, sep=_SEPARATORS[ending], lineterminator="\n")
    text.flush()


def _json_value(value: object) -> object:
    """What is not a number has no spelling in JSON but null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _listed(names: Sequence[str], limit: int = 20) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:limit])
    return f"{listed} and {len(names) - limit:,} more" if len(names) > limit else listed
