"""`dnagpt evaluate`: how well a model knows a genome, or answers a labelled table."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import Genome, ModelFolder, Precision, Quiet, Reading, as_utf8

app = typer.Typer()


@app.command(epilog="Example: dnagpt evaluate runs/worm/model genome.fa --species K -o runs/worm/evaluation")
def evaluate(
    model: ModelFolder,
    inputs: Annotated[list[Path], typer.Argument(help="Genomes (FASTA, .2bit), or labelled records.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=as_utf8, help="A folder for report.html, metrics.json.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="The task, for labelled records.")] = None,
    species: Annotated[str, typer.Option(help="The species' letter, for genomes.")] = "R",
    held_out: Annotated[float, typer.Option(help="The last part of each contig that is scored.")] = 0.1,
    train: Annotated[Path | None, typer.Option(help="The table to fit the baselines on.")] = None,
    max_order: Annotated[
        int, typer.Option(min=0, max=10, help="The highest order of Markov models beside the model.")
    ] = 8,
    genome: Genome = None,
    overrides: Reading = None,
    precision: Precision = "float32",
    quiet: Quiet = False,
) -> None:
    """Evaluate a model: bits per base, GC and order on genomes; accuracy, MCC and the rest on a table."""
    from dnagpt.runs.evaluation import evaluate as run

    metrics = run(
        model, inputs, output, task_name=task, species=species, held_out=held_out, train=train,
        max_order=max_order, genome=genome, overrides=overrides or [], precision=precision, quiet=quiet,
    )  # fmt: skip
    print(json.dumps(metrics, indent=1))
