"""How much of a number each embedding keeps: a linear read-out of its size, sign and value over seven decades.

OMP_NUM_THREADS=1 python benchmarks/number_embedding.py

Numbers of both signs, log-uniform from 0.001 to 10,000; figures are on numbers that the read-out was not fitted on.
Before training the weights are drawn as a network's are; training moves embedding and read-out together.

Shapes: N numbers, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dnagpt.model.layers import MagnitudeNumberEmbedding, ReleasedNumberEmbedding

WIDTH = 128
SMALLEST, LARGEST = 1e-3, 1e4
FITTED, TESTED = 2048, 1024
STEPS, BATCH = 600, 256
SEEDS = range(5)
RIDGE = 1e-9
EMBEDDINGS: dict[str, Callable[[int], nn.Module]] = {
    "released": ReleasedNumberEmbedding,
    "magnitude": MagnitudeNumberEmbedding,
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """What a linear read-out gets back."""

    size_r2: float
    """Share of the variance of log10|x| explained."""
    size_error: float
    """Root mean square error of log10|x|, in decades."""
    sign_accuracy: float
    """Share of signs that are right."""
    value_error: float
    """Median of |answer - x| / |x|, the read-out fitted for small relative errors."""


def draw_numbers(count: int, generator: torch.Generator) -> torch.Tensor:
    """Numbers of either sign, every decade as often as every other, (N,)."""
    decades = torch.empty(count).uniform_(np.log10(SMALLEST), np.log10(LARGEST), generator=generator)
    return (torch.randint(2, (count,), generator=generator) * 2 - 1) * 10**decades


def targets(numbers: torch.Tensor) -> torch.Tensor:
    """What is to be read out, (N, 3): log10|x|, the sign, and x."""
    return torch.stack((numbers.abs().log10(), numbers.sign(), numbers), dim=-1)


def start(embedding: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights as a network does: N(0, 0.02)."""
    for weight in embedding.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.02, generator=generator)


def train(embedding: nn.Module, generator: torch.Generator) -> None:
    """Train embedding and a linear read-out for size, sign and value (relative error) together."""
    read_out = nn.Linear(WIDTH, 3)
    optimiser = torch.optim.AdamW([*embedding.parameters(), *read_out.parameters()], lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        numbers = draw_numbers(BATCH, generator)
        errors = read_out(embedding(numbers)) - targets(numbers)
        relative = errors[:, 2] / numbers.abs()
        loss = errors[:, :2].square().mean() + nn.functional.huber_loss(relative, torch.zeros_like(relative))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(embedding.parameters(), 1.0)
        optimiser.step()
        schedule.step()


def read_back(embedding: nn.Module, generator: torch.Generator) -> Kept:
    """Fit the best linear read-out by ridge regression and test it on other numbers."""
    fitted, tested = draw_numbers(FITTED, generator), draw_numbers(TESTED, generator)
    with torch.no_grad():
        vectors_ND, tested_vectors_ND = (embedding(numbers).double().numpy() for numbers in (fitted, tested))
    mean, spread = vectors_ND.mean(axis=0), vectors_ND.std(axis=0).max()
    scaled_ND, tested_ND = (
        (np.c_[(vectors - mean) / spread, np.ones(len(vectors))]) for vectors in (vectors_ND, tested_vectors_ND)
    )
    wanted, truth = targets(fitted).double().numpy(), targets(tested).double().numpy()
    relative = 1 / np.abs(wanted[:, 2])
    answers = np.stack(
        [
            tested_ND @ ridge(scaled_ND, wanted[:, 0]),
            tested_ND @ ridge(scaled_ND, wanted[:, 1]),
            tested_ND @ ridge(scaled_ND * relative[:, None], wanted[:, 2] * relative),
        ],
        axis=-1,
    )
    squared = np.square(answers[:, 0] - truth[:, 0]).mean()
    return Kept(
        size_r2=float(1 - squared / truth[:, 0].var()),
        size_error=float(np.sqrt(squared)),
        sign_accuracy=float((np.sign(answers[:, 1]) == truth[:, 1]).mean()),
        value_error=float(np.median(np.abs(answers[:, 2] - truth[:, 2]) / np.abs(truth[:, 2]))),
    )


def ridge(vectors_ND: Floats, wanted_N: Floats) -> Floats:
    """The weights that predict `wanted_N` best, kept from growing by a trace of regularisation."""
    gram_DD = vectors_ND.T @ vectors_ND
    return np.linalg.solve(
        gram_DD + RIDGE * np.trace(gram_DD) / len(gram_DD) * np.eye(len(gram_DD)), vectors_ND.T @ wanted_N
    )


def show(name: str, when: str, seeds: Sequence[Kept]) -> None:
    """Print the mean and the spread over seeds."""
    columns = np.array([[one.size_r2, one.size_error, one.sign_accuracy, one.value_error] for one in seeds])
    figures = "".join(
        f"{mean:>12.4f} ±{spread:.4f}" for mean, spread in zip(columns.mean(0), columns.std(0), strict=True)
    )
    print(f"{name:<11}{when:<10}{figures}", flush=True)


def main() -> None:
    """Measure both embeddings, as drawn and after a short training, with several seeds."""
    torch.set_num_threads(1)
    heads = "".join(f"{head:>20}" for head in ("log10|x|: r2", "error (decades)", "sign right", "x: relative error"))
    print(f"{'embedding':<11}{'weights':<10}{heads}   (mean ± spread of {len(SEEDS)} seeds)")
    for name, embedding_of in EMBEDDINGS.items():
        kept: dict[str, list[Kept]] = {"drawn": [], "trained": []}
        for seed in SEEDS:
            generator = torch.Generator().manual_seed(seed)
            embedding = embedding_of(WIDTH)
            start(embedding, generator)
            kept["drawn"].append(read_back(embedding, generator))
            train(embedding, generator)
            kept["trained"].append(read_back(embedding, generator))
        for when, seeds in kept.items():
            show(name, when, seeds)


if __name__ == "__main__":
    main()
