"""A model back into the layout of the release, where that can express it."""

from dataclasses import replace
from pathlib import Path

import torch

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_write
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.released.layout import VOCABULARIES, released_name
from dnagpt.store.model import Model
from dnagpt.store.weights import listed


def write_released(path: str | Path, model: Model) -> None:
    """Write the weights as the release names them, a bare state dict, each in its own type.

    InputError says why the release cannot express a model. Tasks and provenance have no place in such a file.
    """
    path = Path(path)
    problems = _problems(model)
    if problems:
        raise InputError(f"The released layout cannot express this model: {listed(problems)}.")
    weights = {released_name(name): weight.contiguous() for name, weight in model.network.state_dict().items()}
    with atomic_write(path) as file:
        torch.save(weights, file)  # given a path, it would write the temporary name into the file


def _problems(model: Model) -> list[str]:
    config = model.network.config
    problems = []
    if config.positions != "learned":
        problems.append(f"its positions are {config.positions}, those of the release learned")
    if config.number_embedding != "released":
        problems.append(f"its number embedding is {config.number_embedding}, not that of the release")
    if config.panel is not None:
        problems.append("it has tables for the sites of haplotypes")
    same = [replace(model.vocabulary, name=name) == Vocabulary.preset(name) for name in VOCABULARIES]
    if not any(same):
        problems.append(f"its vocabulary {model.vocabulary.name} is none of {', '.join(VOCABULARIES)}")
    return problems
