"""HDF5 files as tables: the form in which one-hot encoded promoters with their measurements are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnagpt.errors import InputError
from dnagpt.genome.extras import needs_extra
from dnagpt.genome.stored_bytes import read_error, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_ONE_HOT = 4
_LETTERS = np.frombuffer(b"NACGT", dtype=np.uint8)
_ROWS_AT_ONCE = 256


def read_hdf5(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the datasets of an HDF5 file as the columns of one table, a row a record.

    A dataset of shape (records,) becomes a column of its name; (records, n) becomes `name_1` ... `name_n`; one of shape
    (records, letters, 4) is read as one-hot bases in the order A C G T, where a position without any is N, and becomes
    a column of text. Memory is that of the text and a few hundred one-hot rows. Raises InputError for a file that is
    missing or no HDF5, datasets of other shapes or of different lengths, and rows that are not one-hot; it says what to
    install where h5py is missing.
    """
    name = shown(path)
    with needs_extra("tables", f"{name}, HDF5,"):
        import h5py
    try:
        with h5py.File(path, "r") as file:
            datasets = {key: item for key, item in file.items() if isinstance(item, h5py.Dataset)}
            columns = {column: cells for key, item in datasets.items() for column, cells in _columns(key, item, name)}
    except FileNotFoundError as error:
        raise read_error(path, error) from error
    except OSError as error:
        raise InputError(f"{name} cannot be read as HDF5 ({error}). Fetch or write the file again.") from error
    lengths = {column: len(cells) for column, cells in columns.items()}
    if not lengths or 0 in lengths.values():
        raise InputError(f"{name} holds no records. Choose another file.")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{column} {count:,}" for column, count in lengths.items())
        raise InputError(f"{name}: the datasets hold different numbers of records ({told}). Each needs one a record.")
    return pd.DataFrame(columns)


def _columns(key: str, dataset: Any, name: str) -> Iterator[tuple[str, Any]]:
    if dataset.ndim == 1:
        yield key, _text(dataset[:]) if dataset.dtype.kind in "SO" else dataset[:]
    elif dataset.ndim == 2:
        block = dataset[:]
        yield from ((f"{key}_{place}", block[:, place - 1]) for place in range(1, block.shape[1] + 1))
    elif dataset.ndim == 3 and dataset.shape[2] == _ONE_HOT:
        yield key, list(_sequences(dataset, f"{name}, dataset {key}"))
    else:
        raise InputError(
            f"{name}: the dataset {key} has the shape {dataset.shape}. Known are one value a record, a row of values a "
            "record, and one-hot bases (records, letters, 4)."
        )


def _text(cells: Any) -> list[str]:
    return [cell.decode("utf-8") if isinstance(cell, bytes) else str(cell) for cell in cells.tolist()]


def _sequences(dataset: Any, where: str) -> Iterator[str]:
    for start in range(0, dataset.shape[0], _ROWS_AT_ONCE):
        block = dataset[start : start + _ROWS_AT_ONCE] != 0
        marks = block.sum(axis=2)
        if (marks > 1).any():
            row, position = np.argwhere(marks > 1)[0]
            raise InputError(
                f"{where}, row {start + row + 1:,}, position {position + 1:,}: {marks[row, position]} of the four "
                "bases are marked, and one-hot means one or none."
            )
        letters = _LETTERS[np.where(marks == 1, block.argmax(axis=2) + 1, 0)]
        yield from (row.tobytes().decode("ascii") for row in letters)
