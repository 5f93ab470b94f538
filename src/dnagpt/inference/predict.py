"""Answers to records: a label with its probability, or a number in the user's unit."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.inference.answers import Readings, read_answers
from dnagpt.language.grammar import BOOLEAN_OPTIONS, Field, field_options
from dnagpt.language.template import Rows
from dnagpt.store.model import Model
from dnagpt.tasks import Task

logger = logging.getLogger("dnagpt")
Record = Mapping[str, object]


@dataclass(frozen=True)
class Prediction:
    """The answers to one field, over all records."""

    item: Field
    """The field that was answered."""
    probabilities: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """(records, options): each row adds up to 1; empty for numbers."""
    numbers: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """(records, count), in the unit of the training table; empty for options."""

    @property
    def name(self) -> str:
        """The field's name."""
        return self.item.name

    @property
    def options(self) -> tuple[str, ...]:
        """What could be answered: the choices, or `false` and `true`; empty for numbers."""
        return field_options(self.item)

    @property
    def labels(self) -> list[str]:
        """The most probable option of each record."""
        return [self.options[place] for place in self.probabilities.argmax(axis=1)]

    @property
    def values(self) -> list[list[object]]:
        """What `answer_columns` names: the answer, and how sure the model is of each option."""
        if not self.options:
            return list(self.numbers.T.tolist())
        shown = self.probabilities[:, 1:] if self.options == BOOLEAN_OPTIONS else self.probabilities
        return [list(self.labels), *shown.T.tolist()]


def answer_columns(task: Task) -> list[list[str]]:
    """Name the columns that each answer takes in a table.

    Where two fields share an option, as two booleans do, the field is named too.

    >>> from dnagpt.language.template import Template
    >>> answer_columns(Task("sites", Template.parse("<R>{sequence}<=><B>{site?:choice(donor,acceptor)}")))
    [['predicted_site', 'probability_donor', 'probability_acceptor']]
    """
    fields = task.template.answered
    shown = [field_options(item)[1:] if item.kind == "boolean" else field_options(item) for item in fields]
    counts = Counter(option for options in shown for option in options)
    return [
        [f"predicted_{column}" for column in item.columns]
        + [
            f"probability_{option}" if counts[option] == 1 else f"probability_{item.name}_{option}"
            for option in options
        ]
        for item, options in zip(fields, shown, strict=True)
    ]


def answers(task: Task, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Lay the answers to all fields out as the columns of a table."""
    return {
        name: values
        for names, prediction in zip(answer_columns(task), predictions, strict=True)
        for name, values in zip(names, prediction.values, strict=True)
    }


def predict(
    model: Model,
    task: Task,
    records: Sequence[Record],
    *,
    where: Callable[[int], str] = lambda place: f"record {place + 1}",
    precision: str = "float32",
    done: Callable[[int], None] = lambda _: None,
) -> list[Prediction]:
    """Answer every field of a task for every record; an answer is read by the ones that follow it.

    A position sees only what stands before it, so fields not yet answered may hold anything meanwhile. Where a task
    reads a record in several views, the answer is their mean: of probabilities, or of numbers in the model's unit.
    Later answers read an earlier number in the model's unit. One that is beyond 64 bits in the user's unit, as 10^400
    of a logarithm, comes back as inf or -inf, and a warning counts these.

    In float32 (the default) the answer to a record alone and among others agrees to about 1e-6, up to rounding that
    several answers in a row carry on; in bfloat16 probabilities move by up to about .01.
    """
    fields = task.template.answered
    if any(item.kind == "sequence" for item in fields):
        raise InputError(f"The task {task.name!r} answers with a sequence. Use `generate` for it.")
    asked = _in_models_unit(task)
    known: list[dict[str, object]] = [{**record, **dict(map(_placeholder, fields))} for record in records]
    predictions: list[Prediction] = []
    for place, item in enumerate(fields):
        for position in range(item.count):
            views = [view_rows(model, asked, record, where(number)) for number, record in enumerate(known)]
            rows = [row for of_record in views for row in of_record]
            readings = read_answers(model, asked, rows, precision=precision, done=done)
            reading = mean_of_views(readings[place], list(map(len, views)))
            _refuse_diverged(reading)
            _fill_in(known, item, position, reading)
        predictions.append(_prediction(task, item, reading))
    return predictions


def view_rows(model: Model, task: Task, record: Record, where: str) -> list[Rows]:
    """Write every view of a record as rows that fit the model's context."""
    context = model.network.config.context
    views = task.views.of(record, task.template, model.vocabulary, context, where)
    return [fitting_rows(model, task, view, where) for view in views]


def mean_of_views(reading: Readings, counts: Sequence[int]) -> Readings:
    """Average what was read of the views of each record; `counts` says how many views the records have, in order."""
    if set(counts) <= {1}:
        return reading
    ends = np.cumsum(counts)
    spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]

    def means(values: list[npt.NDArray[np.float64]]) -> list[npt.NDArray[np.float64]]:
        return [np.mean(values[span], axis=0) for span in spans]

    return Readings(reading.field, means(reading.losses), means(reading.numbers), means(reading.probabilities))


