"""The folder that a command writes: one process at a time, and results that appear together."""

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dnagpt.errors import InputError, StorageError
from dnagpt.files.atomic import flush_to_disk, remove_leftovers, storage_error, temporary_beside

logger = logging.getLogger("dnagpt")

LOCK = ".lock"
"""The file that names the process which writes the folder, as long as it does."""
_COMPLETE = ".results"
"""The folder of results that are complete and about to be moved to their places."""
_MOST_HOLDER = 1000


def is_first_process() -> bool:
    """Tell whether this process prints and writes, where torchrun started several."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while it is written; InputError names the process that is in it already.

    The system gives the lock (flock) back when the process ends, however it ends, also over NFS. A folder that was made
    for nothing is removed. Of the processes of torchrun the first one locks.
    """
    if not is_first_process():
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    descriptor = _lock(folder)
    try:
        remove_leftovers(folder)
        _move_complete(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        os.close(descriptor)
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()


@contextlib.contextmanager
def results_together(folder: Path) -> Iterator[Path]:
    """Give a folder to write results to, which come to `folder` all together, or not at all when anything fails.

    A kill while they are moved leaves the rest to be moved by the next command that locks the folder.
    """
    staged = temporary_beside(folder / "results")
    try:
        _make(staged)
        yield staged
        _refuse_folders(folder, staged)
        flush_to_disk(staged)
        staged.rename(folder / _COMPLETE)
        _move_complete(folder)
    except StorageError as error:
        raise StorageError(str(error).replace(str(staged), str(folder))) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _refuse_folders(folder: Path, staged: Path) -> None:
    """Refuse folders where the results are to stand, before any of them is moved."""
    for path in staged.iterdir():
        if (folder / path.name).is_dir():
            raise storage_error(folder / path.name, IsADirectoryError(errno.EISDIR, "it is a folder"))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def _move_complete(folder: Path) -> None:
    complete = folder / _COMPLETE
    if not complete.is_dir():
        return
    try:
        for path in sorted(complete.iterdir()):
            path.replace(folder / path.name)
        complete.rmdir()
        flush_to_disk(folder)
    except OSError as error:
        raise storage_error(folder, error) from error


def _lock(folder: Path) -> int:
    """Lock a folder and write down who did; the descriptor holds the lock until it is closed."""
    path = folder / LOCK
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except FileNotFoundError:  # the one before us removed the folder that it had made
            continue
        except OSError as error:
            raise storage_error(path, error) from error
        try:
            _take(descriptor, folder)
            if _is_still(descriptor, path):
                _write_holder(descriptor, path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{folder} is being written by {_holder(descriptor)}. Wait until that has ended, or name another folder."
        ) from None
    except OSError:
        logger.warning("The file system of %s has no locks: see to it that no other process writes there.", folder)


def _is_still(descriptor: int, path: Path) -> bool:
    """Tell whether the locked file has not been removed by the process that held the lock before."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _write_holder(descriptor: int, path: Path) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"host": socket.gethostname(), "process": os.getpid(), "since": since}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    except OSError as error:
        raise storage_error(path, error) from error


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, _MOST_HOLDER, 0))
        host, process, since = str(found["host"]), int(found["process"]), str(found["since"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
    return f"process {process} on {host!r} (since {since})" if since.isprintable() else f"process {process} on {host!r}"
