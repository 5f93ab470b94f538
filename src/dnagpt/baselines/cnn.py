"""A small convolutional network trained from scratch: the yardstick of what the training sequences alone can teach.

Three layers of convolution (64 channels, 8 bases wide, ReLU, the largest of 4 neighbours kept, dropout 0.2) lead to a
hidden layer of 64 and the answer. AdamW at 1e-3 in batches of 64; the weights of the best validation epoch are kept.

Shapes: N sequences, B of them at once, L bases (all sequences filled up to the longest of the three parts), A answers.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional as F

from dnagpt.errors import InputError
from dnagpt.genome.bases import CODE_LETTERS, SOFT_MASK, encode_bases

Floats = NDArray[np.float64]
Judge = Callable[[torch.Tensor], tuple[float, ...]]

_LAYERS, _CHANNELS, _WIDTH, _POOL, _HIDDEN = 3, 64, 8, 4, 64
_DROPOUT, _LEARNING_RATE, _BATCH = 0.2, 1e-3, 64
_SHORTEST = _POOL**_LAYERS
_BASES_AT_ONCE = 1 << 17  # 34 MB a layer's output; a batch of longer sequences is read in several goes


def convolutional_baseline(
    train_sequences: Sequence[str],
    train_labels: ArrayLike,
    validation_sequences: Sequence[str],
    validation_labels: ArrayLike,
    test_sequences: Sequence[str],
    *,
    classes: int,
    epochs: int = 12,
    seed: int = 0,
    device: torch.device | str = "cpu",
    done: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Call classes by a small convolutional network trained on the training part alone.

    The epoch that calls most validation sequences right is kept (the one with the smaller cross-entropy, where two
    call as many); without validation sequences, the last. Lower case is read as upper case, U as T, and N and the
    other ambiguity codes as no base. The same seed gives the same answer on a CPU.

    Args:
        train_sequences: Sequences to learn from, of any lengths.
        train_labels: Their classes, whole numbers from 0.
        validation_sequences: Sequences that choose the epoch; may be empty.
        validation_labels: Their classes.
        test_sequences: Sequences to call.
        classes: How many classes there are.
        epochs: Passes over the training sequences.
        seed: Draws the first weights, the order of the sequences and the dropout.
        device: Where to compute.
        done: Is told how many training sequences have been seen since the last time; `epochs` times all in total.

    Returns:
        The probability of each class for each test sequence, shape (test, classes).

    Raises:
        InputError: Labels do not fit the sequences or the classes, or a sequence holds a letter that is no base.

    >>> parts = ["ACAC" * 20, "GTGT" * 20] * 8, [0, 1] * 8
    >>> convolutional_baseline(*parts, *parts, ["GTGT" * 20], classes=2, epochs=4).argmax(axis=1).tolist()
    [1]
    """
    labels = _checked_labels(train_labels, len(train_sequences), classes, "training")
    validation = _checked_labels(validation_labels, len(validation_sequences), classes, "validation")
    if not len(labels):
        raise InputError("A baseline needs at least one training sequence.")

    def judge(logits_NA: torch.Tensor) -> tuple[float, float]:
        right = (logits_NA.argmax(dim=1) == validation).float().mean()
        return -right.item(), F.cross_entropy(logits_NA, validation).item()

    def loss(logits_BA: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits_BA, labels[rows].to(logits_BA.device), reduction="sum")

    sequences = train_sequences, validation_sequences, test_sequences
    logits = _trained_answers(
        sequences, loss, judge, outputs=classes, epochs=epochs, seed=seed, device=device, done=done
    )
    return logits.double().softmax(dim=1).numpy()


