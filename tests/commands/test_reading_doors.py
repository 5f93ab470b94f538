"""One set of readers for every command: predict and evaluate read what fine-tuning reads, and say the same of it."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from tests.commands.calls import Finished, call, check_complaint, done
from tests.commands.examples import GC_TEMPLATE, random_bases

import dnagpt
from dnagpt.errors import InputError
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.runs.finetuning.tasks import read_tasks

POOR, RICH = random_bases(48, seed=1, gc=0.2), random_bases(48, seed=2, gc=0.8)
ANSWERS = ["predicted_rich", "probability_true"]


def one_hot(sequences: list[str]) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    return np.array([[[letter == base for base in "ACGT"] for letter in text] for text in sequences])


def write_hdf5(folder: Path) -> Path:
    with h5py.File(folder / "new.h5", "w") as file:
        file["sequence"] = one_hot([POOR, RICH])
        file["rich"] = [0, 1]
    return folder / "new.h5"


def write_text(name: str, text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def write_parquet(folder: Path) -> Path:
    frame = pd.DataFrame({"sequence": [POOR, RICH], "rich": [False, True]}, index=pd.Index(["a", "b"], name="id"))
    frame.to_parquet(folder / "new.parquet")
    return folder / "new.parquet"


def write_folder(*files: tuple[str, str]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name, text in files:
            write_text(f"new/{name}", text)(folder)
        return folder / "new"

    return write


TABLE = f"sequence|rich\n{POOR}|no\n{RICH}|yes\n"
FORMATS: dict[str, Callable[[Path], Path]] = {
    "csv": write_text("new.csv", TABLE.replace("|", ",")),
    "tsv": write_text("new.tsv", TABLE.replace("|", "\t")),
    "txt": write_text("new.txt", TABLE.replace("|", "\t")),
    "jsonl": write_text("new.jsonl", f'{{"sequence": "{POOR}", "rich": false}}\n{{"sequence": "{RICH}", "rich": 1}}\n'),
    "parquet": write_parquet,
    "hdf5": write_hdf5,
    "fasta": write_text("new.fa", f">a|0\n{POOR}\n>b|1\n{RICH}\n"),
    "ffn": write_text("new.ffn", f">a|0\n{POOR}\n>b|1\n{RICH}\n"),
    "bed": write_text("new.bed", "track name=x\nc1\t0\t48\tno\t0\t-\nc1\t48\t96\tyes\t0\t+\n"),
    "bed-ucsc": write_text("new.bed", "#chrom\tchromStart\tchromEnd\trich\nc1\t0\t48\tno\nc1\t48\t96\tyes\n"),
    "granges": write_text("new.csv", "seqnames,start,end,width,strand,rich\nc1,1,48,48,*,no\nc1,49,96,48,*,yes\n"),
}
CLASSES: dict[str, Callable[[Path], Path]] = {
    "fasta": write_folder(("no.fa", f">a\n{POOR}\n"), ("yes.fa", f">b\n{RICH}\n")),
    "text": write_folder(("no/1.txt", POOR), ("yes/1.txt", RICH)),
    "tables": write_folder(("no.csv", f"sequence\n{POOR}\n"), ("yes.csv", f"sequence\n{RICH}\n")),
}


def reading(name: str, folder: Path) -> list[str]:
    """Say how a format is to be read."""
    if name not in ("bed", "bed-ucsc", "granges"):
        return []
    write_text("genome.fa", f">c1\n{POOR}{RICH}\n")(folder)
    return ["--genome", "genome.fa", *(["--set", "data.columns.rich=name"] if name == "bed" else [])]


@pytest.mark.parametrize("name", FORMATS)
def test_predict_and_evaluate_read_each_format_that_fine_tuning_reads(here: Path, finetuned: Path, name: str) -> None:
    path, how = FORMATS[name](here), reading(name, here)
    data: dict[str, object] = {
        "table": path,
        "fractions": (1, 0, 0),
        "columns": {"rich": "name"} if name == "bed" else {},
    }
    settings = {"template": GC_TEMPLATE, "data": data | ({"genome": here / "genome.fa"} if how else {})}
    (learnt,) = read_tasks(FinetuneSettings.model_validate(settings))
    assert len(learnt.labelled.records) == 2
    done("predict", finetuned, path, "-o", "out.jsonl", *how, "--quiet")
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["predicted_rich"] for row in rows] == ["false", "true"]
    metrics = json.loads(done("evaluate", finetuned, path, "--task", "task", *how, "--quiet"))
    assert metrics["rich"]["model"]["accuracy"] == 1.0


@pytest.mark.parametrize("name", CLASSES)
def test_a_folder_of_classes_is_evaluated(here: Path, finetuned: Path, name: str) -> None:
    CLASSES[name](here)
    metrics = json.loads(done("evaluate", finetuned, "new", "--task", "task", "--quiet"))
    assert metrics["rich"]["model"]["accuracy"] == 1.0


@pytest.mark.parametrize("ending", ["fa", "txt"])
def test_a_folder_of_sequences_is_answered(here: Path, finetuned: Path, ending: str) -> None:
    heads = (">a\n", ">b\n") if ending == "fa" else ("", "")
    write_folder((f"1.{ending}", f"{heads[0]}{POOR}\n"), (f"2.{ending}", f"{heads[1]}{RICH}\n"))(here)
    done("predict", finetuned, "new", "-o", "out.csv", "--quiet")
    answered = pd.read_csv("out.csv")
    assert answered["predicted_rich"].tolist() == [False, True]
    assert answered["length"].tolist() == [48, 48]


MISSING = {
    "csv": f"id,sequence\n1,{POOR}\n2,NA\n3,null\n",
    "jsonl": f'{{"sequence": "{POOR}"}}\n{{"sequence": "NaN"}}\n',
}


@pytest.mark.parametrize("ending", MISSING)
def test_a_missing_sequence_is_named_by_every_command(here: Path, finetuned: Path, ending: str) -> None:
    path = here / f"new.{ending}"
    path.write_text(MISSING[ending])
    told = (f"new.{ending}, row 2, field sequence", "stands for a missing value")
    check_complaint(call("predict", finetuned, path.name, "-o", "out.csv", "--quiet"), *told)
    labelled = here / "labelled.csv"
    labelled.write_text(f"sequence,rich\n{POOR},no\n.,yes\n")
    also = "labelled.csv, row 2, field sequence: '.' stands for a missing value"
    check_complaint(call("evaluate", finetuned, labelled.name, "--task", "task", "--quiet"), also)
    finetune = ("finetune", "--table", labelled.name, "--template", GC_TEMPLATE, "-o", "run", "--quiet")
    check_complaint(call(*finetune), also)
    assert not (here / "run").exists()


def test_na_is_a_sequence_where_it_is_said(here: Path, finetuned: Path) -> None:
    (here / "new.csv").write_text(f"sequence\n{POOR}\nNA\n")
    out = done("predict", finetuned, "new.csv", "--set", "data.missing_values=[]", "--quiet")
    assert out.splitlines()[2].startswith("NA,")
    model = dnagpt.load(finetuned)
    assert len(model.predict([POOR, "NA"], task="task", missing_values=[])) == 2
    for records in ([POOR, "NA"], [{"sequence": POOR}, {"sequence": "nan"}], pd.DataFrame({"sequence": [POOR, "n/a"]})):
        with pytest.raises(InputError, match=r"record 2, field sequence: .* stands for a missing value"):
            model.predict(records, task="task")


def test_ambiguity_codes_are_told_by_predict_and_evaluate(
    here: Path, finetuned: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / "new.csv").write_text(f"sequence,rich\n{POOR}RY,no\n{RICH},yes\n")
    told = "new.csv: 2 ambiguity codes in 1 of 2 sequences (field 'sequence') are read as N: R 1, Y 1."
    for command in (["predict", finetuned, "new.csv"], ["evaluate", finetuned, "new.csv", "--task", "task"]):
        caplog.clear()
        done(*command, "--quiet")
        assert told in caplog.messages


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_predict_keeps_a_named_index(here: Path, finetuned: Path, ending: str) -> None:
    path = write_parquet(here)
    done("predict", finetuned, path, "-o", f"out.{ending}", "--quiet")
    if ending == "parquet":
        answered = pd.read_parquet("out.parquet")
        assert answered.index.equals(pd.Index(["a", "b"], name="id"))
        assert list(answered) == ["sequence", "rich", *ANSWERS]
        return
    answered = pd.read_csv("out.csv") if ending == "csv" else pd.read_json("out.jsonl", lines=True)
    assert list(answered) == ["id", "sequence", "rich", *ANSWERS]
    assert answered["id"].tolist() == ["a", "b"]


def test_answers_to_a_data_frame_have_its_index(finetuned: Path) -> None:
    frame = pd.DataFrame({"sequence": [POOR, RICH, POOR]}, index=pd.Index(["x", "y", "x"], name="id"))
    model = dnagpt.load(finetuned)
    answered = model.predict(frame, task="task")
    assert answered.index.equals(frame.index)
    assert answered["predicted_rich"].tolist() == ["false", "true", "false"]
    by_index = model.predict(frame.reset_index().set_index("sequence"), task="task")
    assert by_index["predicted_rich"].tolist() == ["false", "true", "false"]


ROWS = (
    {"sequence": POOR, "id": 1, "ok": True, "x": None, "tags": ["a", 1, None], "s": "1"},
    {"id": "007", "sequence": RICH, "ok": False, "x": 1.5, "tags": {"a": None}, "s": ""},
)


def test_predict_keeps_the_types_of_json_lines(here: Path, finetuned: Path) -> None:
    (here / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done("predict", finetuned, "new.jsonl", "-o", "out.jsonl", "--quiet")
    answered = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [{name: row[name] for name in given} for row, given in zip(answered, ROWS, strict=True)] == list(ROWS)


def test_predict_keeps_text_as_it_is_written(here: Path, finetuned: Path) -> None:
    (here / "new.csv").write_text(f"id,a,b,sequence\n007,1.0,1e3,{POOR}\n08,,NA,{RICH}\n")
    lines = done("predict", finetuned, "new.csv", "--quiet").splitlines()
    assert [line.split(",")[:4] for line in lines] == [
        ["id", "a", "b", "sequence"], ["007", "1.0", "1e3", POOR], ["08", "", "NA", RICH],
    ]  # fmt: skip


def test_settings_with_a_byte_order_mark_are_read(here: Path) -> None:
    (here / "task.toml").write_text('name = "x"\ntemplate = "<K>{sequence}"\n[data]\ntable = "none.csv"\n', "utf-8-sig")
    check_complaint(call("finetune", "task.toml", "-o", "run"), "The template <K>{sequence} answers nothing")


BAD: Mapping[str, tuple[list[str], str]] = {
    "setting": (["--set", "data.split=random"], "data.split: there is no such setting"),
    "column": (["--set", "data.columns.sequense=a"], "data.columns names 'sequense'"),
    "genome": (["--genome", "none.fa"], "none.fa does not exist"),
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_do_not_say_how_to_read_are_refused(here: Path, finetuned: Path, name: str) -> None:
    options, told = BAD[name]
    FORMATS["csv"](here)
    finished: Finished = call("predict", finetuned, "new.csv", *options, "--quiet")
    check_complaint(finished, told)


@pytest.mark.parametrize("name", ["csv", "ffn", "jsonl"])
def test_a_file_name_that_is_not_utf_8_is_read(here: Path, finetuned: Path, name: str) -> None:
    path = FORMATS[name](here)
    path = path.rename(os.fsdecode(b"s\xe4tze" + os.fsencode(path.suffix)))
    lines = done("predict", finetuned, path, "--quiet").splitlines()
    assert [line.split(",")[-2] for line in lines] == ["predicted_rich", "false", "true"]
