"""The tasks of a run with their records: read, scaled, and written as the rows that a network is taught with."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dnagpt.checkpoint import Model
from dnagpt.commands.finetune_settings import FinetuneSettings, TaskSettings
from dnagpt.data.gametes import crossover_chances, gamete
from dnagpt.data.haplotype_records import people, read_haplotype_records, recombination_map
from dnagpt.data.labelled import DataConfig, Labelled, Part, leak_note, read_labelled, unlearnt_choices
from dnagpt.data.order import counter_generator
from dnagpt.data.repeats import repeating, sequence_keys
from dnagpt.data.substitutions import substitute_letters
from dnagpt.errors import InputError
from dnagpt.genome.haplotypes import Alleles
from dnagpt.genome.legend import UNKNOWN_CONTIG
from dnagpt.inference.predict import field_options, fitting_rows, view_rows
from dnagpt.language.grammar import Field, Literal
from dnagpt.language.template import Rows, Template, answer_spans, read_boolean
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task, Transform, Views
from dnagpt.tasks.haplotypes import POPULATION
from dnagpt.tasks.task import field_numbers
from dnagpt.training import AnswerLoss, TrainingConfig

logger = logging.getLogger("dnagpt")
_VIEW_STREAM = 7


@dataclass(frozen=True)
class TaskRecords:
    """One task of a run: what is asked, of which records, and what it is tested on besides."""

    task: Task
    settings: TaskSettings
    labelled: Labelled
    tests: Mapping[str, Labelled]
    """Further data, by name; what stands in training there is what stands in the training part of this task."""
    first_mark: int
    """The answers of the tasks before it in the run, all counted."""

    @property
    def windows(self) -> int:
        """In how many rows a record is taught: the windows of a haplotype, one of anything else."""
        return 1 if self.task.haplotypes is None else len(self.task.haplotypes.spans)

    @property
    def judged(self) -> Part:
        """The part by which training is judged: validation, or training where there is none."""
        return "validation" if self.labelled.parts["validation"] else "train"

    @property
    def scored(self) -> Part:
        """The part that scores are of: the test, or where there is none, that by which training is judged."""
        return "test" if self.labelled.parts["test"] else self.judged


def read_tasks(settings: FinetuneSettings, vocabulary: Vocabulary | None = None) -> list[TaskRecords]:
    """Read the records of every task, and fit what is fitted on the training records alone.

    `vocabulary` says how the model reads letters; without it, the one that the settings name for a new network.
    """
    vocabulary = vocabulary or Vocabulary.preset(settings.vocabulary)
    found: list[TaskRecords] = []
    mark = 0
    for name, one in settings.tasks.items():
        transforms = {field: Transform.parse(text) for field, text in one.transforms.items()}
        task = Task(name, Template.parse(one.template), transforms, one.views)
        labelled = _labelled(one.data, task, vocabulary)
        refuse_single_class(task, labelled.part("train"), "The training records")
        tests = {test: _further_test(test, config, task, labelled) for test, config in one.tests.items()}
        of_task = TaskRecords(_fitted(task, labelled), one, labelled, tests, mark)
        found.append(_with_notes(of_task, [*_notes_of_scores(of_task), *_notes_of_tests(of_task)]))
        mark += len(task.template.answered)
    return found


def _labelled(config: DataConfig, task: Task, vocabulary: Vocabulary) -> Labelled:
    return (
        read_labelled(config, task, vocabulary) if config.haplotypes is None else read_haplotype_records(config, task)
    )


def _further_test(name: str, config: DataConfig, task: Task, own: Labelled) -> Labelled:
    """Read further test data, and see which of its records stand in the training part of the run."""
    further = _labelled(config, task, own.vocabulary)
    if not further.parts["test"]:
        raise InputError(f"tests.{name} of the task {task.name!r} has no test records. Correct its data settings.")
    columns = [item.name for item in task.template.given if item.kind == "sequence"]
    parts = (further.part("test"), own.part("train"))
    asked, known = (sequence_keys(pd.DataFrame(part), columns, own.vocabulary) for part in parts)
    repeated = repeating(asked, known, own.duplicate_level, own.near_threshold)
    return replace(further, in_training={"test": repeated} if columns else {})


def _notes_of_tests(one: TaskRecords) -> list[str]:
    """Say how many records of further test data stand in training, and how many answers are never taught."""
    notes: list[str] = []
    for name, labelled in one.tests.items():
        what = f"test records of tests.{name}"
        repeated = labelled.in_training.get("test", np.zeros(0, dtype=bool))
        if repeated.any():
            notes.append(leak_note(one.labelled.duplicate_level, repeated, what))
        notes += unlearnt_choices(one.task.template, one.labelled.part("train"), labelled.part("test"), what)
    return notes


def _notes_of_scores(one: TaskRecords) -> list[str]:
    """Say so where scores are not those of test records; those of haplotypes are given for every part by name."""
    judged_by_answers = any(item.kind != "sequence" for item in one.task.template.answered)
    if one.scored == "test" or not judged_by_answers:
        return []
    named = "training" if one.scored == "train" else one.scored
    beside = f"Task {one.task.name}: there are no test records, so the scores are of the {named} records"
    if one.scored == "train":
        return [f"{beside}, which the model was taught with: they do not say how well it answers for new ones."]
    return [f"{beside}, by which the weights that are kept were chosen: they are somewhat flattered."]


def _with_notes(one: TaskRecords, notes: Sequence[str]) -> TaskRecords:
    for note in notes:
        logger.warning("%s", note)
    return replace(one, labelled=replace(one.labelled, notes=(*one.labelled.notes, *notes)))


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
        return [_window_rows(model, one, place, alleles_S, window) for window in range(one.windows)]
    return view_rows(model, one.task, one.labelled.records[place], one.labelled.names[place])


def _window_rows(model: Model, one: TaskRecords, place: int, alleles_S: Alleles, window: int) -> Rows:
    """Write a window of a haplotype of the population of a record."""
    language = one.task.haplotypes
    assert language is not None
    (letters,) = language.letters(alleles_S[np.newaxis])
    population = str(one.labelled.records[place][POPULATION])
    where = one.labelled.names[place]
    return language.rows(model.vocabulary, one.task.template, letters, population, window, where=where)


def refuse_single_class(task: Task, records: Sequence[Mapping[str, object]], where: str) -> None:
    """Refuse records that all have the same answer, from which nothing can be learnt."""
    for item in task.template.answered:
        if records and item.kind in ("boolean", "choice") and len(set(true_classes(records, item).tolist())) == 1:
            raise InputError(
                f"{where} ({len(records):,}) all have {str(records[0][item.name])!r} as {item.name}: there is nothing "
                "to tell apart. Add records of another class."
            )


def true_classes(records: Sequence[Mapping[str, object]], item: Field) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Give the true class of each record as a number: its place among the options of the field."""
    if item.kind == "choice":
        return np.array([item.choices.index(str(record[item.name])) for record in records], dtype=np.int64)
    return np.array([read_boolean(record[item.name]) for record in records], dtype=np.int64)


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
        self._gametes = {one.task.name: _Gametes(one) for one in tasks if one.labelled.haplotypes is not None}
        self._first = [self._first_rows(one, place, window) for one, place, window in self._places]
        self.lengths = [len(rows) for rows in self._first]

    def rows(self, sample: int, example: int) -> Rows:
        """Write one example for the `sample`-th time that an example is seen, counted over all epochs."""
        one, place, window = self._places[example]
        if one.task.name in self._gametes:
            if not one.settings.gametes:
                return _marked(self._first[example], one.first_mark)
            alleles_S = self._gametes[one.task.name].draw(place, counter_generator(self._seed, _VIEW_STREAM, sample))
            return _marked(_window_rows(self._model, one, place, alleles_S, window), one.first_mark)
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
            return _window_rows(self._model, one, place, one.labelled.haplotypes.alleles[place], window)
        views = self._views(one, place)
        tried = views if one.task.views.too_long == "tiles" else views[:1]
        rows = [fitting_rows(self._model, one.task, view, one.labelled.names[place]) for view in tried]
        return rows[0]

    def _views(self, one: TaskRecords, place: int) -> Sequence[Mapping[str, object]]:
        record, where = one.labelled.records[place], one.labelled.names[place]
        context = self._model.network.config.context
        return one.task.views.of(record, one.task.template, self._model.vocabulary, context, where)


