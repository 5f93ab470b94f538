"""Rows of several records, side by side, as a network takes them.

Shapes: B rows, L positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dnagpt.language.template import Rows


@dataclass(frozen=True)
class Batch:
    """Examples of up to the same length, filled up at the right, where causal attention never looks."""

    ids_BL: npt.NDArray[np.int64]
    """Token ids; the pad id at numbers and behind the end of a row."""
    numbers_BL: npt.NDArray[np.float32]
    """The numbers, 0 elsewhere."""
    is_number_BL: npt.NDArray[np.bool_]
    """Where a position holds a number."""
    answer_BL: npt.NDArray[np.int8]
    """0 where a position is given, i + 1 where it belongs to the i-th answered field."""

    @property
    def tokens(self) -> int:
        """Positions in the batch, filling included."""
        return int(self.ids_BL.size)


def collate(rows: Sequence[Rows], pad_id: int) -> Batch:
    """Lay the rows of several examples under one another."""
    shape = (len(rows), max(len(row.ids) for row in rows))
    ids = np.full(shape, pad_id, dtype=np.int64)
    numbers = np.zeros(shape, dtype=np.float32)
    is_number = np.zeros(shape, dtype=np.bool_)
    answer = np.zeros(shape, dtype=np.int8)
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = row.ids
        numbers[place, :length] = row.numbers
        is_number[place, :length] = row.is_number
        answer[place, :length] = row.answer
    return Batch(ids, numbers, is_number, answer)


def similar_lengths(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Group examples of similar length so that no group holds more than about `tokens` positions.

    >>> list(similar_lengths([5, 2, 5, 2], tokens=10))
    [[0, 2], [1, 3]]
    """
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if group and (len(group) + 1) * lengths[group[0]] > tokens:
            yield group
            group = []
        group.append(place)
    if group:
        yield group
