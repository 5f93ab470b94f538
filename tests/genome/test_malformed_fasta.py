"""Files that are no genome: each ends in a sentence or two with file and place, from the reader and the index."""

import gzip
import struct
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.messages import check_message
from tests.genome.twobit_writer import twobit_bytes

from dnagpt.errors import InputError
from dnagpt.genome.fasta import read_fasta
from dnagpt.genome.index import open_genome

GOOD = b">chr1\nACGTACGT\n"
PACKED = gzip.compress(GOOD * 1)

# name -> (content, parts of the message). Both read_fasta and open_genome refuse these.
NOT_FASTA: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("is empty",)),
    "blank_lines_only": (b"\n\r\n  \n", ("is empty",)),
    "empty_gzip": (gzip.compress(b""), ("is empty",)),
    "no_header": (b"ACGTACGT\nACGT\n", ("line 1", "'ACGTACGT'", "before any header")),
    "no_header_after_blank_lines": (b"\n\nACGT\n>a\nACGT\n", ("line 3", "before any header")),
    "comment_first": (b"; old comment\n>a\nACGT\n", ("line 1", "'; old comment'")),
    "header_with_blank_before": (b" >a\nACGT\n", ("line 1", "'>a'")),
    "header_without_sequence": (b">a\nACGT\n>b\n>c\nACGT\n", ("record 2", "'b'", "without a sequence")),
    "last_header_without_sequence": (b">a\nACGT\n>b", ("record 2", "'b'", "without a sequence")),
    "blank_sequence": (b">a\n \n\t\n", ("record 1", "'a'", "without a sequence")),
    "header_without_name": (b">a\nACGT\n>\nACGT\n", ("record 2", "no name")),
    "header_of_blanks": (b">   \nACGT\n", ("record 1", "no name")),
    "name_twice": (b">a x\nACGT\n>b\nACGT\n>a y\nACGT\n", ("records 1 and 3", "'a'")),
    "header_in_latin_1": (b">a\nACGT\n>caf\xe9 x\nACGT\n", ("record 2", r"caf\xe9", "UTF-8")),
    "control_characters_in_header": (b">a\x02b\nACGT\n", ("record 1", r"a\x02b", "control characters")),
    "old_macintosh_lines": (b">a\rACGT\rACGT\r", ("record 1", "carriage returns")),
    "header_joined_to_sequence": (b">a\nACGT>b\nACGT\n", ("'a'", "position 5", "'>'", "line of its own")),
    "zero_bytes_in_sequence": (b">a\nACGT\x00\x00\n", ("'a'", "position 5", r"'\x00'")),
    "high_bytes_in_sequence": (b">a\nACGT\n\xff\xfe\n", ("'a'", "position 5", r"'\xff'")),
    "binary": (bytes(range(256)) * 4, ("binary data",)),
    "endless_header": (b">" + b"A" * 3_000_000, ("header", "does not end")),
    "fastq": (b"@read1\nACGT\n+\nIIII\n", ("FASTQ", "seqtk seq -a")),
    "sam": (b"@HD\tVN:1.6\n", ("SAM", "samtools fasta")),
    "genbank": (b"LOCUS       SCU49845     5028 bp\n", ("GenBank", "as FASTA")),
    "embl": (b"ID   X56734; SV 1; linear;\n", ("EMBL",)),
    "vcf": (b"##fileformat=VCFv4.2\n", ("VCF",)),
    "web_page": (b"<!DOCTYPE html>\n<html>404</html>\n", ("web page", "fetch the file again")),
    "git_lfs_pointer": (b"version https://git-lfs.github.com/spec/v1\n", ("Git LFS pointer",)),
    "utf_16": (">a\nACGT\n".encode("utf-16"), ("UTF-16",)),
    "zip_archive": (b"PK\x03\x04" + bytes(30), ("zip archive",)),
    "bzip2": (b"BZh91AY&SY" + bytes(30), ("bzip2",)),
    "xz": (b"\xfd7zXZ\x00" + bytes(30), ("xz archive",)),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(30), ("zstd",)),
    "parquet": (b"PAR1" + bytes(30), ("Parquet",)),
    "bam": (gzip.compress(b"BAM\x01" + bytes(30)), ("BAM", "samtools fasta")),
    "gzip_of_text": (gzip.compress(b"sequence,label\nACGT,1\n"), ("line 1", "'sequence,label'")),
    "gzip_twice": (gzip.compress(gzip.compress(GOOD)), ("compressed twice",)),
    "gzip_cut_short": (gzip.compress(GOOD)[:-9], ("cut short",)),
    "gzip_checksum_wrong": (PACKED[:-8] + b"\x00\x00\x00\x01" + PACKED[-4:], ("damaged", "gzip data")),
    "gzip_with_rubbish_behind": (gzip.compress(GOOD) + b"rubbish", ("damaged", "gzip data")),
    "one_byte": (b"\x1f", ("binary data",)),
}

