"""Windows of genomes: drawn at random for training, laid end to end for validation."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dnagpt.data.corpus import Species
from dnagpt.data.streams import counter_generator
from dnagpt.errors import InputError
from dnagpt.genome.bases import reverse_complement
from dnagpt.genome.intervals import Interval
from dnagpt.language.template import Rows
from dnagpt.language.tokenizer import encode_codes
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task, window_record

logger = logging.getLogger("dnagpt")

MOST_DRAWS = 1000

Usable = Callable[[npt.NDArray[np.uint8]], bool]
"""Tells whether a window is good enough to train on or to be scored."""


@dataclass(frozen=True)
class Window:
    """A stretch of a genome as the model reads it."""

    species: str
    """The species' token."""
    interval: Interval
    """Where it lies, 0-based half-open."""
    codes: npt.NDArray[np.uint8]
    """Its bases (N=0 A=1 G=2 C=3 T=4), strand and order as read."""
    is_reversed: bool
    """Whether the order of its bases was turned round (not complemented): the question of the order objective."""


def window_rows(task: Task, vocabulary: Vocabulary, window: Window) -> Rows:
    """Write a window as the rows of the pre-training task."""
    record = window_record(task, window.species, window.codes, is_reversed=window.is_reversed)
    return task.rows(vocabulary, record, where=f"{window.interval}")


def window_bases(task: Task, vocabulary: Vocabulary, context: int) -> int:
    """Tell how many bases fill the context: k for each position that the task leaves to the window."""
    probe = Window("R", Interval("probe", 0, vocabulary.k), np.ones(vocabulary.k, dtype=np.uint8), False)
    spare = context - (len(window_rows(task, vocabulary, probe).ids) - 1)
    if spare < 1:
        raise InputError(f"A context of {context} tokens leaves no room for a window in the template {task.template}.")
    return spare * vocabulary.k


def usable_windows(vocabulary: Vocabulary, length: int, unknown_fraction: float) -> Usable:
    """Tell good windows from bad: those with too many N, or whose N do not fit in `length // k` tokens, are bad.

    N cut a k-mer in pieces where the vocabulary has no k-mers that hold N.
    """

    def usable(codes: npt.NDArray[np.uint8]) -> bool:
        unknown = np.count_nonzero(codes == 0)
        if not unknown:
            return True
        return (
            bool(unknown <= unknown_fraction * length)
            and len(encode_codes(vocabulary, codes)) <= length // vocabulary.k
        )

    return usable


class WindowSampler:
    """Draws training windows, uniformly over the bases of each species; window i depends on (seed, i) alone."""

    def __init__(
        self,
        species: Sequence[Species],
        length: int,
        seed: int,
        *,
        usable: Usable,
        both_strands: bool,
        reversals: bool = True,
    ) -> None:
        self.species, self.length, self.seed = tuple(species), length, seed
        self.usable, self.both_strands, self.reversals = usable, both_strands, reversals
        self._intervals = [_long_enough(one, length) for one in self.species]
        starts = [np.array([i.length - length + 1 for i in intervals]) for intervals in self._intervals]
        self._ends = [counts.cumsum() for counts in starts]
        weights = np.array([one.weight for one in self.species])
        self._bounds = np.cumsum(weights / weights.sum())

    def window(self, sample: int) -> Window:
        """Give the `sample`-th window of the run.

        InputError when a thousand draws in a row hold too many N.
        """
        generator = counter_generator(self.seed, 0, sample)
        place = min(int(np.searchsorted(self._bounds, generator.random(), side="right")), len(self.species) - 1)
        species = self.species[place]
        for _ in range(MOST_DRAWS):
            start = int(generator.integers(self._ends[place][-1]))
            interval = self._interval(place, start)
            codes = species.codes(interval)
            if self.usable(codes):
                return self._as_read(species, interval, codes, generator)
        raise InputError(
            f"{species.label}: {MOST_DRAWS} windows of {self.length:,} bases in a row had "
            "too many N. Take shorter windows, another assembly, or a larger unknown_fraction."
        )

    def _interval(self, place: int, start: int) -> Interval:
        which = int(np.searchsorted(self._ends[place], start, side="right"))
        interval = self._intervals[place][which]
        first = interval.start + start - (int(self._ends[place][which - 1]) if which else 0)
        return Interval(interval.contig, first, first + self.length)

    def _as_read(
        self, species: Species, interval: Interval, codes: npt.NDArray[np.uint8], generator: np.random.Generator
    ) -> Window:
        other_strand, is_reversed = generator.random(2) < 0.5
        is_reversed &= self.reversals
        if other_strand and self.both_strands:
            codes = reverse_complement(codes)
        if is_reversed:
            codes = codes[::-1]
        return Window(species.letter, interval, np.ascontiguousarray(codes), bool(is_reversed))


def _long_enough(species: Species, length: int) -> list[Interval]:
    kept = [interval for interval in species.training if interval.length >= length]
    if not kept:
        longest = max(interval.length for interval in species.training)
        raise InputError(
            f"{species.label}: its longest training stretch has {longest:,} bases, fewer than a window of {length:,}. "
            "Take a shorter context, or a longer genome."
        )
    if len(kept) < len(species.training):
        bases = sum(interval.length for interval in species.training) - sum(interval.length for interval in kept)
        logger.warning(
            "%s: %s stretches (%s bases) are shorter than a window of %s bases and are not trained on",
            species.label, f"{len(species.training) - len(kept):,}", f"{bases:,}", f"{length:,}",
        )  # fmt: skip
    return kept


def tiles(species: Species, length: int, *, usable: Usable, stride: int | None = None) -> Iterator[Window]:
    """Lay windows over the held-out stretches from left to right, `stride` bases apart (default: end to end).

    A rest shorter than a window is left out, as are windows that are not usable.
    """
    for interval in species.held_out:
        for start in range(interval.start, interval.end - length + 1, stride or length):
            place = Interval(interval.contig, start, start + length)
            codes = species.codes(place)
            if usable(codes):
                yield Window(species.letter, place, codes, False)


def every_second_reversed(windows: Sequence[Window]) -> list[Window]:
    """Turn every second window round, so that the order objective has both answers."""
    return [
        replace(window, codes=np.ascontiguousarray(window.codes[::-1]), is_reversed=True) if number % 2 else window
        for number, window in enumerate(windows)
    ]
