"""Every shipped task and run can be read: its settings, its template, its transforms and its columns."""

from pathlib import Path

import pytest
from tests.conftest import PROJECT

from dnagpt.commands.configuration import load_settings
from dnagpt.commands.finetune import FinetuneSettings
from dnagpt.commands.pretrain import PretrainSettings
from dnagpt.data.labelled import read_labelled
from dnagpt.data.sources import field_columns
from dnagpt.language.template import Template
from dnagpt.tasks import Task, Transform

TASKS = sorted((PROJECT / "configs" / "tasks").glob("*.toml"))
RUNS = sorted((PROJECT / "configs").glob("*.toml")) + sorted((PROJECT / "configs" / "variants").glob("*.toml"))


def name_of(path: Path) -> str:
    return path.stem


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("DNAGPT_DATA", "DNAGPT_GENOMES"):
        monkeypatch.setenv(variable, str(tmp_path))


@pytest.mark.parametrize("path", TASKS, ids=name_of)
def test_task_file_is_understood(path: Path) -> None:
    settings = load_settings(FinetuneSettings, path, [])
    template = Template.parse(settings.template)
    Task(settings.name, template, {name: Transform.parse(text) for name, text in settings.transforms.items()})
    assert set(field_columns(settings.data, template)) == set(template.columns)
    assert f"dnagpt finetune {path.relative_to(PROJECT)}" in path.read_text() or path.stem == "plain-table"


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_run_file_is_understood(path: Path) -> None:
    assert load_settings(PretrainSettings, path, []).corpus.species


@pytest.mark.parametrize("name", ["gue-tf-0", "gue-mouse-0", "gue-prom-core-all", "gue-prom-300-tata", "pas-mouse"])
def test_task_file_fits_the_published_data(name: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNAGPT_DATA", str(data_dir))
    settings = load_settings(FinetuneSettings, PROJECT / "configs" / "tasks" / f"{name}.toml", [])
    labelled = read_labelled(settings.data, Task(settings.name, Template.parse(settings.template)))
    assert all(labelled.parts.values())
