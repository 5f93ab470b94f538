"""A model folder: weights, vocabulary, tasks and where they come from, written whole and loaded strictly.

config.json         the shape of the network, and what transformers needs to know of its language
model.safetensors   the weights
vocabulary.json     the tokens
tasks.toml          what the model can be asked
provenance.json     data, seeds, versions, configuration
"""

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dnagpt.errors import InputError
from dnagpt.genome.files import flush_to_disk, storage_error
from dnagpt.language.grammar import Field, Part
from dnagpt.language.template import answer_spans
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig, RotaryPositions
from dnagpt.tasks import Task, tasks_from_toml, tasks_to_toml

MODEL_TYPE = "dnagpt"
_WEIGHT_TYPES = {"F32", "F16", "BF16"}
_OF_TRANSFORMERS = {
    "answer_ids", "architectures", "auto_map", "boolean_ids", "bos_token_id", "choice_ids", "chunk_size_feed_forward",
    "dtype", "eos_token_id", "id2label", "is_encoder_decoder", "label2id", "output_attentions", "output_hidden_states",
    "pad_token_id", "problem_type", "prompt", "return_dict", "tie_word_embeddings", "torch_dtype",
    "transformers_version", "use_cache",
}  # fmt: skip
"""Keys of config.json that say nothing of the network: transformers reads and writes them."""


@dataclass(frozen=True)
class Model:
    """A network with the language it speaks and the tasks it was taught."""

    network: DNAGPT
    vocabulary: Vocabulary
    tasks: Mapping[str, Task]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def task(self, name: str | None = None) -> Task:
        """Find a task by its name, or the only one that was fine-tuned."""
        if name is None:
            taught = [task for task in self.tasks if task != "pretraining"] or list(self.tasks)
            if len(taught) == 1:
                return self.tasks[taught[0]]
        elif name in self.tasks:
            return self.tasks[name]
        asked = "No task was named" if name is None else f"There is no task {name!r} in this model"
        raise InputError(f"{asked}; it has {', '.join(self.tasks) or 'none'}. Name one of them.")


def save_model(folder: Path, model: Model) -> None:
    """Write a model folder: the old one stays in place until the new one is complete on the disk."""
    temporary, old = _beside(folder, "new"), _beside(folder, "old")
    try:
        _put_back(folder)
        for leftover in (temporary, old):
            shutil.rmtree(leftover, ignore_errors=True)
        temporary.mkdir(parents=True)
        _write_parts(temporary, model)
        flush_folder(temporary)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        flush_to_disk(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            _put_back(folder)
        raise storage_error(folder, error if isinstance(error, OSError) else OSError(str(error))) from error


def _beside(folder: Path, part: str) -> Path:
    return folder.with_name(f".{folder.name}.{part}")


def _put_back(folder: Path) -> None:
    """Undo the first of the two renames that replace a model folder, where the second one never came."""
    if not folder.exists() and _beside(folder, "old").is_dir():
        _beside(folder, "old").rename(folder)


def _write_parts(folder: Path, model: Model) -> None:
    config = {"model_type": MODEL_TYPE, **_for_transformers(model), **model.network.config.model_dump()}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "vocabulary.json").write_text(model.vocabulary.to_json())
    (folder / "tasks.toml").write_text(tasks_to_toml(model.tasks.values()))
    (folder / "provenance.json").write_text(json.dumps(model.provenance, indent=1, default=str) + "\n")
    weights = {name: weight.detach().cpu().contiguous() for name, weight in model.network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    # safetensors keeps its files to their owner; a model is shared like the files beside it
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)


def _for_transformers(model: Model) -> dict[str, Any]:
    """Say in the terms of transformers which tokens fill, end and answer, and how the task is asked."""
    vocabulary = model.vocabulary
    settings: dict[str, Any] = {
        "architectures": ["DNAGPTForCausalLM"],
        "pad_token_id": vocabulary.pad_id,
        "eos_token_id": vocabulary.end_id,
        "boolean_ids": [vocabulary.false_id, vocabulary.true_id],
        "choice_ids": list(vocabulary.choice_ids(len(vocabulary.reserved) - 2)),
    }
    try:
        template = model.task().template
    except InputError:
        return settings
    spans = answer_spans(vocabulary, template)
    labels = {"boolean": ("false", "true"), "choice": spans[0].field.choices, "number": (spans[0].field.name,)}
    if len(spans) != 1 or spans[0].field.kind not in labels or spans[0].field.count > 1:
        return settings
    names = labels[spans[0].field.kind]
    settings["id2label"] = {str(place): name for place, name in enumerate(names)}
    settings["label2id"] = {name: place for place, name in enumerate(names)}
    if spans[0].field.kind == "number":
        settings["problem_type"] = "regression"
    else:
        settings["answer_ids"] = list(spans[0].token_ids)
    if all(field.kind == "sequence" for field in template.given):
        settings["prompt"] = "".join(
            _in_prompt(part) for part in template.parts[: template.parts.index(spans[0].field)]
        )
    return settings


