"""`dnagpt export`: a model folder in the layout of others, or with an adapter merged into it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dnagpt.commands.options import ModelFolder, as_utf8

app = typer.Typer()


@app.command(epilog="Example: dnagpt export models/m --to released -o dna_gpt0.1b_m.pth")
def export(
    model: ModelFolder,
    to: Annotated[Literal["released", "hf", "dnagpt"], typer.Option(help="The layout to write.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", callback=as_utf8, help="The .pth file, or the folder, to write.")
    ],
    merge_lora: Annotated[
        Path | None, typer.Option(help="An adapter as PEFT saves it, to be merged (with --to dnagpt).")
    ] = None,
) -> None:
    """Write a model as released weights, as a Hugging Face folder, or with an adapter merged into it."""
    from dnagpt.runs.exporting import export as run

    print(run(model, output, to=to, adapter=merge_lora))
