"""The formats that labelled sequences come in, written here byte for byte as their publishers do."""

import gzip
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnagpt.data.records.labelled import read_labelled
from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.tasks import Task

SIGNAL = Task("signal", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
CLASSES = Task("classes", Template.parse("<R>{sequence}<=>{label?:choice(negative,positive)}"))
MARKS = Task("marks", Template.parse("<R>{sequence}<=><B>{first?:boolean}<=><B>{second?:boolean}"))
ALL = (1.0, 0.0, 0.0)


def sequences(data: DataConfig, task: Task) -> list[tuple[object, ...]]:
    return [tuple(record.values()) for record in read_labelled(data, task).records]


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\nAAAACCCCGGGGTTTT\n>chr2\nACGTNacgt\n")
    return path


def test_gue_folders_give_their_three_parts(tmp_path: Path) -> None:
    for name, rows in {"train": "AAA,1\nCCC,0\n", "dev": "GGG,1\nGGC,0\n", "test": "TTT,0\nTTA,1\n"}.items():
        (tmp_path / f"{name}.csv").write_text(f"sequence,label\n{rows}")
    labelled = read_labelled(DataConfig(folder=tmp_path), SIGNAL)
    assert labelled.parts == {"train": (0, 1), "validation": (2, 3), "test": (4, 5)}
    assert labelled.names[2] == f"{tmp_path / 'dev.csv'}, row 1"


def test_a_folder_without_parts_or_with_one_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("sequence,label\nA,1\n")
    with pytest.raises(InputError, match=r"no file such as train\.csv .* it holds all\.csv"):
        read_labelled(DataConfig(folder=tmp_path), SIGNAL)
    for name in ("train.csv", "train.tsv"):
        (tmp_path / name).write_text("sequence,label\nA,1\n")
    with pytest.raises(InputError, match=r"train\.csv and train\.tsv, which are both train records"):
        read_labelled(DataConfig(folder=tmp_path), SIGNAL)
    with pytest.raises(InputError, match="does not exist"):
        read_labelled(DataConfig(folder=tmp_path / "none"), SIGNAL)


def test_labels_stand_at_the_end_of_fasta_headers(tmp_path: Path) -> None:
    (tmp_path / "train.fna").write_text(">chr1:5-9|0\nACGT\n>chr2:7-11 a strand|1\nacca\n")
    (tmp_path / "test.fna").write_text(">chr3:5-9|1\nAAGT\n>x|0\nAAAA\n")
    labelled = read_labelled(DataConfig(folder=tmp_path, fractions=ALL), SIGNAL)
    assert labelled.records[1] == {"sequence": "ACCA", "label": "1"}
    assert labelled.parts["test"] == (2, 3)
    split = DataConfig(table=tmp_path / "train.fna", test_chromosomes=("chr9",))
    with pytest.raises(InputError, match="'chr9', which no record has; the chromosomes are chr1, chr2"):
        read_labelled(split, SIGNAL)


def test_fasta_headers_can_hold_several_labels_and_another_separator(tmp_path: Path) -> None:
    path = tmp_path / "all.fa"
    path.write_text(">a_1_0\nACGT\n>b_c_0_1\nAAAA\n>d_1_1\nAAAT\n>e_0_0\nAATT\n")
    assert sequences(DataConfig(table=path, separator="_", fractions=ALL), MARKS)[:2] == [
        ("ACGT", "1", "0"), ("AAAA", "0", "1"),
    ]  # fmt: skip


def test_a_fasta_header_without_a_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "all.fa"
    path.write_text(">a|1\nACGT\n>bad\nAAAA\n")
    with pytest.raises(InputError, match=r"all\.fa, record 2 \('bad'\): the header 'bad' has no label at its end"):
        read_labelled(DataConfig(table=path), SIGNAL)
    path.write_text(">a|1|0\nACGT\n>b|1\nAAAA\n")
    with pytest.raises(InputError, match="not the 2 labels"):
        read_labelled(DataConfig(table=path), MARKS)


def write_genomic_benchmark(folder: Path, rows: dict[str, str]) -> None:
    for name, text in rows.items():
        path = folder / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("id,region,start,end,strand\n" + text).encode()))


