"""A model folder that transformers opens anywhere: with the code of the network in it, taken from our own files."""

import ast
import json
import re
from importlib.util import find_spec
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from dnagpt.errors import InputError
from dnagpt.files.folders import atomic_folder
from dnagpt.hf.tokenization import tokenizer_backend
from dnagpt.store.folder import load_model, write_model
from dnagpt.store.model import Model

_CONFIGURATION, _MODELING = "dnagpt.hf.configuration", "dnagpt.hf.modeling"
_CLASSIFICATION = "dnagpt.hf.classification"
_CLASSES = {
    "AutoConfig": f"{_CONFIGURATION}.DNAGPTConfig",
    "AutoModel": f"{_MODELING}.DNAGPTModel",
    "AutoModelForCausalLM": f"{_MODELING}.DNAGPTForCausalLM",
    "AutoModelForSequenceClassification": f"{_CLASSIFICATION}.DNAGPTForSequenceClassification",
}
_OURS = re.compile(r"^from (dnagpt(?:\.\w+)+) import", re.MULTILINE)


def export_hf(folder: str | Path, target: str | Path) -> Path:
    """Write a model folder so that people without dnagpt open it, with `trust_remote_code=True`.

    Beside what every model folder holds (so `dnagpt.load` reads it too) there are the files of the network, flattened,
    and a tokenizer of the `tokenizers` library, which needs no code. The folder appears whole or not at all.
    """
    target = Path(target)
    model = load_model(folder)
    if model.network.panel is not None:
        raise InputError(
            f"{folder} writes haplotypes through tables of their sites, which transformers has no place for. "
            "Give the folder as it is: dnagpt reads it."
        )
    with atomic_folder(target) as temporary:
        write_model(temporary, model)
        config = json.loads((temporary / "config.json").read_text(encoding="utf-8"))
        config["auto_map"] = {auto: ".".join(_flat(name)) for auto, name in _CLASSES.items()}
        (temporary / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        for module, text in _sources((_CONFIGURATION, _MODELING, _CLASSIFICATION)).items():
            (temporary / f"{_flat_module(module)}.py").write_text(text, encoding="utf-8")
        _tokenizer(model).save_pretrained(temporary)
    return target


def _tokenizer(model: Model) -> PreTrainedTokenizerFast:
    vocabulary = model.vocabulary
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer_backend(vocabulary), padding_side="left", pad_token=f"<{vocabulary.pad}>",
        eos_token=f"<{vocabulary.end}>", model_input_names=["input_ids", "attention_mask"],
        model_max_length=model.network.config.context,
    )  # fmt: skip


def _flat(name: str) -> tuple[str, str]:
    module, _, member = name.rpartition(".")
    return _flat_module(module), member


def _flat_module(module: str) -> str:
    return module.removeprefix("dnagpt.").replace(".", "_")


def _sources(modules: tuple[str, ...]) -> dict[str, str]:
    """The files of these modules and of all of ours that they import, each importing the others from its own folder."""
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        text = _source(module)
        waiting += [
            node.module
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dnagpt.")
        ]
        found[module] = _OURS.sub(lambda match: f"from .{_flat_module(match[1])} import", text)
    return found


def _source(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")
