"""`dnagpt finetune`: from labelled records to a model that answers for new ones."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from dnagpt.checkpoint import Model, load_model
from dnagpt.commands.configuration import load_settings, settings_to_toml
from dnagpt.commands.pretrain import NetworkSettings, answer_losses, known_metric, save_best, show
from dnagpt.commands.progress import progress
from dnagpt.commands.provenance import provenance
from dnagpt.commands.task_report import refuse_single_class, report_task, true_classes
from dnagpt.data.batches import Batch, collate
from dnagpt.data.files import source_files
from dnagpt.data.labelled import PARTS, DataConfig, Labelled, Part, read_labelled
from dnagpt.data.order import EpochOrder
from dnagpt.errors import InputError
from dnagpt.evaluation.classification import classification_metrics
from dnagpt.evaluation.regression import regression_metrics
from dnagpt.evaluation.report import Headline, Section
from dnagpt.genome.files import atomic_write
from dnagpt.genome.stored_bytes import file_sha256
from dnagpt.inference.answers import read_answers
from dnagpt.inference.predict import fitting_rows
from dnagpt.language.template import Rows, Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT
from dnagpt.tasks import Task, Transform
from dnagpt.tasks.task import field_numbers
from dnagpt.training import Hooks, Objective, RunFolder, TrainingConfig, open_world, train


class FinetuneSettings(BaseModel):
    """Everything that decides a fine-tuning run: a task file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = "task"
    """What the task is called in the model."""
    template: str
    """The prompt and its answer, such as `<R>{sequence}<=><B>{label?:boolean}`."""
    data: DataConfig
    """The labelled records."""
    transforms: dict[str, str] = Field(default_factory=dict)
    """The scaling of number fields: `log10(x+0.1)`, `zscore`, or both."""
    vocabulary: str = "dna-3mers"
    """The vocabulary of a network that starts from random weights."""
    model: NetworkSettings = NetworkSettings()
    """The network that starts from random weights; of a pre-trained one, only the dropout can be set."""
    epochs: float = Field(default=10, gt=0)
    """How often each training record is seen, at most."""
    training: TrainingConfig = TrainingConfig()
    """The optimisation; steps, validate_every and checkpoint_every follow from the epochs where not given."""


@dataclass(frozen=True)
class Finetuned:
    """What a fine-tuning run came to."""

    model: Path
    """The folder of its best model."""
    metrics: Mapping[str, Any]
    """What metrics.json holds."""
    sections: Sequence[Section]
    """The scores as parts of a report."""
    headlines: Sequence[Headline]
    """The few numbers that sum them up."""


_OF_A_NEW_NETWORK = {"vocabulary": True, "model": set(NetworkSettings.model_fields) - {"dropout"}}
"""Settings that do not count where the network comes from a model folder."""

_DEFAULT_TRAINING = {"batch_size": 32, "learning_rate": 3e-4, "weight_decay": 0.1, "patience": 5, "number_weight": 1.0}


