"""Pre-training: from genomes to a model that knows their language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field

from dnagpt.data.batches import Batch, collate
from dnagpt.data.corpus import CorpusConfig, Species, open_corpus
from dnagpt.data.windows import (
    Usable,
    Window,
    WindowSampler,
    every_second_reversed,
    tiles,
    usable_windows,
    window_bases,
    window_rows,
)
from dnagpt.errors import InputError
from dnagpt.files.suggestions import did_you_mean
from dnagpt.inference.genome_score import GenomeScore, score_windows
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT
from dnagpt.runs.configuration import load_settings, read_toml, settings_to_toml
from dnagpt.runs.data_digests import corpus_digests
from dnagpt.runs.network import NetworkSettings
from dnagpt.runs.output_folder import locked_folder
from dnagpt.runs.outputs import provenance
from dnagpt.runs.progress import Track, progress
from dnagpt.store.folder import save_model
from dnagpt.store.model import Model
from dnagpt.tasks import PRETRAINING_TEMPLATE, Task, pretraining_task
from dnagpt.tasks.pretraining import WINDOW_FIELDS
from dnagpt.training import (
    AnswerLoss,
    Hooks,
    Objective,
    RunFolder,
    RunRecord,
    StepReport,
    TrainingConfig,
    World,
    gather,
    open_world,
    train,
)


class PretrainSettings(BaseModel):
    """Everything that decides a pre-training run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    corpus: CorpusConfig
    """The genomes."""
    vocabulary: str = "dna-3mers"
    """A vocabulary by name."""
    template: str = PRETRAINING_TEMPLATE
    """The objectives."""
    model: NetworkSettings = NetworkSettings()
    """The network."""
    training: TrainingConfig = TrainingConfig()
    """The optimisation."""
    validation_windows: int = Field(default=200, gt=0, le=10**9)
    """Held-out windows looked at during training, at most, spread evenly."""


def pretrain(
    config: Path | None, fasta: Sequence[str], output: Path, overrides: Sequence[str], *, resume: bool, quiet: bool
) -> Path:
    """Pre-train a model on the genomes of a settings file, or on FASTA files given as LETTER=PATH."""
    if config is None and not fasta and not any(text.startswith("corpus.") for text in overrides):
        raise InputError("There is no genome to learn from. Give --fasta LETTER=PATH, or a settings file.")
    if config is not None and fasta and "species" in read_toml(config).get("corpus", {}):
        raise InputError(f"{config} names its genomes, and --fasta names others. Leave out --fasta, or the file's.")
    defaults = {"corpus": {"species": [named_species(text) for text in fasta]}} if fasta else {}
    settings = load_settings(PretrainSettings, config, overrides, defaults)
    return run_pretraining(settings, output, resume=resume, quiet=quiet)


def named_species(text: str) -> Mapping[str, str]:
    """Read LETTER=PATH, or a path alone for R."""
    letter, found, path = text.partition("=")
    return {"letter": letter, "path": path} if found else {"letter": "R", "path": text}


def run_pretraining(settings: PretrainSettings, output: Path, *, resume: bool, quiet: bool) -> Path:
    """Carry out a pre-training run and give the folder of its best model."""
    with locked_folder(output):
        return _run(settings, output, resume=resume, quiet=quiet)


def _run(settings: PretrainSettings, output: Path, *, resume: bool, quiet: bool) -> Path:
    vocabulary = Vocabulary.preset(settings.vocabulary)
    config = settings.model.config(vocabulary)
    task = pretraining_task(settings.template)
    _refuse_other_fields(task)
    answers = answer_losses(task, settings.training)
    for source in settings.corpus.species:
        known_letter(vocabulary, source.letter, str(source.path))
    corpus = open_corpus(settings.corpus)
    length = window_bases(task, vocabulary, config.context)
    usable = usable_windows(vocabulary, length, settings.corpus.unknown_fraction)
    sampler = WindowSampler(
        corpus, length, settings.training.seed,
        usable=usable, both_strands=settings.corpus.both_strands,
        reversals="reversed" in task.template.columns,
    )  # fmt: skip
    held_out = validation_windows(corpus, length, settings.validation_windows, usable)
    network = DNAGPT(config)
    network.initialise(torch.Generator().manual_seed(settings.training.seed))
    digests = corpus_digests(settings.corpus, corpus)
    model = Model(
        network, vocabulary, {task.name: task},
        provenance("pretrain", settings.model_dump(mode="json"), digests),
    )  # fmt: skip
    weights, precision = {answer.name: answer.weight for answer in answers}, settings.training.precision
    few = {label: windows[:2] for label, windows in held_out.items()}
    known_metric(settings.training, lambda: _validation(model, task, few, weights, precision))
    run = RunFolder(output, RunRecord(settings_to_toml(settings), digests))
    with open_world() as world:
        if world.is_first:
            run.create(resume=resume)
        world.wait()
        silent = quiet or not world.is_first
        with progress("Pre-training", settings.training.steps, unit="steps", quiet=silent) as track:
            objective = Objective(network, answers)
            hooks = Hooks(
                batches=lambda samples: _batches(task, vocabulary, sampler, samples),
                validate=lambda: _validation(model, task, held_out, weights, precision),
                save_best=lambda: save_best(model, run, world),
                report=lambda report: show(report, track),
            )
            train(objective, settings.training, hooks, run, world)
    return run.model


