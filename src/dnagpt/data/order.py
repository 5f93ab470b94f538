"""In which order examples are seen: a pure function of the seed and the count, so there is no state to save."""

import numpy as np


def counter_generator(seed: int, stream: int, counter: int) -> np.random.Generator:
    """Make a random generator that depends on its three numbers alone.

    >>> counter_generator(1, 0, 5).random(3).tolist() == counter_generator(1, 0, 5).random(3).tolist()
    True
    """
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, counter]))


class EpochOrder:
    """Visits every one of `size` examples once an epoch, each epoch in another order.

    >>> order = EpochOrder(4, seed=1)
    >>> sorted(order.example(i) for i in range(4)), sorted(order.example(i) for i in range(4, 8))
    ([0, 1, 2, 3], [0, 1, 2, 3])
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self._epoch = -1
        self._permutation = np.arange(0)

    def example(self, sample: int) -> int:
        """Tell which example is the `sample`-th one seen, counted over all epochs."""
        epoch, place = divmod(sample, self.size)
        if epoch != self._epoch:
            self._epoch = epoch
            self._permutation = counter_generator(self.seed, 1, epoch).permutation(self.size)
        return int(self._permutation[place])
