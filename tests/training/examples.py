"""A tiny network with an objective, and batches that ask for tokens and numbers.

Shapes: B rows, L positions.
"""

import numpy as np
import torch

from dnagpt.data.batches import Batch
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.training import AnswerLoss, Objective

ANSWERS = (AnswerLoss("window", False, 1.0), AnswerLoss("gc", True, 0.01), AnswerLoss("reversed", False, 0.5))
VOCABULARY_SIZE = 29


def tiny_objective(*, dropout: float = 0.0, seed: int = 0) -> Objective:
    """Two layers that answer a window, its GC content and its order."""
    config = ModelConfig(vocabulary_size=VOCABULARY_SIZE, context=16, layers=2, heads=2, width=16, dropout=dropout)
    network = DNAGPT(config)
    network.initialise(torch.Generator().manual_seed(seed))
    return Objective(network, ANSWERS)


def random_batch(rows: int, length: int = 12, seed: int = 0) -> Batch:
    """Rows whose positions are given or answered at random, numbers where a number is asked and elsewhere."""
    generator = np.random.default_rng([seed, rows, length])
    answer_BL = generator.integers(0, 4, (rows, length)).astype(np.int8)
    is_number_BL = (answer_BL == 2) | ((answer_BL == 0) & (generator.random((rows, length)) < 0.2))
    return Batch(
        ids_BL=generator.integers(0, VOCABULARY_SIZE, (rows, length)),
        numbers_BL=np.where(is_number_BL, generator.normal(size=(rows, length)), 0).astype(np.float32),
        is_number_BL=is_number_BL,
        answer_BL=answer_BL,
        places_BL=np.zeros((rows, length), dtype=np.int32),
    )


def part_of(batch: Batch, rows: slice) -> Batch:
    """Some rows of a batch."""
    own, numbers = (batch.ids_BL[rows], batch.numbers_BL[rows]), (batch.is_number_BL[rows], batch.answer_BL[rows])
    return Batch(*own, *numbers, batch.places_BL[rows])
