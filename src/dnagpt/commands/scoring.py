"""How well each method answers each question of a task, on each set of test records: numbers only."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dnagpt.commands.task_records import TaskRecords, true_classes
from dnagpt.data.settings import Part
from dnagpt.evaluation import baselines
from dnagpt.evaluation.classification import ClassificationMetrics, classification_intervals, classification_metrics
from dnagpt.evaluation.groups import GroupScores, number_scores_by_group, scores_by_group
from dnagpt.evaluation.metrics import Estimate, as_dict
from dnagpt.evaluation.regression import RegressionMetrics, regression_intervals, regression_metrics
from dnagpt.inference.predict import Prediction, field_options
from dnagpt.language.grammar import Field
from dnagpt.tasks import Task
from dnagpt.training.convolutional import convolutional_baseline, convolutional_regression

Floats = np.ndarray[Any, np.dtype[np.float64]]
Record = Mapping[str, object]
CNN_EPOCHS = 12


@dataclass(frozen=True)
class Question:
    """One thing that is answered: a class, or one of a field's numbers."""

    item: Field
    place: int = 0
    """Which of the field's numbers."""

    @property
    def column(self) -> str:
        """The column of a table that holds the truth."""
        return self.item.columns[self.place]

    @property
    def options(self) -> tuple[str, ...]:
        """The classes; none for a number."""
        return field_options(self.item)

    def truth(self, records: Sequence[Record]) -> "np.ndarray[Any, Any]":
        """Read the true answers: class numbers, or numbers in the user's unit."""
        if self.options:
            return true_classes(records, self.item)
        return np.array([_number(record, self) for record in records])


def questions(task: Task) -> list[Question]:
    """List what a task answers, one question a class field and a number."""
    return [
        Question(item, place)
        for item in task.template.answered
        if item.kind != "sequence"
        for place in range(item.count)
    ]


@dataclass(frozen=True)
class TestSet:
    """Some of the records that the methods answered."""

    __test__ = False  # not a test, whatever pytest thinks of its name

    name: str
    """What the records are: test, another species."""
    rows: slice | np.ndarray[Any, Any]
    """Where they stand among all records that were answered."""
    groups: Sequence[object] | None = None
    """The group of each record of the set, where they have groups."""

    def group_scores(self, question: "Question", records: Sequence[Record], said: Floats) -> GroupScores:
        """Score one method's answers to all records within each group of the set; nothing where there are none."""
        if self.groups is None:
            return {}
        grouped = scores_by_group if question.options else number_scores_by_group
        return grouped(question.truth(records)[self.rows], said[self.rows], self.groups)


@dataclass(frozen=True)
class Score:
    """How well one method answers one question on one set of records."""

    question: Question
    test_set: str
    method: str
    metrics: ClassificationMetrics | RegressionMetrics
    intervals: Mapping[str, Estimate]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values for a JSON file; what is undefined becomes null."""
        ends = {name: (estimate.low, estimate.high) for name, estimate in self.intervals.items()}
        shown = {name: [None if math.isnan(end) else end for end in pair] for name, pair in ends.items()}
        return {**as_dict(self.metrics), "intervals": shown}


Answers = dict[Question, dict[str, Floats]]
"""For each question, by method, the answers to all records: (n, classes) or (n,)."""


def model_answers(predictions: Mapping[str, Sequence[Prediction]]) -> Answers:
    """Lay the answers of models out question by question; the models' names are the methods."""
    found: Answers = {}
    for name, of_model in predictions.items():
        for prediction in of_model:
            for place in range(prediction.item.count):
                question = Question(prediction.item, place)
                numbers = prediction.probabilities if question.options else prediction.numbers[:, place]
                found.setdefault(question, {})[name] = numbers
    return found