def fitting_rows(model: Model, task: Task, record: Record, where: str) -> Rows:
    """Write a record as rows, refusing one that the model's context cannot hold."""
    rows = task.rows(model.vocabulary, record, where=where)
    context = model.network.config.context
    if len(rows.ids) > context:
        raise InputError(
            f"{where}: {len(rows.ids):,} tokens are more than the model's context of {context:,}. "
            "Shorten the sequence, use a model with a longer context, or say with views.too_long in the task file "
            "that the centre or tiles of long sequences are to be read."
        )
    return rows


def _in_models_unit(task: Task) -> Task:
    """Give the task with the transforms of its given numbers alone, so that answers stand in the model's unit."""
    given = {item.name for item in task.template.given}
    return replace(task, transforms={name: one for name, one in task.transforms.items() if name in given})


def _placeholder(item: Field) -> tuple[str, object]:
    """Name a field, with something of the right kind to stand where the answer is not known yet."""
    if item.kind == "number":
        return item.name, _as_recorded(item, np.zeros(item.count))
    return item.name, item.choices[0] if item.kind == "choice" else False


def _as_recorded(item: Field, numbers: npt.NDArray[np.float64]) -> object:
    """Write numbers as a record holds them: one number, or a list."""
    values: list[float] = numbers.tolist()
    return values[0] if item.count == 1 else values


def _refuse_diverged(reading: Readings) -> None:
    values = reading.numbers if reading.field.kind == "number" else reading.probabilities
    if not all(np.isfinite(of_record).all() for of_record in values):
        raise InputError(
            f"The model's answer {reading.field.name} is not a finite number for some records, so its training "
            "diverged. Take another model, or train it with a smaller learning rate."
        )


def _fill_in(known: Sequence[dict[str, object]], item: Field, position: int, reading: Readings) -> None:
    options = field_options(item)
    for place, record in enumerate(known):
        if options:
            record[item.name] = options[int(reading.probabilities[place][0].argmax())]
        else:
            # Numbers behind this position were read before it was known; they are read again.
            numbers = np.where(np.arange(item.count) <= position, reading.numbers[place], 0.0)
            record[item.name] = _as_recorded(item, numbers)


def _prediction(task: Task, item: Field, reading: Readings) -> Prediction:
    options = field_options(item)
    if options:
        shape = (-1, len(options))
        rows = [row[0] for row in reading.probabilities]
        return Prediction(item, probabilities=np.array(rows).reshape(shape))
    with np.errstate(over="ignore"):
        numbers = np.asarray(task.in_users_unit(item.name, np.array(reading.numbers).reshape(-1, item.count)))
    if beyond := int(np.isinf(numbers).sum()):
        logger.warning(
            "%s answers of %s are too large for a 64-bit number in the table's unit, and are given as inf.",
            f"{beyond:,}", item.name,
        )  # fmt: skip
    return Prediction(item, numbers=numbers)
