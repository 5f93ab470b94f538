"""`dnagpt import`: released weights into a model folder."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dnagpt.commands.options import as_utf8

app = typer.Typer()


@app.command("import", epilog="Example: dnagpt import dna_gpt0.1b_m.pth --variant 0.1b_m -o models/m")
def import_(
    weights: Annotated[Path, typer.Argument(help="A .pth file of the DNAGPT release.")],
    output: Annotated[Path, typer.Option("--output", "-o", callback=as_utf8, help="The model folder to write.")],
    variant: Annotated[
        Literal["0.1b_h", "0.1b_m", "3b_m", "classification", "regression"] | None,
        typer.Option(help="Which released file it is, where its shape does not tell."),
    ] = None,
    heads: Annotated[int | None, typer.Option(min=1, help="Attention heads, for a shape of your own.")] = None,
) -> None:
    """Read released DNAGPT weights into a model folder; nothing in the file is executed."""
    from dnagpt.runs.importing import import_weights

    print(import_weights(weights, output, variant=variant, heads=heads))
