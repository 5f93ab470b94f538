"""`dnagpt demo`: the whole path in a few minutes, on small simulated data that ships with the package."""

import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as ConsoleTable

from dnagpt.checkpoint import Model, load_model
from dnagpt.commands.evaluate import corpus_metrics, genome_headlines, genome_sections
from dnagpt.commands.finetune import run_finetuning
from dnagpt.commands.finetune_settings import FinetuneSettings
from dnagpt.commands.pretrain import PretrainSettings, named_species, run_pretraining
from dnagpt.commands.results import write_metrics
from dnagpt.commands.task_report import Finetuned, learning_curves
from dnagpt.data.corpus import CorpusConfig, SpeciesSource, open_corpus
from dnagpt.errors import InputError
from dnagpt.evaluation.kmers import gc_content
from dnagpt.evaluation.report import Figure, Headline, Section, Table, write_report
from dnagpt.genome.fasta_writer import write_fasta
from dnagpt.genome.files import atomic_write
from dnagpt.genome.index import open_genome
from dnagpt.genome.sequences import SequenceRecord
from dnagpt.inference.sampling import Sampling
from dnagpt.inference.templates import generate_sequences

SPECIES = {"R": "human-like", "S": "mouse-like", "O": "fly-like", "K": "worm-like"}
SIMULATED = (
    "The genomes and the signal table of this report are simulated: they show that the whole path works, "
    "and say nothing of how well it works on real DNA."
)
_PRETRAINING: dict[str, Any] = {
    "vocabulary": "dna-4mers",
    "model": {"preset": "tiny", "context": 256},
    "training": {
        "steps": 500, "batch_size": 16, "learning_rate": 2e-3, "warmup_steps": 50, "validate_every": 100,
        "checkpoint_every": 250, "weights": {"reversed": 0.2}, "metric": "bits_per_base",
    },
    "validation_windows": 80,
}  # fmt: skip
_FINETUNING: dict[str, Any] = {
    "name": "signals",
    "template": "<R>{sequence}<=><B>{label?:boolean}",
    "epochs": 4,
    "beside": ("gc", "kmers", "cnn"),
    "training": {"batch_size": 32, "learning_rate": 1e-3, "weight_decay": 0.1, "metric": "accuracy"},
}
GENERATED = 20
GENERATED_TOKENS = 75


def demo(output: Path | None, fasta: Sequence[str], *, quiet: bool) -> None:
    """Pre-train, fine-tune, predict, generate and report; ends with a table and the path of the report."""
    output = output or _free_folder(Path("runs/demo"))
    users = [named_species(text) for text in fasta]
    if output.is_dir() and any(output.iterdir()):
        raise InputError(f"The folder {output} is not empty. Remove it, or name another one with -o.")
    begun = time.monotonic()
    with ExitStack() as stack:
        data = stack.enter_context(as_file(files("dnagpt") / "demo_data"))
        corpus = CorpusConfig.model_validate({"species": users}) if users else _simulated_corpus(data, output)
        with _step("Pre-training on " + ", ".join(one.label for one in corpus.species), quiet=quiet):
            pretraining = PretrainSettings.model_validate({**_PRETRAINING, "corpus": corpus})
            pretrained = run_pretraining(pretraining, output / "pretraining", resume=False, quiet=quiet)
        with _step("Fine-tuning on the signal table", quiet=quiet):
            table = {"table": data / "signals.csv.gz", "split_column": "split"}
            finetuning = FinetuneSettings.model_validate({**_FINETUNING, "data": table})
            taught = run_finetuning(finetuning, pretrained, output / "signals", resume=False, quiet=quiet)
        with _step("Predicting, generating, reporting", quiet=quiet):
            metrics, sections, headlines = _results(pretrained, taught, corpus, output, simulated=not fasta)
    _write(output, metrics, sections, headlines, simulated=not fasta, seconds=time.monotonic() - begun)
    _closing_table(metrics, output, time.monotonic() - begun)


def _simulated_corpus(data: Path, output: Path) -> CorpusConfig:
    """Hold out the third contig of every species: contigs of one number are related across species."""
    sources = []
    for letter, label in SPECIES.items():
        path = data / f"simulated_{letter}.fa.gz"
        last = open_genome(path).contigs[-1]
        bed = output / "held_out" / f"simulated_{letter}.bed"
        with atomic_write(bed) as handle:
            handle.write(f"{last.name}\t0\t{last.length}\n".encode())
        sources.append(SpeciesSource(letter=letter, path=path, name=f"{label} (simulated)", held_out=bed))
    return CorpusConfig(species=tuple(sources))


