import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from dnagpt.data.records.labelled import Labelled, read_labelled
from dnagpt.data.records.settings import PARTS, DataConfig, ReadingConfig
from dnagpt.data.records.sources import read_records
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.tasks import Task

TASK = Task("signal", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))


def distinct_sequences(count: int, length: int = 12) -> list[str]:
    return ["".join("ACGT"[number // 4**place % 4] for place in range(length)) for number in range(count)]


def write_table(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("sequence", "label")) -> Path:
    path.write_text("\n".join(",".join(row) for row in (header, *rows)) + "\n")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [(sequence, "true" if number < 60 else "false") for number, sequence in enumerate(distinct_sequences(100))]
    return write_table(tmp_path / "all.csv", rows)


def places(labelled: Labelled) -> list[int]:
    return sorted(place for part in PARTS for place in labelled.parts[part])


def test_records_are_divided_once_and_each_label_alike(table: Path) -> None:
    labelled = read_labelled(DataConfig(table=table), TASK)
    assert places(labelled) == list(range(100))
    for part, size in zip(PARTS, (80, 10, 10), strict=True):
        labels = Counter(record["label"] for record in labelled.part(part))
        assert labels == {"true": size * 6 // 10, "false": size * 4 // 10}


def test_the_division_depends_on_the_seed_alone(table: Path) -> None:
    first, again, other = (read_labelled(DataConfig(table=table, seed=seed), TASK).parts for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_column_can_say_the_part(tmp_path: Path) -> None:
    rows = [
        (sequence, label, part)
        for sequence, label, part in zip(distinct_sequences(4), "1110", ("train", "dev", "TEST", "train"), strict=True)
    ]
    path = write_table(tmp_path / "all.csv", rows, ("sequence", "label", "split"))
    labelled = read_labelled(DataConfig(table=path, split_column="split"), TASK)
    assert labelled.parts == {"train": (0, 3), "validation": (1,), "test": (2,)}
    path = write_table(
        tmp_path / "bad.csv", [("ACG", "yes", "train"), ("ACT", "yes", "exam")], ("sequence", "label", "split")
    )
    with pytest.raises(InputError, match=r"bad\.csv, row 2: 'exam' in 'split' is no part"):
        read_labelled(DataConfig(table=path, split_column="split"), TASK)


def test_parts_can_be_files(tmp_path: Path) -> None:
    sequences = distinct_sequences(6)
    files = {
        part: write_table(tmp_path / f"{part}.csv", list(zip(sequences[start : start + 2], "10", strict=True)))
        for part, start in zip(PARTS, (0, 2, 4), strict=True)
    }
    config = DataConfig(train=files["train"], validation=files["validation"], test=files["test"])
    labelled = read_labelled(config, TASK)
    assert labelled.parts == {"train": (0, 1), "validation": (2, 3), "test": (4, 5)}
    assert labelled.names[3] == f"{files['validation']}, row 2"
    more = write_table(tmp_path / "more.csv", list(zip(distinct_sequences(8), "10101010", strict=True)))
    without = read_labelled(DataConfig(train=more, test=files["test"], fractions=(0.5, 0.5, 0.0)), TASK)
    assert [len(without.parts[part]) for part in PARTS] == [4, 4, 2]


def test_columns_can_have_other_names(tmp_path: Path) -> None:
    path = write_table(tmp_path / "all.csv", [("x", "ACG", "1"), ("y", "ACC", "0")], ("id", "seq", "positive"))
    columns: dict[str, str | tuple[str, ...]] = {"sequence": "seq", "label": "positive"}
    labelled = read_labelled(DataConfig(table=path, columns=columns, fractions=(1.0, 0.0, 0.0)), TASK)
    assert labelled.records == [{"sequence": "ACG", "label": "1"}, {"sequence": "ACC", "label": "0"}]
    found = read_records(path, ReadingConfig(columns=columns), TASK.template, ["sequence"])
    assert list(found.frame.columns) == ["id", "seq", "positive"]
    assert found.records == [{"sequence": "ACG"}, {"sequence": "ACC"}]
    with pytest.raises(InputError, match="label"):
        read_labelled(DataConfig(table=path, columns={"sequence": "seq"}), TASK)


def test_fasta_files_can_be_classes(tmp_path: Path) -> None:
    (tmp_path / "positives_1.fa").write_text(">a\nACGT\n>b\nacga\n")
    (tmp_path / "positives_2.fa").write_text(">c\nTTTT\n")
    (tmp_path / "negatives.fa").write_text(">d\nGGGG\n")
    classes: dict[str, tuple[str, ...]] = {
        "true": (str(tmp_path / "positives_*.fa"),),
        "false": (str(tmp_path / "negatives.fa"),),
    }
    labelled = read_labelled(DataConfig(classes=classes, fractions=(1.0, 0.0, 0.0)), TASK)
    assert [tuple(record.values()) for record in labelled.records] == [
        ("ACGT", "true"), ("ACGA", "true"), ("TTTT", "true"), ("GGGG", "false"),
    ]  # fmt: skip
    assert labelled.names[1] == f"{tmp_path / 'positives_1.fa'}, record 2 ('b')"
    with pytest.raises(InputError, match=r"data\.classes\.true: no file is named like"):
        read_labelled(DataConfig(classes={"true": (str(tmp_path / "none*.fa"),)}), TASK)
    number = Task("expression", Template.parse("<R>{sequence}<=><M>{level?:number}"))
    with pytest.raises(InputError, match="one sequence and one boolean or choice"):
        read_labelled(DataConfig(classes=classes), number)


def test_the_shared_motif_is_cut_out(tmp_path: Path) -> None:
    path = write_table(tmp_path / "all.csv", [("AAATGCCC", "1"), ("GGGTGTTT", "0")])
    labelled = read_labelled(DataConfig(table=path, cut=(3, 5), fractions=(1.0, 0.0, 0.0)), TASK)
    assert [record["sequence"] for record in labelled.records] == ["AAACCC", "GGGTTT"]


def test_a_sequence_that_does_not_hold_the_motif_is_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path / "all.csv", [("AAATGCCC", "1"), ("GGGT", "0")])
    with pytest.raises(InputError, match=r"all\.csv, row 2: a sequence of 4 letters does not hold the stretch 3-5"):
        read_labelled(DataConfig(table=path, cut=(3, 5)), TASK)


@pytest.mark.parametrize("duplicates", ["drop", "keep"])
def test_repeats_are_counted_and_left_out_where_asked(
    tmp_path: Path, duplicates: Literal["drop", "keep"], caplog: pytest.LogCaptureFixture
) -> None:
    sequences = distinct_sequences(20)
    path = write_table(tmp_path / "all.csv", list(zip(sequences + sequences[:5], "10" * 10 + "10101", strict=True)))
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        labelled = read_labelled(DataConfig(table=path, duplicates=duplicates), TASK)
    assert "5 of 25 records repeat the sequence of another" in caplog.text
    assert labelled.notes
    assert all(note in caplog.text for note in labelled.notes)
    assert places(labelled) == list(range(20 if duplicates == "drop" else 25))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"table": "a.csv", "train": "b.csv"},
        {"table": "a.csv", "fractions": (0.5, 0.2, 0.2)},
        {"table": "a.csv", "fractions": (0.0, 0.5, 0.5)},
        {"table": "a.csv", "cut": (5, 3)},
        {"table": "a.csv", "shuffle": True},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings: dict) -> None:
    with pytest.raises(ValidationError):
        DataConfig(**settings)


def test_training_records_are_needed(tmp_path: Path) -> None:
    path = write_table(tmp_path / "all.csv", [("ACG", "1", "test")], ("sequence", "label", "split"))
    with pytest.raises(InputError, match="no training records"):
        read_labelled(DataConfig(table=path, split_column="split"), TASK)
