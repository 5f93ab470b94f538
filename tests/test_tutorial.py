"""The tutorial's settings files and commands do what the page says."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dnagpt.cli import main

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
RECORDS = 80


def _write_inputs(folder: Path) -> None:
    generator = np.random.default_rng(11)

    def dna(length: int) -> str:
        return "".join(generator.choice(list("ACGT"), length))

    for name, bases in (("positives", "GGCC"), ("negatives", "AATT")):
        records = (f">{name}{n}\n{dna(45)}AATAAA{bases}{dna(41)}\n" for n in range(RECORDS))
        (folder / f"{name}.fa").write_text("".join(records))
    sequences = [dna(60) for _ in range(RECORDS)]
    kinds = [("donor", "acceptor", "neither")[n % 3] for n in range(RECORDS)]
    parts = [("train", "train", "train", "validation", "test")[n // 3 % 5] for n in range(RECORDS)]
    pd.DataFrame({"dna": sequences, "kind": kinds, "split": parts}).to_csv(folder / "sites.csv", index=False)
    pd.DataFrame({"gene": ["NA", "007"], "sequence": sequences[:2]}).to_csv(folder / "unknown.csv", index=False)
    numbers = {name: generator.uniform(0.1, 50, RECORDS) for name in ("half_life_1", "half_life_2", "expression")}
    pd.DataFrame({"sequence": sequences, **numbers}).to_csv(folder / "promoters.tsv", index=False, sep="\t")
    (folder / "genome.fa").write_text(f">worm\n{dna(30_000)}\n")
    windows = (f">worm:{start}-{start + 60}\n{dna(60)}\n" for start in range(0, 200, 20))
    (folder / "windows.fa").write_text("".join(windows))  # as bedtools getfasta writes them


def _quietly(call: Callable[[], None]) -> int:
    with pytest.raises(SystemExit) as ended:
        call()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every block of the page was written or run."""
    folder = tmp_path_factory.mktemp("tutorial")
    _write_inputs(folder)
    tiny = ["layers=1", "width=32", "heads=2", "context=128"]
    arguments = ["pretrain", "--fasta", f"K={folder / 'genome.fa'}", "-o", str(folder / "pretrained"), "--quiet"]
    for setting in [*(f"model.{part}" for part in tiny), "training.steps=3", "training.batch_size=4"]:
        arguments += ["--set", setting]
    assert _quietly(lambda: main(arguments)) == 0
    page = TUTORIAL.read_text()
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL):
        (folder / name).write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for commands in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder


def test_every_task_left_its_results(followed: Path) -> None:
    for run in ("signals", "sites", "expression"):
        left = {path.name for path in (followed / "runs" / run).iterdir()}
        assert {"report.html", "metrics.json", "predictions.csv", "model", "config.toml"} <= left


def test_answers_stand_beside_the_table_s_own_columns(followed: Path) -> None:
    answers = pd.read_csv(followed / "answers.csv", dtype=str, keep_default_na=False)
    assert answers["gene"].tolist() == ["NA", "007"]
    assert list(answers.columns[-4:]) == [
        "predicted_site", "probability_donor", "probability_acceptor", "probability_neither",
    ]  # fmt: skip


def test_numbers_come_back_in_the_table_s_unit(followed: Path) -> None:
    expected = pd.read_csv(followed / "expected.csv")
    assert len(expected) == RECORDS
    assert expected["predicted_expression"].between(-0.1, 1000).all()
    assert np.array_equal(expected["expression"], pd.read_csv(followed / "promoters.tsv", sep="\t")["expression"])


def test_windows_of_a_genome_become_a_bedgraph(followed: Path) -> None:
    answers = pd.read_csv(followed / "windows.csv")
    assert list(answers.columns[:4]) == ["name", "length", "predicted_site", "probability_donor"]
    rows = [line.split("\t") for line in (followed / "donors.bedgraph").read_text().splitlines()]
    assert [row[:3] for row in rows] == [["worm", str(start), str(start + 60)] for start in range(0, 200, 20)]
    assert np.allclose([float(row[3]) for row in rows], answers["probability_donor"])