def test_genomic_benchmarks_are_intervals_of_a_genome(tmp_path: Path, genome: Path) -> None:
    write_genomic_benchmark(
        tmp_path / "set",
        {
            "train/negative": "0,chr1,0,6,+\n1,chr1,2,8,+\n2,chr1,3,9,+\n",
            "train/positive": "0,chr1,0,6,-\n1,chr2,0,5,-\n",
            "test/negative": "0,chr1,8,14,+\n",
            "test/positive": "0,chr2,4,9,-\n",
        },
    )
    config = DataConfig(folder=tmp_path / "set", genome=genome, fractions=(0.5, 0.5, 0.0))
    labelled = read_labelled(config, CLASSES)
    assert labelled.records[0] == {"sequence": "AAAACC", "label": "negative"}
    assert labelled.records[3] == {"sequence": "GGTTTT", "label": "positive"}
    assert labelled.records[4] == {"sequence": "NACGT", "label": "positive"}
    assert [labelled.records[place]["sequence"] for place in labelled.parts["test"]] == ["GGGGTT", "ACGTN"]
    by_chromosome = config.model_copy(
        update={"split": "chromosome", "test_chromosomes": ("chr2",), "fractions": (0.8, 0.2, 0.0)}
    )
    assert read_labelled(by_chromosome, CLASSES).parts["test"] == (4, 6)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,chr9,0,4,+", "no contig 'chr9'.* Did you mean"),
        ("7,chr1,10,17,+", "chr1:10-17 leaves its contig"),
        ("7,chr1,4,4,+", "chr1:4-4 is not a stretch"),
        ("7,chr1,-3,4,+", "'-3' is not a position"),
        ("7,chr1,1,4,x", "'x' is no strand"),
    ],
)
def test_intervals_that_the_genome_does_not_have_are_named(
    tmp_path: Path, genome: Path, row: str, message: str
) -> None:
    write_genomic_benchmark(tmp_path / "set", {"train/negative": "0,chr1,0,6,+\n", "train/positive": f"{row}\n"})
    with pytest.raises(InputError, match=rf"positive\.csv\.gz, row 1: .*{message}"):
        read_labelled(DataConfig(folder=tmp_path / "set", genome=genome), CLASSES)


def test_unpacked_genomic_benchmarks_have_a_text_file_a_sequence(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label, texts in {"negative": ["AAAC", "ggta"], "positive": ["CCCA\n"]}.items():
            for number, text in enumerate(texts):
                path = tmp_path / part / label / f"{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    labelled = read_labelled(DataConfig(folder=tmp_path), CLASSES)
    assert [record["sequence"] for record in labelled.records] == ["AAAC", "GGTA", "CCCA"] * 2
    assert Counter(record["label"] for record in labelled.part("test")) == {"negative": 2, "positive": 1}
    assert labelled.names[0] == str(tmp_path / "train" / "negative" / "0.txt")
    with pytest.raises(InputError, match="'negative' is neither yes nor no"):
        read_labelled(DataConfig(folder=tmp_path), SIGNAL)


def test_bend_tables_name_part_and_label_of_intervals(tmp_path: Path, genome: Path) -> None:
    bed = tmp_path / "cpg.bed"
    bed.write_text(
        "chromosome\tstart\tend\tsplit\tlabel\n"
        "chr1\t0\t4\ttrain\t1\nchr1\t4\t8\ttrain\t0\nchr2\t0\t4\tvalid\t1\nchr2\t5\t9\ttest\t0\n"
    )
    labelled = read_labelled(DataConfig(table=bed, genome=genome, split_column="split"), SIGNAL)
    assert labelled.records[0] == {"sequence": "AAAA", "label": "1"}
    assert labelled.parts == {"train": (0, 1), "validation": (2,), "test": (3,)}


def test_bend_labels_can_lie_beside_the_table(tmp_path: Path, genome: Path) -> None:
    bed = tmp_path / "marks.bed"
    bed.write_text("chromosome\tstart\tend\tsplit\nchr1\t0\t4\ttrain\nchr1\t4\t8\ttrain\nchr2\t0\t4\ttest\n")
    with h5py.File(tmp_path / "marks.hdf5", "w") as file:
        file["labels"] = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.uint8)
    config = DataConfig(table=bed, genome=genome, split_column="split", fractions=ALL)
    assert sequences(config, MARKS) == [("AAAA", 1, 0), ("CCCC", 0, 1), ("ACGT", 1, 1)]
    with pytest.raises(InputError, match="holds 2 labels for 3 records"):
        read_labelled(config, SIGNAL)


def test_bend_labels_can_be_listed_by_number(tmp_path: Path, genome: Path) -> None:
    bed = tmp_path / "marks.bed"
    bed.write_text(
        "chromosome\tstart\tend\tsplit\tlabel\nchr1\t0\t4\ttrain\t0,1\nchr1\t4\t8\ttrain\t\nchr2\t0\t4\ttest\t1\n"
    )
    config = DataConfig(table=bed, genome=genome, split_column="split", fractions=ALL, label_indices="label")
    assert sequences(config, MARKS) == [("AAAA", "1", "1"), ("CCCC", "0", "0"), ("ACGT", "0", "1")]
    bed.write_text(bed.read_text().replace("0,1", "0,2"))
    with pytest.raises(InputError, match="row 1: '2' in 'label' is none of the labels 0 to 1"):
        read_labelled(config, MARKS)


