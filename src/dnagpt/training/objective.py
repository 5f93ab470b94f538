"""The loss: every answered field of a template, cross-entropy for tokens and squared error for numbers.

Shapes: B rows, L positions, P supervised positions, D width, V vocabulary, F answered fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.data.batches import Batch
from dnagpt.model import DNAGPT

_DRAWN = 16
"""Of so many positions on a panel, one takes the scores of all tokens."""


@dataclass(frozen=True)
class AnswerLoss:
    """What one answered field adds to the loss: `weight * mean over its positions`."""

    name: str
    is_number: bool
    weight: float
    token_weights: Mapping[int, float] = field(default_factory=dict)
    """The weight of single tokens as the right answer, by id; 1 for the others."""


class TensorBatch(NamedTuple):
    """A batch on the device."""

    ids_BL: torch.Tensor
    numbers_BL: torch.Tensor
    is_number_BL: torch.Tensor
    answer_BL: torch.Tensor
    places_BL: torch.Tensor


def to_tensors(batch: Batch, device: torch.device) -> TensorBatch:
    """Bring a batch to the device."""
    rows = (batch.ids_BL, batch.numbers_BL, batch.is_number_BL, batch.answer_BL, batch.places_BL)
    return TensorBatch(*(torch.from_numpy(row).to(device, non_blocking=True) for row in rows))


def answer_tally(batches: Sequence[Batch], fields: int) -> torch.Tensor:
    """Count, over several batches, the positions and the rows that each field has, (2, F + 1).

    The first column, of what is given, holds 0 positions and all rows.
    """
    tally = torch.zeros(2, fields + 1, dtype=torch.float64)
    for batch in batches:
        answer_BL = torch.from_numpy(batch.answer_BL[:, 1:]).long()
        tally[0] += torch.bincount(answer_BL.flatten(), minlength=fields + 1)
        held_BF = torch.zeros(len(answer_BL), fields + 1, dtype=torch.float64).scatter_(1, answer_BL, 1.0)
        held_BF[:, 0] = 1.0
        tally[1] += held_BF.sum(dim=0)
    tally[0, 0] = 0
    return tally


class Objective(nn.Module):
    """A network together with what it is trained for."""

    def __init__(self, network: DNAGPT, answers: Sequence[AnswerLoss]) -> None:
        super().__init__()
        self.network, self.answers = network, tuple(answers)
        self.weights: torch.Tensor
        self.is_number: torch.Tensor
        weights = torch.tensor([0.0] + [answer.weight for answer in answers])
        self.register_buffer("weights", weights, persistent=False)
        is_number = torch.tensor([False] + [answer.is_number for answer in answers])
        self.register_buffer("is_number", is_number, persistent=False)
        self.token_weights: torch.Tensor | None
        self.register_buffer("token_weights", _token_weights(answers, network.config.vocabulary_size), persistent=False)

    def forward(self, batch: TensorBatch, tally: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give this batch's part of the loss, and the sum of each field's loss over its positions, (F,).

        `tally` is that of the whole update, so that the parts of all micro-batches and all processes add up to
        `sum over fields of weight * share * mean`: the mean over the field's positions, and the share of rows that
        have the field, which is 1 but where tasks are mixed. A position is answered by the output one before it.
        """
        answer_BL = batch.answer_BL[:, 1:].long()
        supervised_BL = answer_BL > 0
        rows = (batch.ids_BL[:, :-1], batch.numbers_BL[:, :-1], batch.is_number_BL[:, :-1])
        hidden_PD = self.network(*rows, wanted_BL=supervised_BL, places_BL=batch.places_BL[:, :-1])
        answer_P = answer_BL[supervised_BL]
        is_number_P = self.is_number[answer_P]
        losses_P = torch.zeros(answer_P.shape, dtype=torch.float32, device=hidden_PD.device)
        losses_P = losses_P.masked_scatter(
            ~is_number_P, self._token_losses(hidden_PD, ~is_number_P, batch, supervised_BL)
        )
        losses_P = losses_P.masked_scatter(
            is_number_P, self._number_losses(hidden_PD, is_number_P, batch, supervised_BL)
        )
        sums = torch.zeros(len(self.answers) + 1, device=losses_P.device).index_add(0, answer_P, losses_P)[1:]
        positions_F, rows_F, all_rows = tally[0, 1:].to(sums), tally[1, 1:].to(sums), tally[1, 0].to(sums)
        part = (self.weights[1:] * sums / positions_F.clamp(min=1) * rows_F / all_rows).sum()
        return part, sums.detach()

    def _token_losses(
        self, hidden_PD: torch.Tensor, chosen_P: torch.Tensor, batch: TensorBatch, supervised_BL: torch.Tensor
    ) -> torch.Tensor:
        next_places_P = batch.places_BL[:, 1:][supervised_BL][chosen_P]
        right_P = batch.ids_BL[:, 1:][supervised_BL][chosen_P]
        losses_P = self._token_surprise(hidden_PD[chosen_P], right_P, next_places_P)
        if self.token_weights is None:
            return losses_P
        return losses_P * self.token_weights[batch.answer_BL[:, 1:].long()[supervised_BL][chosen_P], right_P]

    def _token_surprise(
        self, hidden_PD: torch.Tensor, right_P: torch.Tensor, next_places_P: torch.Tensor
    ) -> torch.Tensor:
        """-log P of the right tokens, (P,); in training on a panel the same in the mean only, at half the cost.

        There it is -log P among the few tokens of the place and -log P that it is one of these. The second takes the
        scores of all tokens and soon is next to nothing: one position in `_DRAWN`, drawn at random, counts for all.
        """
        if self.network.panel is None or not self.training:
            logits_PV = self.network.token_logits(hidden_PD, next_places_P)
            return F.cross_entropy(logits_PV.float(), right_P, reduction="none")
        bound_P = next_places_P > 0
        drawn_P = bound_P & (torch.rand(bound_P.shape, device=bound_P.device) < 1 / _DRAWN)
        asked_P = ~bound_P | drawn_P
        logits_AV = self.network.token_logits(hidden_PD[asked_P], next_places_P[asked_P])
        all_P = _spread(asked_P, F.cross_entropy(logits_AV.float(), right_P[asked_P], reduction="none"))
        few = self.network.choice_losses(hidden_PD[bound_P], right_P[bound_P], next_places_P[bound_P])
        few_P = _spread(bound_P, few)
        return torch.where(bound_P, few_P + drawn_P * _DRAWN * (all_P - few_P), all_P)

    def _number_losses(
        self, hidden_PD: torch.Tensor, chosen_P: torch.Tensor, batch: TensorBatch, supervised_BL: torch.Tensor
    ) -> torch.Tensor:
        numbers = self.network.number(hidden_PD[chosen_P]).float()
        return (numbers - batch.numbers_BL[:, 1:][supervised_BL][chosen_P]).square()


def _spread(chosen_P: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Put values where they belong, (P,), and 0 elsewhere."""
    return torch.zeros(chosen_P.shape, dtype=values.dtype, device=values.device).masked_scatter(chosen_P, values)


def _token_weights(answers: Sequence[AnswerLoss], vocabulary_size: int) -> torch.Tensor | None:
    """The weight of each token as the answer to each field, (F + 1, V); None where all weigh the same."""
    if not any(answer.token_weights for answer in answers):
        return None
    weights_FV = torch.ones(len(answers) + 1, vocabulary_size)
    for number, answer in enumerate(answers, start=1):
        for token, weight in answer.token_weights.items():
            weights_FV[number, token] = weight
    return weights_FV
