"""Tiny models with visible weights, and records for them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.model import Model
from dnagpt.tasks import Task, Transform, pretraining_task

TASKS = {
    "signal": Task("signal", Template.parse("<R>{sequence}<=><B>{label?:boolean}")),
    "site": Task("site", Template.parse("<R>{sequence}<=><B>{site?:choice(donor,acceptor,neither)}")),
    "level": Task(
        "level",
        Template.parse("<R>{sequence}<+><M>{half_life:number}<=><M>{level?:number}"),
        {"level": Transform(log10_offset=0.0, mean=1.0, deviation=2.0)},
    ),
    "several": Task(
        "several",
        Template.parse("<R>{sequence}<=><B>{label?:boolean}<=><M>{levels?:number*3}<=><B>{other?:boolean}"),
        {"levels": Transform(zscore=True, mean=(1.0, 2.0, 3.0), deviation=(0.5, 1.0, 2.0))},
    ),
    "pretraining": pretraining_task(),
}


def tiny_model(vocabulary: str = "dna-2mers", *, context: int = 64, spread: float = 0.3) -> Model:
    """A model whose answers differ clearly from record to record."""
    words = Vocabulary.preset(vocabulary)
    network = DNAGPT(ModelConfig(vocabulary_size=words.size, context=context, layers=2, heads=2, width=16))
    generator = torch.Generator().manual_seed(5)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=spread, generator=generator)
    return Model(network.eval(), words, TASKS, {"command": "test"})


def random_records(count: int, seed: int = 0) -> Sequence[Mapping[str, object]]:
    """Sequences of different lengths, each with a number."""
    generator = np.random.default_rng(seed)
    return [
        {
            "sequence": "".join("ACGT"[base] for base in generator.integers(0, 4, generator.integers(2, 60))),
            "half_life": float(generator.normal()),
        }
        for _ in range(count)
    ]
