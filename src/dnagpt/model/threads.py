"""The threads that a network computes with, where a process forks."""

import os
from functools import cache, partial

import torch


@cache
def one_thread_after_fork() -> None:
    """Let every process that is forked from this one compute in one thread, as the workers of torch's DataLoader do.

    A fork copies the memory but not the threads: a child of a process that has computed in several of them would wait
    for ever for the others.
    """
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
