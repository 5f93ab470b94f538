"""`dnagpt predict`: answers for the rows of a table, or the records of a FASTA file."""

from pathlib import Path

import pandas as pd

from dnagpt.checkpoint import load_model
from dnagpt.commands.task_report import predict_with_progress
from dnagpt.data.labelled import read_records
from dnagpt.errors import InputError
from dnagpt.genome.sequences import read_fasta
from dnagpt.genome.tables import require_table_ending, write_table
from dnagpt.inference.predict import answer_columns, answers
from dnagpt.model import fastest_device
from dnagpt.tasks import Task

FASTA_ENDINGS = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz", ".fa.bgz", ".fasta.bgz", ".fna.bgz")


def predict_file(
    model_folder: Path, source: Path, output: str, *, task_name: str | None, precision: str = "float32", quiet: bool
) -> None:
    """Add the answers of a model to a table; its columns and the order of its rows stay as they are."""
    model = load_model(model_folder, device=fastest_device())
    task = model.task(task_name)
    refuse_sequence_answers(task)
    require_table_ending(output)
    if source.name.lower().endswith(FASTA_ENDINGS):
        frame, records = _fasta_records(source, task)
        places = [f"{source}, record '{name}'" for name in frame["name"]]
    else:
        frame, records = read_records(source, {}, task.template.given_columns)
        places = [f"{source}, row {number + 1}" for number in range(len(frame))]
    taken = {name for names in answer_columns(task) for name in names} & set(frame.columns)
    if taken:
        raise InputError(f"{source} already has a column {min(taken)!r}. Rename it, so that the answer can be added.")
    predictions = predict_with_progress(model, task, records, places, precision=precision, quiet=quiet)
    write_table(frame.assign(**answers(task, predictions)), output)


def refuse_sequence_answers(task: Task) -> None:
    """Refuse a task whose answer no column of a table can hold."""
    if any(item.kind == "sequence" for item in task.template.answered):
        raise InputError(
            f"The task {task.name!r} answers with a sequence, which a table cannot hold. "
            "Take a fine-tuned model, or ask this one with `dnagpt generate`."
        )


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