def known_letter(vocabulary: Vocabulary, letter: str, where: str) -> None:
    """Refuse a species whose letter is no token, before its genome is read."""
    try:
        vocabulary.reserved_id(letter)
    except InputError as error:
        raise InputError(f"{where}, species {letter!r}: {error}") from None


def known_metric(training: TrainingConfig, validate: Callable[[], Mapping[str, float]]) -> None:
    """Refuse a metric that validation does not compute, before anything is trained or written."""
    if training.metric == "loss":
        return
    names = sorted(validate())
    if training.metric not in names:
        raise InputError(
            f"training.metric: validation computes no {training.metric!r}, but {', '.join(names)}."
            f"{did_you_mean(training.metric, names)}"
        )


def _refuse_other_fields(task: Task) -> None:
    answered = [field.name for field in task.template.answered if field.kind == "sequence"]
    others = set(task.template.columns) - {"species", "window", "reversed", *WINDOW_FIELDS}
    if answered != ["window"] or others:
        raise InputError(
            f"The template {task.template} cannot be pre-trained on. It has to answer {{window?:sequence}}; a genome "
            "can fill in <{species}>, {gc?:number} and {reversed?:boolean} beside it, and nothing else."
        )


def answer_losses(task: Task, training: TrainingConfig) -> list[AnswerLoss]:
    """Weigh the answered fields: lambda for numbers, 1 for tokens, times the weight that the settings give."""
    answered = task.template.answered
    strangers = set(training.weights) - {field.name for field in answered}
    if strangers:
        raise InputError(
            f"training.weights names {', '.join(sorted(strangers))}, but the template answers "
            f"{', '.join(field.name for field in answered)}."
        )
    return [
        AnswerLoss(
            field.name,
            field.kind == "number",
            training.weights.get(field.name, 1.0) * (training.number_weight if field.kind == "number" else 1.0),
        )
        for field in answered
    ]


def validation_windows(corpus: Sequence[Species], length: int, most: int, usable: Usable) -> dict[str, list[Window]]:
    """Choose held-out windows of every species, evenly spread, at most `most` in all."""
    windows: dict[str, list[Window]] = {}
    for species in corpus:  # two genomes may share a label: they are scored together
        windows.setdefault(species.label, []).extend(tiles(species, length, usable=usable))
    empty = [label for label, found in windows.items() if not found]
    if len(empty) == len(windows):
        raise InputError(
            f"No held-out stretch of {', '.join(empty)} holds a window of {length:,} bases with few enough N. "
            "Take a shorter context or a larger held_out_fraction."
        )
    share = max(2, most // len(windows))
    spread = {label: found[:: max(1, len(found) // share)][:share] for label, found in windows.items() if found}
    return {label: every_second_reversed(found) for label, found in spread.items()}


def _batches(task: Task, vocabulary: Vocabulary, sampler: WindowSampler, samples: Sequence[int]) -> list[Batch]:
    rows = [window_rows(task, vocabulary, sampler.window(sample)) for sample in samples]
    return [collate(rows, vocabulary.pad_id)]


def _validation(
    model: Model, task: Task, held_out: Mapping[str, Sequence[Window]], weights: Mapping[str, float], precision: str
) -> dict[str, float]:
    scores = {label: score_windows(model, task, windows, precision=precision) for label, windows in held_out.items()}
    every = list(scores.values())
    metrics = {f"{label}/bits_per_base": score.bits_per_base for label, score in scores.items()}
    bases = sum(score.bases for score in every)
    metrics["bits_per_base"] = sum(score.bits for score in every) / max(1, bases)
    fields = {name: sum(score.losses[name] for score in every) / len(every) for name in every[0].losses}
    metrics["loss"] = sum(weights[name] * loss for name, loss in fields.items())
    return {**metrics, **fields, **objective_metrics(every)}


def objective_metrics(scores: Sequence[GenomeScore]) -> dict[str, float]:
    """Judge the GC and the order objective over several scores, where the model has them."""
    metrics: dict[str, float] = {}
    if all(len(score.gc_predicted) for score in scores):
        errors = [abs(score.gc_predicted - score.gc_true) for score in scores]
        metrics["gc_mean_absolute_error"] = float(sum(error.sum() for error in errors) / sum(map(len, errors)))
    if all(len(score.reversed_probability) for score in scores):
        right = [(score.reversed_probability > 0.5) == (score.reversed_true == 1) for score in scores]
        metrics["order_accuracy"] = float(sum(hit.sum() for hit in right) / sum(map(len, right)))
    return metrics


def save_best(model: Model, run: RunFolder, world: World) -> None:
    """Keep the present weights as the run's model."""
    network = gather(model.network, world)
    if world.is_first:
        save_model(run.model, replace(model, network=network))


def show(report: StepReport, track: Track) -> None:
    """Tell the person who waits how training goes."""
    values = report.values
    parts = [f"{name.split('/', 1)[1]} {values[name]:.4g}" for name in values if name.startswith("validation/")]
    if not parts:
        parts = [f"loss {values['train/loss']:.4f}", f"{report.tokens_per_second:,.0f} tokens/s"]
    track(report.step, ", ".join(parts[:6]))
