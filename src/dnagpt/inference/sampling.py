"""How the next token is chosen among those that may follow.

Shapes: B rows, V candidates.
"""

from dataclasses import dataclass

import numpy as np
import torch

from dnagpt.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How freely to choose: the temperature, and which unlikely tokens are never chosen."""

    temperature: float = 1.0
    """Below 1 safer, above 1 more diverse; 0 always takes the likeliest token."""
    top_k: int = 0
    """Choose among this many likeliest tokens; 0: all."""
    top_p: float = 1.0
    """Choose among the likeliest tokens that together reach this probability."""

    def __post_init__(self) -> None:
        if not self.temperature >= 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise InputError(
                f"Sampling needs temperature >= 0, top_k >= 0 and 0 < top_p <= 1; given were {self.temperature}, "
                f"{self.top_k} and {self.top_p}."
            )


def uniform_numbers(seed: int, sample: int, count: int) -> np.ndarray:
    """Draw the random numbers of one sample: they depend on the seed and the sample's number alone."""
    return np.random.Generator(np.random.Philox(key=[seed, 2], counter=[0, 0, 0, sample])).random(count)


def choose(logits_BV: torch.Tensor, uniforms_B: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Pick one candidate a row, (B,): the one at which the running probability passes the row's random number.

    >>> logits = torch.tensor([[0.0, 2.0, 1.0]])
    >>> choose(logits, torch.tensor([0.5]), Sampling(temperature=0)).item()
    1
    """
    if sampling.temperature == 0:
        return logits_BV.argmax(dim=-1)
    chances_BK, order_BK = _chances(logits_BV, sampling)
    place_B = _pass(chances_BK, uniforms_B)
    return place_B if order_BK is None else order_BK.gather(1, place_B[:, None])[:, 0]


def chance_of(logits_BV: torch.Tensor, asked_BV: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The probability, (B,), that `choose` picks one of the candidates asked for: (B, V) or (V,), true or false.

    >>> chance_of(torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([True, False, False]), Sampling(top_k=2)).item() < 0.001
    True
    """
    asked_BV = asked_BV.expand_as(logits_BV)
    if sampling.temperature == 0:
        return asked_BV.take_along_dim(logits_BV.argmax(dim=-1, keepdim=True), dim=1)[:, 0].double()
    chances_BK, order_BK = _chances(logits_BV, sampling)
    return (chances_BK * (asked_BV if order_BK is None else asked_BV.gather(1, order_BK))).sum(dim=-1)


def _chances(logits_BV: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The probability of each candidate that may be chosen, and which it is (None: all, in their own order)."""
    scaled_BV = logits_BV.double() / sampling.temperature
    if sampling.top_k == 0 and sampling.top_p == 1:
        return scaled_BV.softmax(dim=-1), None
    kept = min(sampling.top_k or scaled_BV.shape[1], scaled_BV.shape[1])
    values_BK, order_BK = scaled_BV.topk(kept, dim=-1)
    chances_BK = values_BK.softmax(dim=-1)
    before_BK = chances_BK.cumsum(dim=-1) - chances_BK
    chances_BK = chances_BK.masked_fill(before_BK >= sampling.top_p, 0.0)
    return chances_BK / chances_BK.sum(dim=-1, keepdim=True), order_BK


def _pass(chances_BV: torch.Tensor, uniforms_B: torch.Tensor) -> torch.Tensor:
    running_BV = chances_BV.cumsum(dim=-1)
    target_B1 = uniforms_B[:, None].to(running_BV) * running_BV[:, -1:]
    place_B = torch.searchsorted(running_BV, target_B1, right=True)[:, 0]
    last_B = (chances_BV > 0).long().cumsum(dim=-1).argmax(dim=-1)
    return torch.minimum(place_B, last_B)
