"""Genomes under attack: FASTA, plain and compressed, .2bit, the index of a genome."""

import gzip
import shutil
from pathlib import Path

import py2bit
import pysam
from tests.fuzz.subject import Subject
from tests.fuzz.subjects_of_tables import unpacked
from tests.genome.twobit_writer import twobit_bytes

from dnagpt.genome.bases import decode_bases
from dnagpt.genome.fasta import read_fasta
from dnagpt.genome.index import Genome, open_genome
from dnagpt.genome.intervals import Interval

_FASTA = b">chr1 first one\nACGTACGTNN\nacgtRYacgt\nAC\n>chr2\nTTTTGGGG\n\n>scaffold_3|x\tlast\nNNNNACGT\n"
_TOKENS = (
    b">chr1",
    b">",
    b"\n>",
    b">x\n",
    b"ACGT",
    b"NNNN",
    b"acgt",
    b"R",
    b"*",
    b"-",
    b"U",
    b"@r\nAC\n+\nII\n",
    b"\x1a",
)
_GENOME = {"chr1": "ACGTNNNNacgtACG", "chr2": "ttttGGGGNN", "c3": "ACGTACGTACGTACGTA"}


def _records(folder: Path) -> object:
    return [(one.name, one.description, one.sequence) for one in read_fasta(folder / "genome.fa")]


def _by_rules(content: bytes) -> object:
    """FASTA by its rules: a record begins with > at the start of a line, and white space in sequences says nothing."""
    text = content.removeprefix(b"\xef\xbb\xbf")
    records = []
    for part in (b"\n" + text).split(b"\n>")[1:]:
        header, _, body = part.partition(b"\n")
        name, _, description = header.replace(b"\t", b" ").strip().partition(b" ")
        records.append((name.decode(), description.strip().decode(), b"".join(body.split()).decode()))
    return records


def _bases(genome: Genome) -> list[tuple[str, str]]:
    return [(one.name, decode_bases(genome.slice(Interval(one.name, 0, one.length)))) for one in genome.contigs]


def _index(folder: Path, name: str) -> list[tuple[str, str]]:
    cache = folder.parent / "cache"
    for old in (cache / "genomes").glob("*"):
        old.unlink()
    return _bases(open_genome(folder / name, cache=cache))


def _write_bgzip(folder: Path) -> None:
    with pysam.BGZFile(str(folder / "genome.fa.gz"), "wb", None) as file:
        file.write(_FASTA)


def _by_htslib(path: Path) -> object:
    """The same letters, everything but A, C, G and T being N, U being T."""
    with pysam.FastxFile(str(path)) as file:
        return [
            (one.name or str(one.comment).split()[0], _as_codes("".join(str(one.sequence).split()))) for one in file
        ]


def _as_codes(sequence: str) -> str:
    return "".join(
        letter if letter in "ACGTacgt" else {"U": "T", "u": "t"}.get(letter, "n" if letter.islower() else "N")
        for letter in sequence
    )


def _read_twobit(folder: Path) -> object:
    """The bases as py2bit gives them, which writes an unknown base that is soft-masked as N."""
    return [(name, bases.replace("n", "N")) for name, bases in _index(folder, "genome.2bit")]


def _by_py2bit(folder: Path) -> object:
    genome = py2bit.open(str(folder / "genome.2bit"), True)
    try:
        return [(name, genome.sequence(name)) for name in genome.chroms()]
    finally:
        genome.close()


def _write_index(folder: Path) -> None:
    (folder / "genome.fa").write_bytes(_FASTA)
    open_genome(folder / "genome.fa", cache=folder / "cache")


def _from_index(folder: Path) -> object:
    """The genome through a copy of its index, because a damaged one is built anew."""
    copy = folder.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "cache", copy)
    return _bases(open_genome(folder / "genome.fa", cache=copy))


GENOMES = {
    "fasta": Subject(
        lambda folder: (folder / "genome.fa").write_bytes(_FASTA),
        _records,
        lambda folder: _by_rules((folder / "genome.fa").read_bytes()),
        tokens=_TOKENS,
    ),
    "fasta-gz": Subject(
        lambda folder: (folder / "genome.fa.gz").write_bytes(gzip.compress(_FASTA, 0, mtime=0)),
        lambda folder: [(one.name, one.description, one.sequence) for one in read_fasta(folder / "genome.fa.gz")],
        lambda folder: _by_rules(unpacked((folder / "genome.fa.gz").read_bytes())),
    ),
    "genome-fasta": Subject(
        lambda folder: (folder / "genome.fa").write_bytes(_FASTA),
        lambda folder: _index(folder, "genome.fa"),
        lambda folder: _by_htslib(folder / "genome.fa"),
        tokens=_TOKENS,
        may_refuse=True,
    ),
    "genome-bgzip": Subject(
        _write_bgzip,
        lambda folder: _index(folder, "genome.fa.gz"),
        lambda folder: _by_htslib(folder / "genome.fa.gz"),
        may_refuse=True,
    ),
    "genome-2bit": Subject(
        lambda folder: (folder / "genome.2bit").write_bytes(twobit_bytes(_GENOME)),
        _read_twobit,
        _by_py2bit,
        may_refuse=True,
    ),
    "genome-index": Subject(
        _write_index,
        _from_index,
        lambda folder: _by_htslib(folder / "genome.fa"),
        damaged=("cache/genomes/*",),
        tokens=(b"chr1", b"0", b"-1", b"null", b"[]", b"{}"),
    ),
}
