"""Options that several verbs share."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from dnagpt.errors import InputError


def as_utf8(path: Path | str | None) -> Path | str | None:
    """Refuse the name of a result or a model folder that is not UTF-8: the libraries that open it take no other."""
    if path is not None and any("\ud800" <= letter <= "\udfff" for letter in os.fspath(path)):
        raise InputError(f"The name {path} is not UTF-8. Choose another name, or go there through a link.")
    return path


Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: section.key=value. Repeatable.")]
Reading = Annotated[
    list[str] | None,
    typer.Option("--set", help="How records are read: data.missing_values=[], data.columns.FIELD=COLUMN. Repeatable."),
]
Genome = Annotated[Path | None, typer.Option(help="The genome (FASTA, .2bit), where records are intervals.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Output = Annotated[Path, typer.Option("--output", "-o", callback=as_utf8, help="The run folder to write.")]
Precision = Annotated[
    Literal["float32", "bfloat16", "auto"],
    typer.Option(help="Matrix products in bfloat16 are faster and move probabilities by up to .01; auto: where fast."),
]
MOST_SEED = 2**32 - 1
ModelFolder = Annotated[Path, typer.Argument(callback=as_utf8, help="A model folder, such as runs/demo/signals/model.")]
