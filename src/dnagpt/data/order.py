"""In which order examples are seen: a pure function of the seed and the count, so there is no state to save."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dnagpt.data.streams import counter_generator

Places = npt.NDArray[np.int64]

BATCHES_A_POOL = 32
"""How many batches are cut from one random pool: with more of them lengths are more even, with fewer less sorted."""


class LengthOrder:
    """Visits every example once an epoch, each epoch in another order, with examples of similar length in one batch.

    Samples `step * batch_size` up to `(step + 1) * batch_size` are one batch, sorted by length, so that every
    second or fourth of them, or a run of them, is no less even. An epoch is cut at random into pools of about
    `BATCHES_A_POOL` batches; each pool is sorted by length and cut into batches, and all batches are shuffled. A
    batch that begins in one epoch and ends in the next takes both its parts from the same rank of the lengths.
    Examples of equal length are in random order throughout.

    >>> order = LengthOrder([5, 9, 5, 9], batch_size=2, seed=1)
    >>> sorted(sorted(order.example(step * 2 + place) for place in range(2)) for step in range(2))
    [[0, 2], [1, 3]]
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.batch_size, self.seed = batch_size, seed
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._epoch = -1
        self._order = np.arange(0)

    def example(self, sample: int) -> int:
        """Tell which example is the `sample`-th one seen, counted over all epochs."""
        epoch, place = divmod(sample, len(self._lengths))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._arrange(epoch)
        return int(self._order[place])

    def _arrange(self, epoch: int) -> Places:
        size = len(self._lengths)
        generator = counter_generator(self.seed, 1, epoch)
        waiting = self._by_length(generator.permutation(size))
        ending = min(-epoch * size % self.batch_size, size)
        first, waiting = self._take(waiting, ending, epoch)
        last, waiting = self._take(waiting, len(waiting) % self.batch_size, epoch + 1)
        batches = generator.permutation(waiting).reshape(-1, self.batch_size)
        pools = np.array_split(batches, math.ceil(len(batches) / BATCHES_A_POOL) or 1)
        even = np.concatenate([self._by_length(pool.ravel()) for pool in pools]).reshape(-1, self.batch_size)
        return np.concatenate([first, generator.permutation(even).ravel(), last])

    def _by_length(self, places: Places) -> Places:
        return places[self._lengths[places].argsort(kind="stable")]

    def _take(self, waiting: Places, count: int, epoch: int) -> tuple[Places, Places]:
        """Take some neighbours out of a row; from where in it depends on the epoch that they meet at the start of."""
        share = counter_generator(self.seed, 2, epoch).random()
        start = round(share * (len(waiting) - count))
        return waiting[start : start + count], np.delete(waiting, slice(start, start + count))
