"""The command line: parse, dispatch, exit codes (0 done, 2 the input is wrong, 1 anything else)."""

import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from dnagpt.commands.output_folder import is_first_process
from dnagpt.errors import DnagptError, InputError, visible

app = typer.Typer(
    name="dnagpt",
    help="DNA language models: pre-train, fine-tune, predict and generate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _as_utf8(path: Path | str | None) -> Path | str | None:
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
Output = Annotated[Path, typer.Option("--output", "-o", callback=_as_utf8, help="The run folder to write.")]
Precision = Annotated[
    Literal["float32", "bfloat16", "auto"],
    typer.Option(help="Matrix products in bfloat16 are faster and move probabilities by up to .01; auto: where fast."),
]
MOST_SEED = 2**32 - 1
ModelFolder = Annotated[
    Path, typer.Argument(callback=_as_utf8, help="A model folder, such as runs/demo/signals/model.")
]


@app.command(epilog="Example: dnagpt demo -o runs/demo")
def demo(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", callback=_as_utf8, help="The folder to write; runs/demo, or a number behind it."
        ),
    ] = None,
    fasta: Annotated[list[str] | None, typer.Option(help="Your own genomes instead: LETTER=PATH. Repeatable.")] = None,
    quiet: Quiet = False,
) -> None:
    """Show everything in two minutes on simulated data: pre-train, fine-tune, generate, compare, report."""
    from dnagpt.commands.demo import demo as run

    run(output, fasta or [], quiet=quiet)


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
    from dnagpt.commands.pretrain import pretrain as run

    model = run(config, fasta or [], output, overrides or [], resume=resume, quiet=quiet)
    if is_first_process():
        print(model)


@app.command(
    epilog="Example: dnagpt finetune --table sites.csv --template '<R>{sequence}<=><B>{label?:boolean}' "
    "--model runs/worm/model -o runs/sites"
)
def finetune(
    task: Annotated[Path | None, typer.Argument(help="A task file (TOML).")] = None,
    model: Annotated[
        Path | None, typer.Option(callback=_as_utf8, help="The model to start from; random weights if left out.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="A table of labelled records.")] = None,
    template: Annotated[str | None, typer.Option(help="The prompt and its answer.")] = None,
    output: Output = Path("runs/finetune"),
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")] = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune a model on labelled DNA; writes the model, test predictions, metrics and a report."""
    from dnagpt.commands.finetune import finetune as run

    taught = run(task, model, output, overrides or [], table=table, template=template, resume=resume, quiet=quiet)
    if is_first_process():
        print(taught)


@app.command(epilog="Example: dnagpt predict runs/sites/model new.csv -o answers.csv")
def predict(
    model: ModelFolder,
    table: Annotated[
        Path, typer.Argument(help="CSV, TSV, Parquet, JSON lines, HDF5, BED, FASTA, or a folder of FASTA or text.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", callback=_as_utf8, help="The table to write; - for standard output.")
    ] = "-",
    task: Annotated[str | None, typer.Option(help="The task, where the model has several.")] = None,
    genome: Genome = None,
    overrides: Reading = None,
    precision: Precision = "float32",
    quiet: Quiet = False,
) -> None:
    """Answer for every row of a table: its columns stay, the answer and its probability are added."""
    from dnagpt.commands.predict import predict_file

    predict_file(
        model, table, output, task_name=task, genome=genome, overrides=overrides or [], precision=precision, quiet=quiet
    )


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
            callback=_as_utf8,
            help="FASTA, - for standard output; haplotypes: .vcf[.gz], .bcf, .hapt.",
        ),
    ] = "-",
    quiet: Quiet = False,
) -> None:
    """Generate sequences that continue a prompt, as FASTA; or haplotypes, as phased VCF, BCF or .hapt."""
    from dnagpt.inference.sampling import Sampling

    sampling = Sampling(temperature, top_k, top_p)
    if template is None:
        from dnagpt.commands.generate_haplotypes import generate_haplotype_file

        if max_tokens is not None or any_kmer:
            raise InputError(
                "--max-tokens and --any-kmer go with a template; haplotypes have the alleles of all sites."
            )
        generate_haplotype_file(
            model, output, task_name=task, count=count, populations=populations, sampling=sampling, seed=seed,
            batch_size=batch_size or 128, precision=precision, quiet=quiet,
        )  # fmt: skip
        return
    from dnagpt.commands.generate import generate_file

    if task is not None or populations is not None:
        raise InputError("--task and --populations are for haplotypes, which are generated without a template.")
    generate_file(
        model, template, output, count=1 if count is None else count,
        max_tokens=100 if max_tokens is None else max_tokens, sampling=sampling, seed=seed, batch_size=batch_size or 64,
        precision=precision, any_kmer=any_kmer, quiet=quiet,
    )  # fmt: skip


