"""Folders that appear whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dnagpt.files.atomic import flush_to_disk, storage_error


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder to write to; the target becomes it whole, or stays as it was when anything fails.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with atomic_folder(Path(place) / "model") as temporary:
    ...         _ = (temporary / "weights").write_text("1")
    ...     sorted(path.name for path in Path(place).iterdir())
    ['model']

    The old content stays in place until the new one is complete on the disk; what a killed process left beside the
    target is removed, or put back where it is all there is. A link is followed. Any OSError becomes a StorageError.
    """
    folder = Path(os.path.realpath(target))
    temporary, old = _beside(folder, "new"), _beside(folder, "old")
    try:
        remove_unfinished(folder)
        temporary.mkdir(parents=True)
        yield temporary
        flush_folder(temporary)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        flush_to_disk(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            _put_back(folder)
        if isinstance(error, OSError):
            raise storage_error(target, error) from error
        raise


def remove_unfinished(target: Path) -> None:
    """Remove what a killed process left of writing a folder; the old folder is put back where it was moved."""
    folder = Path(os.path.realpath(target))
    _put_back(folder)
    for part in ("new", "old"):
        shutil.rmtree(_beside(folder, part), ignore_errors=True)


def present_folder(folder: Path) -> Path:
    """Find a folder that `atomic_folder` writes: its old content, where a kill fell between the two renames."""
    real = Path(os.path.realpath(folder))
    return _beside(real, "old") if not real.exists() and _beside(real, "old").is_dir() else folder


def flush_folder(folder: Path) -> None:
    """Bring every file below a folder, and the folders themselves, safely to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        flush_to_disk(path)
    flush_to_disk(folder)


def _beside(folder: Path, part: str) -> Path:
    return folder.with_name(f".{folder.name}.{part}")


def _put_back(folder: Path) -> None:
    """Undo the first of the two renames that replace a folder, where the second one never came."""
    if not folder.exists() and _beside(folder, "old").is_dir():
        _beside(folder, "old").rename(folder)
