"""HDF5 files as tables: the form in which one-hot encoded promoters with their measurements are published."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.compressed import require_plain_file, require_plausible_size, shown
from dnagpt.files.optional import needs_extra

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy.typing as npt

_ONE_HOT = 4
_LETTERS = np.frombuffer(b"NACGT", dtype=np.uint8)
_BYTES_AT_ONCE = 16 << 20
_TEXTS_AT_ONCE = 256
_MOST_COLUMNS = 100_000
_HEAP, _HEAP_HEADER = b"GCOL\x01\x00\x00\x00", 16
_NUMBERS_AND_TEXT = "biufSO"
_KNOWN = "Known are one value a record, a row of values a record, and one-hot bases (records, letters, 4)."
# What h5py raises for damage, with no class of its own.
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, ArithmeticError, NotImplementedError)


def read_hdf5(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the datasets of an HDF5 file as the columns of one table, a row a record.

    A dataset of shape (records,) becomes a column of its name; (records, n) becomes `name_1` ... `name_n`; one of shape
    (records, letters, 4) is read as one-hot bases in the order A C G T, where a position without any is N, and becomes
    a column of text. Memory is that of the columns and 16 MiB of one-hot rows. Raises InputError for a file that is
    missing, damaged or no HDF5, datasets of other shapes or of different lengths, rows that are not one-hot, datasets
    whose values lie in other files, and datasets that claim far more than is stored; it says what to install where
    h5py is missing.
    """
    name = shown(path)
    with needs_extra("tables", f"{name}, HDF5,"):
        import h5py
    require_plain_file(path)
    try:
        with h5py.File(path, "r") as file:
            columns = {column: cells for key in file for column, cells in _columns(key, file, name)}
    except _DAMAGE as error:
        raise InputError(f"{name} cannot be read as HDF5 ({error}). Fetch or write the file again.") from error
    lengths = {column: len(cells) for column, cells in columns.items()}
    if not lengths or 0 in lengths.values():
        raise InputError(f"{name} holds no records. Choose another file.")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{column} {count:,}" for column, count in lengths.items())
        raise InputError(f"{name}: the datasets hold different numbers of records ({told}). Each needs one a record.")
    return pd.DataFrame(columns)


def _columns(key: str, file: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The columns of a member of the file; none of a group or a named type."""
    import h5py

    where = f"{name}, dataset {key}"
    key.encode()  # HDF5 takes any bytes for a name, and a column is called by UTF-8 text
    if not isinstance(file.get(key, getlink=True), h5py.HardLink):
        raise _elsewhere(where)
    dataset = file[key]
    if not isinstance(dataset, h5py.Dataset):
        return
    _require_own_values(dataset, where)
    is_text = dataset.dtype.kind in "SO"
    if dataset.dtype.kind not in _NUMBERS_AND_TEXT or (
        dataset.dtype.kind == "O" and h5py.check_string_dtype(dataset.dtype) is None
    ):
        raise InputError(f"{where}: its values are of the type {dataset.dtype}, neither numbers nor text. {_KNOWN}")
    _require_stored(dataset, where)
    if dataset.dtype.kind == "O":
        _require_sound_heaps(file, name)
    if dataset.ndim == 1:
        yield key, list(_text(dataset, where)) if is_text else dataset[:]
    elif dataset.ndim == 2 and dataset.shape[1] <= _MOST_COLUMNS:
        block = dataset[:]
        yield from ((f"{key}_{place}", block[:, place - 1]) for place in range(1, block.shape[1] + 1))
    elif dataset.ndim == 3 and dataset.shape[2] == _ONE_HOT and not is_text:
        yield key, list(_sequences(dataset, where))
    else:
        raise InputError(f"{name}: the dataset {key} has the shape {dataset.shape}. {_KNOWN}")


def _require_own_values(dataset: Any, where: str) -> None:
    """HDF5 can take values from any other file of the machine, which nobody expects of a table."""
    if dataset.shape is None:
        raise InputError(f"{where} is empty. {_KNOWN}")
    if dataset.external or dataset.is_virtual:
        raise _elsewhere(where)


def _elsewhere(where: str) -> InputError:
    return InputError(f"{where}: its values lie in another place or file. Write them into this file, as h5repack does.")


def _require_stored(dataset: Any, where: str) -> None:
    """Compare what a dataset claims, and each of its chunks, with what is stored of it."""
    stored = int(dataset.id.get_storage_size())
    in_memory = 1 if dataset.ndim == 3 else dataset.dtype.itemsize
    cells = int(np.prod(dataset.shape[:2], dtype=object))
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dataset.dtype.itemsize
    if cells and not stored:
        raise InputError(f"{where} claims {cells:,} values, and none is stored. Write the file again.")
    require_plausible_size(max(cells * in_memory, chunk), stored, where)


def _require_sound_heaps(file: Any, name: str) -> None:
    """Walk through the places where HDF5 keeps texts: its library goes round for ever in a free space of no bytes.

    Format: HDF5 File Format Specification, III.E, "Disk Format: Level 1E - Global Heap".
    """
    if file.id.get_create_plist().get_sizes() != (8, 8):
        raise InputError(f"{name} has offsets of an unusual size. Copy it with h5repack.")
    with Path(name).open("rb") as stored, mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(_HEAP)
        while place >= 0:
            if not _is_sound_heap(content, place):
                raise InputError(f"{name} is damaged near byte {place:,}, where its texts are. Fetch the file again.")
            place = content.find(_HEAP, place + 1)


def _is_sound_heap(content: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap follow one another to its end."""
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    place = start + _HEAP_HEADER
    while place + _HEAP_HEADER <= end <= len(content):
        is_free = content[place : place + 2] == b"\x00\x00"
        size = int.from_bytes(content[place + 8 : place + 16], "little")
        if is_free and size < _HEAP_HEADER:
            return False
        place += size if is_free else _HEAP_HEADER + -(-size // 8) * 8  # free space counts its header
    return place <= end <= len(content)


def _blocks(dataset: Any, where: str) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The rows of a dataset, some MB at a time, each with the number of its first row."""
    row_bytes = int(np.prod(dataset.shape[1:], dtype=object)) * dataset.dtype.itemsize
    require_plausible_size(row_bytes, int(dataset.id.get_storage_size()), where)
    step = _TEXTS_AT_ONCE if dataset.dtype.kind == "O" else max(1, _BYTES_AT_ONCE // max(1, row_bytes))
    for start in range(0, dataset.shape[0], step):
        yield start, dataset[start : start + step]


def _text(dataset: Any, where: str) -> Iterator[str]:
    """The texts of a column; many of them may be one and the same place of the file, so their lengths are counted."""
    stored, length = dataset.file.id.get_filesize(), 0
    for _, block in _blocks(dataset, where):
        for cell in block.tolist():
            text = cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)
            length += len(text)
            yield text
        require_plausible_size(length, stored, where)


def _sequences(dataset: Any, where: str) -> Iterator[str]:
    for start, values in _blocks(dataset, where):
        block = values != 0
        marks = block.sum(axis=2)
        if (marks > 1).any():
            row, position = np.argwhere(marks > 1)[0]
            raise InputError(
                f"{where}, row {start + row + 1:,}, position {position + 1:,}: {marks[row, position]} of the four "
                "bases are marked, and one-hot means one or none."
            )
        letters = _LETTERS[np.where(marks == 1, block.argmax(axis=2) + 1, 0)]
        yield from (row.tobytes().decode("ascii") for row in letters)
