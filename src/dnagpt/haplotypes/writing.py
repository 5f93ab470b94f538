"""Haplotypes out: VCF and BCF with an index, `.hapt` with its legend; written whole or not at all.

Shapes: N haplotypes, S sites, P people.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pysam
import pysam.bcftools
import pysam.utils

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_path
from dnagpt.haplotypes.legend import write_legend
from dnagpt.haplotypes.site_filter import ALLELE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dnagpt.haplotypes.values import Alleles, Haplotypes, Sites

_CONTIG = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_NOTE = re.compile(r"[0-9A-Za-z_]+")
_LAST_OF_TBI = 2**29  # a .tbi index counts no further; a .csi index does
_LEVEL = 6  # of gzip; the highest takes thirty times as long for a tenth less
_STILL = (1980, 1, 1, 0, 0, 0)  # the date in a zip archive, so that the same haplotypes are the same bytes


class _Sink(Protocol):
    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


def write_haplotypes(
    haplotypes: Haplotypes, output: str | os.PathLike[str], *, notes: Mapping[str, str] | None = None, label: str = "AG"
) -> None:
    r"""Write haplotypes in the format that the ending names; the file appears whole or not at all.

    >>> from dnagpt.haplotypes.values import Haplotypes, Sites
    >>> sites = Sites(["15", "15"], np.array([99, 149]), ["rs1", "rs2"], ["C", "T"], ["A", "G"])
    >>> people = Haplotypes(np.array([[0, 1], [1, 1]], dtype=np.uint8), sites, ["HG1", "HG1"])
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_haplotypes(people, Path(folder, "people.vcf"), notes={"seed": "1"})
    ...     print(Path(folder, "people.vcf").read_text())
    ##fileformat=VCFv4.2
    ##FILTER=<ID=PASS,Description="All filters passed">
    ##source=dnagpt
    ##dnagpt_seed=1
    ##contig=<ID=15>
    ##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of the alternate allele">
    ##INFO=<ID=AN,Number=1,Type=Integer,Description="Number of haplotypes">
    ##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">
    #CHROM  POS  ID   REF  ALT  QUAL  FILTER  INFO       FORMAT  HG1
    15      100  rs1  C    A    .     PASS    AC=1;AN=2  GT      0|1
    15      150  rs2  T    G    .     PASS    AC=2;AN=2  GT      1|1

    - `.vcf`; `.vcf.gz`, compressed with bgzip, and `.vcf.gz.tbi` beside it (`.csi` for contigs beyond 512 Mb); `.bcf`
      and `.bcf.csi`: two haplotypes a person, side by side. The notes are header lines `##dnagpt_name=value`.
    - `.hapt`, `.hapt.gz`, `.hapt.zip`: a line a haplotype, `label id 0 1 ...`, with ids `person_A`, `person_B`; the
      sites in a file of the same name that ends `.legend`, the notes, if there are any, in one that ends `.notes.txt`.

    Memory is that of the haplotypes. Raises InputError for another ending, no haplotypes, sites out of order, names or
    alleles that the format cannot hold and, for VCF, a person who has not two haplotypes; StorageError when the disk
    refuses.
    """
    path = Path(output)
    ending = require_haplotype_ending(path)
    if not len(haplotypes) or not len(haplotypes.sites):
        raise InputError(f"There are no haplotypes to write to {path}.")
    _WRITERS[ending](haplotypes, path, notes or {}, label)


def require_haplotype_ending(path: str | os.PathLike[str]) -> str:
    """Give the ending that says in which format haplotypes are written, before the work that makes them.

    >>> require_haplotype_ending("genomes.vcf.gz")
    '.vcf.gz'
    >>> require_haplotype_ending("genomes.txt")
    Traceback (most recent call last):
    dnagpt.errors.InputError: genomes.txt has no ending of a haplotype file. Known are .vcf, .vcf.gz, .bcf, ...
    """
    name = Path(path).name.lower()
    ending = next((known for known in _WRITERS if name.endswith(known)), None)
    if ending is None:
        raise InputError(f"{path} has no ending of a haplotype file. Known are {', '.join(_WRITERS)}.")
    return ending


def _write_vcf(haplotypes: Haplotypes, path: Path, notes: Mapping[str, str], _label: str) -> None:
    lines = _vcf_lines(haplotypes, path, notes)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        _write_all(lines, file)


def _write_bgzipped_vcf(haplotypes: Haplotypes, path: Path, notes: Mapping[str, str], _label: str) -> None:
    lines = _vcf_lines(haplotypes, path, notes)
    far = int(haplotypes.sites.positions.max()) >= _LAST_OF_TBI - 1
    # Left in reverse order, so that the index is never older than its file.
    with atomic_path(f"{path}.{'csi' if far else 'tbi'}") as index, atomic_path(path) as temporary:
        with _htslib_silent(), pysam.BGZFile(os.fspath(temporary), "wb", None) as file:
            _write_all(lines, file)
        _make_index(temporary, index, csi=far)


def _write_bcf(haplotypes: Haplotypes, path: Path, notes: Mapping[str, str], _label: str) -> None:
    lines = _vcf_lines(haplotypes, path, notes)
    with atomic_path(f"{path}.csi") as index, atomic_path(path) as temporary:
        text = temporary.with_suffix(".vcf")
        try:
            with text.open("wb") as file:
                _write_all(lines, file)
            # Not through pysam.VariantFile, which gives symbolic alleles an END that the header does not declare.
            pysam.bcftools.view("--no-version", "-Ob", "-o", os.fspath(temporary), os.fspath(text), catch_stdout=False)
        except pysam.utils.SamtoolsError as error:
            raise OSError(str(error)) from error
        finally:
            text.unlink(missing_ok=True)
        _make_index(temporary, index, csi=True)


def _write_hapt(haplotypes: Haplotypes, path: Path, notes: Mapping[str, str], label: str) -> None:
    ids = _hapt_ids(haplotypes)
    wrong = next((word for word in (label, *ids) if len(word.split()) != 1), None)
    if wrong is not None:
        raise InputError(f"{path}: {wrong!r} is empty or has white space in it, which splits a line. Rename it.")
    _require_order(haplotypes.sites, path)
    stem = path.name[: path.name.lower().rindex(".hapt")]
    if notes:
        with atomic_path(path.with_name(f"{stem}.notes.txt")) as temporary:
            temporary.write_text("".join(f"{name}: {note}\n" for name, note in notes.items()), encoding="utf-8")
    write_legend(haplotypes.sites, path.with_name(f"{stem}.legend"))
    with atomic_path(path) as temporary, _opened_hapt(temporary, stem) as file:
        line = np.full(2 * len(haplotypes.sites), ord(" "), dtype=np.uint8)
        line[-1] = ord("\n")
        for name, alleles in zip(ids, haplotypes.alleles, strict=True):
            line[::2] = alleles + ord("0")
            file.write(f"{label} {name} ".encode() + line.tobytes())


_WRITERS: dict[str, Callable[[Haplotypes, Path, Mapping[str, str], str], None]] = {
    ".vcf": _write_vcf, ".vcf.gz": _write_bgzipped_vcf, ".bcf": _write_bcf,
    ".hapt": _write_hapt, ".hapt.gz": _write_hapt, ".hapt.zip": _write_hapt,
}  # fmt: skip


@contextlib.contextmanager
def _opened_hapt(path: Path, stem: str) -> Iterator[_Sink]:
    with path.open("wb") as stored:
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", _LEVEL, stored, mtime=0) as packed:
                yield packed
        elif path.name.lower().endswith(".zip"):
            member = zipfile.ZipInfo(f"{stem}.hapt", _STILL)
            member.compress_type = zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(stored, "w") as archive, archive.open(member, "w", force_zip64=True) as packed:
                yield packed
        else:
            yield stored


def _hapt_ids(haplotypes: Haplotypes) -> list[str]:
    """A person's two haplotypes are `_A` and `_B`; a single one bears the name itself."""
    copies = Counter(haplotypes.individuals)
    named = zip(haplotypes.individuals, haplotypes.labels, strict=True)
    return [person if copies[person] == 1 else label for person, label in named]


