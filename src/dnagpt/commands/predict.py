"""`dnagpt predict`: answers for the rows of a table, or the records of a FASTA file."""

from pathlib import Path

import pandas as pd

from dnagpt.checkpoint import load_model
from dnagpt.commands.task_report import predict_with_progress
from dnagpt.data.labelled import read_records
from dnagpt.errors import InputError
from dnagpt.genome.sequences import read_fasta
from dnagpt.genome.tables import write_table
from dnagpt.tasks import Task

FASTA_ENDINGS = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz", ".fa.bgz", ".fasta.bgz", ".fna.bgz")


def predict_file(model_folder: Path, source: Path, output: str, *, task_name: str | None, quiet: bool) -> None:
    """Add the answers of a model to a table; its columns and the order of its rows stay as they are."""
    model = load_model(model_folder)
    task = model.task(task_name)
    if source.name.lower().endswith(FASTA_ENDINGS):
        frame, records = _fasta_records(source, task)
    else:
        frame, records = read_records(source, {}, task.template.given_columns)
    predictions = predict_with_progress(model, task, records, quiet=quiet)
    for name, column in (pair for prediction in predictions for pair in prediction.columns()):
        if name in frame.columns:
            raise InputError(f"{source} already has a column {name!r}. Rename it, so that the answer can be added.")
        frame[name] = pd.Series(column, index=frame.index)
    write_table(frame, output)


def _fasta_records(source: Path, task: Task) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    given = task.template.given
    if len(given) != 1 or given[0].kind != "sequence" or task.template.token_fields:
        raise InputError(
            f"The task {task.name!r} needs {', '.join(task.template.given_columns)}: a FASTA file cannot give that."
        )
    found = list(read_fasta(source, unique_names=False))
    frame = pd.DataFrame(
        {"name": [record.name for record in found], "length": [len(record.sequence) for record in found]}
    )
    return frame, [{given[0].name: record.sequence} for record in found]
