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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError

from dnagpt.errors import InputError
from dnagpt.genome.folders import atomic_folder, present_folder
from dnagpt.language.grammar import Field, Literal, LiteralSequence, Part
from dnagpt.language.template import Template, answer_spans
from dnagpt.language.tokenizer import encode_sequence
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, KmerTable, ModelConfig, PanelShape
from dnagpt.tasks import Task, task_files, tasks_from_toml
from dnagpt.weights import PARTS, Absent, listed, read_network, shown, write_network

MODEL_TYPE = "dnagpt"
MODEL_FILES = ("config.json", "model.safetensors", "vocabulary.json", "tasks.toml", "*.legend")
"""The files of a model folder, as patterns, on which its answers depend."""
_OF_TRANSFORMERS = {
    "answer_ids", "architectures", "auto_map", "boolean_ids", "bos_token_id", "choice_ids", "chunk_size_feed_forward",
    "dtype", "eos_token_id", "first_kmer_id", "id2label", "is_encoder_decoder", "label2id", "output_attentions",
    "output_hidden_states", "pad_token_id", "problem_type", "prompt", "prompt_end_ids", "prompt_start_ids",
    "return_dict", "tie_word_embeddings", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip
"""Keys of config.json that say nothing of the network: transformers reads and writes them."""
_MOST_TEXT = 1 << 24
"""The most bytes that one of the text files of a folder may have."""


@dataclass(frozen=True)
class Model:
    """A network with the language it speaks and the tasks it was taught."""

    network: DNAGPT
    vocabulary: Vocabulary
    tasks: Mapping[str, Task]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for task in self.tasks.values():
            missing = [PARTS[part] for part in needed_parts(task.template) if part in self.lacks]
            if missing:
                raise InputError(
                    f"The task {task.name!r} ({task.template}) needs a {' and a '.join(missing)}, which the weights "
                    "lack. Take weights that have it, or another task."
                )
        if self.network.panel is not None:
            self.network.panel.set_tokens(torch.from_numpy(self._panel_tokens(self.network.panel.shape)))

    def _panel_tokens(self, shape: PanelShape) -> npt.NDArray[np.int64]:
        """Give the tokens of the one set of sites that the network has tables for."""
        found = [task.haplotypes for task in self.tasks.values() if task.haplotypes is not None]
        tokens = [language.tokens(self.vocabulary) for language in found]
        if len(tokens) != 1 or tokens[0].shape != (shape.places, 2**shape.sites):
            raise InputError(
                f"The network has tables for {shape.places:,} k-mers of {shape.sites} sites, and the tasks have "
                f"{' and '.join(f'{len(one):,} k-mers' for one in tokens) or 'no haplotypes'}. "
                "These files do not belong together."
            )
        return tokens[0]

    @property
    def lacks(self) -> tuple[str, ...]:
        """The parts of the network that the weights do not have."""
        return tuple(part for part in PARTS if isinstance(getattr(self.network, part), Absent))

    def task(self, name: str | None = None) -> Task:
        """Find a task by its name, or the only one that was fine-tuned."""
        if name is None:
            taught = [task for task in self.tasks if task != "pretraining"] or list(self.tasks)
            if len(taught) == 1:
                return self.tasks[taught[0]]
        elif name in self.tasks:
            return self.tasks[name]
        asked = "No task was named" if name is None else f"There is no task {name!r} in this model"
        if not self.tasks:
            raise InputError(f"{asked}; it was taught none. Fine-tune it with `dnagpt finetune` first.")
        raise InputError(f"{asked}; it has {', '.join(self.tasks)}. Name one of them.")


def needed_parts(template: Template) -> tuple[str, ...]:
    """Say which parts of the network a task needs.

    >>> needed_parts(Template.parse("<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}"))
    ('number_embedding', 'number_head')
    """
    answered = {item.kind == "number" for item in template.answered}
    needed = {
        "number_embedding": any(item.kind == "number" for item in template.fields),
        "token_head": False in answered,
        "number_head": True in answered,
    }
    return tuple(part for part in PARTS if needed[part])


def kmer_table(vocabulary: Vocabulary) -> KmerTable:
    """Tell a network where a vocabulary keeps its k-mers.

    >>> kmer_table(Vocabulary.preset("dna-3mers")).end == Vocabulary.preset("dna-3mers").size
    True
    """
    first_id = vocabulary.kmer_ids(vocabulary.shortest).start
    return KmerTable(
        first_id=first_id, letters=len(vocabulary.alphabet), shortest=vocabulary.shortest, length=vocabulary.k
    )


def save_model(folder: Path, model: Model) -> None:
    """Write a model folder: the old one stays in place until the new one is complete on the disk."""
    with atomic_folder(folder) as temporary:
        write_model(temporary, model)


def write_model(folder: Path, model: Model) -> None:
    """Write the files of a model folder into a folder that is there."""
    config = {"model_type": MODEL_TYPE, **_for_transformers(model), **model.network.config.model_dump()}
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


def _for_transformers(model: Model) -> dict[str, Any]:
    """Say in the terms of transformers which tokens fill, end and answer, and how the task is asked."""
    vocabulary = model.vocabulary
    settings: dict[str, Any] = {
        "architectures": ["DNAGPTForCausalLM"],
        "pad_token_id": vocabulary.pad_id,
        "eos_token_id": vocabulary.end_id,
        "boolean_ids": [vocabulary.false_id, vocabulary.true_id],
        "choice_ids": list(vocabulary.choice_ids(len(vocabulary.reserved) - 2)),
        "first_kmer_id": vocabulary.first_kmer_id,
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
    asked = template.parts[: template.parts.index(spans[0].field)]
    settings["prompt_start_ids"] = _first_tokens(vocabulary, asked)
    settings["prompt_end_ids"] = _first_tokens(vocabulary, asked[::-1])[::-1]
    if all(field.kind == "sequence" for field in template.given):
        settings["prompt"] = "".join(map(_in_prompt, asked))
    return settings


def _first_tokens(vocabulary: Vocabulary, parts: Sequence[Part]) -> list[int]:
    """Give the ids of the reserved tokens that stand before any field or letter."""
    literals = takewhile(lambda part: isinstance(part, Literal), parts)
    return [vocabulary.reserved_id(part.token) for part in literals if isinstance(part, Literal)]


def _in_prompt(part: Part) -> str:
    """Write a part of a template as Python's `str.format` takes it."""
    return f"{{{part.name}}}" if isinstance(part, Field) else str(part)


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
    shape = {name: value for name, value in document.items() if name not in _OF_TRANSFORMERS}
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


def refuse_unwritable(template: Template, vocabulary: Vocabulary) -> None:
    """Refuse a template whose answers, tokens or letters a vocabulary cannot write."""
    answer_spans(vocabulary, template)
    for part in template.parts:
        if isinstance(part, Literal):
            vocabulary.reserved_id(part.token)
        if isinstance(part, LiteralSequence):
            encode_sequence(vocabulary, part.text, where=f"the letters {part.text}")
