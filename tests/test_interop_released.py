"""The page on interoperability: the commands for released weights do what it says."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pytest
import torch
from tests.commands.calls import call, check_complaint, done
from tests.released.files import released_file, released_network

from dnagpt.model import PRESETS
from dnagpt.released import VARIANTS, reading

PAGE = Path(__file__).parents[1] / "docs" / "interop.md"


def commands() -> list[str]:
    section = PAGE.read_text().partition("## Released weights")[2]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_a_pretrained_file_is_imported_and_finetuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shape = released_network("released-1to6mers").config
    small = {name: replace(VARIANTS[name], config=shape) for name in ("0.1b_m", "classification")}
    monkeypatch.setattr(reading, "VARIANTS", MappingProxyType(small))
    released_file(tmp_path / "dna_gpt0.1b_m.pth", "released-1to6mers")
    rows = [f"{'ACGT'[n % 4] * 8}ACGT,{n % 2}" for n in range(40)]
    (tmp_path / "sites.csv").write_text("\n".join(["sequence,label", *rows]))
    check_complaint(call("import", "dna_gpt0.1b_m.pth", "-o", "models/m"), "--variant 0.1b_m", "classification")
    for command in commands()[0].splitlines():
        _, *arguments = shlex.split(command)
        quick = ["--quiet", "--set", "epochs=1", "--set", "beside=[]"] if arguments[0] == "finetune" else []
        said = done(*arguments, *quick)
        assert arguments[0] != "import" or "Tasks: none" in said
    (tmp_path / "genome.fa").write_text(f">one\n{'ACGTTGCA' * 400}\n")
    check_complaint(call("evaluate", "models/m", "genome.fa"), "pretraining")
    assert (tmp_path / "runs" / "sites" / "model" / "tasks.toml").is_file()
    assert "\nACGTACGTACGT" in (tmp_path / "continued.fa").read_text()


def test_the_table_names_the_variants_and_their_presets() -> None:
    rows = re.findall(r"^\| `\w[\w.]*\.pth` \| `(\S+)` \| `(\S+)` \|.*\| ([^|]*) \|$", PAGE.read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == set(VARIANTS)
    for name, preset, task in rows:
        assert VARIANTS[name].config == PRESETS[preset]
        known = VARIANTS[name].task
        assert task == ("none yet" if known is None else f"`{known.template}`")


def test_the_commands_for_released_weights_run(tmp_path: Path) -> None:
    released_file(tmp_path / "classifier.pth", "released-1to6mers")
    (tmp_path / "sites.csv").write_text("gene,sequence\n007,ACGTACGTAC\nNA,TTTTTTGGGGGG\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["bash", "-euc", commands()[1]], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answers = pd.read_csv(tmp_path / "answers.csv", dtype=str, keep_default_na=False)
    assert answers["gene"].tolist() == ["007", "NA"]
    assert list(answers.columns[-2:]) == ["predicted_label", "probability_true"]
    assert "\nACGTACGTACGT" in (tmp_path / "new.fa").read_text()
    first, again = (torch.load(tmp_path / name, weights_only=True) for name in ("classifier.pth", "again.pth"))
    assert first.keys() == again.keys()
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
