"""How well each method answers each question of a task, on each set of records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import (
    ClassificationMetrics,
    classification_intervals,
    classification_metrics,
)
from dnagpt.evaluation.metrics.groups import GroupScores, number_scores_by_group, scores_by_group
from dnagpt.evaluation.metrics.metrics import as_dict
from dnagpt.evaluation.metrics.regression import RegressionMetrics, regression_intervals, regression_metrics
from dnagpt.language.grammar import Field, field_options
from dnagpt.tasks import Task
from dnagpt.tasks.task import true_classes

Floats = np.ndarray[Any, np.dtype[np.float64]]
Record = Mapping[str, object]


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
