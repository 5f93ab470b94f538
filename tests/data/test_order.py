from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from dnagpt.data.batches import MOST_PADDING, padding_share
from dnagpt.data.order import BATCHES_A_POOL, LengthOrder
from dnagpt.data.streams import counter_generator

tables = st.lists(st.integers(1, 600), min_size=1, max_size=150)
batch_sizes = st.integers(1, 40)


def seen_lengths(lengths: list[int], batch_size: int, epochs: int = 3) -> list[list[int]]:
    """The lengths in each batch of a few epochs."""
    order = LengthOrder(lengths, batch_size, seed=1)
    steps = epochs * len(lengths) // batch_size
    return [
        [lengths[order.example(sample)] for sample in range(step * batch_size, (step + 1) * batch_size)]
        for step in range(steps)
    ]


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
    order = LengthOrder([9] * size, batch_size=3, seed=3)
    epochs = [[order.example(epoch * size + place) for place in range(size)] for epoch in range(4)]
    assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
    assert size < 7 or len({tuple(epoch) for epoch in epochs}) == 4


def test_an_example_depends_on_its_number_alone() -> None:
    forwards = [LengthOrder([9] * 10, batch_size=3, seed=3).example(sample) for sample in range(40)]
    order = LengthOrder([9] * 10, batch_size=3, seed=3)
    assert [order.example(sample) for sample in reversed(range(40))][::-1] == forwards
    assert [LengthOrder([9] * 10, batch_size=3, seed=4).example(sample) for sample in range(40)] != forwards


def test_every_example_may_come_first() -> None:
    order = LengthOrder([9] * 5, batch_size=1, seed=0)
    assert chisquare(np.bincount([order.example(epoch * 5) for epoch in range(1000)])).pvalue > 1e-3


@given(tables, batch_sizes, st.integers(0, 5))
def test_every_epoch_by_length_visits_every_example_once(lengths: list[int], batch_size: int, epoch: int) -> None:
    order, size = LengthOrder(lengths, batch_size, seed=7), len(lengths)
    assert sorted(order.example(epoch * size + place) for place in range(size)) == list(range(size))


@given(tables, batch_sizes, st.integers(0, 1000), st.integers(1, 4))
def test_a_resumed_run_and_every_rank_see_the_batch_of_an_undisturbed_run(
    lengths: list[int], batch_size: int, step: int, ranks: int
) -> None:
    undisturbed = LengthOrder(lengths, batch_size, seed=3)
    for earlier in range(0, step * batch_size, max(1, step * batch_size // 7)):
        undisturbed.example(earlier)
    batch = range(step * batch_size, (step + 1) * batch_size)
    whole = [undisturbed.example(sample) for sample in batch]
    alone = [LengthOrder(lengths, batch_size, seed=3) for _ in range(ranks)]
    shared = [[order.example(sample) for sample in batch[rank::ranks]] for rank, order in enumerate(alone)]
    assert [whole[rank::ranks] for rank in range(ranks)] == shared


@given(st.lists(st.sampled_from([10, 20, 30]), min_size=12, max_size=60), st.integers(1, 12))
def test_a_pool_is_cut_into_batches_of_neighbours_in_length(lengths: list[int], batch_size: int) -> None:
    """With one pool an epoch, whole batches do not overlap in length: the ranges that they span lie side by side."""
    whole = seen_lengths(lengths, batch_size, epochs=1)
    spans = sorted((min(batch), max(batch)) for batch in whole)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    assert all(batch == sorted(batch) for batch in whole)


@pytest.mark.parametrize(
    ("shortest", "longest", "records", "batch_size"),
    [(50, 600, 4000, 32), (50, 600, 1001, 32), (50, 600, 400, 32), (50, 600, 333, 8), (140, 250, 4000, 32)],
)
def test_mixed_lengths_waste_less_than_a_tenth(shortest: int, longest: int, records: int, batch_size: int) -> None:
    lengths = np.random.default_rng(records).integers(shortest, longest + 1, records).tolist()
    at_random = np.random.default_rng(1).permutation(lengths).tolist()
    random = [at_random[start : start + batch_size] for start in range(0, records, batch_size)]
    share = padding_share(seen_lengths(lengths, batch_size))
    assert share < MOST_PADDING
    assert share < padding_share(random) / 3


def test_the_parts_of_a_batch_from_two_epochs_are_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(50, 601, 1000).tolist()
    whole = seen_lengths(lengths, 32, epochs=30)
    between = [batch for step, batch in enumerate(whole) if step * 32 // 1000 != (step * 32 + 31) // 1000]
    assert len(between) == 29 - 30 // 4
    assert padding_share(between) < MOST_PADDING
    assert np.ptp([np.mean(batch) for batch in between]) > 200


def test_batches_come_in_another_order_and_with_other_companions_each_epoch() -> None:
    lengths = np.random.default_rng(0).integers(50, 601, 64 * BATCHES_A_POOL).tolist()
    order = LengthOrder(lengths, 32, seed=0)
    first, second = (
        [
            frozenset(order.example(epoch * len(lengths) + place) for place in range(start, start + 32))
            for start in range(0, len(lengths), 32)
        ]
        for epoch in range(2)
    )
    assert not set(first) & set(second)
    means = [np.mean([lengths[example] for example in batch]) for batch in first]
    assert abs(np.corrcoef(means[1:], means[:-1])[0, 1]) < 0.4


def test_equal_lengths_are_in_random_order() -> None:
    """Every example may stand at every place, and beside every other."""
    order, epochs = LengthOrder([7] * 6, 4, seed=0), 1200
    seen = np.array([[order.example(epoch * 6 + place) for place in range(6)] for epoch in range(epochs)])
    for place in range(6):
        assert chisquare(np.bincount(seen[:, place], minlength=6)).pvalue > 1e-4
    neighbours = np.bincount((seen[:, :-1] * 6 + seen[:, 1:]).ravel(), minlength=36).reshape(6, 6)
    assert chisquare(neighbours[~np.eye(6, dtype=bool)]).pvalue > 1e-4
    assert neighbours.diagonal().sum() == 0
