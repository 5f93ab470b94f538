"""`dnagpt evaluate`: how well a model knows a genome, or answers a labelled table."""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dnagpt.checkpoint import Model, load_model
from dnagpt.commands.output_folder import locked_folder, results_together
from dnagpt.commands.predict import read_for_model, reading, refuse_sequence_answers
from dnagpt.commands.pretrain import known_letter, objective_metrics
from dnagpt.commands.progress import counting
from dnagpt.commands.results import write_metrics
from dnagpt.commands.task_records import refuse_single_class
from dnagpt.commands.task_report import predict_with_progress, score_table
from dnagpt.data.corpus import CorpusConfig, Species, SpeciesSource, open_corpus
from dnagpt.data.files import record_format
from dnagpt.data.settings import ReadingConfig
from dnagpt.data.sources import FileRecords
from dnagpt.data.windows import every_second_reversed, tiles, usable_windows, window_bases
from dnagpt.errors import InputError
from dnagpt.evaluation import plots
from dnagpt.evaluation.markov import markov_bits_per_base
from dnagpt.evaluation.report import Figure, Headline, Section, Table, write_report
from dnagpt.inference.genome_score import GenomeScore, score_windows
from dnagpt.model import fastest_device
from dnagpt.tasks import Task

_PRETRAINING = "pretraining"


