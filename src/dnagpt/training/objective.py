"""The loss: every answered field of a template, cross-entropy for tokens and squared error for numbers.

Shapes: B rows, L positions, P supervised positions, D width, V vocabulary, F answered fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.data.batches import Batch
from dnagpt.model import DNAGPT


@dataclass(frozen=True)
class AnswerLoss:
    """What one answered field adds to the loss: `weight * mean over its positions`."""

    name: str
    is_number: bool
    weight: float


class TensorBatch(NamedTuple):
    """A batch on the device."""

    ids_BL: torch.Tensor
    numbers_BL: torch.Tensor
    is_number_BL: torch.Tensor
    answer_BL: torch.Tensor


def to_tensors(batch: Batch, device: torch.device) -> TensorBatch:
    """Bring a batch to the device."""
    rows = (batch.ids_BL, batch.numbers_BL, batch.is_number_BL, batch.answer_BL)
    return TensorBatch(*(torch.from_numpy(row).to(device, non_blocking=True) for row in rows))


def answer_counts(batches: Sequence[Batch], fields: int) -> torch.Tensor:
    """Count the supervised positions of each answered field over several batches, (F,)."""
    counts = torch.zeros(fields + 1, dtype=torch.float64)
    for batch in batches:
        counts += torch.bincount(torch.from_numpy(batch.answer_BL[:, 1:]).flatten().long(), minlength=fields + 1)
    return counts[1:]


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

    def forward(self, batch: TensorBatch, counts_F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give this batch's part of the loss, and the sum of each field's loss over its positions, (F,).

        `counts_F` are the supervised positions of each field over the whole update, so that the parts of
        all micro-batches and all processes add up to `sum over fields of weight * mean`.
        A position is answered by the output one position before it.
        """
        hidden_BLD = self.network(batch.ids_BL, batch.numbers_BL, batch.is_number_BL)
        answer_BL = batch.answer_BL[:, 1:].long()
        supervised_BL = answer_BL > 0
        hidden_PD, answer_P = hidden_BLD[:, :-1][supervised_BL], answer_BL[supervised_BL]
        is_number_P = self.is_number[answer_P]
        losses_P = torch.zeros(answer_P.shape, dtype=torch.float32, device=hidden_PD.device)
        losses_P = losses_P.masked_scatter(
            ~is_number_P, self._token_losses(hidden_PD, ~is_number_P, batch, supervised_BL)
        )
        losses_P = losses_P.masked_scatter(
            is_number_P, self._number_losses(hidden_PD, is_number_P, batch, supervised_BL)
        )
        sums = torch.zeros(len(self.answers) + 1, device=losses_P.device).index_add(0, answer_P, losses_P)[1:]
        part = (self.weights[1:] * sums / counts_F.to(sums).clamp(min=1)).sum()
        return part, sums.detach()

    def _token_losses(
        self, hidden_PD: torch.Tensor, chosen_P: torch.Tensor, batch: TensorBatch, supervised_BL: torch.Tensor
    ) -> torch.Tensor:
        logits = self.network.token_logits(hidden_PD[chosen_P]).float()
        return F.cross_entropy(logits, batch.ids_BL[:, 1:][supervised_BL][chosen_P], reduction="none")

    def _number_losses(
        self, hidden_PD: torch.Tensor, chosen_P: torch.Tensor, batch: TensorBatch, supervised_BL: torch.Tensor
    ) -> torch.Tensor:
        numbers = self.network.number(hidden_PD[chosen_P]).float()
        return (numbers - batch.numbers_BL[:, 1:][supervised_BL][chosen_P]).square()
