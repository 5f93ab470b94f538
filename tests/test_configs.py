"""Every shipped task and run can be read: its settings, its template, its transforms and its columns."""

from pathlib import Path

import pytest
from tests.conftest import PROJECT

from dnagpt.data.records.labelled import read_labelled
from dnagpt.data.records.sources import field_columns
from dnagpt.language.template import Template
from dnagpt.runs.configuration import load_settings
from dnagpt.runs.finetuning.settings import FinetuneSettings, TaskSettings
from dnagpt.runs.pretraining import PretrainSettings
from dnagpt.tasks import Task, Transform

TASKS = sorted((PROJECT / "configs" / "tasks").glob("*.toml"))
RUNS = sorted((PROJECT / "configs").glob("*.toml")) + sorted((PROJECT / "configs" / "variants").glob("*.toml"))


def name_of(path: Path) -> str:
    return path.stem


def tasks_of(path: Path) -> dict[str, TaskSettings]:
    return load_settings(FinetuneSettings, path, []).tasks


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("DNAGPT_DATA", "DNAGPT_GENOMES"):
        monkeypatch.setenv(variable, str(tmp_path))


@pytest.mark.parametrize("path", TASKS, ids=name_of)
def test_task_file_is_understood(path: Path) -> None:
    for name, settings in tasks_of(path).items():
        template = Template.parse(settings.template)
        Task(name, template, {field: Transform.parse(text) for field, text in settings.transforms.items()})
        assert set(field_columns(settings.data, template)) == set(template.columns)
    assert f"dnagpt finetune {path.relative_to(PROJECT)}" in path.read_text() or path.stem == "plain-table"


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_run_file_is_understood(path: Path) -> None:
    assert load_settings(PretrainSettings, path, []).corpus.species


@pytest.mark.parametrize("name", ["gue-tf-0", "gue-mouse-0", "gue-prom-core-all", "gue-prom-300-tata", "pas-mouse"])
def test_task_file_fits_the_published_data(name: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNAGPT_DATA", str(data_dir))
    for task, settings in tasks_of(PROJECT / "configs" / "tasks" / f"{name}.toml").items():
        labelled = read_labelled(settings.data, Task(task, Template.parse(settings.template)))
        assert all(labelled.parts.values())