def _vcf_lines(haplotypes: Haplotypes, path: Path, notes: Mapping[str, str]) -> Iterator[bytes]:
    """The header and a line a site, once everything is known to fit the format."""
    people = _people(haplotypes.individuals, path)
    _require_order(haplotypes.sites, path)
    _require_vcf_words(haplotypes.sites, path)
    header = _header(haplotypes.sites, people, _header_notes(notes, path))
    return _joined(header, haplotypes)


def _joined(header: bytes, haplotypes: Haplotypes) -> Iterator[bytes]:
    sites, alleles_NS = haplotypes.sites, haplotypes.alleles
    counts = alleles_NS.sum(axis=0, dtype=np.int64).tolist()
    yield header
    columns = zip(sites.contigs, sites.names, sites.reference, sites.alternate, strict=True)
    genotypes = _genotype_lines(alleles_NS)
    for place, (contig, name, reference, alternate) in enumerate(columns):
        position = int(sites.positions[place]) + 1
        info = f"AC={counts[place]};AN={len(haplotypes)}"
        fixed = (contig, str(position), name, reference, alternate, ".", "PASS", info, "GT", "")
        yield "\t".join(fixed).encode() + next(genotypes)


def _genotype_lines(alleles_NS: Alleles, block: int = 512) -> Iterator[bytes]:
    """`0|1<tab>1|1 ... <line end>` of each site; blocks of sites are turned at once, a column at a time is slow."""
    line = np.full((len(alleles_NS) // 2, 4), ord("|"), dtype=np.uint8)
    line[:, 3] = ord("\t")
    line[-1, 3] = ord("\n")
    for start in range(0, alleles_NS.shape[1], block):
        for alleles in np.ascontiguousarray(alleles_NS[:, start : start + block].T) + ord("0"):
            line[:, [0, 2]] = alleles.reshape(-1, 2)
            yield line.tobytes()


def _header(sites: Sites, people: Sequence[str], notes: Sequence[str]) -> bytes:
    symbols = dict.fromkeys(letters[1:-1] for letters in sites.alternate if letters.startswith("<"))
    lines = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        "##source=dnagpt",
        *notes,
        *(f"##contig=<ID={contig}>" for contig in dict.fromkeys(sites.contigs)),
        *(f'##ALT=<ID={symbol},Description="As in the source">' for symbol in symbols),
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of the alternate allele">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Number of haplotypes">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">',
        "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people)),
    ]
    return "\n".join([*lines, ""]).encode()


def _header_notes(notes: Mapping[str, str], path: Path) -> list[str]:
    for name, note in notes.items():
        if not _NOTE.fullmatch(name) or not note.isprintable():
            raise InputError(
                f"{path}: the note {name!r} cannot be a line of a VCF header. It needs letters on one line."
            )
    # A value that begins with `<` would be read as a list of keys.
    return [
        f"##dnagpt_{name}={note!r}" if note.startswith("<") else f"##dnagpt_{name}={note}"
        for name, note in notes.items()
    ]


def _people(individuals: Sequence[str], path: Path) -> list[str]:
    """The P people of N = 2 P haplotypes, two side by side each."""
    copies = Counter(individuals)
    people = list(copies)
    odd = next((person for person in people if copies[person] != 2), None)
    if odd is not None:
        raise InputError(
            f"{path}: '{odd}' has {copies[odd]:,} haplotype{'s' if copies[odd] > 1 else ''}, and a VCF written here "
            "needs two a person. Write an even number of haplotypes in pairs, or a .hapt file."
        )
    if list(individuals) != [person for person in people for _ in range(2)]:
        raise InputError(
            f"{path}: the two haplotypes of a person do not lie side by side. Put the haplotypes in order."
        )
    wrong = next((person for person in people if not person or not person.isprintable()), None)
    if wrong is not None:
        raise InputError(
            f"{path}: {wrong!r} cannot be the name of a sample. It needs letters on one line, without tabs."
        )
    return people


def _require_order(sites: Sites, path: Path) -> None:
    if len(wrong := sites.out_of_order):
        place = int(wrong[0])
        raise InputError(
            f"{path}: the site {sites.contigs[place]}:{sites.positions[place] + 1} stands behind one that follows it "
            "on its contig. Sort the sites before they are written."
        )


def _require_vcf_words(sites: Sites, path: Path) -> None:
    columns = zip(sites.contigs, sites.names, sites.reference, sites.alternate, strict=True)
    for place, (contig, name, reference, alternate) in enumerate(columns):
        wrong = next((letters for letters in (reference, alternate) if not ALLELE.fullmatch(letters)), None)
        wrong = contig if not _CONTIG.fullmatch(contig) else wrong
        wrong = name if len(name.split()) != 1 else wrong
        if wrong is not None:
            raise InputError(
                f"{path}, site {contig}:{int(sites.positions[place]) + 1} ({name}): {wrong!r} cannot stand in a VCF. A "
                "contig and a name need letters without white space, an allele A, C, G, T or N."
            )


def _make_index(data: Path, index: Path, *, csi: bool) -> None:
    with _htslib_silent():
        pysam.tabix_index(
            os.fspath(data), preset="vcf", force=True, keep_original=True, index=os.fspath(index), csi=csi
        )


def _write_all(lines: Iterator[bytes], file: _Sink) -> None:
    for line in lines:
        file.write(line)


@contextlib.contextmanager
def _htslib_silent() -> Iterator[None]:
    """Keep htslib's own complaints off standard error; the exception says what is needed."""
    previous = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(previous)
