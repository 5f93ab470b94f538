"""What a model answers at the answered positions of records whose earlier positions are filled in.

Shapes: B rows, L positions, P answered positions, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from dnagpt.data.batches import collate, similar_lengths
from dnagpt.language.grammar import Field
from dnagpt.language.template import AnswerSpan, Rows, answer_spans
from dnagpt.model import DNAGPT, autocast
from dnagpt.store.model import Model
from dnagpt.tasks import Task

TOKENS_AT_ONCE = 8192
"""Positions computed in one go; memory is bounded by this number times the vocabulary."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Readings:
    """A model's answers to one field, over all records, as if every earlier answer were known.

    One array a record, along the field's positions: `losses` in nats (tokens) or squared units (numbers),
    `numbers` in the model's unit, and `probabilities` of the field's options (a boolean: false, true).
    """

    field: Field
    losses: list[Floats]
    numbers: list[Floats]
    probabilities: list[Floats]


def read_answers(
    model: Model,
    task: Task,
    rows: Sequence[Rows],
    *,
    precision: str = "float32",
    done: Callable[[int], None] = lambda _: None,
) -> list[Readings]:
    """Read what the model says of every answered field, in batches of similar length.

    In float32 the answer to a record depends on the records beside it by rounding alone, about 1e-6. `done` is told
    how many records are finished.
    """
    spans = answer_spans(model.vocabulary, task.template)
    readings = [Readings(span.field, *([np.empty(0)] * len(rows) for _ in range(3))) for span in spans]
    device = next(model.network.parameters()).device
    was_training = model.network.training
    model.network.eval()
    with torch.inference_mode(), autocast(device, precision):
        for group in similar_lengths([len(row.ids) for row in rows], TOKENS_AT_ONCE):
            _read_group(model, spans, readings, group, [rows[place] for place in group], device)
            done(len(group))
    model.network.train(was_training)
    return readings


def _read_group(
    model: Model, spans: Sequence[AnswerSpan], readings: Sequence[Readings], group: Sequence[int],
    rows: Sequence[Rows], device: torch.device,
) -> None:  # fmt: skip
    batch = collate(rows, model.vocabulary.pad_id)
    ids_BL, numbers_BL, is_number_BL, answer_BL, places_BL = (
        torch.from_numpy(row).to(device)
        for row in (batch.ids_BL, batch.numbers_BL, batch.is_number_BL, batch.answer_BL, batch.places_BL)
    )
    wanted_BL = answer_BL[:, 1:] > 0  # a position is answered by the one before it, so the last one is never read
    hidden_PD = model.network(
        ids_BL[:, :-1], numbers_BL[:, :-1], is_number_BL[:, :-1], wanted_BL=wanted_BL, places_BL=places_BL[:, :-1]
    )
    ids_P, numbers_P, answer_P, places_P = (
        row_BL[:, 1:][wanted_BL] for row_BL in (ids_BL, numbers_BL, answer_BL, places_BL)
    )
    for span, reading in zip(spans, readings, strict=True):
        own_P = answer_P == span.number
        ends = np.cumsum((batch.answer_BL[:, 1:] == span.number).sum(axis=1))[:-1]
        if reading.field.kind == "number":
            said_P = model.network.number(hidden_PD[own_P]).float()
            losses_P = (said_P - numbers_P[own_P]).square()
            _keep(reading.numbers, group, said_P, ends)
        else:
            options = () if span.field.kind == "sequence" else span.token_ids
            losses_P, probabilities_PO = _read_tokens(
                model.network, hidden_PD[own_P], ids_P[own_P], places_P[own_P], options
            )
            _keep(reading.probabilities, group, probabilities_PO, ends)
        _keep(reading.losses, group, losses_P, ends)


def _read_tokens(
    network: DNAGPT,
    hidden_PD: torch.Tensor,
    targets_P: torch.Tensor,
    next_places_P: torch.Tensor,
    options: Sequence[int],
) -> tuple[torch.Tensor, torch.Tensor]:
    logits_PV = network.token_logits(hidden_PD, next_places_P).float()
    losses_P = F.cross_entropy(logits_PV, targets_P, reduction="none")
    return losses_P, logits_PV[:, list(options)].softmax(dim=-1)


def _keep(store: list[Floats], group: Sequence[int], values_P: torch.Tensor, ends: npt.NDArray[np.int64]) -> None:
    for place, part in zip(group, np.split(values_P.double().cpu().numpy(), ends), strict=True):
        store[place] = part
