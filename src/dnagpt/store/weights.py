"""Weights out of files that nobody vouches for, into a network: names, shapes and numbers are checked first."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from dnagpt.errors import InputError
from dnagpt.model import DNAGPT, ModelConfig, RotaryPositions

PARTS = {"number_embedding": "number embedding", "token_head": "token head", "number_head": "number head"}
"""The parts that weights may lack, as fine-tuned ones sometimes do, and what people call them."""

_WEIGHT_TYPES = {"F32", "F16", "BF16"}
_NOT_OF_THE_WEIGHTS = {"dropout", "context"}
"""Settings of a network that may be changed after its weights were written."""
_MOST_HEADER = 1 << 24
"""The most bytes that the list of tensors in a safetensors file may have."""


class Absent(nn.Module):
    """Stands where the weights lack a part of the network: whoever asks it is told so."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part = part

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Refuse; only rows without a number may pass an absent number embedding, which they do not read."""
        if self.part != "number_embedding" or values.count_nonzero():
            raise InputError(f"These weights have no {PARTS[self.part]}. Take a model that has one.")
        return torch.full((*values.shape, 1), float("nan"), device=values.device)


def empty_network(config: ModelConfig, lacks: Sequence[str] = ()) -> DNAGPT:
    """Lay out a network that takes no memory yet, without the parts that the weights lack."""
    with torch.device("meta"):
        network = DNAGPT(config)
    for part in lacks:
        setattr(network, part, Absent(part))
    return network


def shapes(network: DNAGPT) -> dict[str, tuple[int, ...]]:
    """Name the weights that a network needs, and their shapes."""
    return {name: tuple(weight.shape) for name, weight in network.state_dict().items()}


def fill_network(network: DNAGPT, weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Put weights into an empty network; InputError lists those that are not all finite."""
    strange = [
        shown(name) for name, weight in weights.items() if not torch.stack(torch.aminmax(weight)).isfinite().all()
    ]
    if strange:
        raise InputError(
            f"{where} holds weights that are no finite numbers, in {listed(strange)}. Its training diverged, or the "
            "file was changed; take another copy."
        )
    network.load_state_dict(weights, assign=True)
    if network.rotary is not None:
        network.rotary = RotaryPositions(network.config.head_width, network.config.context)
    if network.panel is not None:
        network.panel.tokens = torch.full(network.panel.tokens.shape, -1)
    network.requires_grad_(True)


def write_network(path: Path, network: DNAGPT) -> None:
    """Write a network's weights as a safetensors file, with their digest and the network's shape in its header."""
    weights = {name: weight.detach().cpu().contiguous() for name, weight in network.state_dict().items()}
    shape = network.config.model_dump_json(exclude=_NOT_OF_THE_WEIGHTS)
    try:
        save_file(weights, path, {"format": "pt", "network": shape, "sha256": _digest(weights)})
    except SafetensorError as error:
        raise OSError(str(error)) from error
    _sort_header(path)


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    """The SHA-256 of the names, types, shapes and bytes of weights; about 1.7 GB a second."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        digest.update(weight.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _sort_header(path: Path) -> None:
    """Put the header's notes in one order: safetensors draws another each time, and equal models are equal files."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        file.seek(8)
        file.write(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length))


def refuse_damage(path: Path, config: ModelConfig) -> None:
    """Raise an InputError where a safetensors file is not as it was written, or belongs to a network of another shape.

    Files that hold no digest, as transformers and earlier versions write them, pass.
    """
    with safe_open(path, framework="pt") as weights:
        read = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
        _refuse_other_notes(path, weights.metadata(), read, config)


def _refuse_other_notes(
    path: Path, notes: Mapping[str, str] | None, weights: Mapping[str, torch.Tensor], config: ModelConfig
) -> None:
    """Compare the notes in a header, where there are any, with the weights behind it and the network they are for."""
    notes = notes or {}
    if "sha256" in notes and notes["sha256"] != _digest(weights):
        raise _damaged(path, "its weights are not those that were written")
    try:
        written = json.loads(notes.get("network", "{}"))
    except (ValueError, RecursionError):
        written = None
    if not isinstance(written, dict):
        raise _damaged(path, "its header is not the one that was written")
    present = config.model_dump(mode="json")
    differing = [name for name in present if name in written and present[name] != written[name]]
    if differing:
        named = [f"{name} is {shown(str(present[name]))}, not {shown(str(written[name]))}" for name in differing]
        raise InputError(f"{path} was saved with another config.json: {listed(named)}. Copy the model folder again.")


def _damaged(path: Path, how: str) -> InputError:
    return InputError(f"{path} is damaged or not a safetensors file: {how}. Copy the model folder again.")


def read_network(config: ModelConfig, lacks: Sequence[str], path: Path, dtype: torch.dtype | None) -> DNAGPT:
    """Check names and shapes against the file's header before any weight is read or memory taken."""
    refuse_large_header(path)
    try:
        with safe_open(path, framework="pt") as weights:
            found = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
            if config.layers > len(found):
                raise InputError(
                    f"{path}: holds {len(found)} tensors, too few for the {config.layers} layers of config.json."
                )
            network = empty_network(config, lacks)
            refuse_mismatch(shapes(network), found, str(path))
            types = {weights.get_slice(name).get_dtype() for name in found}
            if types - _WEIGHT_TYPES:
                raise InputError(
                    f"{path} holds numbers of type {', '.join(sorted(types - _WEIGHT_TYPES))}; weights are "
                    f"{', '.join(sorted(_WEIGHT_TYPES))}."
                )
            read = {name: weights.get_tensor(name) for name in found}
            _refuse_other_notes(path, weights.metadata(), read, config)
            fill_network(network, read if dtype is None else _converted(read, dtype), str(path))
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from None
    return network


def _converted(weights: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Change the type of one weight after the other, so that never two copies of all stand in memory."""
    return {name: weights.pop(name).to(dtype) for name in list(weights)}


def refuse_large_header(path: Path) -> None:
    """Refuse a safetensors file whose list of tensors is longer than the file, or than any such list."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(_MOST_HEADER, path.stat().st_size):
        raise _damaged(path, f"its list of tensors would have {length:,} bytes")


def refuse_mismatch(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise an InputError that lists every missing, strange or misshapen tensor; silence where all agree."""
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{shown(name)} is not a part of the network" for name in found if name not in expected]
    problems += [
        f"{name} has shape {found[name]}, not {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if problems:
        raise InputError(f"{where} does not fit its configuration: {listed(problems)}.")


def listed(problems: Sequence[str]) -> str:
    """Join what is wrong, ten of it at most.

    >>> listed(["a is missing", "b is missing"])
    'a is missing; b is missing'
    """
    more = f" and {len(problems) - 10} more" if len(problems) > 10 else ""
    return "; ".join(problems[:10]) + more


def shown(text: str) -> str:
    """Write a name from a foreign file so that it cannot spoil a message: short, and without control characters."""
    return text if text.isprintable() and len(text) <= 80 else repr(text[:80])
