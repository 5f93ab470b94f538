"""`dnagpt pretrain`: from genomes to a model that knows their language."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import Output, Overrides, Quiet
from dnagpt.runs.output_folder import is_first_process

app = typer.Typer()


@app.command(epilog="Example: dnagpt pretrain --fasta K=worm.fa.gz -o runs/worm --set training.steps=2000")
def pretrain(
    config: Annotated[Path | None, typer.Argument(help="A TOML file of settings.")] = None,
    fasta: Annotated[list[str] | None, typer.Option(help="A genome as LETTER=PATH. Repeatable.")] = None,
    output: Output = Path("runs/pretrain"),
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")] = False,
    quiet: Quiet = False,
) -> None:
    """Pre-train a model on genomes: next k-mer, GC content, sequence order."""
    from dnagpt.runs.pretraining import pretrain as run

    model = run(config, fasta or [], output, overrides or [], resume=resume, quiet=quiet)
    if is_first_process():
        print(model)
