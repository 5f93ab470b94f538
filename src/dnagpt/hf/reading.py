"""How the network reads rows in the terms of transformers: positions, mask, attention function and cache.

Shapes: B rows, L new positions, T positions attended to, H heads, C channels a head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import nn
from transformers import Cache
from transformers.masking_utils import create_causal_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from dnagpt.errors import InputError
from dnagpt.hf.configuration import DNAGPTConfig
from dnagpt.model.network import DNAGPT

_CACHE = next(name for name in ("cache", "past_key_values") if name in signature(create_causal_mask).parameters)
"""What the transformers that is installed calls the cache, in its arguments and its outputs."""


def one_cache(cache: Cache | None, past_key_values: Cache | None) -> Cache | None:
    """Take the cache under either of the names that versions of transformers give it; InputError where both differ."""
    if cache is not None and past_key_values is not None and cache is not past_key_values:
        raise InputError("cache and past_key_values are two names of one argument. Give one of them.")
    return past_key_values if cache is None else cache


def as_cache(cache: Cache | None) -> dict[str, Any]:
    """Name the cache as the installed transformers does, for its functions and its outputs."""
    return {_CACHE: cache}


def cache_of(output: object) -> Cache | None:
    """Return the cache that an output of the installed transformers holds."""
    found: Cache | None = getattr(output, _CACHE)
    return found


def eager_attention_forward(
    _: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float, **_settings: object,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Attention written out, (B, L, H, C), and its weights, (B, H, L, T)."""
    scores_BHLT = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        scores_BHLT = scores_BHLT + attention_mask
    weights_BHLT = scores_BHLT.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights_BHLT @ value).transpose(1, 2), weights_BHLT


class Reading:
    """One pass through the network in the terms of transformers: its positions, mask, attention function and cache."""

    def __init__(
        self, network: DNAGPT, config: DNAGPTConfig, places_BL: torch.Tensor, mask: Any, cache: Cache | None,
        last_ids_B1: torch.Tensor | None,
    ) -> None:  # fmt: skip
        self._attend = ALL_ATTENTION_FUNCTIONS.get_interface(config._attn_implementation, eager_attention_forward)
        self._network, self._places_BL, self._mask, self._cache = network, places_BL, mask, cache
        self.last_ids_B1 = last_ids_B1
        self.weights: list[torch.Tensor] = []

    def places(self, length: int) -> torch.Tensor:
        """Where the positions stand, filling at the left not counted, (B or 1, L)."""
        return self._places_BL[:, :length]

    def attend(self, layer: int, q_BHLC: torch.Tensor, k_BHLC: torch.Tensor, v_BHLC: torch.Tensor) -> torch.Tensor:
        """Mix what the cache and the new positions hold, and keep the weights where the function gives them."""
        if self._cache is not None:
            k_BHLC, v_BHLC = self._cache.update(k_BHLC, v_BHLC, layer)
        mixed_BLHC, weights_BHLT = self._attend(
            self._network.blocks[layer], q_BHLC, k_BHLC.to(q_BHLC.dtype), v_BHLC.to(q_BHLC.dtype), self._mask,
            dropout=0.0, scaling=q_BHLC.shape[-1] ** -0.5,
        )  # fmt: skip
        self.weights.append(weights_BHLT)
        return mixed_BLHC.transpose(1, 2)

    def advance(self, ids_BL: torch.Tensor) -> None:
        """The cache counts for itself."""


def row_places(
    ids_BL: torch.Tensor, mask_BT: torch.Tensor | None, position_ids: torch.Tensor | None, seen: int
) -> torch.Tensor:
    """Where each position stands in its row, filling at the left not counted, (B or 1, L)."""
    length = ids_BL.shape[1]
    if position_ids is not None:
        return position_ids
    if mask_BT is None or mask_BT.ndim != 2:
        return torch.arange(seen, seen + length, device=ids_BL.device)[None]
    return (mask_BT.long().cumsum(dim=-1) - 1).clamp(min=0)[:, -length:]


def refuse_beyond_context(length: int, places_BL: torch.Tensor, context: int) -> None:
    """Raise an InputError where a row has more positions than the model can tell apart."""
    if length > context and int(places_BL.max()) >= context:
        raise InputError(
            f"A row of {int(places_BL.max()) + 1} positions is longer than the model's context, {context}."
        )


@contextmanager
def flex_or_refusal(config: DNAGPTConfig) -> Iterator[None]:
    """Say in a sentence that this machine cannot run flex_attention, which is compiled when it is first called."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        if config._attn_implementation != "flex_attention":
            raise
        raise InputError(
            "attn_implementation='flex_attention' cannot run here: "
            f"{str(error).strip().splitlines()[0]} Load the model with attn_implementation='sdpa'."
        ) from error
