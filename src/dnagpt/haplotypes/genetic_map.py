"""Genetic maps: how far apart two places are in recombination, in morgans."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.files.atomic import open_text
from dnagpt.files.compressed import shown
from dnagpt.files.suggestions import did_you_mean
from dnagpt.haplotypes.legend import is_position

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from dnagpt.haplotypes.values import Sites

_log = logging.getLogger(__name__)
_CONTIG = ("chr", "chrom", "chromosome", "contig")
_POSITION = ("pos", "position", "position(bp)", "bp", "bppos", "end")
_CENTIMORGANS = ("cm", "map(cm)", "genetic_map(cm)", "genetic_map", "cm_pos", "pos_cm")
_PLINK_COLUMNS = ("chr", "id", "cm", "pos")  # of a .map file, which has no header
_CENTI = 100.0


@dataclass(frozen=True, eq=False)
class GeneticMap:
    """The genetic position of places along contigs.

    >>> GeneticMap.constant(1e-8).morgans("15", np.array([0, 1_000_000])).tolist()
    [0.0, 0.01]
    >>> measured = GeneticMap({"20": (np.array([0, 100]), np.array([0.0, 0.5]))})
    >>> measured.morgans("20", np.array([50, 100, 200])).tolist()
    [0.25, 0.5, 1.0]
    """

    contigs: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]
    """Contig -> 0-based positions, rising, and their genetic positions in morgans, never falling."""
    rate: float | None = None
    """Morgans a base, the same everywhere, where there is no map of a contig; None where that is an error."""
    source: str = "the genetic map"
    """Where the map comes from, for messages."""

    @classmethod
    def constant(cls, morgans_per_base: float = 1e-8) -> Self:
        """Give the map on which every base has the same rate; 1e-8 (1 cM/Mb) is about the mean of the human genome."""
        if not morgans_per_base > 0:
            raise InputError(f"A recombination rate of {morgans_per_base} morgans a base is not above 0.")
        return cls({}, morgans_per_base)

    def morgans(self, contig: str, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Give the genetic positions of 0-based positions: between two places of the map by a straight line.

        Before the first and behind the last place, the mean rate of the contig's map goes on, so values may be below 0.
        Raises InputError for a contig that the map does not have.
        """
        if contig not in self.contigs:
            if self.rate is None:
                hint = did_you_mean(contig, self.contigs) or " Give a map of it, or a constant rate."
                raise InputError(f"{self.source} has no contig '{contig}'; it has {', '.join(self.contigs)}.{hint}")
            return np.asarray(positions, dtype=np.float64) * self.rate
        places, morgans = self.contigs[contig]
        mean_rate = (morgans[-1] - morgans[0]) / (places[-1] - places[0])
        outside = np.minimum(positions - places[0], 0) + np.maximum(positions - places[-1], 0)
        inside: npt.NDArray[np.float64] = np.interp(positions, places, morgans)
        return inside + outside * mean_rate

    def morgans_of(self, sites: Sites) -> npt.NDArray[np.float64]:
        """Return the genetic position of each site on its contig, (S,); InputError as for `morgans`.

        Sites outside of the map of their contig are counted in a warning.
        """
        contigs, found = np.asarray(sites.contigs), np.empty(len(sites))
        for contig in dict.fromkeys(sites.contigs):
            positions = sites.positions[contigs == contig]
            found[contigs == contig] = self.morgans(contig, positions)
            self._report_outside(contig, positions)
        return found

    def _report_outside(self, contig: str, positions: npt.NDArray[np.int64]) -> None:
        if contig not in self.contigs:
            return
        places, morgans = self.contigs[contig]
        outside = int(np.count_nonzero((positions < places[0]) | (positions > places[-1])))
        if outside:
            rate = (morgans[-1] - morgans[0]) / (places[-1] - places[0])
            _log.warning(
                "%s covers %s:%s-%s; %s of %s sites lie outside, where its mean rate, %.3g cM per Mb, is assumed",
                self.source, contig, f"{places[0] + 1:,}", f"{places[-1] + 1:,}", f"{outside:,}", f"{len(positions):,}",
                rate * _CENTI * 1e6,
            )  # fmt: skip