def _free_folder(wanted: Path) -> Path:
    """Give the folder, or the first numbered one beside it where it is taken."""
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in count(2))
    return wanted if not wanted.exists() else next(path for path in numbered if not path.exists())


@contextmanager
def _step(what: str, *, quiet: bool) -> Iterator[None]:
    if not quiet:
        print(f"{what} ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    yield
    if not quiet:
        print(f"  done in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def _results(
    pretrained: Path, taught: Finetuned, corpus: CorpusConfig, output: Path, *, simulated: bool
) -> tuple[dict[str, Any], list[Section], list[Headline]]:
    model = load_model(pretrained)
    genome_metrics, score = corpus_metrics(model, open_corpus(corpus), max_order=6, quiet=True)
    sections = [
        Section(
            "Pre-training",
            figures=(
                Figure(
                    learning_curves(output / "pretraining" / "metrics.jsonl"),
                    "Loss of each objective: next k-mer (window), GC content (gc), sequence order (reversed).",
                ),
            ),
        )
    ]
    sections += genome_sections(genome_metrics, score)
    sections += taught.sections
    shutil.copyfile(output / "signals" / "predictions.csv", output / "predictions.csv")
    sequences = _generate(model, output, "simulated training data; " if simulated else "")
    sections.append(_generated_section(sequences))
    headlines = [*genome_headlines(genome_metrics), *taught.headlines]
    return (
        {
            "genomes": genome_metrics,
            "signals": {"label": taught.metrics["tasks"]["signals"]["scores"]["test"]["label"]},
            "generated": len(sequences),
        },
        sections,
        headlines,
    )


def _generate(model: Model, output: Path, note: str) -> list[str]:
    sequences = generate_sequences(
        model, "<R>{window?:sequence}", count=GENERATED, max_tokens=GENERATED_TOKENS, sampling=Sampling(), seed=0
    )
    records = [
        SequenceRecord(f"generated_{number}", f"{note}template=<R>{{window?:sequence}} seed=0", sequence)
        for number, sequence in enumerate(sequences, start=1)
    ]
    write_fasta(records, output / "generated.fa")
    return sequences


def _generated_section(sequences: Sequence[str]) -> Section:
    gc = gc_content(sequences)
    rows = tuple(
        (f"generated_{n}", len(s), float(gc[n - 1]), s[:60] + "...") for n, s in enumerate(sequences[:8], start=1)
    )
    text = (
        f"{len(sequences)} sequences were generated from the prompt <R>, temperature 1. Their GC content is "
        f"{np.mean(gc):.3f} on average (standard deviation {np.std(gc):.3f}). All of them are in generated.fa."
    )
    return Section("Generated sequences", text, tables=(Table(("Name", "Bases", "GC", "Begins"), rows),))


def _write(
    output: Path, metrics: dict[str, Any], sections: Sequence[Section], headlines: Sequence[Headline], *,
    simulated: bool, seconds: float,
) -> None:  # fmt: skip
    notice = SIMULATED if simulated else "The signal table of this report is simulated; the genomes are yours."
    provenance = json.loads((output / "signals" / "model" / "provenance.json").read_text())
    write_report(
        output / "report.html", "dnagpt demo", f"From genome to answer in {seconds / 60:.1f} minutes", sections,
        provenance, notices=(notice,), headlines=headlines,
    )  # fmt: skip
    write_metrics({**metrics, "seconds": round(seconds)}, output)


def _closing_table(metrics: dict[str, Any], output: Path, seconds: float) -> None:
    genomes, signals = metrics["genomes"], metrics["signals"]["label"]
    table = ConsoleTable("what", "model", "beside it")
    best = min(genomes["markov_bits_per_base"].values())
    table.add_row("bits per base, held out", f"{genomes['bits_per_base']:.3f}", f"{best:.3f} best Markov model")
    table.add_row("GC mean absolute error", f"{genomes['gc_mean_absolute_error']:.4f}", "")
    table.add_row("order accuracy", f"{genomes['order_accuracy']:.3f}", "0.500 chance")
    kmer, gc = signals["4-mer logistic regression"]["accuracy"], signals["GC content only"]["accuracy"]
    table.add_row(
        "signal accuracy, test", f"{signals['model']['accuracy']:.3f}", f"{kmer:.3f} 4-mers, {gc:.3f} GC only"
    )
    table.add_row("sequences generated", str(metrics["generated"]), "")
    Console().print(table)
    print(f"{seconds:.0f} s. Report: {output / 'report.html'}")
