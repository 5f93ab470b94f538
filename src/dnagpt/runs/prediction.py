"""Answers for the rows of a table, or the records of a FASTA file."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from dnagpt.data.records.labelled import ambiguity_notes
from dnagpt.data.records.settings import ReadingConfig
from dnagpt.data.records.sources import FileRecords, read_records
from dnagpt.errors import InputError
from dnagpt.files.tables import require_table_ending, write_table
from dnagpt.inference.predict import answer_columns, answers
from dnagpt.model import fastest_device
from dnagpt.runs.configuration import load_settings
from dnagpt.runs.finetuning.report import predict_with_progress
from dnagpt.store.folder import load_model
from dnagpt.store.model import Model
from dnagpt.tasks import Task

logger = logging.getLogger("dnagpt")


class _Reading(BaseModel):
    """The settings that `--set` can change where records are only read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: ReadingConfig = ReadingConfig()


def predict_file(
    model_folder: Path, source: Path, output: str, *, task_name: str | None, genome: Path | None = None,
    overrides: Sequence[str] = (), precision: str = "float32", quiet: bool,
) -> None:  # fmt: skip
    """Add the answers of a model to a table; its columns and the order of its rows stay as they are."""
    model = load_model(model_folder, device=fastest_device())
    task = model.task(task_name)
    refuse_sequence_answers(task)
    require_table_ending(output)
    found = read_for_model(model, task, source, reading(genome, overrides), task.template.given_columns)
    taken = {name for names in answer_columns(task) for name in names} & set(map(str, found.frame.columns))
    if taken:
        raise InputError(f"{source} already has a column {min(taken)!r}. Rename it, so that the answer can be added.")
    predictions = predict_with_progress(model, task, found.records, found.names, precision=precision, quiet=quiet)
    answered = pd.DataFrame(answers(task, predictions), index=found.frame.index)
    write_table(pd.concat([found.frame, answered], axis=1), output)


def reading(genome: Path | None, overrides: Sequence[str]) -> ReadingConfig:
    """Read how files are to be read: the settings of `[data]` that are not about learning."""
    given = {} if genome is None else {"data": {"genome": str(genome)}}
    return load_settings(_Reading, None, overrides, given).data


def read_for_model(model: Model, task: Task, path: Path, config: ReadingConfig, needed: Sequence[str]) -> FileRecords:
    """Read the fields of a file that are needed, and say which letters the model reads as unknown bases."""
    found = read_records(path, config, task.template, needed)
    columns = [item.name for item in task.template.given if item.kind == "sequence"]
    for note in ambiguity_notes(pd.DataFrame(found.records), columns, model.vocabulary):
        logger.warning("%s: %s", path, note)
    return found


def refuse_sequence_answers(task: Task) -> None:
    """Refuse a task whose answer no column of a table can hold."""
    if any(item.kind == "sequence" for item in task.template.answered):
        raise InputError(
            f"The task {task.name!r} answers with a sequence, which a table cannot hold. "
            "Take a fine-tuned model, or ask this one with `dnagpt generate`."
        )
