"""What a network knows of each place of a panel of sites: what the alleles there mean, and which of them to expect.

Shapes: B rows, L positions, P positions in all, N positions on the panel, D width, V vocabulary, C tokens asked for,
K places (k-mers) of the panel, S sites a place, A = 2**S patterns of alleles; X to Y: what a table takes and gives; U
places that occur, M the most positions of one of them.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.model.config import PanelShape


class PanelTables(nn.Module):
    """Vectors of its own for every place of a panel, beside those that all places share.

    The token `ACGTTA` says other things at other places of a row of haplotypes: each place has other sites. Vectors
    that all places share can only say so through the layers. Here each site has a vector that is added where a
    haplotype carries its allele 1, and each place a read-out of its own for the patterns of alleles that may stand
    there, added to the scores of their tokens. A place is counted from 1; 0 is a position that is not on the panel.
    """

    def __init__(self, shape: PanelShape, width: int) -> None:
        super().__init__()
        patterns = 2**shape.sites
        self.shape = shape
        self.alleles = nn.Embedding(shape.places * shape.sites, width)
        self.norm = nn.LayerNorm(width, bias=False)
        self.outputs = nn.Embedding(shape.places * patterns, width)
        self.bias = nn.Embedding(shape.places, patterns)
        self.tokens: torch.Tensor
        self.register_buffer("tokens", torch.full((shape.places, patterns), -1), persistent=False)

    def set_tokens(self, tokens_KA: torch.Tensor) -> None:
        """Say which token writes each pattern of alleles at each place, (K, A); -1 where there is no such pattern.

        Bit S - 1 - s of a pattern's number is the allele of site s.
        """
        self.tokens = tokens_KA.to(self.outputs.weight.device)

    def embedding(self, ids_BL: torch.Tensor, places_BL: torch.Tensor) -> torch.Tensor:
        """The sum of the vectors of the alleles 1 that stand at each position, (B, L, D)."""
        known_BL = places_BL > 0
        places_N = places_BL[known_BL].long() - 1
        matched_NA = (self.tokens[places_N] == ids_BL[known_BL][:, None]).float()
        carried_NS = matched_NA @ self._alleles_of_patterns(matched_NA)
        vectors_KSD = self.alleles.weight.view(self.shape.places, self.shape.sites, -1)
        summed_ND = _products(carried_NS.to(vectors_KSD), places_N, lambda at_U: vectors_KSD[at_U])
        result = summed_ND.new_zeros(*places_BL.shape, summed_ND.shape[1])
        return result.masked_scatter(known_BL[..., None], summed_ND)

    def scores(self, hidden_ND: torch.Tensor, places_N: torch.Tensor) -> torch.Tensor:
        """What each pattern's score gains at the places that are to be written next, (N, A)."""
        at_N = places_N.long() - 1
        return _products(self.norm(hidden_ND), at_N, self._outputs) + self.bias(at_N)

    def choices(
        self, hidden_ND: torch.Tensor, inner_ND: torch.Tensor, tokens_VD: torch.Tensor, places_N: torch.Tensor
    ) -> torch.Tensor:
        """The scores of each place's own tokens, in the order of its patterns, (N, A); -inf where there is no pattern.

        They are what all places share, the product of `inner_ND` with the vector of the token, and the place's gains.
        """

        def shared_and_own(at_U: torch.Tensor) -> torch.Tensor:
            shared_UDA = tokens_VD[self.tokens[at_U].clamp(min=0)].transpose(1, 2)
            return torch.cat([shared_UDA, self._outputs(at_U)], dim=1)

        at_N = places_N.long() - 1
        both_ND = torch.cat([inner_ND, self.norm(hidden_ND)], dim=1)
        scores_NA = _products(both_ND, at_N, shared_and_own) + self.bias(at_N)
        return scores_NA.masked_fill(self.tokens[at_N] < 0, -math.inf)

    def patterns(self, ids_N: torch.Tensor, places_N: torch.Tensor) -> torch.Tensor:
        """Which pattern of its place each token is, (N,); the tokens have to be among those of their places."""
        return (self.tokens[places_N.long() - 1] == ids_N[:, None]).byte().argmax(dim=1)

    def add_scores(self, logits_PV: torch.Tensor, hidden_PD: torch.Tensor, places_P: torch.Tensor) -> torch.Tensor:
        """Add, in place, what the places to be written next say to the scores of their tokens."""
        known_P = places_P > 0
        if not known_P.any():
            return logits_PV
        places_N = places_P[known_P].long()
        tokens_NA = self.tokens[places_N - 1]
        gains_NA = self.scores(hidden_PD[known_P], places_N).masked_fill(tokens_NA < 0, 0.0)
        places = (known_P.nonzero(), tokens_NA.clamp(min=0))
        return logits_PV.index_put_(places, gains_NA.to(logits_PV), accumulate=True)

    def gains(self, ids_C: torch.Tensor, hidden_BD: torch.Tensor, place: int) -> torch.Tensor:
        """What a place that is to be written next says to the scores of some tokens alone, (B, C)."""
        outputs_AD = self.outputs.weight.view(self.shape.places, 2**self.shape.sites, -1)[place - 1]
        gains_BA = F.linear(self.norm(hidden_BD), outputs_AD) + self.bias.weight[place - 1]
        return gains_BA @ (self.tokens[place - 1][:, None] == ids_C).to(gains_BA)

    def _outputs(self, at_U: torch.Tensor) -> torch.Tensor:
        """The read-outs of some places, (U, D, A)."""
        return self.outputs.weight.view(self.shape.places, 2**self.shape.sites, -1)[at_U].transpose(1, 2)

    def _alleles_of_patterns(self, like: torch.Tensor) -> torch.Tensor:
        patterns_A1 = torch.arange(2**self.shape.sites, device=like.device)[:, None]
        return (patterns_A1 >> torch.arange(self.shape.sites - 1, -1, -1, device=like.device) & 1).to(like)


def _products(
    vectors_NX: torch.Tensor, at_N: torch.Tensor, tables: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Multiply each vector with the table of its place, (N, Y): one product a place serves all its positions.

    `tables` gives those of the places that occur, (U, X, Y).
    """
    places_U, row_N, counts_U = at_N.unique(return_inverse=True, return_counts=True)
    order_N = row_N.argsort(stable=True)
    starts_U = counts_U.cumsum(0) - counts_U
    column_N = torch.empty_like(row_N)
    column_N[order_N] = torch.arange(len(row_N), device=row_N.device) - starts_U.repeat_interleave(counts_U)
    most = int(counts_U.max()) if len(counts_U) else 0
    vectors_UMX = vectors_NX.new_zeros(len(places_U), most, vectors_NX.shape[1])
    vectors_UMX = vectors_UMX.index_put((row_N, column_N), vectors_NX)
    return (vectors_UMX @ tables(places_U).to(vectors_UMX))[row_N, column_N]
