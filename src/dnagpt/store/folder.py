"""A model folder: weights, vocabulary, tasks and where they come from, written whole and loaded strictly.

config.json         the shape of the network, and what transformers needs to know of its language
model.safetensors   the weights
vocabulary.json     the tokens
tasks.toml          what the model can be asked
NAME.legend         the sites of the haplotypes that the task NAME writes
provenance.json     data, seeds, versions, configuration
"""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError

from dnagpt.errors import InputError
from dnagpt.files.folders import atomic_folder, present_folder
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import ModelConfig
from dnagpt.store.model import Model, kmer_table, refuse_unwritable
from dnagpt.store.transformers_settings import OF_TRANSFORMERS, for_transformers
from dnagpt.store.weights import PARTS, listed, read_network, shown, write_network
from dnagpt.tasks import Task, task_files, tasks_from_toml

MODEL_TYPE = "dnagpt"
MODEL_FILES = ("config.json", "model.safetensors", "vocabulary.json", "tasks.toml", "*.legend")
"""The files of a model folder, as patterns, on which its answers depend."""
_MOST_TEXT = 1 << 24
"""The most bytes that one of the text files of a folder may have."""


def save_model(folder: Path, model: Model) -> None:
    """Write a model folder: the old one stays in place until the new one is complete on the disk."""
    with atomic_folder(folder) as temporary:
        write_model(temporary, model)


def write_model(folder: Path, model: Model) -> None:
    """Write the files of a model folder into a folder that is there."""
    config = {"model_type": MODEL_TYPE, **for_transformers(model), **model.network.config.model_dump()}
    config["vocabulary_sha256"] = _digest(model.vocabulary)  # two vocabularies of one size are not the same
    config["tasks_sha256"] = {name: _task_digest(task) for name, task in model.tasks.items()}
    if model.lacks:
        config["lacks"] = list(model.lacks)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "vocabulary.json").write_text(model.vocabulary.to_json())
    for name, text in task_files(model.tasks.values()).items():
        (folder / name).write_text(text)
    (folder / "provenance.json").write_text(json.dumps(model.provenance, indent=1, default=str) + "\n")
    write_network(folder / "model.safetensors", model.network)
    # safetensors keeps its files to their owner; a model is shared like the files beside it
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)


def _digest(vocabulary: Vocabulary) -> str:
    return hashlib.sha256(vocabulary.to_json().encode()).hexdigest()


def _task_digest(task: Task) -> str:
    """Digest what a task says, however its files are laid out."""
    return hashlib.sha256(json.dumps(task_files([task])).encode()).hexdigest()


def load_model(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype | None = torch.float32
) -> Model:
    """Open a model folder: every key and shape must be accounted for.

    Half-precision weights become float32, which holds them exactly; `dtype=None` leaves every weight as it is stored.
    InputError lists what is missing, strange or of another shape; nothing in the folder is ever executed.
    """
    folder = _existing(Path(folder))
    vocabulary = read_vocabulary(folder)
    config, lacks, digests = _config(folder)
    if config.vocabulary_size != vocabulary.size:
        raise InputError(
            f"{folder}: the weights know {config.vocabulary_size:,} tokens, but vocabulary.json holds "
            f"{vocabulary.size:,}. These files do not belong together."
        )
    if digests.vocabulary not in (None, _digest(vocabulary)):
        raise InputError(
            f"{folder}: vocabulary.json is not the vocabulary that the weights were saved with, though it is as large. "
            "These files do not belong together."
        )
    if config.overlapping not in (None, kmer_table(vocabulary)):
        raise InputError(
            f"{folder}: config.json says of overlapping k-mers what vocabulary.json does not hold. "
            "These files do not belong together."
        )
    tasks = read_tasks(folder, vocabulary)
    changed = [name for name, task in tasks.items() if digests.tasks.get(name) not in (None, _task_digest(task))]
    if changed:
        raise InputError(
            f"{folder}: the task {shown(changed[0])} is not the one that the weights were saved with. Copy tasks.toml, "
            "and any legend beside it, again; if the change is meant, remove tasks_sha256 from config.json."
        )
    network = read_network(config, lacks, _plain_file(folder, "model.safetensors"), dtype).to(device)
    try:
        return Model(network.eval(), vocabulary, tasks, read_json(folder, "provenance.json"))
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None


