"""Tiny networks with visible weights, and random rows for them.

Shapes: B rows, L positions.
"""

from typing import Any

import torch

from dnagpt.model import DNAGPT, ModelConfig

VOCABULARY_SIZE, CONTEXT = 41, 24


def tiny_network(**changes: Any) -> DNAGPT:
    """A two-layer network in evaluation mode, its weights larger than at the start, so that every part tells."""
    sizes: dict[str, Any] = {
        "vocabulary_size": VOCABULARY_SIZE,
        "context": CONTEXT,
        "layers": 2,
        "heads": 2,
        "width": 16,
    }
    network = DNAGPT(ModelConfig(**{**sizes, **changes}))
    generator = torch.Generator().manual_seed(11)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.3, generator=generator)
    return network.eval()


def random_rows(rows: int, length: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, numbers and is_number (B, L); about a third of the positions are numbers over many decades."""
    generator = torch.Generator().manual_seed(seed)
    ids_BL = torch.randint(VOCABULARY_SIZE, (rows, length), generator=generator)
    exponents_BL = torch.empty(rows, length).uniform_(-3, 4, generator=generator)
    signs_BL = torch.randint(2, (rows, length), generator=generator) * 2 - 1
    is_number_BL = torch.rand(rows, length, generator=generator) < 1 / 3
    return ids_BL, torch.where(is_number_BL, signs_BL * 10**exponents_BL, 0.0), is_number_BL
