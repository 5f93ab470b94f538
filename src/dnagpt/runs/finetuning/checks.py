"""What can be said against a task file before any record is read: all of it at once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dnagpt.data.records.files import source_files
from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.classification import classification_metrics
from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.files.compressed import read_error
from dnagpt.language.grammar import MOST_ANSWERS, field_options
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.runs.finetuning.settings import FinetuneSettings, TaskSettings
from dnagpt.runs.pretraining import known_metric
from dnagpt.store.folder import read_vocabulary
from dnagpt.store.model import refuse_unwritable
from dnagpt.tasks import Task, Transform, Views
from dnagpt.training.loop import LOWER_IS_BETTER

OF_ANY_NETWORK = {"dropout", "panel"}
"""Settings of the network that count wherever it comes from."""


class _Mistakes:
    """What was found to be wrong so far, and where."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        """Place by message, so that a file named in several places is missing once."""

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Remember what is wrong with a setting, and go on."""
        try:
            yield
        except InputError as error:
            self.found.setdefault(str(error), place)

    def refuse(self, where: str) -> None:
        """Raise what was found: a mistake as it is, several as a list."""
        if len(self.found) == 1:
            raise InputError(next(iter(self.found)))
        if self.found:
            lines = [f"  {place}: {message}".replace("\n", "\n  ") for message, place in self.found.items()]
            raise InputError("\n".join([f"{len(lines)} mistakes in {where}:", *lines]))


def refuse_mistakes(settings: FinetuneSettings, base: Path | None, where: str) -> None:
    """Refuse a task file that cannot be carried out, naming every mistake that shows before records are read."""
    mistakes = _Mistakes()
    vocabulary = _check_network(settings, base, mistakes)
    tasks: dict[str, Task] = {}
    for name, one in settings.tasks.items():
        place = f"tasks.{name}." if len(settings.tasks) > 1 else ""
        task = _checked_task(name, one, vocabulary, place, mistakes)
        tasks |= {} if task is None else {name: task}
        for section, config in {
            "data": one.data,
            **{f"tests.{test}": data for test, data in one.tests.items()},
        }.items():
            _check_files(config, f"{place}{section}", mistakes)
    if len(tasks) == len(settings.tasks):
        _check_training(settings, tasks, mistakes)
    mistakes.refuse(where)


def _check_network(settings: FinetuneSettings, base: Path | None, mistakes: _Mistakes) -> Vocabulary | None:
    """Check where the network comes from; give the vocabulary that the templates are written in."""
    with mistakes.at("training.lora"):
        _refuse_lora_without_weights(settings, base)
    if base is not None:
        for name in _fixed_settings(settings):
            with mistakes.at(name):
                raise InputError(
                    f"{name} cannot be set: the network in {base} has its own. Only model.dropout and model.panel can."
                )
        return read_vocabulary(base)
    vocabulary: Vocabulary | None = None
    with mistakes.at("vocabulary"):
        vocabulary = Vocabulary.preset(settings.vocabulary)
        with mistakes.at("model"):
            settings.model.config(vocabulary)
    return vocabulary


def _fixed_settings(settings: FinetuneSettings) -> list[str]:
    """Name what is set of a network that has its shape and its vocabulary already."""
    fixed = [f"model.{name}" for name in sorted(settings.model.model_fields_set - OF_ANY_NETWORK)]
    return fixed + (["vocabulary"] if "vocabulary" in settings.model_fields_set else [])


def _refuse_lora_without_weights(settings: FinetuneSettings, base: Path | None) -> None:
    if settings.training.lora is not None and (base is None or settings.language_epochs):
        raise InputError(
            "training.lora learns an adapter beside the weights of a model, which stay as they are: "
            + ("name the model." if base is None else "set language_epochs to 0.")
        )


def _checked_task(
    name: str, settings: TaskSettings, vocabulary: Vocabulary | None, place: str, mistakes: _Mistakes
) -> Task | None:
    """Check what is asked; None where the template cannot be read."""
    transforms = {}
    for field, text in settings.transforms.items():
        with mistakes.at(f"{place}transforms.{field}"):
            transforms[field] = Transform.parse(text)
    task: Task | None = None
    with mistakes.at(f"{place}template"):
        template = Template.parse(settings.template)
        _refuse_without_answer(template)
        task = Task(name, template, views=settings.views)
        with mistakes.at(f"{place}transforms"):
            Task(name, template, transforms, settings.views)
        with mistakes.at(f"{place}class_weights"):
            _refuse_strange_classes(template, settings)
        _refuse_without_sequence(template, settings)
        if vocabulary is not None:
            refuse_unwritable(template, vocabulary)
    return task


def _refuse_without_answer(template: Template) -> None:
    if not template.answered:
        raise InputError(f"The template {template} answers nothing. Mark the answer with ?, as in {{label?:boolean}}.")


