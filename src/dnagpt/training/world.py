"""The processes that train together: one on a laptop, many under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from dnagpt.model import DNAGPT
from dnagpt.training.objective import Objective


@dataclass(frozen=True)
class World:
    """This process's place among all that train."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Add up a tensor over all processes."""
        if self.size > 1:
            values = values.to(self.device)
            distributed.all_reduce(values)
        return values

    def any(self, *, flag: bool) -> bool:
        """Tell whether the flag is up in any process."""
        return bool(self.sum(torch.tensor(float(flag))).item() > 0) if self.size > 1 else flag

    def wait(self) -> None:
        """Go on when every process has come this far."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def open_world() -> Iterator[World]:
    """Join the processes that torchrun started, or be the only one."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        device = torch.device("cuda", torch.cuda.current_device())
    else:
        device = torch.device("cpu")
    if size > 1:
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        # Between two trainings the others wait while the first one writes a report.
        distributed.init_process_group(backend, timeout=timedelta(days=1))
    try:
        yield World(rank, size, device)
    finally:
        if size > 1:
            distributed.destroy_process_group()


def distribute(objective: Objective, world: World) -> None:
    """Divide weights, gradients and optimiser state among the processes (FSDP2), block by block."""
    if world.size > 1:
        mesh = init_device_mesh(world.device.type, (world.size,))
        for block in objective.network.blocks:
            fully_shard(block, mesh=mesh)
        # Embeddings and heads stay whole between the forward pass and the read-outs, which are methods of their own.
        fully_shard(objective.network, mesh=mesh, reshard_after_forward=False)


def gather(network: DNAGPT, world: World) -> DNAGPT:
    """Put the divided weights together on the first process (elsewhere the result is empty of them); all must call."""
    if world.size == 1:
        return network
    weights = get_model_state_dict(network, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    whole = DNAGPT(network.config)
    if world.is_first:
        whole.load_state_dict(weights)
    return whole