def _in_prompt(part: Part) -> str:
    """Write a part of a template as Python's `str.format` takes it."""
    return f"{{{part.name}}}" if isinstance(part, Field) else str(part)


def flush_folder(folder: Path) -> None:
    """Bring every file below a folder, and the folders themselves, safely to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        flush_to_disk(path)
    flush_to_disk(folder)


def load_model(folder: str | Path, *, device: str | torch.device = "cpu") -> Model:
    """Open a model folder: every key and shape must be accounted for.

    InputError lists what is missing, strange or of another shape; nothing in the folder is ever executed.
    """
    folder = Path(folder)
    if not folder.exists() and _beside(folder, "old").is_dir():
        folder = _beside(folder, "old")  # a kill fell between the two renames that replace a folder
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a model folder: there is no such folder. Give the folder with config.json in it."
        )
    vocabulary = Vocabulary.from_json(_text(folder, "vocabulary.json"), where=str(folder / "vocabulary.json"))
    config = _config(folder)
    if config.vocabulary_size != vocabulary.size:
        raise InputError(
            f"{folder}: the weights know {config.vocabulary_size:,} tokens, but vocabulary.json holds "
            f"{vocabulary.size:,}. These files do not belong together."
        )
    network = _network(config, folder / "model.safetensors").to(device)
    tasks = tasks_from_toml(_text(folder, "tasks.toml"), str(folder / "tasks.toml"))
    return Model(network.eval(), vocabulary, tasks, _json(folder, "provenance.json"))


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{folder} is not a whole model folder: {name} is missing.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / name} cannot be read: {error}.") from None


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        document = json.loads(_text(folder, name))
    except json.JSONDecodeError as error:
        raise InputError(f"{folder / name} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InputError(f"{folder / name} does not hold a JSON object.")
    return document


def _config(folder: Path) -> ModelConfig:
    document = _json(folder, "config.json")
    if document.pop("model_type", None) != MODEL_TYPE:
        raise InputError(f"{folder / 'config.json'} does not describe a dnagpt model: its model_type is another.")
    try:
        return ModelConfig(**{name: value for name, value in document.items() if name not in _OF_TRANSFORMERS})
    except (ValidationError, TypeError) as error:
        raise InputError(f"{folder / 'config.json'} is not a configuration of this network: {error}") from None


def _network(config: ModelConfig, path: Path) -> DNAGPT:
    """Check names and shapes against the file's header before any weight is read or memory taken."""
    try:
        with safe_open(path, framework="pt") as weights:
            found = {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
            if config.layers > len(found):
                raise InputError(
                    f"{path}: holds {len(found)} tensors, too few for the {config.layers} layers of config.json."
                )
            with torch.device("meta"):
                network = DNAGPT(config)
            refuse_mismatch(
                {name: tuple(weight.shape) for name, weight in network.state_dict().items()}, found, str(path)
            )
            types = {weights.get_slice(name).get_dtype() for name in found}
            if types - _WEIGHT_TYPES:
                raise InputError(
                    f"{path} holds numbers of type {', '.join(sorted(types - _WEIGHT_TYPES))}; weights are "
                    f"{', '.join(sorted(_WEIGHT_TYPES))}."
                )
            network.load_state_dict({name: weights.get_tensor(name).float() for name in found}, assign=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the folder holds no weights.") from None
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is damaged or not a safetensors file: {error}. Copy the model folder again."
        ) from None
    if network.rotary is not None:
        network.rotary = RotaryPositions(config.head_width, config.context)
    return network.requires_grad_(True)


def refuse_mismatch(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise an InputError that lists every missing, strange or misshapen tensor; silence where all agree."""
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is not a part of the network" for name in found if name not in expected]
    problems += [
        f"{name} has shape {found[name]}, not {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if problems:
        more = f" and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise InputError(f"{where} does not fit its configuration: {'; '.join(problems[:10])}{more}.")
