"""Several batches at a time on the cores of one machine."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 4
"""Batches at a time; beyond these, Python itself would be what they wait for."""


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item], device: torch.device) -> Iterator[Result]:
    """Do the same work on several items, those of a CPU shared out among its cores; results come as they are ready.

    A step of a small network is too little for two cores to share: each of them works faster on a batch of its own.

    >>> sorted(side_by_side(abs, [-3, 2, -1], torch.device("cpu")))
    [1, 2, 3]
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(items), MOST_WORKERS) if device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, items)
        return
    with _threads_each(threads // workers), ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            for finished in as_completed(waiting):
                yield finished.result()
        finally:
            for one in waiting:
                one.cancel()


@contextmanager
def _threads_each(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
