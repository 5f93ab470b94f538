"""Reading a genome file once and writing its base codes, one byte a base, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_write
from dnagpt.files.compressed import file_sha256, open_source
from dnagpt.genome.bases import CODE_LETTERS, ENCODING_TABLE, IRREGULAR, SOFT_MASK, Codes, encode_bases
from dnagpt.genome.fasta import WHITESPACE, Header, read_chunks, scan_fasta
from dnagpt.genome.intervals import Contig
from dnagpt.genome.manifest import CACHE_ADVICE, Composition, Manifest, SourceState
from dnagpt.genome.twobit import is_twobit, read_twobit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int], None]

_CHUNK = 1 << 22
_COUNTING_BLOCK = 1 << 17  # fits the second-level cache


@dataclass(frozen=True)
class _Source:
    """A genome file being read: headers and base codes in order, how far it is, and its digest at the end."""

    handle: BinaryIO
    events: Iterator[Header | bytes]
    consumed: Callable[[], int]
    sha256: Callable[[], str]


def build_index(source: Path, codes_path: Path, progress: Progress | None = None) -> Manifest:
    """Read a genome file once, write its base codes, and return the manifest that describes them.

    Memory is bounded by a few chunks of some MB. `progress` is told how many bytes of the source are done
    and their total. Raises InputError for a file that is no genome, one without a known base, and one that changes
    meanwhile.
    """
    before = source.stat()
    ambiguous: Counter[str] = Counter()
    lengths: dict[str, int] = {}
    tally, digest = _Tally(), hashlib.sha256()
    opened = _open_twobit(source) if is_twobit(source) else _open_fasta(source, ambiguous)
    with opened.handle, atomic_write(codes_path, advice=CACHE_ADVICE) as target:
        with closing(_one_ahead(_batches(opened.events, lengths))) as batches:
            for batch in batches:
                target.write(batch)
                digest.update(batch)
                tally.add(np.frombuffer(batch, dtype=np.uint8))
                if progress is not None:
                    progress(opened.consumed(), before.st_size)
        composition = tally.composition(ambiguous)
        if composition.total == composition.bases["N"]:
            raise InputError(f"{source}: all {composition.total:,} bases are N, nothing can be learnt. Check the file.")
        after = source.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InputError(f"{source} changed while it was read. Try again when it is complete.")
        state = SourceState(str(source.resolve()), after.st_size, after.st_mtime_ns, opened.sha256())
    offsets = accumulate(lengths.values(), initial=0)
    contigs = tuple(
        Contig(name, length, offset) for (name, length), offset in zip(lengths.items(), offsets, strict=False)
    )
    return Manifest(state, codes_path.name, digest.hexdigest(), contigs, composition)


def _open_fasta(source: Path, ambiguous: Counter[str]) -> _Source:
    stored, handle = open_source(source, streamed=True)
    events = scan_fasta(read_chunks(handle, _CHUNK), str(source), _CodeReader(str(source), ambiguous))
    return _Source(handle, events, lambda: stored.consumed, stored.sha256)


def _open_twobit(source: Path) -> _Source:
    handle = source.open("rb")
    return _Source(handle, read_twobit(handle, str(source)), handle.tell, lambda: file_sha256(source))


class _CodeReader:
    """Turns stretches of FASTA lines into base codes, and counts the ambiguity codes on the way."""

    def __init__(self, name: str, ambiguous: Counter[str]) -> None:
        self._name = name
        self._ambiguous = ambiguous

    def __call__(self, text: bytes, header: Header, position: int) -> bytes:
        codes = text.translate(ENCODING_TABLE, WHITESPACE)
        if IRREGULAR not in codes:
            return codes
        where = f"{self._name}, record '{header.name}'"
        checked, ambiguous = encode_bases(text.translate(None, WHITESPACE), where, first_position=position + 1)
        self._ambiguous.update(ambiguous)
        return checked.tobytes()


class _Tally:
    """Counts of the base codes that were written."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(CODE_LETTERS), dtype=np.int64)
        self._soft_masked = 0

    def add(self, codes: Codes) -> None:
        for start in range(0, len(codes), _COUNTING_BLOCK):
            block = codes[start : start + _COUNTING_BLOCK]
            bases = block & ~np.uint8(SOFT_MASK)
            known = [int(np.count_nonzero(bases == code)) for code in range(1, len(CODE_LETTERS))]
            self._counts += [len(block) - sum(known), *known]
            self._soft_masked += int(np.count_nonzero(block & np.uint8(SOFT_MASK)))

    def composition(self, ambiguous: Counter[str]) -> Composition:
        bases = {chr(letter): int(count) for letter, count in zip(CODE_LETTERS, self._counts, strict=True)}
        return Composition(bases, self._soft_masked, dict(sorted(ambiguous.items())))


def _batches(events: Iterable[Header | bytes], lengths: dict[str, int]) -> Iterator[bytes]:
    """Join the base codes of successive stretches into batches of some MB, and note the length of every contig."""
    parts: list[bytes] = []
    size = 0
    name = ""
    for event in events:
        if isinstance(event, Header):
            name = event.name
            lengths[name] = 0
            continue
        parts.append(event)
        lengths[name] += len(event)
        size += len(event)
        if size >= _CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _one_ahead(items: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same items, the next one being made in a second thread while the caller works on the present one."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        pending = maker.submit(next, items, b"")
        while item := pending.result():
            pending = maker.submit(next, items, b"")
            yield item
