"""Parquet files looked through before they become a table: damage is told, claims are compared with stored bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.compressed import require_plain_file, require_plausible_size
from dnagpt.files.optional import needs_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 256
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
"""The bytes of a value in memory, where they are not 8 or more."""
# What pyarrow and pandas raise for damage: pyarrow's own errors derive from some of these.
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, NotImplementedError, AssertionError,
)  # fmt: skip


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file as pandas does, once its parts were seen to be sound and of a plausible size.

    A file of 500 bytes may say that two thousand rows hold the same megabyte, so all values are decoded once, 256 rows
    at a time, before any table is made: reading takes about twice as long. Raises InputError for a file that is damaged
    or would take far more memory than it has bytes; it says what to install where pyarrow is missing.
    """
    with needs_extra("tables", f"{path}, Parquet,"):
        import pyarrow as pa
    require_plain_file(path)
    try:
        _require_plausible(path)
        return pd.read_parquet(path)
    except (pa.ArrowException, *_DAMAGE) as error:
        raise InputError(
            f"{path} is damaged: it begins as Parquet but cannot be read ({type(error).__name__}). "
            "Fetch or write the file again."
        ) from error


def _require_plausible(path: Path) -> None:
    """Compare what a file claims, and then what its values take, with the bytes that are stored."""
    from pyarrow.parquet import ParquetFile

    stored = path.stat().st_size
    with ParquetFile(path) as file:
        columns = [file.metadata.schema.column(place) for place in range(file.metadata.num_columns)]
        widths = sum(_WIDTHS.get(column.physical_type, 8) for column in columns)
        require_plausible_size(file.metadata.num_rows * widths, stored, path)
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    # As a dictionary, a text that many rows share is held once.
    with ParquetFile(path, read_dictionary=texts) as file:
        unpacked = 0
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            batch.validate(full=True)  # pyarrow itself takes bytes for text that are no UTF-8
            unpacked += sum(_decoded_size(column) for column in batch.columns)
            require_plausible_size(unpacked, stored, path)


def _decoded_size(values: Any) -> int:
    """The bytes that an Arrow array takes once every row holds its own text."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_nested(values.type):
        return values.nbytes + sum(map(_decoded_size, _inside(values)))
    if pa.types.is_dictionary(values.type) and values.type.value_type in (pa.string(), pa.binary()):
        lengths = compute.binary_length(values.dictionary).take(values.indices)
        return values.indices.nbytes + (compute.sum(lengths).as_py() or 0)
    return int(values.nbytes)


def _inside(values: Any) -> Sequence[Any]:
    """The arrays that a struct or a list of Arrow consists of."""
    inner = values.flatten()
    return inner if isinstance(inner, list) else [inner]
