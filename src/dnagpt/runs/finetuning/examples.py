"""Training examples: the records of all tasks written as the rows that a network is trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dnagpt.data.records.labelled import Labelled
from dnagpt.data.records.settings import Part
from dnagpt.data.streams import counter_generator
from dnagpt.inference.predict import fitting_rows, view_rows
from dnagpt.language.grammar import Field, Literal, field_options
from dnagpt.language.template import Rows, Template, answer_spans
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.runs.finetuning.haplotype_examples import Gametes, window_rows
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.store.model import Model
from dnagpt.tasks import Task, Views
from dnagpt.tasks.augmentation import substitute_letters
from dnagpt.tasks.task import true_classes
from dnagpt.training import AnswerLoss, TrainingConfig

_VIEW_STREAM = 7


def refuse_unreadable_tests(model: Model, tasks: Sequence[TaskRecords]) -> None:
    """Write every test record once, so that one that cannot be read is found before the training, not after it."""
    for one in tasks:
        for labelled in (one.labelled, *one.tests.values()):
            for place in labelled.parts["test"]:
                record_rows(model, replace(one, labelled=labelled), place)


def record_rows(model: Model, one: TaskRecords, place: int) -> list[Rows]:
    """Write one record as all the rows that it is judged by: the windows of a haplotype, or the views of a record."""
    if one.labelled.haplotypes is not None:
        alleles_S = one.labelled.haplotypes.alleles[place]
        return [window_rows(model, one, place, alleles_S, window) for window in range(one.windows)]
    return view_rows(model, one.task, one.labelled.records[place], one.labelled.names[place])


def as_language(one: TaskRecords, model: Model) -> TaskRecords | None:
    """Turn a task into foreseeing its own given sequence, k-mer by k-mer; None where it gives none.

    What follows the sequence in the template is left out, but for the token that ends it. A sequence is read once, as
    it is, whatever the views of the task; of one that is too long, the centre or every tile is, as the task says.
    """
    parts = one.task.template.parts
    found = next((at for at, part in enumerate(parts) if isinstance(part, Field) and part.kind == "sequence"), 0)
    sequence = parts[found]
    if not found or not isinstance(sequence, Field):
        return None
    after = [part for part in parts[found + 1 : found + 2] if isinstance(part, Literal)]
    template = Template((*parts[:found], replace(sequence, answered=True), *after))
    kept = {name: transform for name, transform in one.task.transforms.items() if name in template.columns}
    task = Task(one.task.name, template, kept)
    settings = one.settings.model_copy(update={"substitutions": 0.0, "class_weights": None, "metric": None})
    given = Template((*parts[:found], replace(sequence, answered=False), *after))
    labelled = _fitting(one, given, model)
    return replace(one, task=task, settings=settings, labelled=labelled, first_mark=0)


def _fitting(one: TaskRecords, template: Template, model: Model) -> Labelled:
    """Put the centre of a sequence that is too long, or all tiles of it, each a record, where the whole one stood."""
    views, labelled = Views(too_long=one.task.views.too_long), one.labelled
    if views == Views():
        return labelled
    context = model.network.config.context
    records: list[Mapping[str, object]] = []
    names: list[str] = []
    parts: dict[Part, tuple[int, ...]] = {}
    for part, places in labelled.parts.items():
        first = len(records)
        for place in places:
            record, where = labelled.records[place], labelled.names[place]
            found = views.of(record, template, model.vocabulary, context, where)
            records += found
            names += [where] * len(found)
        parts[part] = tuple(range(first, len(records)))
    return replace(labelled, records=records, names=names, parts=parts)


class TrainingExamples:
    """The training records of all tasks as one list; each time one is seen, a view of it is drawn."""

    def __init__(self, model: Model, tasks: Sequence[TaskRecords], seed: int) -> None:
        self._model, self._seed = model, seed
        self._places = [
            (task, place, window)
            for task in tasks
            for place in task.labelled.parts["train"]
            for window in range(task.windows)
        ]
        self._gametes = {one.task.name: Gametes(one) for one in tasks if one.labelled.haplotypes is not None}
        self._first = [self._first_rows(one, place, window) for one, place, window in self._places]
        self.lengths = [len(rows) for rows in self._first]

    def rows(self, sample: int, example: int) -> Rows:
        """Write one example for the `sample`-th time that an example is seen, counted over all epochs."""
        one, place, window = self._places[example]
        if one.task.name in self._gametes:
            if not one.settings.gametes:
                return _marked(self._first[example], one.first_mark)
            alleles_S = self._gametes[one.task.name].draw(place, counter_generator(self._seed, _VIEW_STREAM, sample))
            return _marked(window_rows(self._model, one, place, alleles_S, window), one.first_mark)
        if one.task.views == Views() and not one.settings.substitutions:
            return _marked(self._first[example], one.first_mark)
        generator = counter_generator(self._seed, _VIEW_STREAM, sample)
        views = self._views(one, place)
        view = views[int(generator.integers(len(views)))]
        if one.settings.substitutions:
            view = _substituted(view, one, self._model.vocabulary, generator)
        return _marked(fitting_rows(self._model, one.task, view, one.labelled.names[place]), one.first_mark)

    def _first_rows(self, one: TaskRecords, place: int, window: int) -> Rows:
        """Write the first view of a record; of one that may be tiled all, as N can make a tile outgrow the context."""
        if one.labelled.haplotypes is not None:
            return window_rows(self._model, one, place, one.labelled.haplotypes.alleles[place], window)
        views = self._views(one, place)
        tried = views if one.task.views.too_long == "tiles" else views[:1]
        rows = [fitting_rows(self._model, one.task, view, one.labelled.names[place]) for view in tried]
        return rows[0]

    def _views(self, one: TaskRecords, place: int) -> Sequence[Mapping[str, object]]:
        record, where = one.labelled.records[place], one.labelled.names[place]
        context = self._model.network.config.context
        return one.task.views.of(record, one.task.template, self._model.vocabulary, context, where)


def answer_losses(tasks: Sequence[TaskRecords], training: TrainingConfig, vocabulary: Vocabulary) -> list[AnswerLoss]:
    """Weigh every answer of every task: lambda for numbers, 1 for tokens, times the weights that the settings give."""
    losses: list[AnswerLoss] = []
    for one in tasks:
        answered = one.task.template.answered
        for item in answered:
            name = item.name if len(tasks) == 1 else f"{one.task.name}/{item.name}"
            weight = one.settings.weight * training.weights.get(name, 1.0)
            weight *= training.number_weight if item.kind == "number" else 1.0
            losses.append(AnswerLoss(name, item.kind == "number", weight, _class_weights(one, item, vocabulary)))
    return losses


def _class_weights(one: TaskRecords, item: Field, vocabulary: Vocabulary) -> dict[int, float]:
    options, asked = field_options(item), one.settings.class_weights
    if asked is None or not options:
        return {}
    if asked == "balanced":
        counts = np.bincount(true_classes(one.labelled.part("train"), item), minlength=len(options))
        weights = {
            option: float(counts.sum() / (np.count_nonzero(counts) * count))
            for option, count in zip(options, counts.tolist(), strict=True)
            if count
        }
    else:
        weights = {option: weight for option, weight in asked.items() if option in options}
    spans = {span.field.name: span for span in answer_spans(vocabulary, one.task.template)}
    ids = spans[item.name].token_ids
    return {ids[options.index(option)]: weight for option, weight in weights.items()}


def _substituted(
    record: Mapping[str, object], one: TaskRecords, vocabulary: Vocabulary, generator: np.random.Generator
) -> Mapping[str, object]:
    letters = vocabulary.alphabet.replace(vocabulary.unknown, "")
    names = [item.name for item in one.task.template.given if item.kind == "sequence"]
    share = one.settings.substitutions
    changed = {name: substitute_letters(str(record[name]), share, letters, generator) for name in names}
    return {**record, **changed}


def _marked(rows: Rows, first_mark: int) -> Rows:
    """Count a task's answers behind those of the tasks before it."""
    if not first_mark:
        return rows
    return replace(rows, answer=np.where(rows.answer > 0, rows.answer + first_mark, 0).astype(np.int8))
