"""The page about task files names every setting with its default, and its files and commands do what it says."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from tests.commands.calls import done, dotted

from dnagpt.commands.finetune_settings import FinetuneSettings, TaskSettings
from dnagpt.commands.network_settings import NetworkSettings
from dnagpt.commands.task_file import default_settings
from dnagpt.data.labelled import DataConfig
from dnagpt.tasks import Views
from dnagpt.training import TrainingConfig

PAGE = Path(__file__).parents[1] / "docs" / "finetuning.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "The task": TaskSettings, "The whole file": FinetuneSettings, "The records: `[data]`": DataConfig,
    "Reading a record: `[views]`": Views, "The network: `[model]`": NetworkSettings,
    "The optimisation: `[training]`": TrainingConfig,
}  # fmt: skip
QUICK = dotted(
    {
        "model.layers": 1, "model.width": 16, "model.heads": 2, "model.context": 64, "epochs": 1,
        "training.batch_size": 16, "beside": "[]",
    }
)  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_stands_in_its_table_with_its_default(section: str) -> None:
    kind = SECTIONS[section]
    text = PAGE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` \|.*\| (.*?) *\|$", text, flags=re.MULTILINE)}
    rows = {name: default for name, default in rows.items() if name in kind.model_fields}
    assert list(rows) == list(kind.model_fields)
    for name, field in kind.model_fields.items():
        default = field.default
        if kind is TrainingConfig:
            default = default_settings(None)["training"].get(name, default)
        follows = kind is TrainingConfig and name in (
            "steps", "warmup_steps", "validate_every", "checkpoint_every", "metric",
        )  # fmt: skip
        if not follows and isinstance(default, bool | int | float | str | tuple) and default != ():
            assert rows[name] == f"`{json.dumps(default)}`".replace("|", r"\|"), name


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
