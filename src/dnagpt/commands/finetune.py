"""`dnagpt finetune`: from labelled records to a model that answers for new ones."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import Output, Overrides, Quiet, as_utf8
from dnagpt.runs.output_folder import is_first_process

app = typer.Typer()


@app.command(
    epilog="Example: dnagpt finetune --table sites.csv --template '<R>{sequence}<=><B>{label?:boolean}' "
    "--model runs/worm/model -o runs/sites"
)
def finetune(
    task: Annotated[Path | None, typer.Argument(help="A task file (TOML).")] = None,
    model: Annotated[
        Path | None, typer.Option(callback=as_utf8, help="The model to start from; random weights if left out.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="A table of labelled records.")] = None,
    template: Annotated[str | None, typer.Option(help="The prompt and its answer.")] = None,
    output: Output = Path("runs/finetune"),
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")] = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune a model on labelled DNA; writes the model, test predictions, metrics and a report."""
    from dnagpt.runs.finetuning.run import finetune as run

    taught = run(task, model, output, overrides or [], table=table, template=template, resume=resume, quiet=quiet)
    if is_first_process():
        print(taught)