def _refuse_without_sequence(template: Template, settings: TaskSettings) -> None:
    if not any(item.kind == "sequence" for item in template.given):
        for name, used in (("views", settings.views != Views()), ("substitutions", settings.substitutions > 0)):
            if used:
                raise InputError(f"{name}: the template {template} gives no sequence that they could change.")


def _refuse_strange_classes(template: Template, settings: TaskSettings) -> None:
    asked = settings.class_weights
    options = [option for item in template.answered for option in field_options(item)]
    strangers = sorted(set(asked) - set(options)) if isinstance(asked, dict) else []
    if strangers or (asked is not None and not options):
        named = ", ".join(strangers) or repr(asked)
        raise InputError(f"class_weights is {named}, but the classes answered are {', '.join(options) or 'none'}.")


def _check_files(config: DataConfig, place: str, mistakes: _Mistakes) -> None:
    """Look whether the files that records are read from are there."""
    with mistakes.at(place):
        paths = [file.path for file in source_files(config)]
        for path in [*paths, *([config.genome] if config.genome is not None else [])]:
            with mistakes.at(place):
                _refuse_absent(path)


def _refuse_absent(path: Path) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise read_error(path, error) from None


def _check_training(settings: FinetuneSettings, tasks: Mapping[str, Task], mistakes: _Mistakes) -> None:
    """Check the names of metrics and of weights against what the tasks answer."""
    answers = sum(len(task.template.answered) for task in tasks.values())
    if answers > MOST_ANSWERS:
        with mistakes.at("tasks"):
            raise InputError(f"The tasks have {answers} answers in all; {MOST_ANSWERS} fit one run. Split the tasks.")
    several = len(tasks) > 1
    names = [f"{name}/{item.name}" if several else item.name
             for name, task in tasks.items() for item in task.template.answered]  # fmt: skip
    strangers = sorted({*settings.training.weights, *settings.twin.weights} - set(names))
    if strangers:
        with mistakes.at("training.weights"):
            raise InputError(f"training.weights names {', '.join(strangers)}, but the run answers {', '.join(names)}.")
    metrics = _validation_metrics(settings, tasks, mistakes)
    chosen = [judged_by(settings), *([settings.twin.metric] if "metric" in settings.twin.model_fields_set else [])]
    for metric in chosen if metrics else []:
        with mistakes.at("training.metric"):
            training = settings.training.model_copy(update={"metric": metric})
            known_metric(training, lambda: dict.fromkeys(metrics, 0.0))


def _validation_metrics(settings: FinetuneSettings, tasks: Mapping[str, Task], mistakes: _Mistakes) -> list[str]:
    """Name what validation will compute; nothing where a task cannot be judged beside the others."""
    scores = {name: score_names(task) for name, task in tasks.items()}
    if len(tasks) == 1:
        return next(iter(scores.values()))
    judging: list[str | None] = []
    for name, of_task in scores.items():
        with mistakes.at(f"tasks.{name}.metric"):
            judging.append(judging_metric(name, settings.tasks[name].metric, of_task))
    if len(judging) < len(tasks):
        return []
    names = [f"{name}/{score}" for name, of_task in scores.items() for score in of_task]
    return [*names, "loss", *(["score"] if any(judging) else [])]


def score_names(task: Task) -> list[str]:
    """Name what the answers to a task are judged by in validation.

    >>> score_names(Task("level", Template.parse("<R>{sequence}<=><M>{level?:number}")))[:3]
    ['loss', 'squared_pearson', 'determination']
    """
    names = ["loss"]
    answered = task.template.answered
    for item in (item for item in answered if item.kind != "sequence"):
        classes = len(field_options(item))
        scores = (
            classification_metrics(np.arange(classes), np.eye(classes)).scores() if classes
            else regression_metrics([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).scores()
        )  # fmt: skip
        names += [f"{item.name}_{name}" if len(answered) > 1 else name for name in scores]
    return names


def judging_metric(task: str, asked: str | None, names: Sequence[str]) -> str | None:
    """Say by which score a task is judged beside others; None for one that answers with a sequence alone."""
    better_high = [name for name in names if not name.endswith(LOWER_IS_BETTER)]
    name = asked or next((name for name in better_high if name.endswith(("mcc", "squared_pearson"))), None)
    if name is not None and name not in better_high:
        raise InputError(
            f"The task {task!r} cannot be judged beside others by {name!r}. Set its `metric` "
            f"to a score that is better the higher it is: {', '.join(better_high) or 'it has none'}."
        )
    return name


def judged_by(settings: FinetuneSettings) -> str:
    """Say which metric decides which weights are the best: the loss, where all answers are sequences."""
    if "metric" in settings.training.model_fields_set:
        return settings.training.metric
    first, *others = settings.tasks.values()
    answered = [item for one in (first, *others) for item in Template.parse(one.template).answered]
    scored = any(item.kind != "sequence" for item in answered)
    return ("score" if scored else "loss") if others else first.metric or "loss"
