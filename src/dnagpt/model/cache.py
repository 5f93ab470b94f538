"""What attention remembers of the positions read so far, so that each new token costs one step.

Shapes: B rows, H heads, T positions the cache can hold, L new positions, C channels a head.
"""

import torch

from dnagpt.model.config import ModelConfig


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

    def extend(
        self, layer: int, keys_BHLC: torch.Tensor, values_BHLC: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a block's new keys and values and give back all it has, new ones included.

        The length moves on only by `advance`, after every block has stored its part.
        """
        end = self.length + keys_BHLC.shape[2]
        self._keys[layer, :, :, self.length : end] = keys_BHLC
        self._values[layer, :, :, self.length : end] = values_BHLC
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]

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
