"""Indexes of VCF and BCF files (.tbi, .csi): whether one belongs to its file (SAM/BAM and tabix specifications)."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING

from dnagpt.files.compressed import BGZIP_END

if TYPE_CHECKING:
    from pathlib import Path

_TBI, _CSI = b"TBI\x01", b"CSI\x01"
_TBI_SUMMARY = 37450
"""The bin of .tbi that holds counts; that of .csi depends on its depth."""


def is_index_of(index: Path, data: Path) -> bool:
    """Return whether an index ends where its bgzipped file does; an index of another file would hide sites.

    The last chunk of an index ends at the empty block that ends the file, so another file is told apart unless it is
    equally long.
    """
    try:
        ends = _ends(gzip.decompress(index.read_bytes()))
    except (OSError, EOFError, zlib.error, struct.error, ValueError):
        return False
    return not ends or max(ends) >> 16 == data.stat().st_size - len(BGZIP_END)


def _ends(content: bytes) -> list[int]:
    """Read where the chunks of an index end, as offsets of bgzip (block << 16 | place within)."""
    magic = content[:4]
    if magic == _TBI:
        (names_length,) = struct.unpack_from("<i", content, 32)
        place, summary, has_offset = 36 + names_length, _TBI_SUMMARY, False
        (references,) = struct.unpack_from("<i", content, 4)
    elif magic == _CSI:
        _, depth, extra = struct.unpack_from("<iii", content, 4)
        place, summary, has_offset = 16 + extra + 4, ((1 << (3 * (depth + 1))) - 1) // 7 + 1, True
        (references,) = struct.unpack_from("<i", content, 16 + extra)
    else:
        raise ValueError("it is neither .tbi nor .csi")
    ends: list[int] = []
    for _ in range(references):
        (bins,) = struct.unpack_from("<i", content, place)
        place += 4
        for _ in range(bins):
            number, *_, chunks = struct.unpack_from("<IQi" if has_offset else "<Ii", content, place)
            place += 16 if has_offset else 8
            if number != summary:
                ends += struct.unpack_from(f"<{2 * chunks}Q", content, place)[1::2]
            place += 16 * chunks
        if not has_offset:
            (intervals,) = struct.unpack_from("<i", content, place)
            place += 4 + 8 * intervals
    return ends