def finetune(
    task_file: Path | None, base: Path | None, output: Path, overrides: Sequence[str], *,
    table: Path | None = None, template: str | None = None, resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Fine-tune a model on the records of a task file, or of one table and a template."""
    if task_file is None and table is None and not any(text.startswith("data.") for text in overrides):
        raise InputError("There are no labelled records to learn from. Give --table and --template, or a task file.")
    defaults: dict[str, object] = {"training": _DEFAULT_TRAINING}
    if table is not None:
        defaults["data"] = {"table": str(table)}
    if template is not None:
        defaults["template"] = template
    settings = load_settings(FinetuneSettings, task_file, overrides, defaults)
    return run_finetuning(settings, base, output, resume=resume, quiet=quiet).model


def run_finetuning(
    settings: FinetuneSettings, base: Path | None, output: Path, *, resume: bool, quiet: bool
) -> Finetuned:
    """Carry out a fine-tuning run; the run folder gets the best model, its predictions, metrics and a report."""
    task = Task(settings.name, Template.parse(settings.template), _transforms(settings))
    if not task.template.answered:
        raise InputError(
            f"The template {task.template} answers nothing. Mark the answer with ?, as in {{label?:boolean}}."
        )
    labelled = read_labelled(settings.data, task)
    task = _fitted(task, labelled)
    network, vocabulary = _network(settings, base)
    taught = {**(load_model(base).tasks if base else {}), task.name: task}
    model = Model(
        network, vocabulary, taught, provenance("finetune", settings.model_dump(mode="json"), _digests(settings, base))
    )
    rows = {part: _rows(model, task, labelled, part) for part in PARTS}
    refuse_single_class(task, labelled.part("train"), "The training records")
    training = _schedule(settings, len(rows["train"]))
    answers = answer_losses(task, training)
    judged: Part = "validation" if rows["validation"] else "train"
    judged_rows, judged_records = rows[judged], labelled.part(judged)
    known_metric(training, lambda: _validation(model, task, judged_rows[:2], judged_records[:2], training.precision))
    order = EpochOrder(len(rows["train"]), training.seed)
    run = RunFolder(output)
    with open_world() as world, progress("Fine-tuning", training.steps, unit="steps", quiet=quiet) as track:
        resolved = settings.model_copy(update={"training": training})
        run.create(settings_to_toml(resolved, without=_OF_A_NEW_NETWORK if base else None), resume=resume)
        hooks = Hooks(
            batches=lambda samples: _batches(rows["train"], order, samples, vocabulary.pad_id),
            validate=lambda: _validation(model, task, judged_rows, judged_records, training.precision),
            save_best=lambda: save_best(model, run, world),
            report=lambda report: show(report, track),
        )
        train(Objective(network, answers), training, hooks, run, world)
    best = load_model(run.model)
    metrics, sections, headlines = report_task(best, task, labelled, run, settings.name, quiet=quiet)
    with atomic_write(output / "metrics.json") as handle:
        handle.write((json.dumps(metrics, indent=1) + "\n").encode())
    return Finetuned(run.model, metrics, sections, headlines)


def _transforms(settings: FinetuneSettings) -> dict[str, Transform]:
    return {name: Transform.parse(text) for name, text in settings.transforms.items()}


def _fitted(task: Task, labelled: Labelled) -> Task:
    """Fit means and deviations on the training records alone."""
    fields = {item.name: item for item in task.template.fields}
    fitted = {
        name: transform.fit(
            np.array(
                [
                    field_numbers(fields[name], labelled.records[place], labelled.names[place])
                    for place in labelled.parts["train"]
                ],
                dtype=np.float64,
            ),
            name=name,
        )
        for name, transform in task.transforms.items()
    }
    return Task(task.name, task.template, fitted)


def _network(settings: FinetuneSettings, base: Path | None) -> tuple[DNAGPT, Vocabulary]:
    if base is None:
        vocabulary = Vocabulary.preset(settings.vocabulary)
        network = DNAGPT(settings.model.config(vocabulary))
        network.initialise(torch.Generator().manual_seed(settings.training.seed))
        return network, vocabulary
    model = load_model(base)
    fixed = [f"model.{name}" for name in sorted(settings.model.model_fields_set - {"dropout"})]
    fixed += ["vocabulary"] if "vocabulary" in settings.model_fields_set else []
    if fixed:
        raise InputError(f"{fixed[0]} cannot be set: the network in {base} has its own. Only model.dropout can.")
    network = DNAGPT(model.network.config.model_copy(update={"dropout": settings.model.dropout or 0.0}))
    network.load_state_dict(model.network.state_dict())
    return network, model.vocabulary


def _schedule(settings: FinetuneSettings, records: int) -> TrainingConfig:
    """Turn epochs into updates; validate and save once an epoch, and warm up over a tenth, unless told otherwise."""
    given = settings.training.model_fields_set
    epoch = max(1, records // settings.training.batch_size)
    steps = math.ceil(settings.epochs * epoch)
    derived = {"steps": steps, "validate_every": epoch, "checkpoint_every": epoch, "warmup_steps": steps // 10}
    return settings.training.model_copy(update={key: value for key, value in derived.items() if key not in given})


def _digests(settings: FinetuneSettings, base: Path | None) -> dict[str, str]:
    files = [file.path for file in source_files(settings.data)]
    files += [settings.data.genome] if settings.data.genome else []
    files += [base / "model.safetensors"] if base else []
    return {str(path): file_sha256(path) for path in files if path.is_file()}


def _rows(model: Model, task: Task, labelled: Labelled, part: Part) -> list[Rows]:
    places = labelled.parts[part]
    return [fitting_rows(model, task, labelled.records[place], labelled.names[place]) for place in places]


def _batches(rows: Sequence[Rows], order: EpochOrder, samples: Sequence[int], pad_id: int) -> list[Batch]:
    return [collate([rows[order.example(sample)] for sample in samples], pad_id)]


def _validation(
    model: Model, task: Task, rows: Sequence[Rows], records: Sequence[Mapping[str, object]], precision: str
) -> dict[str, float]:
    """Judge the present weights on the validation records: the mean loss, and the usual scores of each answer."""
    readings = read_answers(model, task, rows, precision=precision)
    metrics = {"loss": float(np.mean([losses.mean() for reading in readings for losses in reading.losses]))}
    for place, reading in enumerate(readings, start=1):
        if reading.field.kind == "sequence":
            continue
        if reading.field.kind == "number":
            truth = np.concatenate([row.numbers[row.answer == place] for row in rows])
            scores: Mapping[str, float] = regression_metrics(truth, np.concatenate(reading.numbers)).scores()
        else:
            truth = true_classes(records, reading.field)
            scores = classification_metrics(truth, np.stack([row[0] for row in reading.probabilities])).scores()
        prefix = f"{reading.field.name}_" if len(readings) > 1 else ""
        metrics |= {prefix + name: value for name, value in scores.items()}
    return metrics
