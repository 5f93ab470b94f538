"""AdamW with the paper's groups, and the course of the learning rate."""

import math

import torch
from torch import nn

from dnagpt.training.config import TrainingConfig


def make_optimiser(network: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Decay the weights of linear layers only; norms and embeddings keep theirs (PAPER, training)."""
    decayed = {id(module.weight) for module in network.modules() if isinstance(module, nn.Linear)}
    linear = [weight for weight in network.parameters() if id(weight) in decayed]
    rest = [weight for weight in network.parameters() if id(weight) not in decayed]
    groups = [{"params": linear, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


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
