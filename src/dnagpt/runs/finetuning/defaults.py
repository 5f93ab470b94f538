"""What a task file says, completed by the command line and by what was measured to be good."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnagpt.errors import InputError
from dnagpt.runs.configuration import load_settings, read_toml
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.store.folder import read_config
from dnagpt.training import TrainingConfig

_SOURCES = ("table", "train", "folder", "haplotypes", "classes")
"""The settings of `[data]` that each say where records come from."""

_PAPER = {"epochs": 10, "training": {"batch_size": 8, "learning_rate": 3e-5}}
"""How the paper fine-tunes its networks; what has no value here is the same in all fine-tuning."""
_PRETRAINED = {"training": {"batch_size": 32, "learning_rate": 1e-3, "average": 0.998, "patience": 5}}
_NEW = {"training": {**_PRETRAINED["training"], "embedding_decay": 1.0}}
_ALWAYS = {"weight_decay": 0.1, "number_weight": 1.0}


def read_task_file(
    task_file: Path | None, base: Path | None, overrides: Sequence[str], *,
    table: Path | None = None, template: str | None = None,
) -> FinetuneSettings:  # fmt: skip
    """Read a task file, or one table and a template; what they do not say follows from the network they are for."""
    named = ("data.", "tasks.")
    if task_file is None and table is None and not any(text.startswith(named) for text in overrides):
        raise InputError("There are no labelled records to learn from. Give --table and --template, or a task file.")
    if task_file is not None:
        _refuse_given_twice(task_file, table, template)
    given: dict[str, Any] = {} if table is None else {"data": {"table": str(table)}}
    given |= {} if template is None else {"template": template}
    settings = load_settings(FinetuneSettings, task_file, overrides, {**default_settings(base), **given})
    if base is None:
        return settings
    from_nothing = load_settings(FinetuneSettings, task_file, overrides, {**default_settings(None), **given})
    return settings.model_copy(update={"twin": _twin(settings, from_nothing)})


def _twin(settings: FinetuneSettings, from_nothing: FinetuneSettings) -> TrainingConfig:
    """Say what differs in the training of the twin: what nobody set is as for a network from random weights."""
    ours, others = settings.training, from_nothing.training
    names = [name for name in TrainingConfig.model_fields if getattr(ours, name) != getattr(others, name)]
    chosen = {name: getattr(others, name) for name in names}
    return TrainingConfig(**{**chosen, **settings.twin.model_dump(exclude_unset=True)})


def default_settings(base: Path | None) -> dict[str, Any]:
    """Choose what holds where a task file says nothing: the paper's values for networks of its shape, ours for others.

    Ours were measured on polyadenylation signals and the GUE tasks, with networks of a million weights.
    """
    chosen: dict[str, Any] = _NEW if base is None else _PAPER if _is_papers(base) else _PRETRAINED
    return {**chosen, "training": {**_ALWAYS, **chosen["training"]}}


def warmup_tenths(base: Path | None) -> int:
    """Say over how many tenths of a training the learning rate rises: one, or in the paper three of ten epochs."""
    return 3 if _is_papers(base) else 1


def _is_papers(base: Path | None) -> bool:
    return base is not None and read_config(base).number_embedding == "released"


def _refuse_given_twice(task_file: Path, table: Path | None, template: str | None) -> None:
    """Refuse --table and --template where the task file has its own; what it does not say, they complete."""
    own = read_toml(task_file)
    option = "--table" if table is not None else "--template" if template is not None else None
    if option is not None and "tasks" in own:
        raise InputError(
            f"{option} is for a single task, but {task_file} names its tasks, each with its own. "
            f"Leave {option} out, or change a task with --set tasks.NAME.{'data.table' if table else 'template'}=..."
        )
    if template is not None and "template" in own:
        raise InputError(
            f"--template is given, but {task_file} has its own template, which would win. "
            "Leave --template out, or change the file's with --set template=..."
        )
    data = own.get("data", {})
    found = [name for name in _SOURCES if isinstance(data, dict) and name in data]
    if table is not None and found:
        change = "change the file's with --set data.table=..."
        if found != ["table"]:
            change = f"take data.{found[0]} out of the file."
        raise InputError(
            f"--table is given, but {task_file} says itself where its records come from (data.{found[0]}). "
            f"Leave --table out, or {change}"
        )
