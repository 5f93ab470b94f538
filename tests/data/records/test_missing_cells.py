"""A missing cell of a Parquet table is told of as an empty one of a CSV table is, whatever pandas keeps for it."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dnagpt.data.records.labelled import read_labelled
from dnagpt.data.records.settings import DataConfig, ReadingConfig
from dnagpt.data.records.sources import read_records
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.tasks import Task

SEQUENCES = ["ACGT", "CCGT", "GCGT", "TCGT"]
BOOLEAN, NUMBER = "<R>{sequence}<=><B>{value?:boolean}", "<R>{sequence}<=><M>{value?:number}"
CHOICE = "<R>{sequence}<=>{value?:choice(a,b)}"


def read(path: Path, template: str = BOOLEAN, **settings: Any) -> Any:
    config = DataConfig.model_validate({"table": path, "fractions": (1, 0, 0), **settings})
    return read_labelled(config, Task("task", Template.parse(template)))


@pytest.mark.parametrize(
    ("template", "cells", "kind"),
    [
        (BOOLEAN, [1, None, 0, 1], "Int64"), (BOOLEAN, [True, None, False, True], "boolean"),
        (BOOLEAN, ["yes", None, "no", "no"], "string"), (BOOLEAN, ["yes", None, "no", "no"], "object"),
        (NUMBER, [1, None, 3, 4], "Int64"), (NUMBER, [1.5, None, 3, 4], "Float64"),
        (NUMBER, [1, None, 3, 4], "float64"),
        (CHOICE, ["a", None, "b", "a"], "string"), (CHOICE, ["a", None, "b", "a"], "category"),
    ],
)  # fmt: skip
def test_a_missing_answer_is_an_empty_cell(tmp_path: Path, template: str, cells: list[object], kind: str) -> None:
    path = tmp_path / "all.parquet"
    pd.DataFrame({"sequence": SEQUENCES, "value": pd.Series(cells, dtype=kind)}).to_parquet(path)
    with pytest.raises(InputError, match=r"row 2, field value is empty\. Fill it in, or leave the record out\."):
        read(path, template)


@pytest.mark.parametrize("kind", ["string", "object"])
def test_a_missing_sequence_is_an_empty_cell(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "all.parquet"
    sequences = pd.Series([*SEQUENCES[:3], None], dtype=kind)
    pd.DataFrame({"sequence": sequences, "value": [1, 0, 1, 0]}).to_parquet(path)
    with pytest.raises(InputError, match="row 4, field sequence is empty"):
        read(path)
    found = read_records(path, ReadingConfig(), Template.parse(BOOLEAN), ["sequence"])
    assert found.records[3] == {"sequence": None}


GROUP = r"row 3: the group \(column 'beside'\) is empty, and records are divided by it\. Fill it in\."


@pytest.mark.parametrize(
    ("settings", "cells", "kind", "message"),
    [
        ({"group": "beside", "split": "group"}, ["1", "2", None, "2"], "string", GROUP),
        ({"group": "beside", "split": "group"}, ["1", "2", None, "2"], "object", GROUP),
        ({"group": "beside", "split": "group"}, [1, 2, None, 2], "Int64", GROUP),
        ({"group": "beside", "split": "group"}, [1, 2, None, 2], "float64", GROUP),
        (
            {"chromosome": "beside", "test_chromosomes": ["1"]}, ["1", "2", None, "2"], "object",
            r"row 3: the chromosome \(column 'beside'\) is empty",
        ),
        ({"split_column": "beside"}, ["train", "dev", None, "test"], "object", "row 3: '' in 'beside' is no part"),
        ({"split_column": "beside"}, ["train", "dev", None, "test"], "string", "row 3: '' in 'beside' is no part"),
    ],
)  # fmt: skip
def test_a_missing_cell_by_which_records_are_divided_is_named(
    tmp_path: Path, settings: dict[str, Any], cells: list[Any], kind: str, message: str
) -> None:
    path = tmp_path / "all.parquet"
    beside = pd.Series(cells, dtype=kind)
    pd.DataFrame({"sequence": SEQUENCES, "value": [1, 0, 1, 0], "beside": beside}).to_parquet(path)
    with pytest.raises(InputError, match=message):
        read(path, **settings)


def test_a_missing_group_that_is_only_reported_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    pd.DataFrame({"sequence": SEQUENCES, "value": [1, 0, 1, 0], "kind": ["x", None, "x", "y"]}).to_parquet(path)
    assert read(path, group="kind").groups == ["x", "", "x", "y"]


def test_an_interval_without_a_chromosome_is_named(tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_text(">chr1\nACGTACGTACGT\n")
    path = tmp_path / "all.parquet"
    columns = {"chrom": ["chr1", None], "start": [0, 4], "end": [4, 8], "strand": [None, "+"], "value": [1, 0]}
    pd.DataFrame(columns).to_parquet(path)
    with pytest.raises(InputError, match="row 2: "):
        read(path, genome=tmp_path / "genome.fa")


def test_a_cell_of_several_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    pd.DataFrame({"sequence": SEQUENCES, "value": [[1], [1, 2], [3], [4]]}).to_parquet(path)
    with pytest.raises(InputError, match="row 1, field value holds several values"):
        read(path, NUMBER)
