"""The evaluation of a model on genomes or on a labelled table."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dnagpt.data.records.files import record_format
from dnagpt.data.records.settings import ReadingConfig
from dnagpt.data.records.sources import FileRecords
from dnagpt.errors import InputError
from dnagpt.evaluation.report.page import write_report
from dnagpt.model import fastest_device
from dnagpt.runs.finetuning.report import predict_with_progress, score_table
from dnagpt.runs.finetuning.tasks import refuse_single_class
from dnagpt.runs.genome_evaluation import PRETRAINING, evaluate_genomes
from dnagpt.runs.output_folder import locked_folder, results_together
from dnagpt.runs.outputs import write_metrics
from dnagpt.runs.prediction import read_for_model, reading, refuse_sequence_answers
from dnagpt.store.folder import load_model
from dnagpt.store.model import Model
from dnagpt.tasks import Task


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
    labelled = task_name not in (None, PRETRAINING) or (bool(model.tasks) and PRETRAINING not in model.tasks)
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
