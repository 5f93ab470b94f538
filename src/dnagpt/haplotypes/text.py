"""Haplotypes as text: `.hapt` (a haplotype a line) and `.hap` with legend and sample file (a site a line, IMPUTE).

Shapes: N haplotypes, S sites, P people.
"""

from __future__ import annotations

import logging
import re
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.atomic import open_bytes, open_text
from dnagpt.files.compressed import read_error, require_plausible_size
from dnagpt.files.recognition import quoted
from dnagpt.haplotypes.genotype_filter import ABSENT, UNKNOWN, GenotypeScreen
from dnagpt.haplotypes.legend import numbered_sites, read_legend
from dnagpt.haplotypes.site_filter import SiteScreen, choose_people

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    from dnagpt.haplotypes.selection import HaplotypeSelection
    from dnagpt.haplotypes.values import Alleles, Haplotypes, Sites

_log = logging.getLogger(__name__)
_VALUES = {b"0": 0, b"1": 1, b"?": UNKNOWN, b".": UNKNOWN, b"-": ABSENT}
_UNPHASED = b"*"
_SAMPLE_TYPES = frozenset({"0", "B", "C", "D", "P"})
_SAMPLE_COLUMNS = ("sample", "id_2", "id")


def read_hapt(path: Path, selection: HaplotypeSelection) -> Haplotypes:
    """Read a `.hapt` file, plain, gzipped or alone in a zip archive: a line a haplotype, `label id 0 1 1 0 ...`.

    Ids that are `person_A` and `person_B`, or `person_1` and `person_2`, are the two haplotypes of a person, and are
    brought side by side; any other id is a person. Memory is some three bytes per allele. Raises InputError as
    `read_haplotypes` says.
    """
    screen = SiteScreen(selection, str(path))
    legend = selection.legend or legend_beside(path)
    sites = None if legend is None else read_legend(legend)
    places = np.zeros(0, dtype=np.int64)
    ids: list[str] = []
    rows: list[Alleles] = []
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            words = line.split(None, 2)
            where = f"{path}, line {number:,}"
            if not words:
                continue
            if len(words) < 3:
                raise InputError(f"{where}: a line has a label, an id and the alleles 0 or 1, separated by spaces.")
            row = _alleles(words[2], f"{where} ({_text(words[1], where)})")
            if not rows:
                sites = numbered_sites(len(row)) if sites is None else sites
                places = np.array([place for place in range(len(sites)) if _keep(screen, sites, place)], dtype=np.int64)
            assert sites is not None
            if len(row) != len(sites):
                raise _other_length(where, len(row), len(sites), legend)
            rows.append(row[places])
            ids.append(_text(words[1], where))
    if not rows:
        raise InputError(f"{path} is empty. A line has a label, an id and the alleles 0 or 1, separated by spaces.")
    screen.require_sites()
    people, order = _people(ids, str(path))
    chosen = choose_people(people, selection.samples, str(path))
    return screen.finish(np.stack(rows)[order[chosen]], [people[place] for place in chosen])


def read_impute(path: Path, selection: HaplotypeSelection) -> Haplotypes:
    """Read a `.hap` file with its `.legend` and, where there is one, its `.sample` file: a line a site, 0 or 1 a copy.

    `?` is an unknown allele, `-` a copy that a person has not, and a star behind an allele says that it is not phased.
    Memory is some five bytes an allele. Raises InputError as `read_haplotypes` says.
    """
    screen = SiteScreen(selection, str(path))
    legend = selection.legend or legend_beside(path)
    if legend is None:
        raise InputError(f"{path}: there is no legend (id position a0 a1) beside it. Say where it is with `legend`.")
    sites = read_legend(legend)
    with open_bytes(path) as file:
        lines = [line for line in file if line.strip()]
    if len(lines) != len(sites):
        raise InputError(f"{path} has {len(lines):,} lines, but its legend {legend} has {len(sites):,} sites.")
    people = _people_of(path, selection, copies=len(lines[0].split()))
    chosen = choose_people(people, selection.samples, str(path))
    genotypes = GenotypeScreen([people[place] for place in chosen], selection)
    rows = []
    for place, line in enumerate(lines):
        if not _keep(screen, sites, place):
            continue
        calls, unphased = _calls(line, f"{path}, line {place + 1:,}", 2 * len(people))
        settled = genotypes.settle(calls[chosen], unphased[chosen], screen.where)
        if isinstance(settled, str):
            screen.take_back(settled)
        else:
            rows.append(settled)
    screen.require_sites()
    screen.left_out.update(genotypes.left_out)
    return screen.finish(*genotypes.assemble(rows, str(path)))


