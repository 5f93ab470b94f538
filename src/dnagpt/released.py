"""The released DNAGPT weights: which of their tensors is which of ours, read without executing anything.

The names are facts of the published checkpoints (arXiv 2307.05628 and its release): a bare state dict, or one under
the key `model`. The vocabulary follows from its size, the number of heads from the variant.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from dnagpt.checkpoint import Model, refuse_mismatch
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, PRESETS, ModelConfig
from dnagpt.tasks import Task

_NAMES = {
    "transformer.wte.": "token_embedding.",
    "transformer.wpe.": "position_embedding.",
    "transformer.ln_f.": "final_norm.",
    "number_embedding.": "number_embedding.",
    "mlm_head.": "token_head.",
    "num_regression.": "number_head.",
}
_BLOCK_NAMES = {
    "attn.c_attn.": "attention.qkv.",
    "attn.c_proj.": "attention.output.",
    "mlp.c_fc.": "mlp_in.",
    "mlp.c_proj.": "mlp_out.",
    "ln_1.": "attention_norm.",
    "ln_2.": "mlp_norm.",
}
_BLOCK = re.compile(r"transformer\.h\.(\d+)\.(.+)")
_VOCABULARIES = ("released-1to6mers", "released-6mers")
_TASKS = (
    Task("classification", Template.parse("<R>{sequence}<=><R>{label?:boolean}")),
    Task("regression", Template.parse("<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}")),
)


def our_name(released_name: str) -> str | None:
    """Translate a tensor's name; None for one that the release does not have.

    >>> our_name("transformer.h.3.attn.c_attn.weight")
    'blocks.3.attention.qkv.weight'
    """
    block = _BLOCK.fullmatch(released_name)
    names, rest, start = (_BLOCK_NAMES, block[2], f"blocks.{block[1]}.") if block else (_NAMES, released_name, "")
    for theirs, ours in names.items():
        if rest.startswith(theirs):
            return start + ours + rest.removeprefix(theirs)
    return None


def read_released(path: str | Path, *, heads: int | None = None) -> Model:
    """Read a released `.pth` file into a model; every tensor must be accounted for.

    `heads` is needed only for shapes that are not one of the four released ones, because no tensor tells it.
    """
    path = Path(path)
    weights = _state_dict(path)
    translated = _translated(weights, path)
    config = _config(translated, path, heads)
    vocabulary = next((v for v in map(Vocabulary.preset, _VOCABULARIES) if v.size == config.vocabulary_size), None)
    if vocabulary is None:
        raise InputError(
            f"{path}: its vocabulary of {config.vocabulary_size:,} tokens is neither of the released ones "
            "(19,564 for 1..6-mers, 15,659 for full 6-mers)."
        )
    with torch.device("meta"):
        network = DNAGPT(config)
    expected = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    refuse_mismatch(expected, {name: tuple(weight.shape) for name, weight in translated.items()}, str(path))
    network.load_state_dict({name: weight.float() for name, weight in translated.items()}, assign=True)
    return Model(network.eval(), vocabulary, {task.name: task for task in _TASKS}, {"source": path.name})


def _state_dict(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}. Check the path.") from None
    except (pickle.UnpicklingError, RuntimeError, ValueError, OSError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is not a file of plain weights, and nothing in it was executed: {reason}") from None
    weights = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(weight, torch.Tensor) for name, weight in weights.items()
    ):
        raise InputError(f"{path} does not hold a state dict (names and tensors), bare or under the key `model`.")
    return weights


def _translated(weights: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Give every tensor our name; InputError lists those that the release does not have."""
    strangers = [name for name in weights if our_name(name) is None]
    if strangers:
        more = f" and {len(strangers) - 10} more" if len(strangers) > 10 else ""
        raise InputError(
            f"{path} holds tensors that the released network does not have: {', '.join(strangers[:10])}{more}."
        )
    return {ours: weight for name, weight in weights.items() if (ours := our_name(name)) is not None}


def _config(weights: Mapping[str, torch.Tensor], path: Path, heads: int | None) -> ModelConfig:
    layers = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    tokens, positions = weights.get("token_embedding.weight"), weights.get("position_embedding.weight")
    if not layers or tokens is None or positions is None or tokens.ndim != 2 or positions.ndim != 2:
        raise InputError(f"{path} is not a DNAGPT checkpoint: its embeddings or its layers are missing.")
    width = tokens.shape[1]
    known = [preset.heads for preset in PRESETS.values() if (preset.layers, preset.width) == (layers, width)]
    if heads is None and not known:
        raise InputError(
            f"{path}: {layers} layers of width {width} are none of the released shapes. Say how many heads it has."
        )
    try:
        return ModelConfig(
            vocabulary_size=tokens.shape[0], context=positions.shape[0], layers=layers, heads=heads or known[0],
            width=width, number_embedding="released", positions="learned",
        )  # fmt: skip
    except ValidationError as error:
        problems = "; ".join(str(item["msg"]) for item in error.errors())
        raise InputError(f"{path} does not fit the network: {problems}.") from None
