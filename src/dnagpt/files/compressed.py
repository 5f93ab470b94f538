"""Stored bytes in, plain bytes out: gzip and bgzip are recognised by content, and damage is never read as an end."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dnagpt.errors import InputError, StorageError
from dnagpt.files.suggestions import did_you_mean

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STANDARD_STREAM = "-"
GZIP_SIGNATURE = b"\x1f\x8b"
# The empty block that closes every bgzip file (SAM specification, section 4.1.2).
BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BGZIP_HEADER = slice(12, 16)
_BGZIP_SUBFIELD = b"BC\x02\x00"

_BUFFER = 1 << 17

UNPACKED_VARIABLE = "DNAGPT_MOST_UNPACKED"
_SMALL = 256 << 20
_MOST_RATIO = 100


def shown(path: str | os.PathLike[str], stream: str = "standard input") -> str:
    """The name of a path for a message; `-` is the name of the stream.

    >>> shown("genome.fa"), shown("-")
    ('genome.fa', 'standard input')
    """
    name = os.fspath(path)
    return stream if name == STANDARD_STREAM else name


def require_plausible_size(unpacked: int, stored: int, path: str | os.PathLike[str]) -> None:
    r"""Refuse a file that would become far larger in memory than it is on the disk.

    >>> require_plausible_size(20_000_000, 1_000_000, "sites.csv.gz")
    >>> require_plausible_size(16_000_000_000, 1_400, "labels.h5")
    Traceback (most recent call last):
    dnagpt.errors.InputError: labels.h5 has 1,400 bytes and unpacks to 16,000,000,000 or more, ...

    A file may have 256 MiB when it is unpacked, and beyond that a hundred times what is stored: gzipped DNA has four to
    six times, tables up to twenty. Whoever trusts a file that has more lets the environment variable
    DNAGPT_MOST_UNPACKED name as many GB as it may have.
    """
    if unpacked <= max(_SMALL, _MOST_RATIO * stored, _gigabytes_allowed()):
        return
    raise InputError(
        f"{shown(path)} has {stored:,} bytes and unpacks to {unpacked:,} or more, as damaged and hostile files do. "
        f"If you trust it, set {UNPACKED_VARIABLE} to the GB that it may have."
    )


def _gigabytes_allowed() -> float:
    text = os.environ.get(UNPACKED_VARIABLE, "0")
    try:
        return float(text) * 1e9
    except ValueError:
        raise InputError(f"{UNPACKED_VARIABLE} is {text!r}, not a number of GB. Correct it or unset it.") from None


def require_plain_file(path: str | os.PathLike[str]) -> None:
    r"""Refuse a pipe, a device or a socket, which could be waited for without an end; folders and no files pass.

    >>> require_plain_file("/dev/null")
    Traceback (most recent call last):
    dnagpt.errors.InputError: /dev/null is a device, not a file. Give a file with the data.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise read_error(path, error) from error
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    for is_kind, kind in kinds:
        if is_kind(mode):
            raise InputError(f"{path} is {kind}, not a file. Give a file with the data.")


class StoredBytes(io.RawIOBase):
    """The bytes of a file as they are stored, counted and hashed while they are read.

    `consumed` and `size` are in bytes (size 0 when it is not known, as on standard input).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = shown(path)
        self.consumed = 0
        self.head = b""
        self.tail = b""
        self._digest = hashlib.sha256()
        self._owned = os.fspath(path) != STANDARD_STREAM
        self._file: BinaryIO = _open_stored(Path(path)) if self._owned else sys.stdin.buffer
        self.size = os.fstat(self._file.fileno()).st_size if self._owned else 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with the next bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        try:
            # BinaryIO does not promise readinto, though every opened file and standard input have it.
            count: int = self._file.readinto(view)  # type: ignore[attr-defined]
        except OSError as error:
            raise read_error(self.path, error) from error
        piece = view[:count]
        self._digest.update(piece)
        self.head = self.head or bytes(piece[:18])
        self.tail = (self.tail + bytes(piece[-len(BGZIP_END) :]))[-len(BGZIP_END) :]
        self.consumed += count
        return count

    def sha256(self) -> str:
        """The digest of the bytes read so far."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file, but never standard input."""
        if self._owned and not self.closed:
            self._file.close()
        super().close()


