"""The page about task files names every setting with its default, and its files and commands do what it says."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from tests.commands.calls import done, dotted
from tests.conftest import PROJECT
from tests.pages import DOCS, check_settings, rows, section

from dnagpt.data.records.settings import DataConfig
from dnagpt.evaluation.metrics.classification import classification_metrics
from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.language.presets import PRESETS as VOCABULARIES
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import PRESETS
from dnagpt.runs.finetuning.defaults import default_settings
from dnagpt.runs.finetuning.settings import FinetuneSettings, FinetuneTraining, LoraSettings, TaskSettings
from dnagpt.runs.network import NetworkSettings
from dnagpt.tasks import Views

PAGE = DOCS / "finetuning.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "The task": TaskSettings, "The whole file": FinetuneSettings, "The records: `[data]`": DataConfig,
    "Reading a record: `[views]`": Views, "The network: `[model]`": NetworkSettings,
    "The optimisation: `[training]`": FinetuneTraining,
    "An adapter in place of all weights: `[training.lora]`": LoraSettings,
}  # fmt: skip
DERIVED = ("steps", "warmup_steps", "validate_every", "checkpoint_every", "metric")
QUICK = dotted(
    {
        "model.layers": 1, "model.width": 16, "model.heads": 2, "model.context": 64, "epochs": 1,
        "training.batch_size": 16, "beside": "[]",
    }
)  # fmt: skip


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_setting_stands_in_its_table_with_its_default(heading: str) -> None:
    training = SECTIONS[heading] is FinetuneTraining
    defaults, derived = (default_settings(None)["training"], DERIVED) if training else ({}, ())
    check_settings(PAGE, heading, SECTIONS[heading], defaults=defaults, derived=derived)


def test_every_vocabulary_and_preset_stands_in_its_table() -> None:
    sizes = {row[0].strip("`"): int(row[1].replace(",", "")) for row in rows(PAGE, "Vocabularies")}
    assert sizes == {name: Vocabulary.preset(name).size for name in VOCABULARIES}
    shapes = {row[0].strip("`"): [cell.strip("`") for cell in row[1:]] for row in rows(PAGE, "Presets")}
    parts = ("layers", "heads", "width", "context", "positions", "number_embedding")
    assert shapes == {name: [str(getattr(shape, part)) for part in parts] for name, shape in PRESETS.items()}


def test_every_score_stands_in_the_table_of_scores() -> None:
    listed = [re.findall(r"`(\w+)`", row[1]) for row in rows(PAGE, "The names of scores")]
    found = [classification_metrics([0, 1], np.eye(count)[:2]) for count in (2, 3)]
    assert listed[:2] == [list(metrics.scores()) for metrics in found]
    assert listed[2] == list(regression_metrics([1, 2], [1, 3]).scores())
    assert listed[3] == ["nats_per_haplotype"]


def test_every_sign_is_a_token_and_every_free_letter_is_free() -> None:
    text = section(PAGE, "The signs of a template")
    reserved = Vocabulary.preset("dna-3mers").reserved
    assert set(re.findall(r"`<([^`]+)>`", text)) <= set(reserved)
    (free,) = re.findall(r"letter that is free: (.*?)\.", text, re.DOTALL)
    known = {sign for row in rows(PAGE, "The signs of a template") for sign in re.findall(r"<(\w)>", row[0])}
    assert set(re.findall(r"<(\w)>", free)) == {token for token in reserved if token.isalpha()} - known
    tasks = {path.name: tomllib.loads(path.read_text()) for path in (PROJECT / "configs" / "tasks").glob("*.toml")}
    templates = {name: task.get("template", "") for name, task in tasks.items()}
    plain = {name for name, template in templates.items() if "?:choice" in template and "<B>" not in template}
    assert plain == set(re.findall(r"`(\S+\.toml)`", text))
    assert not [name for name, template in templates.items() if "?:boolean" in template and "<B>" not in template]


def write_inputs(folder: Path) -> None:
    generator = np.random.default_rng(3)

    def table(count: int) -> pd.DataFrame:
        sequences = ["".join(generator.choice(list("ACGT"), 60)) for _ in range(count)]
        levels = generator.normal(size=count)
        return pd.DataFrame({"sequence": sequences, "label": [n % 2 for n in range(count)], "level": levels})

    for name in ("sites", "mouse", "levels", "new"):
        table(48).drop(columns=["label", "level"] if name == "new" else []).to_csv(folder / f"{name}.csv", index=False)


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    page = PAGE.read_text()
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 10
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "dnagpt"
        if arguments[0] == "finetune":
            taught = "--model" in arguments
            arguments += ["--quiet", *(QUICK[-6:] if taught else QUICK)]
        done(*arguments)
    assert list(pd.read_csv("answers.csv").columns[-2:]) == ["predicted_label", "probability_true"]
    assert list(pd.read_csv("levels-answered.csv").columns) == ["sequence", "predicted_level"]
    assert len([path for path in (tmp_path / "runs" / "folds").iterdir() if path.is_dir()]) == 4
    assert (tmp_path / "runs" / "species" / "report.html").is_file()
