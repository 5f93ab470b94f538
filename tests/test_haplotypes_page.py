"""The page about artificial genomes: its files and commands do what it says, on the demo's haplotypes."""

import gzip
import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tests.commands.calls import done, dotted
from tests.pages import DOCS, check_settings

from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.source import HaplotypeSource

PAGE = DOCS / "haplotypes.md"
QUICK = dotted({"model.layers": 1, "model.width": 16, "model.heads": 2, "epochs": 1, "beside": "[]"})


def test_every_setting_of_haplotypes_stands_in_their_table() -> None:
    check_settings(PAGE, "The file and its people: `[data.haplotypes]`", HaplotypeSource)


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    demo = files("dnagpt") / "demo_data"
    Path("panel.vcf.gz").write_bytes((demo / "haplotypes.vcf.gz").read_bytes())
    Path("people.tsv").write_bytes((demo / "populations.tsv").read_bytes())
    page = PAGE.read_text()
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL):
        Path(name).write_text(text)
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    ran = [line for line in commands if line.startswith("dnagpt")]
    assert len(ran) == len(commands) - 1 == 6  # all but the installation
    extra = {
        "finetune": [*QUICK, "--quiet"],
        "evaluate-haplotypes": ["--no-baselines", "--quiet"],
        "generate": ["--quiet"],
    }
    said = [done(*arguments, *extra.get(arguments[0], [])) for _, *arguments in map(shlex.split, ran)]
    assert all(name in said[-1] for name in ("panel: ", "prompted: ", "train", "valid"))
    check_genomes()
    check_populations()
    check_evaluation()


def check_genomes() -> None:
    real = read_haplotypes("panel.vcf.gz", HaplotypeSelection(minimum_frequency=0.01))
    made = read_haplotypes("artificial.vcf.gz")
    assert made.sites.same_alleles(real.sites)
    assert made.alleles.shape == (100, len(real.sites))
    assert len(set(made.individuals)) == 50
    assert Path("artificial.vcf.gz.tbi").is_file()
    with gzip.open("artificial.vcf.gz", "rt") as lines:
        header = [line for line in lines if line.startswith("##")]
    assert any("unconstrained" in line for line in header)
    sides = [set(Path("runs/panel", f"{side}.txt").read_text().split()) for side in ("training", "held_out")]
    assert [len(side) for side in sides] == [450, 50]
    assert not sides[0] & sides[1]


def check_populations() -> None:
    made = read_haplotypes("prompted.hapt.gz")
    assert len(made) == 100
    rows = [line.split("\t") for line in Path("prompted.populations.tsv").read_text().splitlines()[1:]]
    people = dict.fromkeys(made.individuals)
    assert [name for name, _ in rows] == list(people)
    assert sum(population == "P1" for _, population in rows) == 30


def check_evaluation() -> None:
    metrics = json.loads(Path("runs/panel/evaluation/metrics.json").read_text())
    assert list(metrics["sets"]) == ["mine"]
    assert np.isfinite(metrics["sets"]["mine"]["frequencies"]["correlation"])
    assert "<svg" in Path("runs/panel/evaluation/report.html").read_text()
    assert "nats" in Path("runs/panel/report.html").read_text()
