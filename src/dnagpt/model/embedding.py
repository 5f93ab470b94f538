"""How a token becomes a vector: by itself, or together with the k-mers that overlap it.

Shapes: B rows, L positions, D width.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.model.config import KmerTable


class TokenEmbedding(nn.Embedding):
    """One vector a token; with a table of k-mers, the mean reading of all k-mers that end within it.

    Cut into k-mers end to end, `ACGTAC` is `ACG TAC`; one base later the same letters are other tokens. So a network
    has to learn every motif k times, once a frame. With a table of k-mers, the vector of a k-mer is the sum over the
    k-mers that end at each of its bases (`CGT`, `GTA` and `TAC` for `TAC`), over the square root of their number: all
    frames share one table, and no position sees a base that comes after it.
    """

    def __init__(self, vocabulary_size: int, width: int, kmers: KmerTable | None) -> None:
        super().__init__(vocabulary_size, width)
        self.kmers = kmers

    def forward(self, ids_BL: torch.Tensor, before_B1: torch.Tensor | None = None) -> torch.Tensor:
        """Look up tokens, (B, L) to (B, L, D); `before_B1` are the tokens in front of the rows, where there are any."""
        own_BLD = super().forward(ids_BL)
        if self.kmers is None:
            return own_BLD
        kmers, last = self.kmers, self.kmers.first_id + self.kmers.count
        if before_B1 is None:
            before_B1 = torch.zeros_like(ids_BL[:, :1])
        left_BL = torch.cat((before_B1, ids_BL[:, :-1]), dim=1)
        known_BL = (ids_BL >= kmers.first_id) & (ids_BL < last) & (left_BL >= kmers.first_id) & (left_BL < last)
        left_BL, right_BL = left_BL - kmers.first_id, ids_BL - kmers.first_id
        shifts = torch.tensor([kmers.letters**place for place in range(1, kmers.length)], device=ids_BL.device)
        # The k-mer that ends j bases before the end: the last j bases of the left one, then all but j of the right one.
        overlapping = left_BL[..., None] * (kmers.count // shifts) + right_BL[..., None] // shifts
        overlapping = torch.where(known_BL[..., None], overlapping % kmers.count + kmers.first_id, ids_BL[..., None])
        batch, length, _ = overlapping.shape
        summed_BLD = F.embedding_bag(overlapping.flatten(0, 1), self.weight, mode="sum").view(batch, length, -1)
        return torch.where(known_BL[..., None], (own_BLD + summed_BLD) / kmers.length**0.5, own_BLD)
