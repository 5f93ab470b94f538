import gzip
import io
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases
from dnagpt.genome.fasta import WHITESPACE, Header, SequenceRecord, read_fasta, scan_fasta, write_fasta
from dnagpt.genome.index import open_genome
from dnagpt.genome.intervals import Interval

names = st.text(alphabet="abcXYZ0189._|-", min_size=1, max_size=12)
sequences = st.text(alphabet="ACGTNacgtn", min_size=1, max_size=200).filter(lambda text: set(text.upper()) != {"N"})
genomes = st.dictionaries(names, sequences, min_size=1, max_size=5)


def fasta_text(records: dict[str, str], width: int, line_end: str) -> bytes:
    lines = []
    for name, sequence in records.items():
        lines += [f">{name} some words", *(sequence[start : start + width] for start in range(0, len(sequence), width))]
    return line_end.join([*lines, ""]).encode()


def stored(path: Path, content: bytes, compression: str) -> None:
    if compression == "bgzip":
        with pysam.BGZFile(str(path), "wb", None) as handle:
            handle.write(content)
    else:
        path.write_bytes(gzip.compress(content) if compression == "gzip" else content)


@given(
    records=genomes,
    width=st.integers(1, 80),
    line_end=st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
    compression=st.sampled_from(["none", "gzip", "bgzip"]),
)
def test_what_is_written_is_what_is_read_and_indexed(
    records: dict[str, str], width: int, line_end: str, compression: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genome.fa"
        stored(path, fasta_text(records, width, line_end), compression)
        assert {record.name: record.sequence for record in read_fasta(path)} == records
        genome = open_genome(path, cache=Path(folder))
        for name, sequence in records.items():
            assert decode_bases(genome.slice(Interval(name, 0, len(sequence)))) == sequence
        assert [contig.name for contig in genome.contigs] == list(records)


@given(records=genomes, width=st.integers(1, 80), compressed=st.booleans())
def test_writer_and_reader_agree(records: dict[str, str], width: int, *, compressed: bool) -> None:
    given_records = [SequenceRecord(name, "a description", sequence) for name, sequence in records.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("out.fa.gz" if compressed else "out.fa")
        write_fasta(given_records, path, width)
        assert list(read_fasta(path)) == given_records
        with pysam.FastaFile(str(path)) as independent:
            assert {name: independent.fetch(name) for name in independent.references} == records


@given(cuts=st.lists(st.integers(0, 60), max_size=6))
def test_where_chunks_are_cut_changes_nothing(cuts: list[int]) -> None:
    content = b"\n>a one\nACGT\n\nAC\n>b\n>b is not twice"[:17] + b"\n>bb x > y\r\nGGTT\r\nAA\n>c\nT"
    borders = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    chunks = [content[start:end] for start, end in pairwise(borders)]

    def letters(text: bytes, header: Header, position: int) -> bytes:
        return text.translate(None, WHITESPACE)

    def joined(events: Iterator[Header | bytes]) -> list[tuple[Header, bytes]]:
        records: list[tuple[Header, bytes]] = []
        for event in events:
            if isinstance(event, Header):
                records.append((event, b""))
            else:
                records[-1] = (records[-1][0], records[-1][1] + event)
        return records

    assert joined(scan_fasta([b"", *chunks], "here", letters)) == [
        (Header("a", "one", 1), b"ACGTAC"),
        (Header("bb", "x > y", 2), b"GGTTAA"),
        (Header("c", "", 3), b"T"),
    ]


def test_proteins_and_gaps_are_letters_too(tmp_path: Path) -> None:
    (tmp_path / "p.fa").write_text(">p\nMKV*\n>gapped\nAC--GT.\n")
    assert [record.sequence for record in read_fasta(tmp_path / "p.fa")] == ["MKV*", "AC--GT."]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b">a\nACGT\n"))))
    assert list(read_fasta("-")) == [SequenceRecord("a", "", "ACGT")]


def test_records_come_before_the_file_ends(tmp_path: Path) -> None:
    (tmp_path / "late.fa").write_bytes(b">a\n" + b"A" * 2_000_000 + b"\n>b\n" + b"C" * 2_000_000 + b"\n>c\n")
    records = read_fasta(tmp_path / "late.fa")
    assert next(records).name == "a"
    with pytest.raises(InputError, match=r"record 3 \('c'\)"):
        list(records)


def test_bgzip_output_is_bgzip(tmp_path: Path) -> None:
    write_fasta([SequenceRecord("a", "", "ACGT" * 50_000)], tmp_path / "out.fa.gz")
    with pysam.FastaFile(str(tmp_path / "out.fa.gz")) as independent:  # random access needs true bgzip
        assert independent.fetch("a", 100_000, 100_008) == "ACGTACGT"


@pytest.mark.parametrize(
    ("record", "part"),
    [
        (SequenceRecord("a b", "", "ACGT"), "cannot be a FASTA name"),
        (SequenceRecord("", "", "ACGT"), "cannot be a FASTA name"),
        (SequenceRecord("a", "two\nlines", "ACGT"), "control characters"),
        (SequenceRecord("a", "", ""), "has no sequence"),
        (SequenceRecord("a", "", "AC>GT"), "no FASTA sequence holds"),
        (SequenceRecord("a", "", "AC GT"), "no FASTA sequence holds"),
        (SequenceRecord("ok", "", "ACGT"), "comes twice"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, record: SequenceRecord, part: str) -> None:
    target = tmp_path / "out.fa"
    with pytest.raises(InputError) as caught:
        write_fasta([SequenceRecord("ok", "", "ACGT"), record], target)
    check_message(caught.value, f"{target}, record 2", part)
    assert not target.exists()


def test_nothing_to_write_and_no_width_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sequence to write"):
        write_fasta([], tmp_path / "out.fa")
    with pytest.raises(InputError, match="at least 1"):
        write_fasta([SequenceRecord("a", "", "A")], tmp_path / "out.fa", width=0)


def test_headers_that_ncbi_merged_are_one_record(tmp_path: Path) -> None:
    (tmp_path / "nr.fa").write_bytes(b">WP_1.1 kinase [E. coli]\x01WP_2.1 kinase [S. flexneri]\nACGT\n>b\nAC\n")
    assert list(read_fasta(tmp_path / "nr.fa")) == [
        SequenceRecord("WP_1.1", "kinase [E. coli] >WP_2.1 kinase [S. flexneri]", "ACGT"),
        SequenceRecord("b", "", "AC"),
    ]
