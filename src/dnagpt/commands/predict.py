"""`dnagpt predict`: answers for the rows of a table."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import Genome, ModelFolder, Precision, Quiet, Reading, as_utf8

app = typer.Typer()


@app.command(epilog="Example: dnagpt predict runs/sites/model new.csv -o answers.csv")
def predict(
    model: ModelFolder,
    table: Annotated[
        Path, typer.Argument(help="CSV, TSV, Parquet, JSON lines, HDF5, BED, FASTA, or a folder of FASTA or text.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", callback=as_utf8, help="The table to write; - for standard output.")
    ] = "-",
    task: Annotated[str | None, typer.Option(help="The task, where the model has several.")] = None,
    genome: Genome = None,
    overrides: Reading = None,
    precision: Precision = "float32",
    quiet: Quiet = False,
) -> None:
    """Answer for every row of a table: its columns stay, the answer and its probability are added."""
    from dnagpt.runs.prediction import predict_file

    predict_file(
        model, table, output, task_name=task, genome=genome, overrides=overrides or [], precision=precision, quiet=quiet
    )
