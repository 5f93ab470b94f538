"""Files read and written safely: compressed input is recognised by its content, output appears whole or not at all.

The path `-` means standard input or standard output.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import io
import os
import secrets
import shutil
import socket
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dnagpt.errors import StorageError, visible
from dnagpt.files.compressed import STANDARD_STREAM, open_source, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_COPY_CHUNK = 1 << 20

# What the system reports -> (what failed, what to do).
_STORAGE_TROUBLE: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Free some space, or write to another disk."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or write to another disk."),
    errno.EFBIG: ("the file is larger than allowed", "Raise the limit (`ulimit -f`), or write elsewhere."),
    errno.EROFS: ("the file system is read-only", "Choose a folder that can be written to."),
    errno.EACCES: ("permission is denied", "Choose a folder that you may write to."),
    errno.EPERM: ("permission is denied", "Choose a folder that you may write to."),
    errno.EIO: ("the disk reports an input/output error", "The disk may be failing; write to another one."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EEXIST: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EISDIR: ("it is a folder", "Give the name of a file."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
    errno.EPIPE: ("the program that reads it has stopped", "Keep it running, or write to a file."),
}


def open_bytes(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file, plain or gzipped, and read its plain bytes; `-` is standard input.

    >>> import gzip
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     name = Path(folder) / "reads.txt"  # the content decides, not the name
    ...     _ = name.write_bytes(gzip.compress(b"ACGT"))
    ...     with open_bytes(name) as handle:
    ...         handle.read()
    b'ACGT'

    Reading raises InputError when the file is missing, a folder, not readable, cut short or damaged.
    """
    return open_source(path)[1]


def open_text(path: str | os.PathLike[str]) -> io.TextIOWrapper:
    """Open a UTF-8 text file, plain or gzipped, line ends as they are; `-` is standard input.

    Errors as in `open_bytes`; a byte that is not UTF-8 raises UnicodeDecodeError while reading.
    """
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


def storage_error(path: str | os.PathLike[str], error: OSError, *, advice: str = "") -> StorageError:
    """Turn the system's complaint about writing a file into a sentence: which file, what failed, what to do.

    >>> storage_error("out.csv", OSError(errno.ENOSPC, "No space left on device"))
    StorageError('out.csv could not be written: the disk is full. Free some space, or write to another disk.')
    """
    fallback = (error.strerror or str(error) or type(error).__name__, "Check the path and the disk.")
    what, usual_advice = _STORAGE_TROUBLE.get(error.errno or 0, fallback)
    return StorageError(f"{shown(path, 'standard output')} could not be written: {what}. {advice or usual_advice}")


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str], *, advice: str = "") -> Iterator[Path]:
    """Give a temporary path to write to; the target gets that content whole, or stays as it was when anything fails.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "new" / "result.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "new" / "result.txt").read_text()
    'done'

    The temporary file lies beside the target and keeps its ending (`.csv.gz`); it is flushed to the disk, renamed, and
    the folder is flushed too, so a crash leaves the old file or the new one. A missing parent folder is created. With
    `-`, or a target that is a device or a pipe, the finished content is copied there. Any OSError becomes a
    StorageError that names the target; `advice` replaces what it usually says to do.
    """
    try:
        if os.fspath(target) == STANDARD_STREAM or _is_stream(Path(target)):
            with _copied_out(target) as temporary:
                yield temporary
        else:
            with _renamed_into(Path(os.path.realpath(target))) as temporary:
                yield temporary
    except OSError as error:
        raise storage_error(target, error, advice=advice) from error


@contextlib.contextmanager
def atomic_write(target: str | os.PathLike[str], *, advice: str = "") -> Iterator[BinaryIO]:
    """Give an open binary file to write to; the target gets that content whole, or stays as it was when anything fails.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "result.txt") as handle:
    ...         _ = handle.write(b"done")
    ...     (Path(folder) / "result.txt").read_bytes()
    b'done'

    Rules and errors as in `atomic_path`.
    """
    with atomic_path(target, advice=advice) as temporary, temporary.open("wb") as handle:
        yield handle


def _is_stream(path: Path) -> bool:
    """Whether a rename would destroy the target: a device, a pipe or a socket (`/dev/null`)."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextlib.contextmanager
def _renamed_into(target: Path) -> Iterator[Path]:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    temporary = temporary_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent)
        temporary.touch(exist_ok=False)
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(target)
        flush_to_disk(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def temporary_beside(target: Path) -> Path:
    """Name a temporary file or folder beside a target, by the process that writes it."""
    return target.with_name(f".tmp-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}-{target.name}")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders that processes of this machine left in a folder when they were killed.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     temporary_beside(Path(folder) / "result.txt").touch()
    ...     remove_leftovers(Path(folder))  # this process still runs
    ...     len(os.listdir(folder))
    1
    """
    for path in folder.glob(f".tmp-{_machine()}-*"):
        process = path.name.split("-")[2]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink()


@functools.cache
def _machine() -> str:
    """Name this machine, and the container on it whose processes are counted apart, in a few letters."""
    with contextlib.suppress(OSError):
        return _short(f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}")
    return _short(socket.gethostname())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


@contextlib.contextmanager
def _copied_out(target: str | os.PathLike[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dnagpt-") as folder:
        temporary = Path(folder) / f"output{''.join(Path(target).suffixes)}"
        temporary.touch()
        yield temporary
        with temporary.open("rb") as content:
            if os.fspath(target) == STANDARD_STREAM:
                _copy_to_standard_output(content)
            else:
                with Path(target).open("wb") as stream:
                    shutil.copyfileobj(content, stream, _COPY_CHUNK)


def _copy_to_standard_output(content: BinaryIO) -> None:
    sys.stdout.flush()
    stream: BinaryIO | None = getattr(sys.stdout, "buffer", None)
    if sys.stdout.isatty():  # people read it, and names from files are not to steer their terminal
        sys.stdout.write(visible(content.read().decode("utf-8", errors="backslashreplace")))
    elif stream is not None:
        shutil.copyfileobj(content, stream, _COPY_CHUNK)
    else:  # a notebook's output takes text alone
        sys.stdout.write(content.read().decode("utf-8", errors="backslashreplace"))
    sys.stdout.flush()


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is safely on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