def evaluate(
    model_folder: Path, inputs: Sequence[Path], output: Path | None, *, task_name: str | None, species: str,
    held_out: float, train: Path | None, max_order: int, genome: Path | None = None, overrides: Sequence[str] = (),
    precision: str = "float32", quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    """Evaluate a model on genomes (FASTA, .2bit) or on one file of labelled records; write metrics.json, report.html.

    FASTA holds labelled records where a task is named that is not the pre-training, or where the model has no other.
    """
    with locked_folder(output) if output is not None else nullcontext():
        return _evaluate(
            model_folder, inputs, output, task_name=task_name, species=species, held_out=held_out, train=train,
            max_order=max_order, config=reading(genome, overrides), precision=precision, quiet=quiet,
        )  # fmt: skip


def _evaluate(
    model_folder: Path, inputs: Sequence[Path], output: Path | None, *, task_name: str | None, species: str,
    held_out: float, train: Path | None, max_order: int, config: ReadingConfig, precision: str, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    model = load_model(model_folder, device=fastest_device())
    labelled = task_name not in (None, _PRETRAINING) or (bool(model.tasks) and _PRETRAINING not in model.tasks)
    genomes = [path for path in inputs if _is_genome(path, labelled=labelled)]
    if genomes and len(genomes) < len(inputs):
        raise InputError("Genomes and tables cannot be evaluated together. Call `dnagpt evaluate` once for each.")
    if genomes:
        metrics, sections, headlines = evaluate_genomes(
            model, genomes, species, held_out, max_order, precision=precision, quiet=quiet
        )
    elif len(inputs) == 1:
        metrics, sections, headlines = _evaluate_table(
            model, inputs[0], train, task_name, config, precision=precision, quiet=quiet
        )
    else:
        raise InputError("Give one file of labelled records, or genomes as FASTA or .2bit files.")
    if output is not None:
        about = f"{model_folder} on {', '.join(path.name for path in inputs)}"
        with results_together(output) as staged:
            report = staged / "report.html"
            write_report(report, "Evaluation", about, sections, model.provenance, headlines=headlines)
            write_metrics(metrics, staged)
    return metrics


def _is_genome(path: Path, *, labelled: bool) -> bool:
    """Whether a file is a genome to be scored; `labelled` says that FASTA holds records of a task."""
    return path.name.lower().endswith(".2bit") or (not labelled and record_format(path) == "fasta")


def _evaluate_table(
    model: Model,
    path: Path,
    train: Path | None,
    task_name: str | None,
    config: ReadingConfig,
    *,
    precision: str,
    quiet: bool,
) -> Any:
    task = model.task(task_name)
    refuse_sequence_answers(task)
    found = _labelled_records(model, task, path, config)
    known = _labelled_records(model, task, train, config).records if train else []
    refuse_single_class(task, known, f"The records of {train}")
    predictions = predict_with_progress(model, task, found.records, found.names, precision=precision, quiet=quiet)
    return score_table(task, known, found.records, predictions)


def _labelled_records(model: Model, task: Task, path: Path, config: ReadingConfig) -> FileRecords:
    """Read a file with its answers, every one of which the task can read."""
    found = read_for_model(model, task, path, config, task.template.columns)
    for where, record in zip(found.names, found.records, strict=True):
        task.rows(model.vocabulary, record, where=where)
    return found


def evaluate_genomes(
    model: Model,
    paths: Sequence[Path],
    species: str,
    held_out: float,
    max_order: int,
    *,
    precision: str = "float32",
    quiet: bool,
) -> tuple[dict[str, Any], list[Section], list[Headline]]:
    """Score the last part of every contig, beside Markov models fitted on the part before it."""
    if not 0 < held_out < 1:
        raise InputError(f"--held-out {held_out:g} is no part of a contig. Give a number between 0 and 1, such as 0.1.")
    known_letter(model.vocabulary, species, ", ".join(map(str, paths)))
    sources = tuple(SpeciesSource(letter=species, path=path) for path in paths)
    corpus = open_corpus(CorpusConfig(species=sources, held_out_fraction=held_out))
    metrics, turned = corpus_metrics(model, corpus, max_order=max_order, precision=precision, quiet=quiet)
    return metrics, genome_sections(metrics, turned), genome_headlines(metrics)


def corpus_metrics(
    model: Model, corpus: Sequence[Species], *, max_order: int, precision: str = "float32", quiet: bool
) -> tuple[dict[str, Any], GenomeScore]:
    """Score the held-out stretches of a corpus; the score given back has windows of both reading orders.

    With overlap, each window's first half is context only, so every base but the first few is foreseen from half a
    window of bases or more; without, windows lie end to end and each begins with no context.
    """
    task = model.task(_PRETRAINING)
    length = window_bases(task, model.vocabulary, model.network.config.context)
    k = model.vocabulary.k
    half = length // 2 // k * k
    score = partial(_score, model, task, corpus, length, precision=precision, quiet=quiet)
    overlapping = score(stride=length - half, skip=half, turn=False)
    plain = score(stride=length, skip=0, turn=False)
    turned = score(stride=length, skip=0, turn=True)
    training, test = ([one.codes(i) for one in corpus for i in getattr(one, part)] for part in ("training", "held_out"))
    markov = markov_bits_per_base(training, test, orders=range(1, max_order + 1))
    metrics: dict[str, Any] = {
        "bits_per_base": overlapping.bits_per_base,
        "bases": overlapping.bases,
        "bits_per_base_without_overlap": plain.bits_per_base,
        "bases_without_overlap": plain.bases,
        "windows": len(turned.gc_true),
        "window_bases": length,
        **objective_metrics([turned]),
        "markov_bits_per_base": {str(order): bits for order, bits in markov.items()},
    }
    return metrics, turned


def _score(
    model: Model, task: Task, corpus: Sequence[Species], length: int, *, precision: str, quiet: bool, stride: int,
    skip: int, turn: bool,
) -> GenomeScore:  # fmt: skip
    usable = usable_windows(model.vocabulary, length, CorpusConfig.model_fields["unknown_fraction"].default)
    windows = [window for one in corpus for window in tiles(one, length, usable=usable, stride=stride)]
    windows = every_second_reversed(windows) if turn else windows
    if not windows:
        raise InputError(
            f"No held-out stretch holds a window of {length:,} bases with at most 5 % N. "
            "Give a longer genome, or hold out a larger part (--held-out)."
        )
    with counting("Scoring", len(windows), unit="windows", quiet=quiet) as done:
        return score_windows(model, task, windows, skip=skip, precision=precision, done=done)


def genome_sections(metrics: dict[str, Any], score: GenomeScore) -> list[Section]:
    """Lay out what a model knows of a genome: a table beside Markov models, GC content, reading order."""
    rows = [(f"Markov order {order}", bits) for order, bits in metrics["markov_bits_per_base"].items()]
    rows = [
        ("this model, windows that overlap by half", metrics["bits_per_base"]),
        ("this model, windows end to end", metrics["bits_per_base_without_overlap"]),
        *rows,
    ]
    language = Section(
        "Next k-mer",
        "Bits per base on the held-out sequence: lower is better, and guessing at random takes 2. "
        "The Markov models were fitted on the training part of the same genomes.",
        tables=(Table(("Method", "Bits per base"), tuple(rows)),),
    )
    sections = [language]
    if len(score.gc_predicted):
        figure = Figure(
            plots.prediction_plot(score.gc_true, score.gc_predicted), "GC content of windows, predicted against true."
        )
        sections.append(Section("GC content", figures=(figure,)))
    if len(score.reversed_probability):
        called = (score.reversed_probability > 0.5).astype(int)
        confusion = np.zeros((2, 2), dtype=int)
        np.add.at(confusion, (score.reversed_true, called), 1)
        figure = Figure(plots.confusion_plot(confusion, ("as it is", "reversed")), "Reading order of windows.")
        sections.append(Section("Sequence order", figures=(figure,)))
    return sections


def genome_headlines(metrics: dict[str, Any]) -> list[Headline]:
    """Sum up what a model knows of a genome in up to three numbers."""
    beside = [f"best Markov model {bits:.4f}" for bits in sorted(metrics["markov_bits_per_base"].values())]
    found = [Headline("bits per base", f"{metrics['bits_per_base']:.4f}", "".join(beside[:1]))]
    if "gc_mean_absolute_error" in metrics:
        found.append(Headline("GC mean absolute error", f"{metrics['gc_mean_absolute_error']:.4f}", ""))
    if "order_accuracy" in metrics:
        found.append(Headline("order accuracy", f"{metrics['order_accuracy']:.3f}", "0.5 is chance"))
    return found
