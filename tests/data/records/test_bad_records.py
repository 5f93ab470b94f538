"""What people get told when records, labels or settings are wrong: the file, the row and what would do."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dnagpt.data.records.labelled import read_labelled
from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.tasks import Task

BOOLEAN = "<R>{sequence}<=><B>{label?:boolean}"
CHOICE = "<R>{sequence}<=>{site?:choice(donor,acceptor)}"
NUMBER = "<R>{sequence}<=><M>{level?:number}"
NUMBERS = "<R>{sequence}<+><M>{half_life:number*2}<=><B>{label?:boolean}"
PAIR = "<R>{sequence}<=>{other:sequence}<=><B>{label?:boolean}"
SPECIES = "<{species}>{sequence}<=><B>{label?:boolean}"

# name -> (template, table, parts of the message)
TABLES: dict[str, tuple[str, str, str]] = {
    "label_no_boolean": (
        BOOLEAN, "sequence,label\nA,1\nC,maybe\nG,perhaps\n",
        r"all\.csv, row 2, field label: 'maybe' is neither yes nor no.* \(2 of 3 records have such a mistake\)\.",
    ),
    "label_not_declared": (
        CHOICE, "sequence,site\nA,donor\nC,Donor\n",
        r"all\.csv, row 2, field site: 'Donor' is not among the choices donor, acceptor",
    ),
    "label_empty": (BOOLEAN, "sequence,label\nA,1\nC,\n", r"row 2, field label is empty"),
    "constant_label": (
        BOOLEAN, "sequence,label\nA,1\nC,yes\n", r"training records \(2\) all have '1' as label: .* Add records",
    ),
    "constant_number": (NUMBER, "sequence,level\nA,3\nC,3.0\n", r"'level' is the same number \(3\) in all 2"),
    "nan": (NUMBER, "sequence,level\nA,3\nC,nan\n", r"row 2, field level: 'nan' in 'level' is not a number"),
    "text_in_a_number": (NUMBER, "sequence,level\nA,high\nC,1\n", r"row 1, field level: 'high'"),
    "text_in_one_of_several_numbers": (
        NUMBERS, "sequence,half_life_1,half_life_2,label\nA,1,2,1\nC,1,x,0\n", r"row 2, field half_life_2: 'x'",
    ),
    "column_twice": (BOOLEAN, "sequence,label,label\nA,1,1\n", r"all\.csv: 'label' is the name of more than"),
    "one_of_a_pair_empty": (PAIR, "sequence,other,label\nA,C,1\nC,,0\n", r"row 2, field other is empty"),
    "species_empty": (SPECIES, "species,sequence,label\nR,A,1\n,C,0\n", r"row 2, the field species is empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_records_that_cannot_be_learnt_from_are_named(name: str, tmp_path: Path) -> None:
    template, table, message = TABLES[name]
    path = tmp_path / "all.csv"
    path.write_text(table)
    with pytest.raises(InputError, match=message):
        read_labelled(DataConfig(table=path, fractions=(1.0, 0.0, 0.0)), Task("task", Template.parse(template)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cut": (2, 5)}, r"row 2: a sequence of 4 letters does not hold the stretch 2-5 that data\.cut takes out"),
        ({"window": (0, 6)}, r"row 1: .* data\.window keeps of every one \(2 of 2 records are too short\)"),
        ({"cut": (0, 4), "window": (0, 4)}, r"row 1: data\.cut takes the whole sequence out"),
        ({"split": "group", "group": "gene"}, "no column 'gene'"),
        ({"columns": {"lable": "x"}}, r"data\.columns names 'lable'.* Did you mean 'label'"),
    ],
)
def test_settings_that_do_not_fit_the_records_are_named(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("sequence,label\nACGTA,1\nACGT,0\n")
    with pytest.raises(InputError, match=message):
        read_labelled(DataConfig.model_validate({"table": path, **settings}), Task("task", Template.parse(BOOLEAN)))


def test_window_and_cut_count_in_the_whole_sequence(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("sequence,label\nAACCGGTT,1\nTTGGCCAA,0\n")
    config = DataConfig(table=path, window=(1, 7), cut=(3, 5), group="cut", fractions=(1.0, 0.0, 0.0))
    labelled = read_labelled(config, Task("task", Template.parse(BOOLEAN)))
    assert [record["sequence"] for record in labelled.records] == ["ACGT", "TGCA"]
    assert labelled.groups == ["CG", "GC"]


def test_a_part_of_one_class_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("sequence,label,part\nA,1,train\nC,0,train\nG,1,dev\nT,0,test\n")
    config = DataConfig(table=path, split_column="part")
    notes = read_labelled(config, Task("task", Template.parse(BOOLEAN))).notes
    assert any(note.startswith("All 1 test records have the label false") for note in notes)


def test_a_larger_part_of_one_class_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    rows = [
        f"{'ACGT'[n % 4] * (n + 1)},{int(n % 2 and part != 'test')},{part}"
        for part in ("train", "dev", "test")
        for n in range(10)
    ]
    path.write_text("\n".join(["sequence,label,part", *rows, ""]))
    with pytest.raises(InputError, match="All 10 test records have the label false"):
        read_labelled(DataConfig(table=path, split_column="part"), Task("task", Template.parse(BOOLEAN)))


def test_pairs_of_mixed_lengths_are_refused_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("sequence,other,label\nAAC,ACGT,1\nACC,ACGG,0\nACG,ACG,1\nAGG,ACCC,0\nAGT,A,0\n")
    task = Task("task", Template.parse(PAIR))
    told = r"all\.csv, row 3: other has 3 letters, where 3 of 5 records have 4\. .* data\.mixed_lengths = true"
    with pytest.raises(InputError, match=told):
        read_labelled(DataConfig(table=path, fractions=(1.0, 0.0, 0.0)), task)
    read_labelled(DataConfig(table=path, fractions=(1.0, 0.0, 0.0), mixed_lengths=True), task)
    read_labelled(DataConfig(table=path, fractions=(1.0, 0.0, 0.0), window=(0, 1)), task)
    one = Task("task", Template.parse("<R>{other:sequence}<=><B>{label?:boolean}"))
    read_labelled(DataConfig(table=path, fractions=(1.0, 0.0, 0.0)), one)


def part_table(path: Path, **columns: list[str]) -> DataConfig:
    """Forty records each of training and test, with the columns given for both in a row."""
    sequences = ["".join("ACGT"[n // 4**place % 4] for place in range(6)) for n in range(80)]
    columns = {"sequence": sequences, "part": ["train"] * 40 + ["test"] * 40, **columns}
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    return DataConfig(table=path, split_column="part", fractions=(1.0, 0.0, 0.0))


TWO = "<R>{sequence}<=>{first?:boolean}<=>{second?:boolean}"


def test_one_of_several_answers_that_is_the_same_in_a_part_is_refused(tmp_path: Path) -> None:
    config = part_table(tmp_path / "all.csv", first=["1", "0"] * 40, second=["1", "1", "0", "0"] * 10 + ["0"] * 40)
    with pytest.raises(InputError, match="All 40 test records have the label false as second, so nothing"):
        read_labelled(config, Task("task", Template.parse(TWO)))


def test_one_of_several_answers_that_is_rare_may_be_missing_from_a_part(tmp_path: Path) -> None:
    config = part_table(tmp_path / "all.csv", first=["1", "0"] * 40, second=["1"] + ["0"] * 79)
    notes = read_labelled(config, Task("task", Template.parse(TWO))).notes
    assert any(note.startswith("All 40 test records have the label false as second: scores") for note in notes)


def test_choices_that_no_training_record_has_are_noted(tmp_path: Path) -> None:
    sites = ["donor", "acceptor"] * 20 + ["donor", "other", "acceptor", "other"] * 10
    config = part_table(tmp_path / "all.csv", site=sites)
    task = Task("task", Template.parse("<R>{sequence}<=>{site?:choice(donor,acceptor,other)}"))
    told = "20 of 40 test records have other as site, which no training record has: it cannot be learnt."
    assert told in read_labelled(config, task).notes


def test_all_wrong_settings_are_listed_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        DataConfig.model_validate(
            {
                "table": "a.csv", "folder": "b", "cut": (5, 3), "group": "cut", "fractions": (0.5, 0.2, 0.2),
                "sizes": (0, 1, 1), "validation_chromosomes": ("1",), "test_chromosomes": ("1",), "folds": 3, "fold": 3,
                "split": "group", "duplicates": "near", "near_threshold": 2, "shuffle": True,
            }
        )  # fmt: skip
    places = {item["loc"][0] for item in caught.value.errors()}
    assert {
        "classes", "cut", "fractions", "sizes", "test_chromosomes", "fold", "duplicates", "near_threshold", "shuffle",
    } <= places  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": None, "test": "b.csv"}, "exactly one of"),
        ({"test": "b.csv"}, "data.test goes with data.train"),
        ({"window": (2, 6), "cut": (1, 3)}, "data.cut must lie within data.window"),
        ({"group": "cut"}, "only be the group where data.cut"),
        ({"fold": 1}, "data.fold needs data.folds"),
        ({"split": "given"}, "nothing says the parts"),
        ({"split": "chromosome"}, "name data.test_chromosomes"),
        ({"split": "random", "test_chromosomes": ["chr1"]}, "does not look at"),
        ({"split": "group"}, "data.group must name"),
        ({"split_column": "part", "folds": 3}, "data.folds needs data.split"),
        ({"folds": 3, "sizes": (1, 1, 1)}, "give one of them"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataConfig.model_validate({"table": "a.csv", **settings})
