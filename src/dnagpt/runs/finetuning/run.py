"""Fine-tuning: from labelled records to a model that answers for new ones."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dnagpt.data.batches import Batch, collate
from dnagpt.data.order import LengthOrder
from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig, fastest_device
from dnagpt.runs.configuration import settings_to_toml
from dnagpt.runs.data_digests import labelled_digests
from dnagpt.runs.finetuning.checks import OF_ANY_NETWORK, judged_by, refuse_mistakes
from dnagpt.runs.finetuning.defaults import read_task_file, warmup_tenths
from dnagpt.runs.finetuning.examples import TrainingExamples, answer_losses, as_language, refuse_unreadable_tests
from dnagpt.runs.finetuning.haplotype_examples import with_languages, with_panel
from dnagpt.runs.finetuning.judge import Judged, validation_metrics
from dnagpt.runs.finetuning.report import Finetuned, report_tasks
from dnagpt.runs.finetuning.settings import FinetuneSettings, FinetuneTraining
from dnagpt.runs.finetuning.several import report_runs, variations
from dnagpt.runs.finetuning.tasks import TaskRecords, read_tasks
from dnagpt.runs.network import NetworkSettings
from dnagpt.runs.output_folder import locked_folder, results_together
from dnagpt.runs.outputs import provenance, write_metrics
from dnagpt.runs.pretraining import save_best, show
from dnagpt.runs.progress import progress
from dnagpt.store.folder import load_model, read_vocabulary, save_model
from dnagpt.store.model import Model, needed_parts
from dnagpt.store.weights import PARTS, empty_network, fill_network
from dnagpt.training import Hooks, Objective, RunFolder, RunRecord, TrainingConfig, World, open_world, train

logger = logging.getLogger("dnagpt")

RANDOM_WEIGHTS = "random_weights"
"""The folder, within a run, of the same network trained from random weights."""

ADAPTER = "adapter"
"""The folder, within a run, of the adapter that learned in place of the weights, as PEFT saves it."""

LANGUAGE = "language"
"""The folder, within a run, of the network that has read the training sequences as language."""

_OF_A_NEW_NETWORK = {"vocabulary": True, "model": set(NetworkSettings.model_fields) - OF_ANY_NETWORK}
"""Settings that do not count where the network comes from a model folder."""

_DERIVED = ("steps", "validate_every", "checkpoint_every", "warmup_steps", "metric")
"""Settings of the training that follow from the epochs and the tasks where they are not given."""


def finetune(
    task_file: Path | None, base: Path | None, output: Path, overrides: Sequence[str], *,
    table: Path | None = None, template: str | None = None, resume: bool = False, quiet: bool = False,
) -> Path:  # fmt: skip
    """Fine-tune a model on the records of a task file, or of one table and a template."""
    settings = read_task_file(task_file, base, overrides, table=table, template=template)
    refuse_mistakes(settings, base, str(task_file or "the settings"))
    return run_finetuning(settings, base, output, resume=resume, quiet=quiet).model


def run_finetuning(
    settings: FinetuneSettings, base: Path | None, output: Path, *, resume: bool, quiet: bool
) -> Finetuned:
    """Carry out a fine-tuning: one run, or one a seed and a fold, each in a folder of its own, and their summary."""
    with open_world() as world:
        several = variations(settings)
        if not several:
            return _run(settings, base, output, world, resume=resume, quiet=quiet)
        with locked_folder(output):
            whole = RunFolder(output, RunRecord(_as_given(settings, base), part="several runs"))
            whole.refuse_another(resume=resume)
            runs = {
                name: _run(one, base, output / name, world, resume=resume, quiet=quiet) for name, one in several.items()
            }
            if not world.is_first:
                return next(iter(runs.values()))
            whole.create(resume=True)
            return report_runs(runs, output)


def _as_given(settings: FinetuneSettings, base: Path | None) -> str:
    """Write the settings of several runs: steps and such, which follow from the records, only where they were given."""
    every = set(TrainingConfig.model_fields)
    unset = {name: every - getattr(settings, name).model_fields_set for name in ("training", "twin")}
    return settings_to_toml(settings, without={**unset, **_without_effect(settings, base)})


def _run(
    settings: FinetuneSettings, base: Path | None, output: Path, world: World, *, resume: bool, quiet: bool
) -> Finetuned:
    """Train and report one run; under torchrun the first process alone reports."""
    with locked_folder(output):
        trained = _train(settings, base, output, world, resume=resume, quiet=quiet or not world.is_first)
        if not world.is_first:
            return Finetuned(trained.run.model, {}, [], [])
        taught = {"model": load_model(trained.run.model, device=fastest_device())}
        if trained.twin is not None:
            taught["same network, random weights"] = load_model(trained.twin.model, device=fastest_device())
        with results_together(output) as staged:
            finetuned = report_tasks(
                taught, trained.tasks, trained.run, staged, settings.beside, trained.about,
                seed=settings.training.seed, quiet=quiet,
            )  # fmt: skip
            write_metrics(finetuned.metrics, staged)
        return finetuned


@dataclass(frozen=True)
class _Trained:
    """What a report is made of."""

    tasks: Sequence[TaskRecords]
    run: RunFolder
    twin: RunFolder | None = None
    """The run of the same network from random weights, where there is one."""
    about: str = ""
    """In which way that network was trained otherwise."""


def _train(
    settings: FinetuneSettings, base: Path | None, output: Path, world: World, *, resume: bool, quiet: bool
) -> _Trained:
    tasks = read_tasks(settings, None if base is None else read_vocabulary(base))
    digests = labelled_digests([config for one in tasks for config in _data_of(one)], base)
    started = _from_folder(settings, base, tasks) if base is not None else _from_random_weights(settings)
    tasks = with_languages(started, tasks)
    model = _model(started, settings, digests, tasks)
    refuse_unreadable_tests(model, tasks)
    records = sum(len(one.labelled.parts["train"]) * one.windows for one in tasks)
    training = _schedule(settings, records, warmup_tenths(base))
    twin = _schedule(settings.model_copy(update={"training": _of_the_twin(settings)}), records)
    resolved = settings.model_copy(update={"training": training, "twin": twin})
    configuration = settings_to_toml(resolved, without=_without_effect(settings, base))
    run, beside, language = (
        RunFolder(output / part, RunRecord(configuration, digests, part or "model"))
        for part in ("", RANDOM_WEIGHTS, LANGUAGE)
    )
    if world.is_first:
        for part in (run, beside, language):
            part.refuse_another(resume=resume)
    unlearnt = DNAGPT(model.network.config)
    if settings.language_epochs:
        model = _read_as_language(model, tasks, settings, language, world, resume=resume, quiet=quiet)
    _teach(model, tasks, training, run, world, resume=resume, quiet=quiet)
    if not _has_twin(settings, base):
        return _Trained(tasks, run)
    unlearnt.initialise(torch.Generator().manual_seed(twin.seed))
    _teach(replace(model, network=unlearnt), tasks, twin, beside, world, resume=resume, quiet=quiet)
    return _Trained(tasks, run, beside, _about_the_twin(settings, training, twin))


def _data_of(one: TaskRecords) -> list[DataConfig]:
    return [one.settings.data, *one.settings.tests.values()]


def _has_twin(settings: FinetuneSettings, base: Path | None) -> bool:
    return base is not None and "random weights" in settings.beside


def _without_effect(settings: FinetuneSettings, base: Path | None) -> dict[str, Any]:
    """Name the settings that do not count: of a new network beside a model folder, of a twin where there is none."""
    return {**(_OF_A_NEW_NETWORK if base else {}), **({} if _has_twin(settings, base) else {"twin": True})}


def _of_the_twin(settings: FinetuneSettings) -> FinetuneTraining:
    """Give the training of the same network from random weights, all of which learn."""
    own = {name: getattr(settings.twin, name) for name in settings.twin.model_fields_set}
    return settings.training.model_copy(update={**own, "lora": None})


def _about_the_twin(settings: FinetuneSettings, training: FinetuneTraining, twin: FinetuneTraining) -> str:
    """Say to a reader of the report in which way the network from random weights was trained otherwise."""
    names = ["learning_rate", "batch_size", "warmup_steps", "average", "embedding_decay", "patience"]
    other = [f"{name} {getattr(twin, name):g} ({getattr(training, name):g})" for name in names
             if getattr(twin, name) != getattr(training, name)]  # fmt: skip
    text = "The same network from random weights was trained on the same records, with "
    text += f"settings of its own (those of the model): {', '.join(other)}." if other else "the same settings."
    if training.lora is not None:
        text += " All of its weights learned, not an adapter beside them."
    if settings.language_epochs:
        text += " It did not read the sequences as language first (language_epochs): that was for the model alone."
    return text


def _read_as_language(
    model: Model, tasks: Sequence[TaskRecords], settings: FinetuneSettings, run: RunFolder, world: World, *,
    resume: bool, quiet: bool,
) -> Model:  # fmt: skip
    """Teach the network to foresee the training sequences themselves (Gururangan et al. 2020, arXiv 2004.10964)."""
    found = [text for one in tasks if (text := as_language(one, model)) is not None]
    texts = [replace(text, first_mark=place) for place, text in enumerate(found)]
    if not texts:
        raise InputError("language_epochs is set, but no task is given a sequence behind a first token. Leave it out.")
    records = sum(len(one.labelled.parts["train"]) for one in texts)
    general = FinetuneTraining(**settings.training.model_dump(exclude={*_DERIVED, "weights"}))
    shorter = settings.model_copy(
        update={"epochs": settings.language_epochs, "warmup_epochs": None, "training": general}
    )
    training = _schedule(shorter, records).model_copy(update={"metric": "loss"})
    _teach(model, texts, training, run, world, resume=resume, quiet=quiet)
    return replace(model, network=load_model(run.model).network)


def _teach(
    model: Model, tasks: Sequence[TaskRecords], training: FinetuneTraining, run: RunFolder, world: World, *,
    resume: bool, quiet: bool,
) -> None:  # fmt: skip
    """Train on all tasks at once; the run folder gets the best model."""
    examples = TrainingExamples(model, tasks, training.seed)
    losses = answer_losses(tasks, training, model.vocabulary)
    judged = [Judged.of(model, one, losses) for one in tasks]
    order = LengthOrder(examples.lengths, training.batch_size, training.seed)
    keep = _keeper(model, training)
    if training.lora is not None and world.size > 1:
        raise InputError("training.lora works in one process. Start one, or leave it out.")
    with progress("Fine-tuning", training.steps, unit="steps", quiet=quiet) as track:
        if world.is_first:
            run.create(resume=resume)
        world.wait()
        hooks = Hooks(
            batches=lambda samples: _batches(examples, order, samples, model.vocabulary.pad_id),
            validate=lambda: validation_metrics(model, judged, training.precision),
            save_best=lambda: keep(run, world),
            report=lambda report: show(report, track),
        )
        train(Objective(model.network, losses), training, hooks, run, world)


def _keeper(model: Model, training: FinetuneTraining) -> Callable[[RunFolder, World], None]:
    """Tell how the present weights become the run's model; an adapter, where one is to learn, is put in place."""
    if training.lora is None:
        return lambda run, world: save_best(model, run, world)
    from dnagpt.hf.lora import Adapter

    adapter = Adapter(model, seed=training.seed, **training.lora.model_dump())
    return lambda run, _: save_model(run.model, adapter.save(run.path / ADAPTER))


