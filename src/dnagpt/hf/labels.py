"""Losses of labels as the Trainer gives them, each label checked before it counts.

Shapes: B rows, L positions, V vocabulary, C labels.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from dnagpt.errors import InputError

IGNORED = -100
"""The label of what is not to count, as torch and transformers have it."""


def label_loss(logits_BV: torch.Tensor, label_ids: Sequence[int], labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the vocabulary of the tokens that stand for the labels (B,); -100 is left out.

    >>> scores = torch.zeros(3, 8)
    >>> round(float(label_loss(scores, [5, 6], torch.tensor([1, -100, 0]))), 4)  # log 8
    2.0794

    InputError where a label is no whole number, negative or too large.
    """
    labels_B = _whole_numbers(labels, len(label_ids), "labels").reshape(-1)
    _refuse_other_count(labels_B, len(logits_BV))
    ids_C = torch.tensor(label_ids, device=labels_B.device)
    targets_B = torch.where(labels_B == IGNORED, IGNORED, ids_C[labels_B.clamp(min=0)])
    return _mean_loss(logits_BV, targets_B)


def number_loss(numbers_B: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of numbers in the model's unit, (B,); -100 is a number like any other.

    >>> float(number_loss(torch.tensor([1.0, 2.0]), torch.tensor([1, 4])))
    2.0

    InputError where a label is not finite.
    """
    labels_B = labels.reshape(-1).float()
    _refuse_other_count(labels_B, len(numbers_B))
    if not bool(labels_B.isfinite().all()):
        raise InputError(
            f"The label of row {_first(~labels_B.isfinite())} is not a finite number. Leave the record out; "
            f"{IGNORED} marks nothing here, it is a number."
        )
    return F.mse_loss(numbers_B, labels_B)


def next_token_loss(logits_BLV: torch.Tensor, labels_BL: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each next token; positions labelled -100 are left out.

    InputError where a label is no id of the vocabulary.
    """
    targets_BL = _whole_numbers(labels_BL, logits_BLV.shape[-1], "tokens")
    return _mean_loss(logits_BLV[:, :-1].flatten(0, 1), targets_BL[:, 1:].flatten())


def _mean_loss(logits_NV: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    """Average over what counts; 0, with a gradient of 0, where nothing does."""
    total = F.cross_entropy(logits_NV.float(), targets_N, ignore_index=IGNORED, reduction="sum")
    return total / (targets_N != IGNORED).sum().clamp(min=1)


def _whole_numbers(labels: torch.Tensor, count: int, what: str) -> torch.Tensor:
    if labels.is_floating_point() or labels.is_complex():
        raise InputError(
            f"The labels are {str(labels.dtype).removeprefix('torch.')}, not whole numbers from 0 to {count - 1}. "
            'Give integers; numbers are answered by a model with num_labels=1 or problem_type="regression".'
        )
    found = labels.long()
    strange = (found != IGNORED) & ((found < 0) | (found >= count))
    if bool(strange.any()):
        raise InputError(
            f"There is no label {int(found[strange][0])} (row {_first(strange)}). The {count:,} {what} are 0 to "
            f"{count - 1}, and {IGNORED} marks what is not to count."
        )
    return found


def _refuse_other_count(labels_B: torch.Tensor, rows: int) -> None:
    if len(labels_B) != rows:
        raise InputError(f"There are {len(labels_B)} labels for {rows} rows. An answer is one label a row.")


def _first(which: torch.Tensor) -> int:
    """Count the first row, from 1, in which something is true."""
    return int(which.nonzero()[0, 0]) + 1