def _keep(screen: SiteScreen, sites: Sites, place: int) -> bool:
    return screen.keep(
        sites.contigs[place], int(sites.positions[place]), sites.names[place], sites.reference[place],
        [sites.alternate[place]],
    )  # fmt: skip


def _alleles(text: bytes, where: str) -> Alleles:
    """The 0 and 1 of a line; the usual line, one space between two digits, is read without looking at each word."""
    values = np.frombuffer(text.rstrip(), dtype=np.uint8)
    alleles = values[::2] - ord("0")
    if (values[1::2] == ord(" ")).all() and alleles.max() <= 1:
        return alleles
    words = text.split()
    wrong = next((place for place, word in enumerate(words) if word not in {b"0", b"1"}), None)
    if wrong is not None:
        raise InputError(f"{where}, allele {wrong + 1:,}: {_text(words[wrong][:20], where)!r} is neither 0 nor 1.")
    return np.array(words, dtype=np.uint8)


def _calls(line: bytes, where: str, copies: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """The (P, 2) calls of a line, and of whom they are not phased."""
    values = np.frombuffer(line.rstrip(), dtype=np.uint8)
    alleles = values[::2] - ord("0")
    if len(alleles) == copies and (values[1::2] == ord(" ")).all() and alleles.max() <= 1:
        return alleles.astype(np.int8).reshape(-1, 2), np.zeros(copies // 2, dtype=np.bool_)
    words = line.split()
    if len(words) != copies:
        raise InputError(f"{where}: {len(words):,} alleles, but {copies:,} are needed, two a person.")
    values_of = [_VALUES.get(word.removesuffix(_UNPHASED)) for word in words]
    if None in values_of:
        wrong = values_of.index(None)
        raise InputError(f"{where}, column {wrong + 1:,}: {_text(words[wrong][:20], where)!r} is neither 0 nor 1.")
    starred = np.array([word.endswith(_UNPHASED) for word in words]).reshape(-1, 2)
    return np.array(values_of, dtype=np.int8).reshape(-1, 2), starred[:, 0] | starred[:, 1]


def _people(ids: Sequence[str], source: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The person of each haplotype of a `.hapt` file, and which line it is, both of a person's side by side."""
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise InputError(
            f"{source}: the id '{repeated[0]}' comes more than once. Ids must differ; the two haplotypes of a "
            f"person are '{repeated[0]}_A' and '{repeated[0]}_B'."
        )
    there = set(ids)
    other = {"_A": "_B", "_B": "_A", "_1": "_2", "_2": "_1"}
    paired = {name[:-2] for name in ids if name[-2:] in other and name[:-2] + other[name[-2:]] in there} - there
    people = [name[:-2] if name[-2:] in other and name[:-2] in paired else name for name in ids]
    first = {person: place for place, person in reversed(list(enumerate(people)))}
    order = sorted(range(len(ids)), key=lambda place: (first[people[place]], ids[place]))
    if order != list(range(len(ids))):
        _log.warning("%s: the two haplotypes of a person do not stand side by side; they are brought together", source)
    return [people[place] for place in order], np.array(order, dtype=np.int64)


def _people_of(path: Path, selection: HaplotypeSelection, *, copies: int) -> list[str]:
    """The people of a `.hap` file, by its sample file, or numbered."""
    if copies % 2:
        raise InputError(f"{path}, line 1: {copies:,} alleles cannot be two a person. Choose another file.")
    sample_file = selection.sample_file or _beside(path, (".sample", ".samples", ".sample.gz", ".samples.gz"))
    if sample_file is None:
        return [f"sample_{number}" for number in range(1, copies // 2 + 1)]
    people = _read_people(sample_file)
    if 2 * len(people) != copies:
        raise InputError(
            f"{path} has {copies:,} alleles a line, but {sample_file} has {len(people):,} people, two each."
        )
    return people


def _read_people(path: Path) -> list[str]:
    """The names in a sample file: a header, then a line a person; Oxford's line of column types is skipped."""
    with open_text(path) as lines:
        try:
            rows = [_plain(line, f"{path}, line {number:,}").split() for number, line in enumerate(lines, start=1)]
            rows = [row for row in rows if row]
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not text. A sample file has a header and a line a person.") from error
    header = [column.lower() for column in rows[0]] if rows else []
    column = next((header.index(name) for name in _SAMPLE_COLUMNS if name in header), None)
    if column is None:
        raise InputError(f"{path}: the first line names none of the columns {', '.join(_SAMPLE_COLUMNS)}.")
    body = rows[2:] if len(rows) > 1 and set(rows[1]) <= _SAMPLE_TYPES else rows[1:]
    names = [row[column] for row in body if len(row) > column]
    if len(names) != len(body) or len(set(names)) != len(names):
        raise InputError(f"{path}: a person has no name, or one of another person. Give each line a name of its own.")
    return names


def _other_length(where: str, found: int, needed: int, legend: Path | None) -> InputError:
    of = "line 1 has" if legend is None else f"the legend {legend} names"
    return InputError(
        f"{where}: {found:,} alleles, but {of} {needed:,} sites. The file is cut short, or not of this legend."
    )


def legend_beside(path: Path) -> Path | None:
    """Find the legend of the same name as a `.hapt` or `.hap` file."""
    return _beside(path, (".legend", ".legend.gz"))


def _beside(path: Path, endings: Sequence[str]) -> Path | None:
    """The first file of the same name with one of these endings."""
    stem = re.sub(r"\.hapt?(\.gz|\.zip)?$", "", path.name)
    found = next((file for ending in endings if (file := path.with_name(stem + ending)).exists()), None)
    if found is not None:
        _log.info("%s is read with %s", path, found)
    return found


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The lines of a file, plain, gzipped or the only member of a zip archive."""
    if path.suffix.lower() != ".zip":
        with open_bytes(path) as file:
            yield file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".hapt")]
            if len(names) != 1:
                raise InputError(f"{path} holds {len(names)} .hapt files, and one is needed. Unpack it and choose one.")
            require_plausible_size(archive.getinfo(names[0]).file_size, path.stat().st_size, path)
            with archive.open(names[0]) as member:
                yield member  # type: ignore[misc]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{path} is no zip archive, or it is cut short or damaged ({error}). Fetch it again."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} holds files whose names are not UTF-8. Unpack it, and name the .hapt file."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path} cannot be unpacked ({error}). Unpack it with another tool first.") from error
    except OSError as error:
        raise read_error(path, error) from error


def _plain(text: str, where: str) -> str:
    """Refuse control characters: other programs take them for the end of a word, or drop them."""
    wrong = next((letter for letter in text if letter < " " and letter not in "\t\r\n"), None)
    if wrong is not None:
        raise InputError(f"{where}: there is the control character {wrong!r} in a name. Choose names of plain letters.")
    return text


def _text(word: bytes, where: str) -> str:
    try:
        return _plain(word.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: {quoted(word[:20])} is not UTF-8 text. Choose a .hapt or .hap file.") from error
