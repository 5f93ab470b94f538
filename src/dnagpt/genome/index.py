"""A genome indexed once, then any window of it at memory speed.

The index is one byte a base beside a manifest, in the cache folder: the one that is passed, or `$DNAGPT_CACHE`, or
`$XDG_CACHE_HOME/dnagpt`, or `~/.cache/dnagpt`.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import logging
import mmap
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dnagpt.errors import InputError, StorageError
from dnagpt.files.atomic import storage_error
from dnagpt.files.compressed import STANDARD_STREAM, file_sha256, read_error, require_plain_file
from dnagpt.files.suggestions import did_you_mean
from dnagpt.genome.indexing import build_index
from dnagpt.genome.intervals import Contig, Interval
from dnagpt.genome.manifest import CACHE_ADVICE, DamagedIndexError, Manifest, read_manifest, write_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dnagpt.genome.bases import Codes
    from dnagpt.genome.indexing import Progress


logger = logging.getLogger("dnagpt")

# Pages of the index that one process keeps mapped before it lets the system take them back.
_RESIDENT_LIMIT = 64 << 20
# The system maps this much around each first touch.
_FAULT_AROUND = 64 << 10


@dataclass(frozen=True, eq=False)
class Genome:
    """All bases of a genome as codes, contig after contig, and how to find a stretch of them.

    `codes` holds one byte a base (see `bases.py`), read-only and usually mapped from the index file; `ambiguous` counts
    the IUPAC codes that were read as N, `bases` each of N A G C T, `soft_masked` the lower-case ones; `sha256` is the
    digest of the source file. A genome that was opened is pickled by the place of its index and mapped anew where it is
    unpickled.
    """

    path: Path
    contigs: tuple[Contig, ...] = field(repr=False)
    codes: Codes = field(repr=False)
    ambiguous: dict[str, int] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    soft_masked: int = 0
    sha256: str = ""
    manifest: Path | None = None
    _mapping: _Mapping | None = field(default=None, repr=False)

    @property
    def total_bases(self) -> int:
        """The number of bases, N included."""
        return len(self.codes)

    def contig(self, name: str) -> Contig:
        """The contig of that name; InputError names the nearest ones when there is none."""
        try:
            return self._contigs_by_name[name]
        except KeyError:
            hint = did_you_mean(name, self._contigs_by_name) or f" It begins with '{self.contigs[0].name}'."
            raise InputError(f"{self.path} has no contig '{name}'.{hint}") from None

    def slice(self, interval: Interval) -> Codes:
        """The base codes of an interval, a view without a copy; InputError when it leaves its contig.

        Over many calls the memory that a process keeps mapped stays bounded, unlike with `codes` itself.
        """
        contig = self.contig(interval.contig)
        if interval.end > contig.length:
            raise InputError(
                f"The interval {interval} leaves its contig: {self.path} has {contig.length:,} bases there."
            )
        if self._mapping is not None:
            self._mapping.note_read(interval.length)
        return self.codes[contig.offset + interval.start : contig.offset + interval.end]

    @cached_property
    def _contigs_by_name(self) -> dict[str, Contig]:
        return {contig.name: contig for contig in self.contigs}

    def __getstate__(self) -> dict[str, Any]:
        if self.manifest is None:
            return dict(self.__dict__)
        return {"path": self.path, "manifest": self.manifest, "sha256": self.sha256}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "codes" not in state:
            state = dict(_reopen(**state).__dict__)
        self.__dict__.update(state)


def open_genome(path: str | os.PathLike[str], *, cache: Path | None = None, progress: Progress | None = None) -> Genome:
    r"""Open a genome, FASTA (plain, gzip, bgzip) or .2bit; the first time its bases are indexed in the cache folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "tiny.fa"
    ...     _ = file.write_text(">chr1\nACGT\nacgtR\n>chr2\nTTTT\n")
    ...     genome = open_genome(file, cache=Path(folder))
    ...     genome.total_bases, genome.contig("chr2"), genome.slice(Interval("chr1", 3, 9)).tolist(), genome.ambiguous
    (13, Contig(name='chr2', length=4, offset=9), [4, 129, 131, 130, 132, 0], {'R': 1})

    The index is used again while size and time of the file stay the same, or its content does; otherwise, or when it
    is damaged, it is built anew with a notice in the log. Each process compares the index with its digest once, which
    takes about a second a GB (three for a human genome). Processes that open the same genome together build it once.
    `progress(bytes done, bytes in all)` follows the building. Raises InputError for a file that is no genome, and
    StorageError when the index cannot be written.
    """
    source = Path(path)
    status = _status(source)
    manifest_path = _manifest_path(source, cache)
    manifest = _usable_manifest(manifest_path, source, status)
    if manifest is None:
        with _only_builder(manifest_path):
            manifest = _usable_manifest(manifest_path, source, status) or _build(
                manifest_path, source, status, progress
            )
    return _map_genome(source, manifest_path, manifest)


def default_cache() -> Path:
    """The folder for what can be computed again: `$DNAGPT_CACHE`, `$XDG_CACHE_HOME/dnagpt` or `~/.cache/dnagpt`."""
    if chosen := os.environ.get("DNAGPT_CACHE"):
        return Path(chosen)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "dnagpt"
    return Path.home() / ".cache" / "dnagpt"


class _Mapping:
    """An index file mapped read-only, whose resident pages are given back now and then."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as handle:
            self._memory = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        self.codes: Codes = np.frombuffer(self._memory, dtype=np.uint8)
        self._mapped = 0

    def note_read(self, length: int) -> None:
        """Count a read; beyond the limit unmap the pages (views stay valid, the system's file cache keeps them)."""
        self._mapped += length + _FAULT_AROUND
        if self._mapped > _RESIDENT_LIMIT:
            self._memory.madvise(mmap.MADV_DONTNEED)
            self._mapped = 0


