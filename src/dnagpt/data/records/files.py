"""Which files hold the records of a task: named one by one, by patterns, or found in a folder."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dnagpt.data.records.settings import PARTS, DataConfig, Part, part_named
from dnagpt.errors import InputError
from dnagpt.files.tables import table_ending

_FASTA = (".fa", ".fasta", ".fas", ".fna", ".ffn", ".frn", ".faa")
_PACKED = (".gz", ".bgz")
_TEXT_TABLES = {".bed": ".bed", ".txt": ".tsv"}


class SourceFile(NamedTuple):
    """A file of records, and what its place or its name says of them."""

    path: Path
    part: Part | None = None
    label: str | None = None


def source_files(config: DataConfig) -> list[SourceFile]:
    """List the files that the settings name; InputError where there are none.

    >>> [file.path.name for file in source_files(DataConfig(train="a.csv", test="b.csv"))]
    ['a.csv', 'b.csv']
    """
    if config.table is not None:
        return [SourceFile(path) for path in _tables(config.table)]
    if config.haplotypes is not None:
        return [SourceFile(path) for path in config.haplotypes.files]
    if config.folder is not None:
        return _in_folder(config.folder)
    if config.classes:
        return [SourceFile(path, label=label) for label in config.classes for path in _matching(config, label)]
    named: dict[Part, Path | None] = {"train": config.train, "validation": config.validation, "test": config.test}
    return [SourceFile(path, part) for part, path in named.items() if path is not None]


def record_format(path: Path) -> str:
    """Say how a file of records is read: `fasta`, the ending of a table format (`.bed` too), or nothing.

    >>> [record_format(Path(name)) for name in ("a.fna.gz", "b.csv.gz", "c.bed", "d.pdf")]
    ['fasta', '.csv', '.bed', '']
    """
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    ending = Path(name).suffix
    return "fasta" if ending in _FASTA else _TEXT_TABLES.get(ending, table_ending(name))


def _tables(table: Path) -> list[Path]:
    """Find the tables that a pattern names; a plain path stays as it is."""
    if not glob.has_magic(str(table)) or table.exists():
        return [table]
    found = sorted(glob.glob(str(table)))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise InputError(f"data.table: no file is named like {table}. Check the path.")
    return [Path(name) for name in found]


def _matching(config: DataConfig, label: str) -> list[Path]:
    paths: list[Path] = []
    for pattern in config.classes[label]:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
        if not found:
            raise InputError(f"data.classes.{label}: no file is named like {pattern}. Check the path.")
        paths += [Path(name) for name in found]
    return paths


def _in_folder(folder: Path) -> list[SourceFile]:
    """Find train, dev and test files, or folders of that name with a file or a folder a class."""
    if not folder.is_dir():
        raise InputError(f"The folder {folder} (data.folder) does not exist. Check the path.")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    parts = {
        part: [path for path in entries if part_named(_stem(path)) == part and _holds_records(path)] for part in PARTS
    }
    for part, paths in parts.items():
        if len(paths) > 1:
            raise InputError(
                f"{folder} has {paths[0].name} and {paths[1].name}, which are both {part} records. Remove one of them, "
                "or name the files with data.train, data.validation and data.test."
            )
    if not parts["train"]:
        there = ", ".join(path.name for path in entries[:10]) or "nothing"
        raise InputError(
            f"{folder} has no file such as train.csv or train.fna and no folder train; it holds {there}. "
            "Name the files with data.train, data.validation and data.test."
        )
    return [file for part in PARTS for path in parts[part] for file in class_files(path, part)]


def class_files(path: Path, part: Part) -> Sequence[SourceFile]:
    """List the files of a part: the file itself, or of a folder each file or folder in it, whose name is its class."""
    if not path.is_dir():
        return [SourceFile(path, part)]
    found = [SourceFile(entry, part, _stem(entry)) for entry in sorted(path.iterdir()) if _holds_records(entry)]
    if not found:
        raise InputError(f"The folder {path} holds no file such as <class>.csv.gz and no folder of a class.")
    return found


def _holds_records(path: Path) -> bool:
    return not path.name.startswith(".") and (path.is_dir() or bool(record_format(path)))


def _stem(path: Path) -> str:
    """Give the name without all that follows its first dot."""
    return path.name.partition(".")[0]
