import numpy as np
import pytest
from scipy.stats import chisquare

from dnagpt.data.order import EpochOrder, counter_generator


def test_generators_depend_on_all_three_numbers() -> None:
    drawn = {
        (seed, stream, counter): counter_generator(seed, stream, counter).integers(2**63)
        for seed in (0, 1, 2**63)
        for stream in (0, 1)
        for counter in (0, 1, 10**12)
    }
    assert len(set(drawn.values())) == len(drawn)
    assert drawn[1, 1, 1] == counter_generator(1, 1, 1).integers(2**63)


def test_neighbouring_streams_do_not_run_into_one_another() -> None:
    """A long draw of one counter shares nothing with the next counter's."""
    long, following = (counter_generator(0, 0, counter).random(5000) for counter in (0, 1))
    assert not np.isin(following[:100], long).any()


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_every_epoch_visits_every_example_once(size: int) -> None:
    order = EpochOrder(size, seed=3)
    epochs = [[order.example(epoch * size + place) for place in range(size)] for epoch in range(4)]
    assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
    assert size < 7 or len({tuple(epoch) for epoch in epochs}) == 4


def test_an_example_depends_on_its_number_alone() -> None:
    forwards = [EpochOrder(10, seed=3).example(sample) for sample in range(40)]
    order = EpochOrder(10, seed=3)
    assert [order.example(sample) for sample in reversed(range(40))][::-1] == forwards
    assert [EpochOrder(10, seed=4).example(sample) for sample in range(40)] != forwards


def test_every_example_may_come_first() -> None:
    order = EpochOrder(5, seed=0)
    assert chisquare(np.bincount([order.example(epoch * 5) for epoch in range(1000)])).pvalue > 1e-3
