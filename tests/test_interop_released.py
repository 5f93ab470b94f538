"""The page on interoperability: the commands for released weights do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from tests.released.files import released_file

PAGE = Path(__file__).parents[1] / "docs" / "interop.md"


def test_the_commands_for_released_weights_run(tmp_path: Path) -> None:
    section = PAGE.read_text().partition("## Released weights")[2]
    commands = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert commands is not None
    released_file(tmp_path / "classifier.pth", "released-1to6mers")
    (tmp_path / "sites.csv").write_text("gene,sequence\n007,ACGTACGTAC\nNA,TTTTTTGGGGGG\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["bash", "-euc", commands[1]], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
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
