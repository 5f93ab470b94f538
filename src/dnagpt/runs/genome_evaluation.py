"""How well a model knows a genome: bits per base next to Markov models, GC content, reading order."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dnagpt.baselines.markov import markov_bits_per_base
from dnagpt.data.corpus import CorpusConfig, Species, SpeciesSource, open_corpus
from dnagpt.data.windows import every_second_reversed, tiles, usable_windows, window_bases
from dnagpt.errors import InputError
from dnagpt.evaluation.plots.matrices import confusion_plot
from dnagpt.evaluation.plots.numbers import prediction_plot
from dnagpt.evaluation.report.page import Figure, Headline, Section, Table
from dnagpt.inference.genome_score import GenomeScore, score_windows
from dnagpt.runs.pretraining import known_letter, objective_metrics
from dnagpt.runs.progress import counting
from dnagpt.store.model import Model
from dnagpt.tasks import Task

PRETRAINING = "pretraining"


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
    task = model.task(PRETRAINING)
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
            prediction_plot(score.gc_true, score.gc_predicted), "GC content of windows, predicted against true."
        )
        sections.append(Section("GC content", figures=(figure,)))
    if len(score.reversed_probability):
        called = (score.reversed_probability > 0.5).astype(int)
        confusion = np.zeros((2, 2), dtype=int)
        np.add.at(confusion, (score.reversed_true, called), 1)
        figure = Figure(confusion_plot(confusion, ("as it is", "reversed")), "Reading order of windows.")
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