# Only a genome must be DNA, and have known bases.
NOT_DNA: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "protein": (b">p1\nMKVLAAGIVPLLLSAQRE*\n", ("'p1'", "position 4", "'L'", "looks like protein")),
    "alignment_gap": (b">a\nACGT\n>b\nAC\nGT--AC\n", ("'b'", "position 5", "'-'", "gap")),
    "digits": (b">a\n1 ACGTACGT 8\n", ("'a'", "position 1", "'1'")),
    "typing_mistake": (b">a\nACGTACGTAC\nGTAXGTACGT\n", ("'a'", "position 14", "'X'", "ACGTACGTAC"[-3:])),
    "mistake_far_inside": (b">a\n" + b"ACGTACGT\n" * 700_000 + b"?\n", ("'a'", "position 5,600,001", "'?'")),
    "all_n": (b">a\nNNNN\n>b\nnnRN\n", ("all 8 bases are N",)),
}

TWOBIT = twobit_bytes({"a": "ACGTnnNNACGTacgtA", "b": "GGGG"})
BAD_TWOBIT: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "twobit_header_only": (TWOBIT[:16], ("refers to byte",)),
    "twobit_cut_in_directory": (TWOBIT[:20], ("refers to byte",)),
    "twobit_cut_in_bases": (TWOBIT[:-1], ("refers to byte", f"{len(TWOBIT):,}")),
    "twobit_without_contigs": (twobit_bytes({}), ("is empty",)),
    "twobit_empty_contig": (twobit_bytes({"a": "ACGT", "b": ""}), ("record 2", "'b'", "without bases")),
    "twobit_unknown_version": (TWOBIT[:4] + struct.pack("<I", 7) + TWOBIT[8:], ("format version 7",)),
    "twobit_name_twice": (TWOBIT.replace(b"\x01b", b"\x01a"), ("record 2", "'a'", "twice")),
    "twobit_strange_name": (TWOBIT.replace(b"\x01b", b"\x01\x07"), ("record 2", r"'\x07'")),
    "twobit_blocks_leave_contig": (
        TWOBIT.replace(struct.pack("<3I", 1, 4, 4), struct.pack("<3I", 1, 4, 400)),
        ("record 1", "masked stretches"),
    ),
    "twobit_all_n": (twobit_bytes({"a": "NNNN"}), ("all 4 bases are N",)),
    "twobit_in_gzip": (gzip.compress(TWOBIT), (".2bit",)),
}


@pytest.mark.parametrize("case", NOT_FASTA)
def test_reader_refuses(tmp_path: Path, case: str) -> None:
    content, parts = NOT_FASTA[case]
    path = tmp_path / f"{case}.fa"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_fasta(path))
    check_message(caught.value, str(path), *parts)


@pytest.mark.parametrize("case", [*NOT_FASTA, *NOT_DNA, *BAD_TWOBIT])
def test_index_refuses_and_keeps_nothing(tmp_path: Path, case: str) -> None:
    content, parts = (NOT_FASTA | NOT_DNA | BAD_TWOBIT)[case]
    path = tmp_path / f"{case}.fa"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_genome(path, cache=tmp_path / "cache")
    check_message(caught.value, str(path), *parts)
    assert not [left for left in (tmp_path / "cache" / "genomes").iterdir() if left.suffix != ".lock"]


def test_bgzip_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa.gz"
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(b">a\n" + b"ACGT\n" * 100_000)
    path.write_bytes(path.read_bytes()[:-28])
    for read in (lambda: list(read_fasta(path)), lambda: open_genome(path, cache=tmp_path)):
        with pytest.raises(InputError) as caught:
            read()
        check_message(caught.value, str(path), "cut short")


def test_missing_folder_and_standard_input(tmp_path: Path) -> None:
    for path, part in ((tmp_path / "nothing.fa", "does not exist"), (tmp_path, "is a folder"), ("-", "standard input")):
        with pytest.raises(InputError) as caught:
            open_genome(path, cache=tmp_path)
        check_message(caught.value, part)


@given(st.lists(st.tuples(st.integers(0, len(TWOBIT) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_twobit_file_is_read_or_refused_and_never_worse(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(TWOBIT)
    for index, value in changes:
        content[index] = value
    path = tmp_path_factory.mktemp("fuzz") / "genome.2bit"
    path.write_bytes(content)
    try:
        assert open_genome(path, cache=path.parent).total_bases > 0
    except InputError as error:
        check_message(error, str(path))