def _existing(folder: Path) -> Path:
    folder = present_folder(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a model folder: there is no such folder. Give the folder with config.json in it."
        )
    return folder


def _plain_file(folder: Path, name: str) -> Path:
    """Find a file of the folder, directly or through a link; a pipe or a device would never end."""
    path = folder / name
    if (folder / f"{name}.index.json").exists():
        raise InputError(
            f"{folder} holds its weights in several files ({name}.index.json). Open it with transformers after "
            "`import dnagpt.hf`, and save it again with a larger max_shard_size."
        )
    if not path.exists():
        raise InputError(f"{folder} is not a whole model folder: {name} is missing.")
    if not path.is_file():
        raise InputError(f"{path} is not a plain file. Copy the model folder again.")
    return path


def _text(folder: Path, name: str) -> str:
    path = _plain_file(folder, name)
    size = path.stat().st_size
    if size > _MOST_TEXT:
        raise InputError(f"{path} has {size:,} bytes, more than any such file. Copy the model folder again.")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read a JSON object of a folder; InputError where it is missing, too large, too deep or something else."""
    try:
        document = json.loads(_text(folder, name))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / name} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InputError(f"{folder / name} does not hold a JSON object.")
    return document


def read_config(folder: str | Path) -> ModelConfig:
    """Read the shape of the network of a model folder, and nothing else."""
    return _config(_existing(Path(folder)))[0]


class _Digests(NamedTuple):
    """What the weights were saved with; None, or nothing, in folders that do not say."""

    vocabulary: object
    tasks: Mapping[str, object]


def _config(folder: Path) -> tuple[ModelConfig, tuple[str, ...], _Digests]:
    """Read the shape of the network, the parts that the weights lack, and the digests of what belongs to them."""
    path = folder / "config.json"
    document = read_json(folder, "config.json")
    if document.pop("model_type", None) != MODEL_TYPE:
        raise InputError(f"{path} does not describe a dnagpt model: its model_type is another.")
    lacks = document.pop("lacks", None)
    taught = document.pop("tasks_sha256", None)
    digests = _Digests(document.pop("vocabulary_sha256", None), taught if isinstance(taught, dict) else {})
    lacks = [] if lacks is None else lacks
    if not isinstance(lacks, list) or not all(isinstance(part, str) and part in PARTS for part in lacks):
        raise InputError(f"{path}: lacks is to be a list of {', '.join(PARTS)}.")
    shape = {name: value for name, value in document.items() if name not in OF_TRANSFORMERS}
    try:
        return ModelConfig.model_validate(shape), tuple(lacks), digests
    except ValidationError as error:
        raise InputError(f"{path} is not a configuration of this network: {config_problems(error)}.") from None


def config_problems(error: ValidationError) -> str:
    """Say in one line what is wrong with the settings of a network."""
    problems = [
        f"{shown('.'.join(map(str, item['loc'])))}: {item['msg']}" if item["loc"] else str(item["msg"])
        for item in error.errors(include_input=False, include_url=False)
    ]
    return listed(problems)


def read_vocabulary(folder: str | Path) -> Vocabulary:
    """Read the vocabulary; a file name in it, which other tools might follow, is refused (`/` is a released token)."""
    folder = _existing(Path(folder))
    path = folder / "vocabulary.json"
    try:
        vocabulary = Vocabulary.from_json(_text(folder, "vocabulary.json"), where=str(path))
    except InputError as error:
        raise (error if str(folder) in str(error) else InputError(f"{path}: {error}")) from None
    for text in (vocabulary.name, *vocabulary.reserved):
        if len(text) > 1 and set(text) & {"/", "\\"}:
            raise InputError(f"{path}: {shown(text)} looks like the path of a file. Restore the original vocabulary.")
    return vocabulary


def read_tasks(folder: Path, vocabulary: Vocabulary) -> dict[str, Task]:
    """Read the tasks, every one of which the vocabulary must be able to write."""
    path = folder / "tasks.toml"
    try:
        tasks = tasks_from_toml(_text(folder, "tasks.toml"), str(path), partial(_text, folder))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}.") from None
    for name, task in tasks.items():
        try:
            refuse_unwritable(task.template, vocabulary)
            if task.haplotypes is not None:
                task.haplotypes.refuse_vocabulary(vocabulary)
        except InputError as error:
            raise InputError(f"{path}, [{name}]: {error}") from None
    return tasks
