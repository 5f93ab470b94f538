"""Rows of several records, side by side, as a network takes them.

Shapes: B rows, L positions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dnagpt.language.template import Rows

MOST_PADDING = 0.1
"""The share of a group's positions that may be filling."""


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
    places_BL: npt.NDArray[np.int32]
    """Which k-mer of known sites stands at a position, from 1; 0: none."""

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
    places = np.zeros(shape, dtype=np.int32)
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = row.ids
        numbers[place, :length] = row.numbers
        is_number[place, :length] = row.is_number
        answer[place, :length] = row.answer
        if row.places is not None:
            places[place, :length] = row.places
    return Batch(ids, numbers, is_number, answer, places)


def padding_share(groups: Iterable[Sequence[int]]) -> float:
    """Tell which share of all positions is filling where each group of lengths is brought to its longest.

    >>> padding_share([[3, 1], [2]])
    0.25
    """
    filled, used = 0, 0
    for lengths in groups:
        filled += len(lengths) * max(lengths)
        used += sum(lengths)
    return 1 - used / filled if filled else 0.0


def similar_lengths(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Group examples of similar length: no group holds more than `tokens` positions, or is filled by more than a tenth.

    An example that is longer than `tokens` is a group of its own.

    >>> list(similar_lengths([19, 10, 20, 10], tokens=100))
    [[2, 0], [1, 3]]
    """
    group: list[int] = []
    used = 0
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        positions = (len(group) + 1) * lengths[group[0]] if group else 0
        if positions > tokens or used + lengths[place] < (1 - MOST_PADDING) * positions:
            yield group
            group, used = [], 0
        group.append(place)
        used += lengths[place]
    if group:
        yield group