def _model(
    started: Model, settings: FinetuneSettings, digests: Mapping[str, str], tasks: Sequence[TaskRecords]
) -> Model:
    """Complete the model that is to be taught: the tables of known sites, the tasks, and where it comes from."""
    if settings.model.panel is not False and any(one.task.haplotypes is not None for one in tasks):
        started = with_panel(started, tasks, seed=settings.training.seed)
    return replace(
        started,
        tasks={**started.tasks, **{one.task.name: one.task for one in tasks}},
        provenance=provenance("finetune", settings.model_dump(mode="json"), digests),
    )


def _from_random_weights(settings: FinetuneSettings) -> Model:
    vocabulary = Vocabulary.preset(settings.vocabulary)
    network = DNAGPT(settings.model.config(vocabulary))
    network.initialise(torch.Generator().manual_seed(settings.training.seed))
    return Model(network, vocabulary, {})


def _from_folder(settings: FinetuneSettings, base: Path, tasks: Sequence[TaskRecords]) -> Model:
    """Take the network of a model folder; parts that the tasks need and its weights lack are drawn anew."""
    model = load_model(base)
    config = model.network.config.model_copy(update={"dropout": settings.model.dropout or 0.0})
    needed = {part for one in tasks for part in needed_parts(one.task.template)}
    needed |= {"token_head"} if settings.language_epochs else set()
    new = [part for part in model.lacks if part in needed]
    network = empty_network(config, [part for part in model.lacks if part not in new])
    weights = model.network.state_dict()
    if new:
        named = " and no ".join(PARTS[part] for part in new)
        if settings.training.lora is not None:
            raise InputError(
                f"The weights in {base} have no {named}, and beside an adapter a new one would not learn. "
                "Leave training.lora out, or take weights that have it."
            )
        seed = settings.training.seed
        logger.warning("The weights in %s have no %s: drawn anew (seed %d), to learn with the rest.", base, named, seed)
        weights |= _drawn(config, new, seed)
    fill_network(network, weights, str(base))
    return replace(model, network=network)


