"""AdamW with the paper's groups, a running mean of the weights, and the course of the learning rate."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from dnagpt.training.config import TrainingConfig

_MEAN = "mean"


class AveragingAdamW(torch.optim.AdamW):
    """AdamW that also keeps a running mean of the weights, as part of its state (Polyak and Juditsky 1992).

    The mean forgets fast at first, so that the weights of the start do not linger: `average` is reached after about
    `9 * average / (1 - average)` steps. With `average` 0 it is plain AdamW.
    """

    def __init__(self, groups: list[dict[str, Any]], *, average: float, **settings: Any) -> None:
        super().__init__(groups, **settings)
        self._average = average

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Update the weights, and the mean with them."""
        loss = super().step(closure)
        for weight, state in self._averaged_weights():
            done = float(state["step"])
            keep = min(self._average, done / (9 + done))
            state.setdefault(_MEAN, weight.detach().clone()).lerp_(weight, 1 - keep)
        return loss

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the mean in the place of the weights for a while."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for weight, state in self._averaged_weights():
            if _MEAN in state:
                present = weight.detach().clone()
                weight.copy_(state[_MEAN])
                state[_MEAN].copy_(present)

    def _averaged_weights(self) -> Iterator[tuple[torch.Tensor, dict[str, Any]]]:
        if not self._average:
            return
        for group in self.param_groups:
            for weight in group["params"]:
                if self.state.get(weight):
                    yield weight, self.state[weight]


def make_optimiser(network: nn.Module, config: TrainingConfig) -> AveragingAdamW:
    """Decay the weights of linear layers, as in the paper, and of embeddings where asked for; norms keep theirs.

    Frozen weights are left out.
    """
    linear = _weights_of(network, nn.Linear)
    embeddings = _weights_of(network, nn.Embedding)
    others = {id(weight) for weight in (*linear, *embeddings)}
    rest = [weight for weight in _learning(network) if id(weight) not in others]
    groups = [
        {"params": linear, "weight_decay": config.weight_decay},
        {"params": embeddings, "weight_decay": config.embedding_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    settings: dict[str, Any] = {"lr": config.learning_rate, "betas": config.betas, "fused": True}
    return AveragingAdamW([group for group in groups if group["params"]], average=config.average, **settings)


def _weights_of(network: nn.Module, kind: type[nn.Linear | nn.Embedding]) -> list[nn.Parameter]:
    found = {id(module.weight) for module in network.modules() if isinstance(module, kind)}
    return [weight for weight in _learning(network) if id(weight) in found]


def _learning(network: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in network.parameters() if weight.requires_grad]


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Rise in a line over the warm-up, then fall as half a cosine to `final_rate` of the top.

    >>> config = TrainingConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_rate=0.1)
    >>> [round(learning_rate(step, config), 3) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    falling = (1 + math.cos(math.pi * done)) / 2
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * falling)
