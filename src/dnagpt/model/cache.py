"""What attention remembers of the positions read so far, so that each new token costs one step.

Shapes: B rows, H heads, T positions the cache can hold, L new positions, C channels a head.
"""

from typing import Protocol

import torch
from torch.nn import functional as F

from dnagpt.model.config import ModelConfig


class Past(Protocol):
    """What new positions need to know of those before them: where they stand, and what they attend to.

    `KeyValueCache` is ours; another framework brings its own cache, filling and attention function this way.
    """

    last_ids_B1: torch.Tensor | None
    """The tokens just in front of the new positions; None at the start of the rows."""

    def places(self, length: int) -> slice | torch.Tensor:
        """Where the next `length` positions stand: a slice for all rows, or (B, L)."""

    def attend(self, layer: int, q_BHLC: torch.Tensor, k_BHLC: torch.Tensor, v_BHLC: torch.Tensor) -> torch.Tensor:
        """Store a block's new keys and values, and mix all it has for the new queries, (B, H, L, C)."""

    def advance(self, ids_BL: torch.Tensor) -> None:
        """Count these tokens as read, after every block has attended."""


def causal_attention(q_BHLC: torch.Tensor, k_BHTC: torch.Tensor, v_BHTC: torch.Tensor, seen: int) -> torch.Tensor:
    """Scaled dot-product attention in which query i sees keys 0 .. seen + i."""
    length = q_BHLC.shape[2]
    if seen == 0 or length == 1:
        return F.scaled_dot_product_attention(q_BHLC, k_BHTC, v_BHTC, is_causal=length > 1)
    visible_LT = torch.ones(length, seen + length, dtype=torch.bool, device=q_BHLC.device).tril(diagonal=seen)
    return F.scaled_dot_product_attention(q_BHLC, k_BHTC, v_BHTC, attn_mask=visible_LT)


def single_query_attention(q_BH1C: torch.Tensor, k_BHTC: torch.Tensor, v_BHTC: torch.Tensor) -> torch.Tensor:
    """What `causal_attention` gives one query a row, by two plain products: several times faster on a CPU.

    Keys and values are read in the type in which they are kept: turning all of them at each step would cost more than
    the products.
    """
    with torch.autocast(q_BH1C.device.type, enabled=False):
        scores_BH1T = (q_BH1C * q_BH1C.shape[-1] ** -0.5).to(k_BHTC.dtype) @ k_BHTC.transpose(-1, -2)
        return (scores_BH1T.softmax(dim=-1) @ v_BHTC).to(q_BH1C.dtype)


class KeyValueCache:
    """The keys and values of every block for one batch of prompts of equal length.

    The last token read is kept too, for an embedding that looks at it.
    Memory: `2 * layers * batch * capacity * width` numbers of `dtype`.
    """

    def __init__(
        self, config: ModelConfig, batch: int, capacity: int, *, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        shape = (config.layers, batch, config.heads, capacity, config.head_width)
        self._keys = torch.empty(shape, dtype=dtype, device=device)
        self._values = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0
        self.last_ids_B1: torch.Tensor | None = None

    @property
    def capacity(self) -> int:
        """How many positions fit."""
        return self._keys.shape[3]

    def places(self, length: int) -> slice:
        """Where the next `length` positions stand, in every row."""
        return slice(self.length, self.length + length)

    def attend(self, layer: int, q_BHLC: torch.Tensor, k_BHLC: torch.Tensor, v_BHLC: torch.Tensor) -> torch.Tensor:
        """Store a block's new keys and values, and mix all it has for the new queries.

        The length moves on only by `advance`, after every block has stored its part.
        """
        new = self.places(k_BHLC.shape[2])
        self._keys[layer, :, :, new] = k_BHLC
        self._values[layer, :, :, new] = v_BHLC
        keys_BHTC, values_BHTC = self._keys[layer, :, :, : new.stop], self._values[layer, :, :, : new.stop]
        if q_BHLC.shape[2] == 1 and q_BHLC.device.type == "cpu":
            return single_query_attention(q_BHLC, keys_BHTC, values_BHTC)
        return causal_attention(q_BHLC, keys_BHTC.to(q_BHLC.dtype), values_BHTC.to(q_BHLC.dtype), self.length)

    def advance(self, ids_BL: torch.Tensor) -> None:
        """Count these tokens as read; the last of them is remembered for what overlaps it."""
        self.length += ids_BL.shape[1]
        self.last_ids_B1 = ids_BL[:, -1:]

    def repeat(self, copies: int) -> None:
        """Continue each row `copies` times: one reading of a prompt serves all its samples."""
        self._keys = self._keys.repeat_interleave(copies, dim=1)
        self._values = self._values.repeat_interleave(copies, dim=1)
        if self.last_ids_B1 is not None:
            self.last_ids_B1 = self.last_ids_B1.repeat_interleave(copies, dim=0)

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these rows only: the others have ended."""
        self._keys = self._keys[:, rows]
        self._values = self._values[:, rows]
        if self.last_ids_B1 is not None:
            self.last_ids_B1 = self.last_ids_B1[rows]