def read_genetic_map(path: str | os.PathLike[str], *, contig: str | None = None) -> GeneticMap:
    r"""Read a genetic map, plain or gzipped; positions are 1-based in the file, distances in centimorgans.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "chr20.gmap"
    ...     _ = file.write_text("pos chr cM\n1 20 0.0\n101 20 50.0\n")
    ...     read_genetic_map(file).morgans("20", np.array([50])).tolist()
    [0.25]

    A header names the columns: chromosome (chr, chrom, contig), position (pos, bp, `Position(bp)`) and centimorgans
    (cM, `Map(cM)`, `Genetic_Map(cM)`), as SHAPEIT, HapMap and IMPUTE write them; deCODE's maps (Chr, Begin, End,
    cMperMb, cM) give the distance at the end of each stretch. Lines that begin with `#` are comments. Four columns
    without a header are a PLINK `.map`: chromosome, name, centimorgans, position. `contig` names the contig of a file
    without such a column.
    Raises InputError with the line for what is no number, for positions or distances that go back, and for a map on
    which nothing recombines.
    """
    name = shown(path)
    with open_text(path) as lines:
        try:
            rows = [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]
            rows = _without_comments(rows)
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is not text. A genetic map has positions and centimorgans.") from error
    if not rows:
        raise InputError(f"{name} is empty. A genetic map has positions and centimorgans.")
    headed = not _is_number(rows[0][1][-1])
    header = [word.lower() for word in rows[0][1]] if headed else list(_PLINK_COLUMNS)
    position, centimorgans = (_place(header, known, name) for known in (_POSITION, _CENTIMORGANS))
    contig_place = next((header.index(word) for word in _CONTIG if word in header), None)
    if contig_place is None and contig is None:
        raise InputError(
            f"{name} does not say of which contig it is (columns {', '.join(header)}). Name it as `contig`."
        )
    points: dict[str, list[tuple[int, float]]] = {}
    for number, row in rows[1:] if headed else rows:
        where = f"{name}, line {number:,}"
        if len(row) != len(header):
            raise InputError(
                f"{where}: {len(row)} words, but {len(header)} columns are expected ({', '.join(header)})."
            )
        at, centi = row[position], row[centimorgans]
        if not (is_position(at) or at == "0") or not _is_number(centi):
            raise InputError(f"{where}: {at[:20]!r} and {centi[:20]!r} are not a position and centimorgans.")
        of = points.setdefault(contig or row[contig_place or 0], [])
        of.append((int(at) - 1, float(centi) / _CENTI))
        if len(of) > 1 and (of[-1][0] <= of[-2][0] or of[-1][1] < of[-2][1]):
            raise InputError(f"{where}: the position or the centimorgans go back. Sort the map by contig and position.")
    return GeneticMap({contig: _arrays(of, contig, name) for contig, of in points.items()}, source=name)


def _arrays(
    points: Sequence[tuple[int, float]], contig: str, name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if len(points) < 2:
        raise InputError(f"{name}: the contig '{contig}' has one place, and a distance needs two.")
    positions, morgans = zip(*points, strict=True)
    if morgans[0] == morgans[-1]:
        raise InputError(
            f"{name}: all {len(points):,} places of the contig '{contig}' are at {morgans[0] * _CENTI:g} centimorgans, "
            "so nothing would ever recombine there. Give a map with distances, or leave it out: then 1 cM per Mb is "
            "assumed."
        )
    return np.array(positions, dtype=np.int64), np.array(morgans, dtype=np.float64)


def _place(header: Sequence[str], known: Sequence[str], name: str) -> int:
    found = next((header.index(word) for word in known if word in header), None)
    if found is None:
        raise InputError(
            f"{name}: none of the columns {', '.join(header)} is called {' or '.join(known)}. Name them so."
        )
    return found


def _without_comments(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Leave out lines that begin with `#`, but for the last one before the numbers where it names the columns."""
    body = next((place for place, (_, row) in enumerate(rows) if not row[0].startswith("#")), len(rows))
    rest = [(number, row) for number, row in rows[body:] if not row[0].startswith("#")]
    if body and rest and _is_number(rest[0][1][-1]):
        number, row = rows[body - 1]
        header = [row[0].lstrip("#"), *row[1:]] if row[0] != "#" else row[1:]
        if len(header) == len(rest[0][1]) and {word.lower() for word in header} & set(_CENTIMORGANS):
            return [(number, header), *rest]
    return rest


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