class _Gametes:
    """What the people of the training part hand on."""

    def __init__(self, one: TaskRecords) -> None:
        haplotypes = one.labelled.haplotypes
        assert haplotypes is not None
        self._haplotypes = haplotypes
        self._people = people(haplotypes, one.labelled.parts["train"])
        if UNKNOWN_CONTIG in haplotypes.sites.contigs:
            logger.warning(
                "%s: how far the sites are apart is unknown, so gametes do not recombine. Give a legend.",
                one.task.name,
            )
        self._chances = crossover_chances(haplotypes.sites, recombination_map(one.settings.data))

    def draw(self, place: int, generator: np.random.Generator) -> Alleles:
        """Draw a gamete of the person that a haplotype is of."""
        own = self._people[self._haplotypes.individuals[place]]
        return gamete(self._haplotypes.alleles[own], self._chances, generator)


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


def _fitted(task: Task, labelled: Labelled) -> Task:
    """Fit means and deviations on the training records alone."""
    fields = {item.name: item for item in task.template.fields}

    def numbers(name: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        places = labelled.parts["train"]
        values = [field_numbers(fields[name], labelled.records[place], labelled.names[place]) for place in places]
        return np.array(values, dtype=np.float64)

    fitted = {
        name: transform.fit(numbers(name), name=name) if name in fields else transform
        for name, transform in task.transforms.items()
    }
    return replace(task, transforms=fitted)


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
