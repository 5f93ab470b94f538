"""How a token becomes a vector: by itself, or together with the k-mers that overlap it.

Shapes: B rows, L positions, O k-mers that end within one, D width.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.model.config import KmerTable


class TokenEmbedding(nn.Embedding):
    """One vector a token; with a table of k-mers, the sum over all k-mers that end within it.

    Cut into k-mers end to end, `ACGTAC` is `ACG TAC`; one base later the same letters are other tokens, so a network
    has to learn every motif k times, once a frame. With a table of k-mers the vector of a k-mer is the sum over those
    that end at each of its bases (`CGT`, `GTA` and `TAC` for `TAC`) and the shorter ones of the vocabulary that end
    there, over the square root of k. All frames share one table, long k-mers fall back on the short ones
    within them, and no position sees a base that comes after it.
    """

    def __init__(self, vocabulary_size: int, width: int, kmers: KmerTable | None) -> None:
        super().__init__(vocabulary_size, width)
        self.kmers = kmers
        if kmers is not None:
            ends = [(end, length) for length in range(kmers.shortest, kmers.length + 1) for end in range(kmers.length)]
            self._behind = [kmers.letters**end for end, _ in ends]
            self._kinds = [kmers.letters**length for _, length in ends]
            self._firsts = [kmers.first_of(length) for _, length in ends]

    def forward(self, ids_BL: torch.Tensor, before_B1: torch.Tensor | None = None) -> torch.Tensor:
        """Look up tokens, (B, L) to (B, L, D); `before_B1` are the tokens in front of the rows, where there are any.

        A token that is no k-mer of full length, or follows one that is not, is looked up by itself.
        """
        own_BLD = super().forward(ids_BL)
        if self.kmers is None:
            return own_BLD
        kmers, end = self.kmers, self.kmers.end
        first, count = kmers.first_of(kmers.length), kmers.letters**kmers.length
        if before_B1 is None:
            before_B1 = torch.zeros_like(ids_BL[:, :1])
        left_BL = torch.cat((before_B1, ids_BL[:, :-1]), dim=1)
        known_BL = (ids_BL >= first) & (ids_BL < end) & (left_BL >= first) & (left_BL < end)
        bases_P1 = ((left_BL - first) * count + ids_BL - first)[known_BL][:, None]
        behind_O, kinds_O, firsts_O = (
            torch.tensor(values, device=ids_BL.device) for values in (self._behind, self._kinds, self._firsts)
        )
        overlapping_PO = bases_P1 // behind_O % kinds_O + firsts_O
        summed_PD = F.embedding_bag(overlapping_PO, self.weight, mode="sum") / kmers.length**0.5
        return own_BLD.masked_scatter(known_BL[..., None], summed_PD.to(own_BLD.dtype))