class _Inflated(io.RawIOBase):
    """The plain bytes of gzip members; a file that ends early or is damaged raises."""

    def __init__(self, stored: StoredBytes, buffered: BinaryIO, *, streamed: bool) -> None:
        self._stored = stored
        self._buffered = buffered
        self._streamed = streamed
        self._gzip = gzip.GzipFile(fileobj=buffered, mode="rb")
        self._unpacked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        path = self._stored.path
        try:
            count = self._gzip.readinto(view)
        except EOFError as error:
            raise _cut_short(path) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{path} is damaged: its gzip data cannot be unpacked near byte {self._stored.consumed:,} ({error}). "
                "Fetch the file again."
            ) from error
        if count == 0 and len(view) > 0 and self._is_cut_bgzip():
            raise _cut_short(path)
        self._unpacked += count
        if not self._streamed:
            require_plausible_size(self._unpacked, self._stored.consumed, path)
        return count

    def _is_cut_bgzip(self) -> bool:
        """A bgzip file cut between two blocks is valid gzip; only its missing end block tells."""
        return self._stored.head[_BGZIP_HEADER] == _BGZIP_SUBFIELD and self._stored.tail != BGZIP_END

    def close(self) -> None:
        if not self.closed:
            self._gzip.close()
            self._buffered.close()
        super().close()


def open_source(path: str | os.PathLike[str], *, streamed: bool = False) -> tuple[StoredBytes, io.BufferedReader[Any]]:
    """Open a file for reading plain bytes, and keep hold of the stored ones: their size, count and digest.

    `streamed` is for readers that do not keep what they read: it may unpack to any size, as long stretches of N do.

    Raises InputError when the file is missing, a folder, a pipe or not readable, and later, while reading, when it is
    cut short, damaged or, unless it is streamed, unpacks to far more than is stored (`require_plausible_size`).
    """
    stored = StoredBytes(path)
    buffered = io.BufferedReader(stored, _BUFFER)
    try:
        compressed = buffered.peek(len(GZIP_SIGNATURE))[: len(GZIP_SIGNATURE)] == GZIP_SIGNATURE
    except BaseException:
        buffered.close()
        raise
    if compressed:
        return stored, io.BufferedReader(_Inflated(stored, buffered, streamed=streamed), _BUFFER)
    return stored, buffered


def file_sha256(path: Path) -> str:
    """The SHA-256 digest of a file as it is stored."""
    stored = StoredBytes(path)
    with stored:
        buffer = bytearray(_BUFFER)
        while stored.readinto(buffer):
            pass
    return stored.sha256()


def read_error(path: str | os.PathLike[str], error: OSError) -> InputError | StorageError:
    """Turn the system's complaint about reading a file into a sentence: which file, what is wrong, what to do."""
    name = Path(path)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name} does not exist.{did_you_mean(name.name, _neighbours(name)) or ' Check the path.'}")
    if isinstance(error, NotADirectoryError):
        return InputError(f"{name} does not exist: a part of its path is a file, not a folder.")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name} is a folder. Give the file inside it.")
    if isinstance(error, PermissionError):
        return InputError(f"{name} cannot be read: permission is denied. Ask its owner for access.")
    reason = error.strerror or str(error)
    return StorageError(f"{name} could not be read: {reason}. The disk or its connection may be failing; try a copy.")


def _open_stored(path: Path) -> BinaryIO:
    require_plain_file(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise read_error(path, error) from error


def _neighbours(path: Path) -> list[str]:
    try:
        return [neighbour.name for neighbour in path.parent.iterdir()]
    except OSError:
        return []


def _cut_short(path: str) -> InputError:
    return InputError(f"{path} is cut short: its gzip data ends before the file is complete. Fetch the file again.")
