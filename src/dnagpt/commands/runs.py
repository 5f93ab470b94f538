"""`dnagpt runs`: several fine-tunings in one table."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import as_utf8

app = typer.Typer()


@app.command(epilog="Example: dnagpt runs runs/human runs/mouse --score mcc -o runs/species")
def runs(
    folders: Annotated[list[Path], typer.Argument(help="Folders of finished fine-tunings.")],
    score: Annotated[str, typer.Option(help="The score to set beside one another.")] = "accuracy",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=as_utf8, help="A folder for report.html.")
    ] = None,
) -> None:
    """Set several fine-tunings beside one another: one row per model, one column per test set."""
    from dnagpt.runs.finetuning.several import compare_runs
    from dnagpt.runs.outputs import print_table

    print_table(compare_runs(folders, output, score=score))