EXPRESSION = Task("x", Template.parse("<R>{sequence}<+><M>{half_life:number*2}<=><M>{expression?:number}"))


def write_xpresso(path: Path, bases: list[str], expression: list[float]) -> None:
    one_hot = np.array([[[letter == base for base in "ACGT"] for letter in text] for text in bases])
    with h5py.File(path, "w") as file:
        file["promoter"] = one_hot
        file["data"] = np.arange(2.0 * len(bases)).reshape(-1, 2)
        file["label"] = np.array(expression)
        file["geneName"] = [f"ENSG{number}" for number in range(len(bases))]


def test_xpresso_promoters_are_read_from_hdf5(tmp_path: Path) -> None:
    write_xpresso(tmp_path / "train.h5", ["ACGTNA", "CCGGTT", "TTTTAA"], [0.5, 1.5, 2.5])
    write_xpresso(tmp_path / "valid.h5", ["ACCTNA"], [0.25])
    write_xpresso(tmp_path / "test.h5", ["GGGGGG"], [3.0])
    columns: dict[str, str | tuple[str, ...]] = {"sequence": "promoter", "half_life": "data", "expression": "label"}
    config = DataConfig(folder=tmp_path, columns=columns, window=(1, 5), group="geneName")
    labelled = read_labelled(config, EXPRESSION)
    assert labelled.records[0] == {"sequence": "CGTN", "half_life_1": 0.0, "half_life_2": 1.0, "expression": 0.5}
    assert labelled.parts == {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
    assert labelled.groups is not None
    assert labelled.groups[1] == "ENSG1"


def test_hdf5_that_is_not_one_hot_is_named(tmp_path: Path) -> None:
    write_xpresso(tmp_path / "train.h5", ["AC", "GT"], [0.5, 1.5])
    with h5py.File(tmp_path / "train.h5", "a") as file:
        file["promoter"][1, 0, 3] = True
    config = DataConfig(table=tmp_path / "train.h5", columns={"sequence": "promoter"})
    with pytest.raises(InputError, match=r"dataset promoter, row 2, position 1: 2 of the four bases are marked"):
        read_labelled(config, EXPRESSION)
    (tmp_path / "train.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        read_labelled(config, EXPRESSION)


def test_hdf5_without_h5py_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"HDF5, needs the package h5py.*pip install 'dnagpt\[tables\]'"):
        read_labelled(DataConfig(table=tmp_path / "train.h5"), EXPRESSION)


def test_several_columns_can_hold_one_field(tmp_path: Path) -> None:
    path = tmp_path / "all.txt"
    path.write_text("ENSID\tPROMOTER\tUTR5LEN\tCDSLEN\tEXPRESSION\na\tAC\t1\t2\t3\nb\tGT\t4\t5\t6\n")
    columns: dict[str, str | tuple[str, ...]] = {
        "sequence": "PROMOTER", "half_life": ("UTR5LEN", "CDSLEN"), "expression": "EXPRESSION",
    }  # fmt: skip
    config = DataConfig(table=path, columns=columns, fractions=ALL)
    assert sequences(config, EXPRESSION) == [("AC", "1", "2", "3"), ("GT", "4", "5", "6")]
    with pytest.raises(InputError, match="gives 1 columns for half_life, which needs 2"):
        read_labelled(DataConfig(table=path, columns={"half_life": ("UTR5LEN",)}), EXPRESSION)
    with pytest.raises(InputError, match=r"names 'halflife'.* Did you mean 'half_life"):
        read_labelled(DataConfig(table=path, columns={"halflife": "UTR5LEN"}), EXPRESSION)


def test_deepgsr_signals_are_grouped_by_the_motif_that_is_cut_out(data_dir: Path) -> None:
    folder = data_dir / "signals" / "pas" / "human"
    classes: dict[str, tuple[str, ...]] = {
        "true": (f"{folder}/hs_AATACA_polyA.fa.gz", f"{folder}/hs_TATAAA_polyA.fa.gz"),
        "false": (f"{folder}/hs_negAATACA_polyA.fa.gz", f"{folder}/hs_negTATAAA_polyA.fa.gz"),
    }
    labelled = read_labelled(DataConfig(classes=classes, cut=(300, 306), group="cut"), SIGNAL)
    assert set(labelled.groups or ()) == {"AATACA", "TATAAA"}
    assert {len(str(record["sequence"])) for record in labelled.records} == {600}


def test_gue_is_read_as_published(data_dir: Path) -> None:
    labelled = read_labelled(DataConfig(folder=data_dir / "benchmarks" / "gue" / "prom_300_tata"), SIGNAL)
    assert {part: len(places) for part, places in labelled.parts.items()} == {
        "train": 4904, "validation": 613, "test": 613,
    }  # fmt: skip
