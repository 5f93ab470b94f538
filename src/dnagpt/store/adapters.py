"""Adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) as the library PEFT saves them, merged into a model's weights."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from dnagpt.errors import InputError
from dnagpt.files.compressed import require_plain_file
from dnagpt.store.folder import read_json, read_tasks
from dnagpt.store.model import Model
from dnagpt.store.weights import (
    empty_network,
    fill_network,
    listed,
    refuse_large_header,
    refuse_mismatch,
    shapes,
    shown,
)

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")

_PLAIN = {"use_dora", "fan_in_fan_out", "lora_bias", "rank_pattern", "alpha_pattern", "layer_replication",
          "target_parameters", "trainable_token_indices", "use_qalora", "arrow_config"}  # fmt: skip
"""Settings that change what an adapter means; where one is set, plain addition would be wrong."""
_LOW, _HIGH = ".lora_A.weight", ".lora_B.weight"


def merge_lora(model: Model, folder: Path) -> Model:
    """Add an adapter to the weights that it was trained on: `W + scaling * B @ A` for every layer that it has.

    `scaling` is `lora_alpha / r`, or `lora_alpha / sqrt(r)` with `use_rslora`. Layers that were trained whole
    (`modules_to_save`) replace the model's. Tasks that stand beside the adapter, in `tasks.toml`, are the model's
    too. Weights keep their type; the sum is made in float32.
    """
    if not all((folder / name).exists() for name in ADAPTER_FILES):
        raise InputError(f"{folder} is not an adapter as PEFT saves it: it needs {' and '.join(ADAPTER_FILES)}.")
    scaling = _scaling(read_json(folder, ADAPTER_FILES[0]), folder)
    merged = _merged(dict(model.network.state_dict()), _tensors(folder / ADAPTER_FILES[1]), scaling, folder)
    network = empty_network(model.network.config, model.lacks)
    refuse_mismatch(shapes(network), {name: tuple(weight.shape) for name, weight in merged.items()}, str(folder))
    fill_network(network, merged, str(folder))
    taught = read_tasks(folder, model.vocabulary) if (folder / "tasks.toml").exists() else {}
    return replace(model, network=network.eval(), tasks={**model.tasks, **taught})


def _scaling(config: Mapping[str, Any], folder: Path) -> float:
    strange = sorted(name for name in _PLAIN if config.get(name))
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none":
        strange.append("peft_type" if config.get("peft_type") != "LORA" else "bias")
    if config.get("init_lora_weights", True) not in (True, False, "gaussian"):
        strange.append("init_lora_weights")
    if strange:
        raise InputError(
            f"{folder}: this adapter is no plain LoRA ({', '.join(strange)}). Merge it with PEFT's own "
            "merge_and_unload."
        )
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise InputError(f"{folder}: adapter_config.json needs r, a whole number, and lora_alpha, a number.")
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    require_plain_file(path)
    refuse_large_header(path)
    try:
        with safe_open(path, framework="pt") as weights:
            return {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or not a safetensors file: {error}. Copy the adapter again.") from None


def _merged(
    weights: dict[str, torch.Tensor], adapter: Mapping[str, torch.Tensor], scaling: float, folder: Path
) -> dict[str, torch.Tensor]:
    strangers: list[str] = []
    for key, tensor in adapter.items():
        name = _own_name(key.removesuffix(_LOW).removesuffix(_HIGH).removesuffix(".weight") + ".weight", weights)
        if name is None or (key.endswith(_HIGH) and key.removesuffix(_HIGH) + _LOW not in adapter):
            strangers.append(shown(key))
        elif key.endswith(_LOW):
            high = adapter.get(key.removesuffix(_LOW) + _HIGH)
            weight = weights[name]
            if high is None or (high.ndim, tensor.ndim) != (2, 2) or high.shape[1] != tensor.shape[0] or (
                high.shape[0], tensor.shape[1]) != weight.shape:  # fmt: skip
                strangers.append(shown(key))
            else:
                weights[name] = (weight.float() + scaling * (high.float() @ tensor.float())).to(weight.dtype)
        elif not key.endswith(_HIGH):
            weights[name] = tensor.to(weights[name].dtype)
    if strangers:
        raise InputError(f"{folder} does not fit this model: it has no place for {listed(strangers)}.")
    return weights


def _own_name(key: str, names: Mapping[str, object]) -> str | None:
    """Find the weight that a key of PEFT means, which writes the names of what wraps the network before it."""
    return next((name for name in names if key == name or key.endswith(f".{name}")), None)
