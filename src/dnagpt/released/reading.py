"""Released weights into a model: every tensor accounted for, the variant told or found out."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import ValidationError

from dnagpt.errors import InputError
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import PRESETS, ModelConfig
from dnagpt.released.archive import read_tensors
from dnagpt.released.layout import CLASSIFICATION, REGRESSION, VARIANTS, VOCABULARIES, our_name
from dnagpt.store.folder import config_problems
from dnagpt.store.model import Model, needed_parts
from dnagpt.store.weights import PARTS, empty_network, fill_network, listed, refuse_mismatch, shapes, shown
from dnagpt.tasks import Task

_SHAPE = ("layers", "width", "context", "vocabulary_size", "heads")

Weights = Mapping[str, torch.Tensor]


class _Shape(NamedTuple):
    """What the tensors of a file tell of its network; the number of heads they do not."""

    layers: int
    width: int
    context: int
    vocabulary_size: int


def read_released(
    path: str | Path, *, variant: str | None = None, heads: int | None = None,
    dtype: torch.dtype | None = torch.float32,
) -> Model:  # fmt: skip
    """Read a released `.pth` file into a model; every tensor must be accounted for.

    `variant` is one of `VARIANTS`; it is found out where only one fits. `heads` is needed only for shapes that are
    none of the released ones, because no tensor tells it; such a model is given both released tasks. With
    `dtype=None` the weights keep the type of the file and stay in it until they are used.
    """
    path = Path(path)
    weights = _translated(read_tensors(path), path)
    lacks = tuple(part for part in PARTS if not any(name.startswith(f"{part}.") for name in weights))
    shape = _shape(weights, path)
    chosen = _variant(shape, lacks, path, variant, heads)
    config = VARIANTS[chosen].config if chosen else _own_config(shape, path, heads)
    vocabulary = _vocabulary(config.vocabulary_size, path)
    network = empty_network(config, lacks)
    refuse_mismatch(shapes(network), {name: tuple(weight.shape) for name, weight in weights.items()}, str(path))
    fill_network(network, weights, str(path))
    tasks = {task.name: task for task in _tasks(chosen, lacks)}
    model = Model(network.eval(), vocabulary, tasks, {"source": path.name, "variant": chosen})
    if dtype is not None:
        network.to(dtype)
    return model


def _translated(weights: Weights, path: Path) -> dict[str, torch.Tensor]:
    """Give every tensor our name; InputError lists those that the release does not have."""
    strangers = [shown(name) for name in weights if our_name(name) is None]
    if strangers:
        raise InputError(f"{path} holds tensors that the released network does not have: {listed(strangers)}.")
    return {ours: weight for name, weight in weights.items() if (ours := our_name(name)) is not None}


def _shape(weights: Weights, path: Path) -> _Shape:
    layers = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    tokens, positions = weights.get("token_embedding.weight"), weights.get("position_embedding.weight")
    if not layers or tokens is None or positions is None or tokens.ndim != 2 or positions.ndim != 2:
        raise InputError(f"{path} is not a DNAGPT checkpoint: its embeddings or its layers are missing.")
    return _Shape(layers, tokens.shape[1], positions.shape[0], tokens.shape[0])


def _variant(shape: _Shape, lacks: tuple[str, ...], path: Path, named: str | None, heads: int | None) -> str | None:
    """Check the variant that was named, or find it out; None for a network of another shape."""
    if named is not None:
        if named not in VARIANTS:
            raise InputError(f"There is no variant {named!r}. There are {', '.join(VARIANTS)}.")
        problems = _problems(named, shape, lacks, heads)
        if problems:
            raise InputError(f"{path} is not the variant {named}: {listed(problems)}.")
        return named
    fitting = [name for name in VARIANTS if not _problems(name, shape, lacks, heads)]
    if len(fitting) > 1:
        raise InputError(
            f"{path} fits {' and '.join(fitting)}, which have the same shape. Name the one it is with "
            f"--variant {fitting[0]} or --variant {fitting[1]}."
        )
    return fitting[0] if fitting else None


def _problems(name: str, shape: _Shape, lacks: tuple[str, ...], heads: int | None) -> list[str]:
    """Say why a file is not a variant: its shape is another, or it lacks a part that the variant needs."""
    variant = VARIANTS[name]
    found = {**shape._asdict(), "heads": heads or variant.config.heads}
    needed = needed_parts(variant.task.template) if variant.task else tuple(PARTS)
    return [
        f"{key} {found[key]:,}, not {getattr(variant.config, key):,}"
        for key in _SHAPE
        if found[key] != getattr(variant.config, key)
    ] + [f"no {PARTS[part]}" for part in needed if part in lacks]


def _own_config(shape: _Shape, path: Path, heads: int | None) -> ModelConfig:
    known = {(preset.layers, preset.width): preset.heads for preset in PRESETS.values()}
    heads = heads or known.get((shape.layers, shape.width))
    if heads is None:
        raise InputError(
            f"{path}: {shape.layers} layers of width {shape.width} are none of the released shapes. Say how many "
            "heads it has."
        )
    try:
        return ModelConfig(**shape._asdict(), heads=heads, number_embedding="released", positions="learned")
    except ValidationError as error:
        raise InputError(f"{path} does not fit the network: {config_problems(error)}.") from None


def _vocabulary(size: int, path: Path) -> Vocabulary:
    vocabulary = next((v for v in map(Vocabulary.preset, VOCABULARIES) if v.size == size), None)
    if vocabulary is None:
        raise InputError(
            f"{path}: its vocabulary of {size:,} tokens is neither of the released ones "
            "(19,564 for 1..6-mers, 15,659 for full 6-mers)."
        )
    return vocabulary


def _tasks(variant: str | None, lacks: tuple[str, ...]) -> list[Task]:
    """Give the task of a variant, or to a network of another shape all that its parts can do."""
    if variant is not None:
        task = VARIANTS[variant].task
        return [] if task is None else [task]
    return [task for task in (CLASSIFICATION, REGRESSION) if not set(needed_parts(task.template)) & set(lacks)]
