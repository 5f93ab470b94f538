"""What tables hold besides clean records: missing values, ambiguity codes, RNA, odd column names, all intervals."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest

from dnagpt.data.records.labelled import Labelled, read_labelled
from dnagpt.data.records.settings import MISSING_VALUES, DataConfig, ReadingConfig
from dnagpt.data.records.sources import read_records
from dnagpt.data.records.split_report import split_report
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task

TASK = Task("signal", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
Columns = dict[str, list[Any]]


def _write_text(separator: str) -> Callable[[Path, Columns], object]:
    return lambda path, columns: pd.DataFrame(columns).to_csv(path, sep=separator, index=False)


def _write_jsonl(path: Path, columns: Columns) -> None:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_hdf5(path: Path, columns: Columns) -> None:
    with h5py.File(path, "w") as file:
        for name, cells in columns.items():
            file[name] = cells


WRITERS: dict[str, Callable[[Path, Columns], object]] = {
    ".csv": _write_text(","),
    ".tsv": _write_text("\t"),
    ".jsonl": _write_jsonl,
    ".parquet": lambda path, columns: pd.DataFrame(columns).to_parquet(path),
    ".h5": _write_hdf5,
}


def write(folder: Path, ending: str, **columns: list[Any]) -> Path:
    path = folder / f"all{ending}"
    WRITERS[ending](path, columns)
    return path


def read(path: Path, task: Task = TASK, vocabulary: str = "dna-3mers", **settings: Any) -> Labelled:
    config = DataConfig.model_validate({"table": path, "fractions": (1, 0, 0), **settings})
    return read_labelled(config, task, Vocabulary.preset(vocabulary))


@pytest.mark.parametrize("ending", WRITERS)
def test_words_for_a_missing_sequence_are_named_by_row(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending, sequence=["ACGT", "NA", "CCC", "nan"], label=[1, 0, 1, 0])
    message = r"row 2, field sequence: 'NA' stands for a missing value \(2 of 4 records: .*row 2; .*row 4\)"
    with pytest.raises(InputError, match=message):
        read(path)
    with pytest.raises(InputError, match=message):
        read_records(path, ReadingConfig(), TASK.template, ["sequence"])
    found = read_records(path, ReadingConfig(missing_values=()), TASK.template, ["sequence"])
    assert [record["sequence"] for record in found.records] == ["ACGT", "NA", "CCC", "nan"]
    assert len(read(path, missing_values=[]).records) == 4


@pytest.mark.parametrize("word", [*MISSING_VALUES, " na ", "NONE", "Null", "n/a"])
def test_every_word_for_a_missing_value_counts_in_either_case(tmp_path: Path, word: str) -> None:
    with pytest.raises(InputError, match=r"row 1, field sequence: .* stands for a missing value"):
        read(write(tmp_path, ".csv", sequence=[word, "ACGT"], label=["1", "0"]))


def test_a_fasta_record_is_never_missing(tmp_path: Path) -> None:
    (tmp_path / "all.fa").write_text(">a|1\nNA\n>b|0\nNNAN\n")
    assert [record["sequence"] for record in read(tmp_path / "all.fa").records] == ["NA", "NNAN"]


@pytest.mark.parametrize("ending", WRITERS)
def test_ambiguity_codes_are_counted(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending, sequence=["ACRYr", "ACGT", "NNK"], label=[1, 0, 1])
    told = "4 ambiguity codes in 2 of 3 sequences (field 'sequence') are read as N: K 1, R 2, Y 1."
    assert told in read(path).notes


@pytest.mark.parametrize("ending", WRITERS)
def test_repeats_are_found_as_the_model_reads_them(tmp_path: Path, ending: str) -> None:
    sequences = ["ACGTTG", "ACGUUG", "acgttg", "AAARYA", "AAANNA", "AAATTA"]
    labelled = read(write(tmp_path, ending, sequence=sequences, label=[1, 1, 1, 0, 0, 0]))
    assert "3 of 6 records repeat the sequence of another; they are kept." in labelled.notes
    assert split_report(labelled, TASK).repeats["exact"].within["train"] == 3


def test_repeats_of_the_other_strand_are_found_in_rna_and_its_vocabulary(tmp_path: Path) -> None:
    rna = replace(Vocabulary.preset("dna-3mers"), alphabet="AGCU", synonyms=(("T", "U"),))
    path = write(tmp_path, ".csv", sequence=["AACUU", "AAGUU", "GGGGG"], label=[1, 1, 0])
    config = DataConfig(table=path, fractions=(1, 0, 0), duplicate_level="reverse-complement")
    notes = read_labelled(config, TASK, rna).notes
    assert any(
        note.startswith("1 of 3 records repeat the sequence of another or its reverse complement") for note in notes
    )


def test_amino_acids_are_not_taken_for_ambiguity_codes(tmp_path: Path) -> None:
    path = write(tmp_path, ".csv", sequence=["MKRYS", "MKNNS"], label=[1, 0])
    assert read(path, vocabulary="protein").notes == ()


def test_test_records_in_rna_are_found_in_training(tmp_path: Path) -> None:
    sequences = ["ACGTTGCA", "CCCCTTTT", "ACGUUGCA", "GGAAGGAA"]
    path = write(tmp_path, ".csv", sequence=sequences, label=[1, 0, 1, 0], part=["train", "train", "test", "test"])
    labelled = read(path, split_column="part", fractions=(1, 0, 0))
    assert labelled.in_training["test"].tolist() == [True, False]


@pytest.mark.parametrize("name", ["_label", "_where", "_part", "_group", "_chromosome", "_sequence", "self", "index"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_column_can_have_any_name(tmp_path: Path, name: str, ending: str) -> None:
    path = write(tmp_path, ending, **{"sequence": ["ACG", "CCC"], name: ["1", "0"], "other": ["x", "y"]})
    labelled = read(path, columns={"label": name}, group="other")
    assert [record["label"] for record in labelled.records] == ["1", "0"]
    assert labelled.groups == ["x", "y"]
    swapped = read(write(tmp_path, ending, **{name: ["ACG", "CCC"], "label": ["1", "0"]}), columns={"sequence": name})
    assert [record["sequence"] for record in swapped.records] == ["ACG", "CCC"]
    assert read(
        write(tmp_path, ending, sequence=["ACG", "CCC"], label=["1", "0"], **{name: ["a", "b"]}), group=name
    ).groups == ["a", "b"]


def test_an_index_can_be_a_field(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    pd.DataFrame({"sequence": ["ACG", "CCC"], "label": [1, 0]}).set_index("sequence").to_parquet(path)
    assert [record["sequence"] for record in read(path).records] == ["ACG", "CCC"]


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\nAAAACCCCGGGGTTTT\n>chr2\nACGTNACGTA\n")
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet", ".h5"])
@pytest.mark.parametrize(
    "names",
    [
        ("chr", "start", "end"), ("#chrom", "chromStart", "chromEnd"), ("Chromosome", "Start", "End"),
        ("contig", "begin", "stop"), ("region", "start_position", "end_position"),
    ],
)  # fmt: skip
def test_intervals_are_read_under_their_usual_names(
    tmp_path: Path, genome: Path, names: tuple[str, str, str], ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    columns: Columns = dict(zip(names, [["chr1", "chr2"], [2, 0], [6, 4]], strict=True))
    labelled = read(write(tmp_path, ending, **columns, label=[1, 0]), genome=genome)
    assert [record["sequence"] for record in labelled.records] == ["AACC", "ACGT"]
    assert "are read as in BED, 0-based" in caplog.text


@pytest.mark.parametrize("contig", ["seqnames", "seqid", "chr"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_tables_of_granges_count_from_one(
    tmp_path: Path, genome: Path, contig: str, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    columns: Columns = {contig: ["chr1", "chr2"], "start": [3, 1], "end": [6, 4], "width": [4, 4], "strand": ["*", "-"]}
    path = write(tmp_path, ending, **columns, label=[1, 0])
    assert [record["sequence"] for record in read(path, genome=genome).records] == ["AACC", "ACGT"]
    assert "are read 1-based with the end included" in caplog.text
    as_bed = read(path, genome=genome, coordinates="bed")
    assert [record["sequence"] for record in as_bed.records] == ["ACC", "ACG"]


def test_the_setting_says_how_positions_count_and_which_column_is_the_chromosome(tmp_path: Path, genome: Path) -> None:
    path = write(tmp_path, ".tsv", molecule=["chr1", "chr2"], start=[3, 1], end=[6, 4], label=[1, 0])
    labelled = read(path, genome=genome, chromosome="molecule", coordinates="1-based")
    assert [record["sequence"] for record in labelled.records] == ["AACC", "ACGT"]
    assert labelled.groups == ["chr1", "chr2"]
    with pytest.raises(InputError, match=r"has no column 'chromosome'; its columns are 'molecule', 'start', 'end'"):
        read(path, genome=genome)


def test_bed_without_names_is_divided_by_chromosome(tmp_path: Path, genome: Path) -> None:
    path = tmp_path / "all.bed"
    path.write_text("track name=x\nchr1\t0\t4\t1\nchr1\t4\t8\t0\nchr2\t0\t4\t1\nchr2\t5\t9\t0\n")
    labelled = read(path, genome=genome, columns={"label": "name"}, test_chromosomes=["chr2"])
    assert [record["sequence"] for record in labelled.part("test")] == ["ACGT", "ACGT"]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("1" * 5000, "4", "row 1: a position of 5,000 digits, and no contig is that long"),
        ("0", str(2**63), "row 1: a position of 19 digits"),
        ("0", str(2**62), r"row 1: The interval chr1:0-\d+ leaves its contig"),
        ("-1", "4", "row 1: '-1' is not a position, a whole number from 0"),
        ("1.5", "4", "row 1: '1.5' is not a position"),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".bed"])
def test_positions_that_no_contig_has_are_named(
    tmp_path: Path, genome: Path, start: str, end: str, message: str, ending: str
) -> None:
    path, separator = tmp_path / f"all{ending}", "," if ending == ".csv" else "\t"
    rows = [["chrom", "start", "end", "label"], ["chr1", start, end, "1"], ["chr1", "0", "4", "0"]]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=message):
        read(path, genome=genome)


@pytest.mark.parametrize("ending", [".csv", ".bed", ".jsonl", ".parquet"])
def test_intervals_without_a_genome_say_what_is_needed(tmp_path: Path, ending: str) -> None:
    columns: Columns = {"chrom": ["chr1", "chr2"], "start": [0, 0], "end": [4, 4], "label": [1, 0]}
    path = tmp_path / f"all{ending}"
    WRITERS.get(ending, WRITERS[".tsv"])(path, columns)
    with pytest.raises(InputError, match=r"no column 'sequence' but intervals, .* as data\.genome"):
        read(path)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_a_byte_order_mark_belongs_to_no_column(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending, sequence=["ACG", "CCC"], label=["1", "0"])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [record["sequence"] for record in read(path).records] == ["ACG", "CCC"]


def test_a_byte_order_mark_belongs_to_no_sequence(tmp_path: Path) -> None:
    (tmp_path / "all.fa").write_bytes(b"\xef\xbb\xbf>a|1\nACGT\n>b|0\nCCCC\n")
    assert [record["sequence"] for record in read(tmp_path / "all.fa").records] == ["ACGT", "CCCC"]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "one.txt").write_bytes(b"\xef\xbb\xbfACGT\n")
    found = read_records(tmp_path / "texts", ReadingConfig(), TASK.template, ["sequence"])
    assert found.records == [{"sequence": "ACGT"}]
