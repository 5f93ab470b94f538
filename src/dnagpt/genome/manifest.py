"""What the bytes of a genome index are: a JSON manifest beside one `*.u8` file with one byte a base."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dnagpt.files.atomic import atomic_write
from dnagpt.files.compressed import file_sha256
from dnagpt.genome.intervals import Contig

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "dnagpt genome index"
VERSION = 3
CACHE_ADVICE = "Free some space, or let DNAGPT_CACHE name a folder that can be written to."


class DamagedIndexError(Exception):
    """The files of an index do not fit together; it can be built again, so users only see a notice."""


@dataclass(frozen=True)
class SourceState:
    """A genome file as it was when it was read: bytes, time of the last change in ns, digest."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Composition:
    """How many bases of each kind a genome has; `ambiguous` counts the IUPAC codes that are among the N."""

    bases: dict[str, int]
    soft_masked: int
    ambiguous: dict[str, int]

    @property
    def total(self) -> int:
        """All bases, N included."""
        return sum(self.bases.values())


@dataclass(frozen=True)
class Manifest:
    """What the bytes of a codes file are: where they came from, whose they are and how many of each."""

    source: SourceState
    codes_file: str
    codes_sha256: str
    contigs: tuple[Contig, ...]
    composition: Composition

    def to_json(self) -> str:
        """Write the manifest as JSON text."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "source": asdict(self.source),
            "codes_file": self.codes_file,
            "codes_sha256": self.codes_sha256,
            "composition": asdict(self.composition),
            "contigs": [[contig.name, contig.length, contig.offset] for contig in self.contigs],
        }
        return json.dumps({**content, "sha256": _digest(content)}, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest strictly; DamagedIndexError says what does not fit."""
        try:
            content: dict[str, Any] = json.loads(text)
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise DamagedIndexError("it has another format version")
            if content.pop("sha256") != _digest(content):
                raise DamagedIndexError("its manifest is not what was written")
            manifest = cls(
                source=SourceState(**content["source"]),
                codes_file=content["codes_file"],
                codes_sha256=content["codes_sha256"],
                contigs=tuple(Contig(name, length, offset) for name, length, offset in content["contigs"]),
                composition=Composition(**content["composition"]),
            )
            manifest.check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedIndexError(f"its manifest cannot be read ({type(error).__name__})") from error
        return manifest

    def check(self) -> None:
        """Raise DamagedIndexError unless contigs follow one another and the counts add up."""
        offset = 0
        for contig in self.contigs:
            if contig.offset != offset or contig.length <= 0:
                raise DamagedIndexError(f"contig '{contig.name}' is out of place")
            offset += contig.length
        if offset == 0 or self.composition.total != offset:
            raise DamagedIndexError("its counts do not add up")


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read an index's manifest and check it against its codes file; FileNotFoundError when there is none.

    Every byte is checked, once in a process: about a second a GB.
    """
    try:
        manifest = Manifest.from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DamagedIndexError("its manifest is not text") from error
    codes_file = path.with_name(manifest.codes_file)
    size = codes_file.stat().st_size if codes_file.is_file() else 0
    if size != manifest.composition.total:
        raise DamagedIndexError(f"its codes file has {size:,} bytes of {manifest.composition.total:,}")
    status = codes_file.stat()
    if _sha256(codes_file, size, status.st_mtime_ns, status.st_ino) != manifest.codes_sha256:
        raise DamagedIndexError("its codes file is not what was written")
    return manifest


@cache
def _sha256(codes_file: Path, size: int, mtime_ns: int, inode: int) -> str:
    """The digest of a codes file, taken once in a process as long as the file stays the same."""
    del size, mtime_ns, inode
    return file_sha256(codes_file)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Put a manifest in place, whole."""
    with atomic_write(path, advice=CACHE_ADVICE) as handle:
        handle.write(manifest.to_json().encode())