def _drawn(config: ModelConfig, parts: Sequence[str], seed: int) -> dict[str, torch.Tensor]:
    """Draw the weights of some parts of a network as for a network that is all new."""
    network = DNAGPT(config)
    network.initialise(torch.Generator().manual_seed(seed))
    return {name: weight for name, weight in network.state_dict().items() if name.partition(".")[0] in parts}


def _schedule(settings: FinetuneSettings, records: int, warmup_tenths: int = 1) -> FinetuneTraining:
    """Turn epochs into updates; validate and save once an epoch, warm up over some tenths, unless told otherwise."""
    given = settings.training.model_fields_set
    epoch = max(1, records // settings.training.batch_size)
    steps = math.ceil(settings.epochs * epoch)
    warmup = steps * warmup_tenths // 10
    if settings.warmup_epochs is not None:
        warmup = round(settings.warmup_epochs * epoch)
    derived: dict[str, Any] = {
        "steps": steps, "validate_every": epoch, "checkpoint_every": epoch, "warmup_steps": warmup,
        "metric": judged_by(settings),
    }  # fmt: skip
    return settings.training.model_copy(update={key: value for key, value in derived.items() if key not in given})


def _batches(examples: TrainingExamples, order: LengthOrder, samples: Sequence[int], pad_id: int) -> list[Batch]:
    return [collate([examples.rows(sample, order.example(sample)) for sample in samples], pad_id)]
