"""How well a model knows a genome: bits per base, GC content and reading order, window by window."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dnagpt.data.windows import Window, window_rows
from dnagpt.errors import InputError
from dnagpt.genome.bases import gc_content
from dnagpt.inference.answers import Readings, read_answers
from dnagpt.store.model import Model
from dnagpt.tasks import Task

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GenomeScore:
    """What a model said of a row of windows."""

    bits: float
    """Bits spent on the bases that count."""
    bases: int
    """How many bases count."""
    gc_true: Floats
    """GC content of each window."""
    gc_predicted: Floats
    """What the model said of it; empty where its task does not ask."""
    reversed_true: npt.NDArray[np.int64]
    """1 where the window was turned round."""
    reversed_probability: Floats
    """How probable the model found that; empty where its task does not ask."""
    losses: dict[str, float]
    """The mean loss of each answered field, in nats or squared model units."""

    @property
    def bits_per_base(self) -> float:
        """The mean cost of a base: 2 for one guessed at random, less the better it is foreseen."""
        return self.bits / self.bases if self.bases else math.nan


def score_windows(
    model: Model,
    task: Task,
    windows: Sequence[Window],
    *,
    skip: int = 0,
    precision: str = "float32",
    done: Callable[[int], None] = lambda _: None,
) -> GenomeScore:
    """Score windows under the pre-training task.

    With `skip` the first bases of each window are context only (in whole k-mers); of windows that
    overlap by that much every base then counts once. Windows that were turned round count for the order alone.
    """
    if not windows:
        raise InputError("There is no window to score: the stretches are too short, or hold too many N.")
    rows = [window_rows(task, model.vocabulary, window) for window in windows]
    readings = {
        reading.field.name: reading for reading in read_answers(model, task, rows, precision=precision, done=done)
    }
    bits, bases = _bits(readings["window"], windows, skip, model.vocabulary.k)
    gc, order = readings.get("gc"), readings.get("reversed")
    return GenomeScore(
        bits=bits,
        bases=bases,
        gc_true=np.array([gc_content(window.codes) for window in windows]),
        gc_predicted=np.asarray(task.in_users_unit("gc", np.concatenate(gc.numbers))) if gc else np.empty(0),
        reversed_true=np.array([window.is_reversed for window in windows], dtype=np.int64),
        reversed_probability=np.array([row[0, 1] for row in order.probabilities]) if order else np.empty(0),
        losses={name: float(np.concatenate(reading.losses).mean()) for name, reading in readings.items()},
    )


def _bits(reading: Readings, windows: Sequence[Window], skip: int, k: int) -> tuple[float, int]:
    """Add up the cost of the k-mers behind the skipped ones; windows that hold N are left out, and the end token."""
    counted = [
        losses[skip // k : len(window.codes) // k]
        for losses, window in zip(reading.losses, windows, strict=True)
        if window.codes.all() and not window.is_reversed
    ]
    nats = sum(float(losses.sum()) for losses in counted)
    return nats / math.log(2), sum(len(losses) for losses in counted) * k
