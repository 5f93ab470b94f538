"""Answers to records: a label with its probability, or a number in the user's unit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dnagpt.checkpoint import Model
from dnagpt.errors import InputError
from dnagpt.inference.answers import Readings, read_answers
from dnagpt.language.grammar import Field
from dnagpt.language.template import Rows
from dnagpt.tasks import Task

Record = Mapping[str, object]


@dataclass(frozen=True)
class Prediction:
    """The answers to one field, over all records."""

    name: str
    """The field's name."""
    options: tuple[str, ...] = ()
    """What could be answered: the choices, or `false` and `true`; empty for numbers."""
    probabilities: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """(records, options): each row adds up to 1."""
    numbers: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """(records, count), in the unit of the training table."""

    @property
    def labels(self) -> list[str]:
        """The most probable option of each record."""
        return [self.options[place] for place in self.probabilities.argmax(axis=1)]

    def columns(self) -> Iterator[tuple[str, list[object]]]:
        """Give the columns to add to a table: the answer, and how sure the model is of each option."""
        if not self.options:
            several = self.numbers.shape[1] > 1
            for place in range(self.numbers.shape[1]):
                name = f"predicted_{self.name}" + (f"_{place + 1}" if several else "")
                yield name, self.numbers[:, place].tolist()
            return
        yield f"predicted_{self.name}", list(self.labels)
        shown = range(1, 2) if self.options == BOOLEAN_OPTIONS else range(len(self.options))
        for place in shown:
            yield f"probability_{self.options[place]}", self.probabilities[:, place].tolist()


BOOLEAN_OPTIONS = ("false", "true")
_UNKNOWN: Mapping[str, object] = {"boolean": False, "number": 0.0}


def predict(
    model: Model,
    task: Task,
    records: Sequence[Record],
    *,
    where: Callable[[int], str] = lambda place: f"record {place + 1}",
    precision: str = "auto",
    done: Callable[[int], None] = lambda _: None,
) -> list[Prediction]:
    """Answer every field of a task for every record; an answer is read by the ones that follow it.

    A position sees only what stands before it, so fields not yet answered may hold anything meanwhile.
    """
    fields = task.template.answered
    if any(item.kind == "sequence" for item in fields):
        raise InputError(f"The task {task.name!r} answers with a sequence. Use `generate` for it.")
    known: list[dict[str, object]] = [
        {**record, **{item.name: _placeholder(item) for item in fields}} for record in records
    ]
    predictions: list[Prediction] = []
    for place, item in enumerate(fields):
        for position in range(item.count):
            rows = [fitting_rows(model, task, record, where(number)) for number, record in enumerate(known)]
            reading = read_answers(model, task, rows, precision=precision, done=done)[place]
            _fill_in(known, task, item, position, reading)
        predictions.append(_prediction(task, item, reading))
    return predictions


def fitting_rows(model: Model, task: Task, record: Record, where: str) -> Rows:
    """Write a record as rows, refusing one that the model's context cannot hold."""
    rows = task.rows(model.vocabulary, record, where=where)
    context = model.network.config.context
    if len(rows.ids) > context:
        raise InputError(
            f"{where}: {len(rows.ids):,} tokens are more than the model's context of {context:,}. "
            "Shorten the sequence, or use a model with a longer context."
        )
    return rows


def field_options(item: Field) -> tuple[str, ...]:
    """Name what a field can answer: its choices, false and true, or nothing for a number."""
    return item.choices if item.kind == "choice" else BOOLEAN_OPTIONS if item.kind == "boolean" else ()


def _placeholder(item: Field) -> object:
    if item.kind == "choice":
        return item.choices[0]
    return _UNKNOWN[item.kind] if item.count == 1 else [0.0] * item.count


def _fill_in(known: Sequence[dict[str, object]], task: Task, item: Field, position: int, reading: Readings) -> None:
    options = field_options(item)
    for place, record in enumerate(known):
        if options:
            label = options[int(reading.probabilities[place][0].argmax())]
            record[item.name] = label
        elif item.count == 1:
            record[item.name] = float(task.in_users_unit(item.name, reading.numbers[place][0]))
        else:
            values = list(record[item.name])  # type: ignore[call-overload]
            values[position] = float(task.in_users_unit(item.name, reading.numbers[place][position]))
            record[item.name] = values


def _prediction(task: Task, item: Field, reading: Readings) -> Prediction:
    options = field_options(item)
    if options:
        shape = (-1, len(options))
        rows = [row[0] for row in reading.probabilities]
        return Prediction(item.name, options, probabilities=np.array(rows).reshape(shape))
    numbers = np.array(reading.numbers).reshape(-1, item.count)
    return Prediction(item.name, numbers=np.asarray(task.in_users_unit(item.name, numbers)))