def _status(source: Path) -> os.stat_result:
    if os.fspath(source) == STANDARD_STREAM:
        raise InputError("A genome cannot be read from standard input, because it is read again later. Give a file.")
    require_plain_file(source)
    try:
        with source.open("rb") as handle:
            return os.fstat(handle.fileno())
    except OSError as error:
        raise read_error(source, error) from error


def _manifest_path(source: Path, cache: Path | None) -> Path:
    """Where the index of a genome file is: named after the file and the folder that it lies in."""
    place = hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:16]
    return (cache or default_cache()) / "genomes" / f"{source.name[:100]}-{place}.json"


def _usable_manifest(manifest_path: Path, source: Path, status: os.stat_result) -> Manifest | None:
    """The manifest of an index that is whole and belongs to the file as it is now, or None."""
    try:
        manifest = read_manifest(manifest_path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DamagedIndexError as error:
        logger.warning("The index of %s is damaged: %s. It is built again.", source, error)
        return None
    except OSError as error:
        raise read_error(manifest_path, error) from error
    known = manifest.source
    if (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return manifest
    if known.size != status.st_size or known.sha256 != file_sha256(source):
        logger.warning("%s has changed since it was indexed. The index is built again.", source)
        return None
    manifest = replace(manifest, source=replace(known, mtime_ns=status.st_mtime_ns))
    with contextlib.suppress(StorageError):  # a read-only cache still serves, at the price of a digest each time
        write_manifest(manifest_path, manifest)
    return manifest


@contextlib.contextmanager
def _only_builder(manifest_path: Path) -> Iterator[None]:
    """Let one process at a time build an index; the lock goes with the process, however it ends."""
    lock = manifest_path.with_suffix(".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("a")
    except OSError as error:
        raise storage_error(lock.parent, error, advice=CACHE_ADVICE) from error
    with handle:
        with contextlib.suppress(
            OSError
        ):  # some network file systems have no locks; then two may build, which is harmless
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(manifest_path: Path, source: Path, status: os.stat_result, progress: Progress | None) -> Manifest:
    """Build the index, in place of what older or interrupted builds left behind."""
    for left_over in manifest_path.parent.glob(f"*{glob.escape(manifest_path.stem)}-*.u8"):
        with contextlib.suppress(OSError):
            left_over.unlink()
    logger.info("Indexing %s (%s bytes).", source, f"{status.st_size:,}")
    codes_path = manifest_path.with_name(f"{manifest_path.stem}-{status.st_size:x}-{status.st_mtime_ns:x}.u8")
    manifest = build_index(source, codes_path, progress)
    write_manifest(manifest_path, manifest)
    if ambiguous := manifest.composition.ambiguous:
        counts = ", ".join(f"{letter} {count:,}" for letter, count in ambiguous.items())
        logger.warning("%s: %s ambiguity codes are read as N (%s).", source, f"{sum(ambiguous.values()):,}", counts)
    return manifest


def _map_genome(path: Path, manifest_path: Path, manifest: Manifest) -> Genome:
    codes_file = manifest_path.with_name(manifest.codes_file)
    try:
        mapping = _Mapping(codes_file)
    except OSError as error:
        raise read_error(codes_file, error) from error
    composition = manifest.composition
    return Genome(
        path=path,
        contigs=manifest.contigs,
        codes=mapping.codes,
        ambiguous=composition.ambiguous,
        bases=composition.bases,
        soft_masked=composition.soft_masked,
        sha256=manifest.source.sha256,
        manifest=manifest_path,
        _mapping=mapping,
    )


def _reopen(path: Path, manifest: Path, sha256: str) -> Genome:
    """Map a genome again in another process, and only the very same one."""
    try:
        content = read_manifest(manifest)
    except (OSError, DamagedIndexError) as error:
        raise InputError(f"The index of {path} is gone or damaged ({manifest}). Open the genome again.") from error
    if content.source.sha256 != sha256:
        raise InputError(f"{path} was changed and indexed again meanwhile. Start over with the new genome.")
    return _map_genome(path, manifest, content)
