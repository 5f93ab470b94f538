"""Whether records can be read as their template says: every cell of every field, before any work is done."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dnagpt.errors import InputError
from dnagpt.language.grammar import Field
from dnagpt.language.template import Template, read_boolean
from dnagpt.tasks.task import field_numbers


def check_records(frame: pd.DataFrame, template: Template, names: Sequence[str]) -> None:
    """Check that no field is empty, that labels are among the declared ones and that numbers are numbers.

    `names` say where each record stands. InputError names the first offending record, and how many offend in all.
    Letters of sequences are for the vocabulary to judge.

    >>> template = Template.parse("<R>{sequence}<=><B>{label?:boolean}")
    >>> frame = pd.DataFrame({"sequence": ["ACG", "CCA", "GGT"], "label": ["1", "maybe", "maybe"]})
    >>> check_records(frame, template, ["row 1", "row 2", "row 3"])
    Traceback (most recent call last):
    dnagpt.errors.InputError: row 2, field label: 'maybe' is neither yes nor no. ...
    """
    for token in template.token_fields:
        _check_column(frame[token.name], _check_text, names, f"the field {token.name}")
    for item in template.fields:
        for column in item.columns:
            place = f"field {column}" if item.kind == "number" else f"field {item.name}"
            _check_column(frame[column], _reader(item, column), names, place)


def require_sequences(
    frame: pd.DataFrame, columns: Sequence[str], names: Sequence[str], missing_values: Sequence[str]
) -> None:
    """Check that no sequence is a word that stands for a missing value, such as `NA`, which could be read as letters.

    >>> frame = pd.DataFrame({"sequence": ["ACGT", "NA", "nan"]})
    >>> require_sequences(frame, ["sequence"], ["row 1", "row 2", "row 3"], ["NA", "NaN"])
    Traceback (most recent call last):
    dnagpt.errors.InputError: row 2, field sequence: 'NA' stands for a missing value (2 of 3 records: row 2; row 3). ...

    Words count in either case, blanks around them not at all. InputError names the first five records.
    """
    words = {word.strip().lower() for word in missing_values}
    for column in columns:
        cells = frame[column].tolist()
        found = [row for row, cell in enumerate(cells) if isinstance(cell, str) and cell.strip().lower() in words]
        if found:
            listed = "; ".join(names[row] for row in found[:5]) + ("; ..." if len(found) > 5 else "")
            raise InputError(
                f"{names[found[0]]}, field {column}: {cells[found[0]].strip()!r} stands for a missing value "
                f"({len(found):,} of {len(cells):,} records: {listed}). Fill it in or leave the record out; where it "
                "is a sequence, set data.missing_values = [] (in Python, missing_values=[])."
            )


def require_one_length(frame: pd.DataFrame, columns: Sequence[str], names: Sequence[str]) -> None:
    """Check that the sequences of each column have one length, as pairs that are compared place by place do.

    >>> pairs = pd.DataFrame({"left": ["ACG", "CCA", "GG"], "right": ["A", "C", "G"]})
    >>> require_one_length(pairs, ["left", "right"], ["row 1", "row 2", "row 3"])
    Traceback (most recent call last):
    dnagpt.errors.InputError: row 3: left has 2 letters, where 2 of 3 records have 3. Correct the record, or set ...
    """
    for column in columns:
        lengths = frame[column].str.len().to_numpy().astype(np.int64)
        usual = int(np.bincount(lengths).argmax())
        others = np.flatnonzero(lengths != usual)
        if len(others):
            raise InputError(
                f"{names[others[0]]}: {column} has {lengths[others[0]]:,} letters, where "
                f"{len(lengths) - len(others):,} of {len(lengths):,} records have {usual:,}. Correct the record, or "
                "set data.mixed_lengths = true if the sequences of pairs are to differ in length."
            )


def _reader(item: Field, column: str) -> Callable[[object, str], object]:
    if item.kind == "boolean":
        return read_boolean
    if item.kind == "choice":
        return lambda value, where: _check_choice(value, item.choices, where)
    if item.kind == "number":
        number = Field(column, "number", answered=item.answered)
        return lambda value, where: field_numbers(number, {column: value}, where)
    return _check_text


def _check_column(
    cells: "pd.Series[str]", read: Callable[[object, str], object], names: Sequence[str], place: str
) -> None:
    """Read each distinct cell once; the error tells of the first record with a bad one."""
    several = next((number for number, cell in enumerate(cells) if not pd.api.types.is_scalar(cell)), None)
    if several is not None:
        raise InputError(f"{names[several]}, {place} holds several values. Give each one a column of its own.")
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    bad = np.zeros(len(distinct), dtype=bool)
    for number, value in enumerate(distinct.tolist()):
        bad[number] = next(_problems(value, read, ""), None) is not None
    offending = np.flatnonzero(bad[codes])
    if len(offending):
        first = int(offending[0])
        problem = next(_problems(cells.iloc[first], read, f"{names[first]}, {place}"))
        if len(offending) > 1:
            problem = f"{problem.removesuffix('.')} ({len(offending):,} of {len(names):,} records have such a mistake)."
        raise InputError(problem)


def _problems(value: Any, read: Callable[[object, str], object], where: str) -> Iterator[str]:
    if pd.isna(value) or value == "":
        yield f"{where} is empty. Fill it in, or leave the record out."
        return
    try:
        read(value, where)
    except InputError as error:
        yield str(error)


def _check_choice(value: object, choices: Sequence[str], where: str) -> None:
    if isinstance(value, bool) or str(value) not in choices:
        raise InputError(f"{where}: {value!r} is not among the choices {', '.join(choices)}.")


def _check_text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise InputError(f"{where}: {value!r} is not text. Write it as letters.")