@app.command(epilog="Example: dnagpt evaluate runs/worm/model genome.fa --species K -o runs/worm/evaluation")
def evaluate(
    model: ModelFolder,
    inputs: Annotated[list[Path], typer.Argument(help="Genomes (FASTA, .2bit), or labelled records.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=_as_utf8, help="A folder for report.html, metrics.json.")
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
    from dnagpt.commands.evaluate import evaluate as run

    metrics = run(
        model, inputs, output, task_name=task, species=species, held_out=held_out, train=train,
        max_order=max_order, genome=genome, overrides=overrides or [], precision=precision, quiet=quiet,
    )  # fmt: skip
    print(json.dumps(metrics, indent=1))


@app.command(
    epilog="Example: dnagpt evaluate-haplotypes real.vcf.gz mine=out.vcf.gz gan.vcf.gz --held-out people.txt "
    "-o runs/genomes"
)
def evaluate_haplotypes(
    real: Annotated[Path, typer.Argument(help="Real haplotypes: .vcf[.gz], .bcf, .hapt[.gz|.zip], .hap, .trees.")],
    generated: Annotated[list[str], typer.Argument(help="Generated haplotypes, as PATH or NAME=PATH.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", callback=_as_utf8, help="A folder for report.html, metrics.json, scores.csv."),
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
    from dnagpt.commands.console_table import print_table
    from dnagpt.commands.evaluate_haplotypes import evaluate_haplotypes as run
    from dnagpt.commands.haplotype_sets import set_files
    from dnagpt.evaluation.haplotype_numbers import short_table

    files = set_files(
        real, generated, training=training, held_out=held_out, legend=legend, region=region,
        minimum_frequency=minimum_frequency, populations=populations, population_column=population_column,
        generated_populations=generated_populations or [], settings=overrides or [],
    )  # fmt: skip
    compared = run(files, output, with_baselines=baselines, genetic_map=genetic_map, seed=seed, quiet=quiet)
    print_table(short_table(compared))


@app.command(epilog="Example: dnagpt runs runs/human runs/mouse --score mcc -o runs/species")
def runs(
    folders: Annotated[list[Path], typer.Argument(help="Folders of finished fine-tunings.")],
    score: Annotated[str, typer.Option(help="The score to set beside one another.")] = "accuracy",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=_as_utf8, help="A folder for report.html.")
    ] = None,
) -> None:
    """Set several fine-tunings beside one another: one row per model, one column per test set."""
    from dnagpt.commands.console_table import print_table
    from dnagpt.commands.several_runs import compare_runs

    print_table(compare_runs(folders, output, score=score))


@app.command("import", epilog="Example: dnagpt import dna_gpt0.1b_m.pth --variant 0.1b_m -o models/m")
def import_(
    weights: Annotated[Path, typer.Argument(help="A .pth file of the DNAGPT release.")],
    output: Annotated[Path, typer.Option("--output", "-o", callback=_as_utf8, help="The model folder to write.")],
    variant: Annotated[
        Literal["0.1b_h", "0.1b_m", "3b_m", "classification", "regression"] | None,
        typer.Option(help="Which released file it is, where its shape does not tell."),
    ] = None,
    heads: Annotated[int | None, typer.Option(min=1, help="Attention heads, for a shape of your own.")] = None,
) -> None:
    """Read released DNAGPT weights into a model folder; nothing in the file is executed."""
    from dnagpt.commands.import_weights import import_weights

    print(import_weights(weights, output, variant=variant, heads=heads))


@app.command(epilog="Example: dnagpt export models/m --to released -o dna_gpt0.1b_m.pth")
def export(
    model: ModelFolder,
    to: Annotated[Literal["released", "hf", "dnagpt"], typer.Option(help="The layout to write.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", callback=_as_utf8, help="The .pth file, or the folder, to write.")
    ],
    merge_lora: Annotated[
        Path | None, typer.Option(help="An adapter as PEFT saves it, to be merged (with --to dnagpt).")
    ] = None,
) -> None:
    """Write a model as released weights, as a Hugging Face folder, or with an adapter merged into it."""
    from dnagpt.commands.export import export as run

    print(run(model, output, to=to, adapter=merge_lora))


class _Visible(logging.Formatter):
    """Writes what is logged so that names from files cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends in a sentence and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    _prepare_streams(debug=debug)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: busy cores stall waiting threads otherwise
    try:
        sys.exit(app(given, standalone_mode=True))
    except Exception as error:
        if debug:
            raise
        known = _known(error)
        print(f"dnagpt: {known}", file=sys.stderr)
        sys.exit(known.exit_code)


def _prepare_streams(*, debug: bool) -> None:
    """Let messages show every name of a file, also one that is not UTF-8, and none steer the terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible("%(message)s"))
    level = logging.INFO if debug else logging.WARNING if is_first_process() else logging.ERROR
    logging.basicConfig(level=level, handlers=[handler])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a path comes out as the bytes that it has


def _known(error: Exception) -> DnagptError:
    """Say what an error is in words: ours, too little memory, a name that is not UTF-8, or a fault of the program."""
    if isinstance(error, DnagptError):
        return error
    # torch tells a lack of memory by errors of its own, on a processor by the words alone
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    ):
        return DnagptError(
            "There is not enough memory for this. Give a smaller file or part of it, set smaller batches or a smaller "
            "network, or use a machine with more memory."
        )
    if isinstance(error, UnicodeEncodeError) and "surrogates not allowed" in error.reason:
        excerpt = error.object[max(0, error.start - 40) : error.end + 40]
        return InputError(
            f"A name is not UTF-8, and this result cannot hold it: ...{excerpt!r}... Rename the file or folder."
        )
    return DnagptError(
        f"this is a fault of dnagpt, not of your input: {type(error).__name__}: {error}. "
        "Run it again with --debug and report what it shows."
    )
