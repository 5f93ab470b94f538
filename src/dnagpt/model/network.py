"""DNAGPT: a causal transformer that reads and writes tokens and numbers in one row of positions.

Shapes: B rows, L positions, Q positions asked for in each row, P positions asked for in all, D width, V vocabulary,
C tokens asked for.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.model.cache import Past
from dnagpt.model.config import ModelConfig
from dnagpt.model.embedding import TokenEmbedding
from dnagpt.model.layers import (
    Block,
    MagnitudeNumberEmbedding,
    ReleasedNumberEmbedding,
    RotaryPositions,
    head,
    layer_norm,
)
from dnagpt.model.panel import PanelTables
from dnagpt.model.threads import one_thread_after_fork


class DNAGPT(nn.Module):
    """The network of the paper (arXiv 2307.05628): one decoder, a token head and a number head.

    >>> model = DNAGPT(ModelConfig(vocabulary_size=378, context=16, layers=1, heads=2, width=8))
    >>> hidden = model(torch.tensor([[21, 40, 41]]))
    >>> model.token_logits(hidden).shape, model.number(hidden).shape
    (torch.Size([1, 3, 378]), torch.Size([1, 3]))
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        one_thread_after_fork()
        self.config = config
        self.token_embedding = TokenEmbedding(config.vocabulary_size, config.width, config.overlapping)
        self.number_embedding: nn.Module = (
            MagnitudeNumberEmbedding(config.width)
            if config.number_embedding == "magnitude"
            else ReleasedNumberEmbedding(config.width)
        )
        learned = config.positions == "learned"
        self.position_embedding = nn.Embedding(config.context, config.width) if learned else None
        self.rotary = None if learned else RotaryPositions(config.head_width, config.context)
        self.panel = None if config.panel is None else PanelTables(config.panel, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.final_norm = layer_norm(config.width)
        self.token_head: nn.Module = head(config.width, config.vocabulary_size)
        self.number_head = head(config.width, 1)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights anew: N(0, 0.02), the outputs of residual branches 1/sqrt(2 * layers) of that."""
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                nn.init.ones_(weight)
                continue
            residual = name.endswith(("attention.output.weight", "mlp_out.weight"))
            spread = 0.02 / math.sqrt(2 * self.config.layers) if residual else 0.02
            nn.init.normal_(weight, std=spread, generator=generator)

    def forward(
        self,
        ids_BL: torch.Tensor,
        numbers_BL: torch.Tensor | None = None,
        is_number_BL: torch.Tensor | None = None,
        past: Past | None = None,
        wanted_BL: torch.Tensor | None = None,
        places_BL: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Read rows of tokens and numbers and give the hidden vector of each position, (B, L, D).

        `numbers_BL` counts where `is_number_BL` is true; both may be left out where no row holds a number.
        With a past (such as a `KeyValueCache`), the row continues what was read before. With `wanted_BL` only the
        vectors where it is true are given, (P, D), and without a past, the last block, whose other outputs nobody
        reads, computes little else. `places_BL` tells which place of the panel a position is, from 1; 0: none.
        """
        x_BLD = self.token_embedding(ids_BL, past.last_ids_B1 if past is not None else None)
        if numbers_BL is not None and is_number_BL is not None:
            x_BLD = torch.where(is_number_BL[..., None], self.number_embedding(numbers_BL).to(x_BLD.dtype), x_BLD)
        if self.panel is not None and places_BL is not None:
            x_BLD = x_BLD + self.panel.embedding(ids_BL, places_BL)
        if self.position_embedding is not None:
            length = ids_BL.shape[1]
            x_BLD = x_BLD + self.position_embedding.weight[slice(length) if past is None else past.places(length)]
        x_BLD = self.dropout(x_BLD)
        *earlier, last = self.blocks
        for block in earlier:
            x_BLD = block(x_BLD, self.rotary, past)
        if wanted_BL is None or past is not None or _asks_much(wanted_BL):
            x_BLD = last(x_BLD, self.rotary, past)
        else:
            places_BQ, wanted_BL = _wanted_places(wanted_BL)
            x_BLD = last(x_BLD, self.rotary, None, places_BQ)
        if past is not None:
            past.advance(ids_BL)
        return self.final_norm(x_BLD if wanted_BL is None else x_BLD[wanted_BL])

    def token_logits(self, hidden: torch.Tensor, next_places: torch.Tensor | None = None) -> torch.Tensor:
        """The score of every token as the next one: (..., D) to (..., V).

        `next_places` (...) tells which place of the panel the next token stands at, from 1; 0: none.
        """
        logits = self.token_head(hidden)
        if self.panel is None or next_places is None:
            return logits
        flat = self.panel.add_scores(logits.flatten(0, -2), hidden.flatten(0, -2), next_places.flatten())
        return flat.view(logits.shape)

    def scores_of(self, ids_C: torch.Tensor, hidden_BD: torch.Tensor, place: int = 0) -> torch.Tensor:
        """The scores of some tokens alone as the next one, (B, C); it stands at `place` of the panel, as above."""
        if not isinstance(self.token_head, nn.Sequential):
            return self.token_head(hidden_BD)  # what stands in for a head that the weights lack says so
        inner_BD, vectors_VD = self._before_scores(self.token_head, hidden_BD)
        logits_BC = F.linear(inner_BD, vectors_VD[ids_C])
        if self.panel is None or place == 0:
            return logits_BC
        return logits_BC + self.panel.gains(ids_C, hidden_BD, place)

    def choice_losses(self, hidden_ND: torch.Tensor, ids_N: torch.Tensor, next_places_N: torch.Tensor) -> torch.Tensor:
        """-log P of tokens at places of the panel, from 1, among the tokens that may stand there at all, (N,)."""
        assert self.panel is not None
        assert isinstance(self.token_head, nn.Sequential)
        scores_NA = self.panel.choices(
            hidden_ND, *self._before_scores(self.token_head, hidden_ND), next_places_N
        ).float()
        return F.cross_entropy(scores_NA, self.panel.patterns(ids_N, next_places_N), reduction="none")

    def number(self, hidden: torch.Tensor) -> torch.Tensor:
        """The number expected at the next position: (..., D) to (...), in the unit of the training numbers."""
        return self.number_head(hidden)[..., 0]

    @staticmethod
    def _before_scores(token_head: nn.Sequential, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the token head multiplies: its inner vectors, (..., D), and the vector of each token, (V, D)."""
        *before, scores = token_head
        for layer in before:
            hidden = layer(hidden)
        return hidden, scores.get_parameter("weight")

    @property
    def parameter_count(self) -> int:
        """How many weights the network has."""
        return sum(weight.numel() for weight in self.parameters())


def _asks_much(wanted_BL: torch.Tensor) -> bool:
    """Tell whether some row asks for so many positions that leaving out the others would not pay for the mask."""
    return 2 * int(wanted_BL.sum(dim=1).max()) > wanted_BL.shape[1]


def _wanted_places(wanted_BL: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each row's wanted positions stand, in order, (B, Q), and which entries are not just filling, (B, Q)."""
    counts_B = wanted_BL.sum(dim=1)
    most = int(counts_B.max())
    places_BQ = wanted_BL.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    return places_BQ, torch.arange(most, device=wanted_BL.device) < counts_B[:, None]
