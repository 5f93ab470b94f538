"""JSON lines as tables: one object a line, whose values keep their types on the way in and out."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnagpt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EXCERPT = 40


def parse_json_lines(
    text: str, name: str, require_distinct: Callable[[Sequence[str], str], None]
) -> dict[str, list[Any]]:
    """Read the values of each key, line after line: text, numbers, true and false, null, lists and objects.

    >>> parse_json_lines('{"id": 7, "x": null}' + chr(10) + '{"x": [1], "id": 8}', "a.jsonl", lambda names, where: None)
    {'id': [7, 8], 'x': [None, [1]]}

    Whole numbers keep all their digits, others those of a 64-bit number. Raises InputError with the line for text that
    is no JSON object, for keys that differ from those of the first line, and for half of a character.
    """
    columns: dict[str, list[Any]] = {}
    first_line = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        record = _record(line, f"{name}, line {number}", require_distinct)
        if not columns:
            columns, first_line = {key: [] for key in record}, number
        if record.keys() != columns.keys():
            wrong = ", ".join(f"'{key}'" for key in sorted(record.keys() ^ columns.keys())[:20])
            raise InputError(
                f"{name}, line {number}: the keys differ from those of line {first_line} in {wrong}. "
                "Every line needs the same keys."
            )
        for key, cell in record.items():
            columns[key].append(cell)
    return columns


def json_line(record: Mapping[Any, Any]) -> str:
    """Write one record as a line of JSON; a number that is not finite is null, as JSON has no word for it.

    >>> json_line({"id": 7, "ok": True, "share": float("nan"), "tags": ["a"]})
    '{"id": 7, "ok": true, "share": null, "tags": ["a"]}'
    """
    return json_text(record)


def json_text(value: Any) -> str:
    """Write a value of a table as JSON.

    >>> json_text(np.array([1, 2])), json_text(True)
    ('[1, 2]', 'true')
    """
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Write a value of a table as JSON has it; dates and other types become text."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | bool | int) else str(value)


def _record(line: str, where: str, require_distinct: Callable[[Sequence[str], str], None]) -> dict[str, Any]:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require_distinct([key for key, _ in pairs], where)
        return dict(pairs)

    try:
        record = json.loads(line, object_pairs_hook=distinct)
    except (ValueError, RecursionError) as error:  # a whole number of over 4,300 digits is a ValueError
        raise InputError(f"{where}: {line[:_EXCERPT]!r} is not JSON ({error}). Each line holds one object.") from error
    if not isinstance(record, dict) or not record:
        raise InputError(f'{where}: {line[:_EXCERPT]!r} is not an object with keys, such as {{"sequence": "ACGT"}}.')
    for key, value in record.items():
        if any("\ud800" <= letter <= "\udfff" for text in (key, *_texts(value)) for letter in text):
            raise InputError(f"{where}: {key!r} holds half of a character (a lone surrogate). Write it as UTF-8 text.")
    return record


def _texts(value: Any) -> list[str]:
    """List all texts within a value."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
