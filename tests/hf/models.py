"""Models for the transformers door."""

import torch
from tests.inference.models import TASKS

from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.model import Model, kmer_table


def one_with_overlapping_kmers() -> Model:
    """A tiny model that embeds k-mers together with those that overlap them."""
    vocabulary = Vocabulary.preset("dna-2mers")
    config = ModelConfig(
        vocabulary_size=vocabulary.size, context=48, layers=2, heads=2, width=16, overlapping=kmer_table(vocabulary)
    )
    network = DNAGPT(config)
    generator = torch.Generator().manual_seed(6)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.3, generator=generator)
    return Model(network.eval(), vocabulary, {"signal": TASKS["signal"]})