def yardstick_answers(
    task: Task, train: Sequence[Record], validation: Sequence[Record], asked: Sequence[Record],
    wanted: Sequence[str], *, seed: int, done: Callable[[int], None] = lambda _: None,
) -> Answers:  # fmt: skip
    """Fit what is known without a language model on the training records, and let it answer.

    GC content, 4-mers and the small convolutional network see the letters of the given sequences alone: of several,
    all in the order of the template with an N between two, which no 4-mer reaches across. They are left out where a
    task gives none.
    """
    names = [item.name for item in task.template.given if item.kind == "sequence"]
    if not names or not train:
        return {}
    known, judged, asked_of = (
        ["N".join(str(record[name]) for name in names) for record in part] for part in (train, validation, asked)
    )
    found: Answers = {question: {} for question in questions(task)}
    for question, methods in found.items():
        truth, judged_truth = (_in_models_unit(task, question, question.truth(part)) for part in (train, validation))
        classes = len(question.options)
        if "cnn" in wanted:
            settings: dict[str, Any] = {"epochs": CNN_EPOCHS, "seed": seed, "done": done}
            methods["small CNN"] = (
                convolutional_baseline(known, truth, judged, judged_truth, asked_of, classes=classes, **settings)
                if classes
                else convolutional_regression(known, truth, judged, judged_truth, asked_of, **settings)
            )
        if "kmers" in wanted and classes:
            methods["4-mer logistic regression"] = baselines.kmer_baseline(known, truth, asked_of, classes=classes)
        elif "kmers" in wanted:
            methods["4-mer ridge regression"] = baselines.kmer_regression(known, truth, asked_of)
        if "gc" in wanted and classes:
            methods["GC content only"] = baselines.gc_baseline(known, truth, asked_of, classes=classes)
        elif "gc" in wanted:
            methods["GC content only"] = baselines.gc_regression(known, truth, asked_of)
        found[question] = {name: _in_users_unit(task, question, said) for name, said in methods.items()}
    return found


def _in_models_unit(task: Task, question: Question, truth: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Scale the true numbers as the model has them: a yardstick of logarithms is not to be fitted on their powers."""
    transform = task.transforms.get(question.item.name)
    if transform is None or question.options:
        return truth
    every = np.repeat(truth[:, None], question.item.count, axis=1)
    return transform.apply(every, name=question.column)[:, question.place]


def _in_users_unit(task: Task, question: Question, said: Floats) -> Floats:
    if question.options or question.item.name not in task.transforms:
        return said
    every: Floats = task.in_users_unit(question.item.name, np.repeat(said[:, None], question.item.count, axis=1))
    return every[:, question.place]


def test_sets(one: TaskRecords, part: Part) -> Iterator[TestSet]:
    """Name the sets among the records answered, in order: the part itself and further data, each with its clean subset.

    The clean subset is what does not stand in training, where that is some of the records but not all.
    """
    count = len(one.labelled.parts[part])
    groups = one.labelled.groups
    own = None if groups is None else [groups[place].strip() or "not named" for place in one.labelled.parts[part]]
    yield TestSet(part, slice(0, count), own)
    yield from _clean_subset(part, one.labelled.in_training.get(part), 0)
    for name, labelled in one.tests.items():
        more = len(labelled.parts["test"])
        yield TestSet(name, slice(count, count + more))
        yield from _clean_subset(name, labelled.in_training.get("test"), count)
        count += more


def _clean_subset(name: str, repeated: "np.ndarray[Any, np.dtype[np.bool_]] | None", begin: int) -> Iterator[TestSet]:
    if repeated is not None and repeated.any() and not repeated.all():
        yield TestSet(f"{name}, not in training", begin + np.flatnonzero(~repeated))


def score_answers(records: Sequence[Record], answers: Answers, sets: Sequence[TestSet]) -> list[Score]:
    """Score every method on every question and set of records, with bootstrap intervals."""
    scores: list[Score] = []
    for question, methods in answers.items():
        truth = question.truth(records)
        for one in sets:
            for method, answered in methods.items():
                true, said = truth[one.rows], answered[one.rows]
                metrics = classification_metrics(true, said) if question.options else regression_metrics(true, said)
                intervals = (
                    classification_intervals(true, said) if question.options else regression_intervals(true, said)
                )
                scores.append(Score(question, one.name, method, metrics, intervals))
    return scores


def _number(record: Record, question: Question) -> float:
    if question.column in record:
        return float(str(record[question.column]))
    values: Any = record[question.item.name]
    return float(values[question.place])
