"""The page about pre-training names every setting with its default, and its file and commands do what it says."""

import json
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel
from tests.commands.calls import done, dotted
from tests.pages import DOCS, check_settings, section

from dnagpt.data.corpus import CorpusConfig, SpeciesSource
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.runs.pretraining import PretrainSettings
from dnagpt.training import TrainingConfig

PAGE = DOCS / "pretraining.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "The whole file": PretrainSettings, "The genomes: `[corpus]`": CorpusConfig,
    "A genome: `corpus.species`": SpeciesSource, "The optimisation: `[training]`": TrainingConfig,
}  # fmt: skip
QUICK = dotted(
    {
        "model.layers": 1, "model.width": 16, "model.heads": 2, "model.context": 32, "training.steps": 4,
        "training.batch_size": 4, "training.validate_every": 2, "training.checkpoint_every": 2,
        "validation_windows": 8,
    }
)  # fmt: skip


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_setting_stands_in_its_table_with_its_default(heading: str) -> None:
    check_settings(PAGE, heading, SECTIONS[heading])


def test_letters_of_species_are_tokens() -> None:
    text = section(PAGE, "A genome: `corpus.species`").partition("The letters are")[2]
    letters = re.findall(r"\b[A-Z]\b", text)
    assert {"R", "U", "Z"} <= set(letters) <= set(Vocabulary.preset("dna-3mers").reserved) - set("BMP")


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DNAGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    for name, letter in (("worm", "K"), ("fly", "O")):
        genome = files("dnagpt") / "demo_data" / f"simulated_{letter}.fa.gz"
        Path(f"{name}.fa.gz").write_bytes(genome.read_bytes())
    page = PAGE.read_text()
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL):
        Path(name).write_text(text)
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 6
    for command in commands:
        words = shlex.split(command)
        quick = [*QUICK, "--quiet"] if "pretrain" in words else []
        if words[0] == "dnagpt":
            done(*words[1:], *(quick or ["--quiet", "--max-order", "2"]))
        else:
            subprocess.run(["bash", "-euc", f"{command} {shlex.join(quick)}"], check=True)
    for run in ("first", "animals", "two"):
        left = {path.name for path in Path("runs", run).iterdir()}
        assert {"model", "config.toml", "metrics.jsonl", "checkpoints"} <= left
    named = re.search(r"`metric` is one of (.*?)\n\n", page, re.DOTALL)
    assert named is not None
    names = set(re.findall(r"`([\w/]+)`", named[1].replace("NAME", "worm")))
    lines = map(json.loads, Path("runs/animals/metrics.jsonl").read_text().splitlines())
    computed = {key.removeprefix("validation/") for line in lines for key in line if key.startswith("validation/")}
    assert names == computed - {"fly/bits_per_base"}
