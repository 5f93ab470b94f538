"""`dnagpt demo`: the whole path in a few minutes."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import Quiet, as_utf8

app = typer.Typer()


@app.command(epilog="Example: dnagpt demo -o runs/demo")
def demo(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", callback=as_utf8, help="The folder to write; runs/demo, or a number behind it."),
    ] = None,
    fasta: Annotated[list[str] | None, typer.Option(help="Your own genomes instead: LETTER=PATH. Repeatable.")] = None,
    quiet: Quiet = False,
) -> None:
    """Show everything in two minutes on simulated data: pre-train, fine-tune, generate, compare, report."""
    from dnagpt.runs.demo import demo as run

    run(output, fasta or [], quiet=quiet)
