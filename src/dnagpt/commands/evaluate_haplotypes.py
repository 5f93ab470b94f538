"""`dnagpt evaluate-haplotypes`: generated haplotypes of any origin next to real ones."""

from pathlib import Path
from typing import Annotated

import typer

from dnagpt.commands.options import MOST_SEED, Quiet, as_utf8

app = typer.Typer()


@app.command(
    epilog="Example: dnagpt evaluate-haplotypes real.vcf.gz mine=out.vcf.gz gan.vcf.gz --held-out people.txt "
    "-o runs/genomes"
)
def evaluate_haplotypes(
    real: Annotated[Path, typer.Argument(help="Real haplotypes: .vcf[.gz], .bcf, .hapt[.gz|.zip], .hap, .trees.")],
    generated: Annotated[list[str], typer.Argument(help="Generated haplotypes, as PATH or NAME=PATH.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", callback=as_utf8, help="A folder for report.html, metrics.json, scores.csv."),
    ],
    held_out: Annotated[
        Path | None, typer.Option(help="Whom no model was trained on: haplotypes, or a list of real people (.txt).")
    ] = None,
    training: Annotated[
        Path | None, typer.Option(help="Whom models were trained on, likewise; without it, all real people but those.")
    ] = None,
    legend: Annotated[Path | None, typer.Option(help="The sites of .hapt and .hap files: id position a0 a1.")] = None,
    region: Annotated[
        str | None, typer.Option(help="This region alone, as 15:66,200,000-66,300,000, ends included.")
    ] = None,
    minimum_frequency: Annotated[
        float, typer.Option(help="Only sites whose rarer allele is as frequent among the real haplotypes.")
    ] = 0.0,
    populations: Annotated[Path | None, typer.Option(help="A table of real people and their populations.")] = None,
    population_column: Annotated[str | None, typer.Option(help="The column of that table.")] = None,
    generated_populations: Annotated[
        list[str] | None, typer.Option(help="The same of a generated set: NAME=TABLE, or TABLE for a single set.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Also compare baselines, and halves of the real people.")
    ] = True,
    genetic_map: Annotated[
        Path | None, typer.Option(help="A genetic map, for Li-Stephens mosaics; else 1 centimorgan a million bases.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="How files are read, as in [data.haplotypes] of a task file: missing=drop-sites."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The same seed gives the same numbers.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Compare generated haplotypes, of any origin, with real ones: quality, privacy, baselines."""
    from dnagpt.evaluation.report.haplotypes import short_table
    from dnagpt.runs.haplotype_evaluation import evaluate_haplotypes as run
    from dnagpt.runs.haplotype_sets import set_files
    from dnagpt.runs.outputs import print_table

    files = set_files(
        real, generated, training=training, held_out=held_out, legend=legend, region=region,
        minimum_frequency=minimum_frequency, populations=populations, population_column=population_column,
        generated_populations=generated_populations or [], settings=overrides or [],
    )  # fmt: skip
    compared = run(files, output, with_baselines=baselines, genetic_map=genetic_map, seed=seed, quiet=quiet)
    print_table(short_table(compared))
