"""`dnagpt generate`: new sequences, or haplotypes."""

from typing import Annotated

import typer

from dnagpt.commands.options import MOST_SEED, ModelFolder, Precision, Quiet, as_utf8
from dnagpt.errors import InputError

app = typer.Typer()


@app.command(
    epilog="Haplotypes: dnagpt generate runs/panel/model -n 5000 -o genomes.vcf.gz. "
    "Example: dnagpt generate runs/worm/model '<K>{window?:sequence}' -n 10 --max-tokens 100 -o new.fa"
)
def generate(
    model: ModelFolder,
    template: Annotated[
        str | None, typer.Argument(help="A template that answers a sequence; without it, haplotypes of a task.")
    ] = None,
    count: Annotated[int | None, typer.Option("-n", help="How many sequences (1), or haplotypes.")] = None,
    task: Annotated[str | None, typer.Option(help="The task of haplotypes, where the model has several.")] = None,
    populations: Annotated[
        str | None, typer.Option(help="How many haplotypes of which population, EUR=1000,AFR=1000; else as trained.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The most tokens (k-mers) a sequence; else 100.")] = None,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 more diverse, 0 the likeliest.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Choose among so many likeliest tokens; 0 all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Choose among the likeliest that reach this probability.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The same seed gives the same sequences.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Sequences (64) or haplotypes (128) at once; it does not change them.")
    ] = None,
    precision: Precision = "float32",
    any_kmer: Annotated[
        bool, typer.Option("--any-kmer", help="Also k-mers with N and shorter ones, as the released code writes.")
    ] = False,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            callback=as_utf8,
            help="FASTA, - for standard output; haplotypes: .vcf[.gz], .bcf, .hapt.",
        ),
    ] = "-",
    quiet: Quiet = False,
) -> None:
    """Generate sequences that continue a prompt, as FASTA; or haplotypes, as phased VCF, BCF or .hapt."""
    from dnagpt.inference.sampling import Sampling

    sampling = Sampling(temperature, top_k, top_p)
    if template is None:
        from dnagpt.runs.haplotype_generation import generate_haplotype_file

        if max_tokens is not None or any_kmer:
            raise InputError(
                "--max-tokens and --any-kmer go with a template; haplotypes have the alleles of all sites."
            )
        generate_haplotype_file(
            model, output, task_name=task, count=count, populations=populations, sampling=sampling, seed=seed,
            batch_size=batch_size or 128, precision=precision, quiet=quiet,
        )  # fmt: skip
        return
    from dnagpt.runs.generation import generate_file

    if task is not None or populations is not None:
        raise InputError("--task and --populations are for haplotypes, which are generated without a template.")
    generate_file(
        model, template, output, count=1 if count is None else count,
        max_tokens=100 if max_tokens is None else max_tokens, sampling=sampling, seed=seed, batch_size=batch_size or 64,
        precision=precision, any_kmer=any_kmer, quiet=quiet,
    )  # fmt: skip
