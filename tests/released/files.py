"""Small files in the layout of the release, their weights random."""

from pathlib import Path
from typing import Any

import torch

from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.released.layout import released_name


def released_network(vocabulary: str = "released-6mers", **changes: Any) -> DNAGPT:
    """A narrow network of two layers whose parts are those of the release."""
    sizes: dict[str, Any] = {"context": 32, "layers": 2, "heads": 2, "width": 4, **changes}
    size = Vocabulary.preset(vocabulary).size
    network = DNAGPT(ModelConfig(vocabulary_size=size, number_embedding="released", positions="learned", **sizes))
    network.initialise(torch.Generator().manual_seed(1))
    return network


def released_tensors(vocabulary: str = "released-6mers", *, without: tuple[str, ...] = (), **changes: Any) -> Any:
    """Its state dict under the names of the release, without the tensors whose names begin with one of `without`."""
    state = released_network(vocabulary, **changes).state_dict()
    return {
        released_name(name): weight for name, weight in state.items() if not released_name(name).startswith(without)
    }


def released_file(path: Path, vocabulary: str = "released-6mers", **changes: Any) -> Path:
    """The same as a file."""
    torch.save(released_tensors(vocabulary, **changes), path)
    return path