def convolutional_regression(
    train_sequences: Sequence[str],
    train_numbers: ArrayLike,
    validation_sequences: Sequence[str],
    validation_numbers: ArrayLike,
    test_sequences: Sequence[str],
    *,
    epochs: int = 12,
    seed: int = 0,
    device: torch.device | str = "cpu",
    done: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Predict a number by a small convolutional network: one prediction a test sequence, in the unit of the numbers.

    Numbers are learnt as distances from the mean of the training part in units of its standard deviation; the epoch
    with the smallest squared error on the validation part is kept. The rest is as in `convolutional_baseline`.

    >>> parts = ["ACAC" * 20, "GTGT" * 20] * 8, [10.0, 30.0] * 8
    >>> low, high = convolutional_regression(*parts, *parts, ["ACAC" * 20, "GTGT" * 20], epochs=20)
    >>> bool(5 < low < 15 and 25 < high < 35)
    True
    """
    numbers = _checked_numbers(train_numbers, len(train_sequences), "training")
    if not len(numbers):
        raise InputError("A baseline needs at least one training sequence.")
    mean, deviation = numbers.mean().item(), numbers.std(correction=0).item() or 1.0
    targets = ((numbers - mean) / deviation).float()
    validation = _checked_numbers(validation_numbers, len(validation_sequences), "validation")
    expected = ((validation - mean) / deviation).float()

    def judge(answers_N1: torch.Tensor) -> tuple[float]:
        return (F.mse_loss(answers_N1[:, 0], expected).item(),)

    def loss(answers_B1: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(answers_B1[:, 0], targets[rows].to(answers_B1.device), reduction="sum")

    sequences = train_sequences, validation_sequences, test_sequences
    answers = _trained_answers(sequences, loss, judge, outputs=1, epochs=epochs, seed=seed, device=device, done=done)
    return (answers[:, 0].double() * deviation + mean).numpy()


def _trained_answers(
    sequences: tuple[Sequence[str], Sequence[str], Sequence[str]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    judge: Judge,
    *,
    outputs: int,
    epochs: int,
    seed: int,
    device: torch.device | str,
    done: Callable[[int], None],
) -> torch.Tensor:
    """Train on the first part, choose the epoch on the second, answer the third: (N, A)."""
    if epochs < 1:
        raise InputError(f"A network cannot be trained for {epochs} epochs; give 1 or more.")
    length = max(_SHORTEST, *(len(sequence) for part in sequences for sequence in part))
    train_NL, validation_NL, test_NL = (
        _codes(part, length, name) for part, name in zip(sequences, ("training", "validation", "test"), strict=True)
    )
    # The generators of the process are given back as they were found.
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        network = _network(length, outputs).to(device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE)
        best: tuple[float, ...] = ()
        for _ in range(epochs):
            _train_epoch(network, optimiser, train_NL, loss, done)
            value = judge(_answers(network, validation_NL)) if len(validation_NL) else ()
            if not best or not value or value < best:
                best = value
                kept = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(kept)
    return _answers(network, test_NL)


def _network(length: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = len(CODE_LETTERS) - 1
    for _ in range(_LAYERS):
        layers += [nn.Conv1d(channels, _CHANNELS, _WIDTH, padding=_WIDTH // 2), nn.ReLU()]
        layers += [nn.MaxPool1d(_POOL), nn.Dropout(_DROPOUT)]
        channels, length = _CHANNELS, (length + 1) // _POOL
    layers += [nn.Flatten(), nn.Linear(channels * length, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, outputs)]
    return nn.Sequential(*layers)


def _train_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    codes_NL: torch.Tensor,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    done: Callable[[int], None],
) -> None:
    network.train()
    for batch in torch.randperm(len(codes_NL)).split(_BATCH):
        for rows in batch.split(_rows_at_once(codes_NL)):
            (loss(network(_one_hot(codes_NL[rows], network)), rows) / len(batch)).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        done(len(batch))


def _answers(network: nn.Sequential, codes_NL: torch.Tensor) -> torch.Tensor:
    """Read all sequences, a few at a time: (N, A) on the CPU."""
    network.eval()
    with torch.inference_mode():
        found = [
            network(_one_hot(codes_BL, network)).float().cpu() for codes_BL in codes_NL.split(_rows_at_once(codes_NL))
        ]
    return torch.cat(found)


def _rows_at_once(codes_NL: torch.Tensor) -> int:
    return max(1, _BASES_AT_ONCE // codes_NL.shape[1])


def _one_hot(codes_BL: torch.Tensor, network: nn.Module) -> torch.Tensor:
    """One channel a base, (B, 4, L); all zero where no base is known."""
    device = next(network.parameters()).device
    known = torch.arange(1, len(CODE_LETTERS), dtype=torch.uint8, device=device)
    return (codes_BL.to(device)[:, None, :] == known[:, None]).float()


def _codes(sequences: Sequence[str], length: int, part: str) -> torch.Tensor:
    """Write sequences as base codes, (N, L) uint8; 0 is no known base, and what lies behind a sequence's end."""
    codes_NL = np.zeros((len(sequences), length), dtype=np.uint8)
    for row, sequence in enumerate(sequences):
        bases, _ = encode_bases(sequence.encode("utf-8"), f"{part} sequence {row + 1}")
        codes_NL[row, : len(bases)] = bases & ~np.uint8(SOFT_MASK)
    return torch.from_numpy(codes_NL)


def _checked_labels(labels: ArrayLike, count: int, classes: int, part: str) -> torch.Tensor:
    found = np.asarray(labels)
    if found.shape != (count,) or (count and found.dtype.kind not in "biu"):
        raise InputError(
            f"{count} {part} sequences need as many whole-number labels, got {found.dtype} of shape {found.shape}."
        )
    if count and not 0 <= found.min() <= found.max() < classes:
        worst = int(found.min() if found.min() < 0 else found.max())
        raise InputError(f"The {part} label {worst} is none of {classes} classes, which run from 0 to {classes - 1}.")
    return torch.from_numpy(found.astype(np.int64))


def _checked_numbers(numbers: ArrayLike, count: int, part: str) -> torch.Tensor:
    found = np.asarray(numbers, dtype=np.float64)
    if found.shape != (count,) or not all(map(math.isfinite, found)):
        raise InputError(f"{count} {part} sequences need as many finite numbers, got an array of shape {found.shape}.")
    return torch.from_numpy(found)
