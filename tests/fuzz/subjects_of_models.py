"""Model folders under attack: each of their files, released weights, adapters."""

import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tests.fuzz.subject import Subject
from tests.fuzz.subjects_of_settings import alike, leaves
from tests.inference.models import tiny_model
from tests.released.files import released_tensors

from dnagpt.released import read_released
from dnagpt.released.layout import our_name
from dnagpt.store.adapters import merge_lora
from dnagpt.store.folder import load_model, read_config, read_tasks, read_vocabulary, save_model
from dnagpt.store.model import Model

_TOKENS = (
    *b'null true [] {} -1 0 200000 1e308 NaN "\\ud800" "../x" vocabulary_size layers template {sequence}'.split(),
    *(b"[" * 300, b"F32", b"BF16", b"data_offsets"),
)


@cache
def _model() -> Model:
    return tiny_model("dna-1mers", context=16)


def _write_folder(folder: Path) -> None:
    save_model(folder / "model", _model())


def _digests(weights: Mapping[str, torch.Tensor]) -> dict[str, str]:
    return {name: _digest(weight.detach().float().numpy()) for name, weight in sorted(weights.items())}


def _digest(array: np.ndarray) -> str:
    return f"{array.shape} {hashlib.sha256(np.asarray(array, dtype=np.float32).tobytes()).hexdigest()[:12]}"


def _read_weights(folder: Path) -> object:
    return _digests(load_model(folder / "model").network.state_dict())


def _weights_by_rules(folder: Path) -> object:
    """The safetensors format by its rules: eight bytes of length, a header of JSON, numbers."""
    return {name: _digest(array) for name, array in sorted(_tensors(folder / "model" / "model.safetensors").items())}


def _tensors(path: Path) -> dict[str, np.ndarray]:
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    found = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            found[name] = _numbers(content[start + first : start + last], entry["dtype"]).reshape(entry["shape"])
    return found


def _numbers(raw: bytes, kind: str) -> np.ndarray:
    if kind == "BF16":
        return (np.frombuffer(raw, dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, dtype={"F32": "<f4", "F16": "<f2"}[kind]).astype(np.float32)


def _read_vocabulary(folder: Path) -> object:
    vocabulary = read_vocabulary(folder / "model")
    return _sorted(json.loads(vocabulary.to_json()))


def _sorted(document: Mapping[str, object]) -> object:
    return {name: alike(leaf) for name, leaf in sorted(leaves(document).items())}


def _read_config(folder: Path) -> object:
    shape = leaves(read_config(folder / "model").model_dump(mode="json"))
    return {name: alike(leaf) for name, leaf in sorted(shape.items()) if name in leaves(_json(folder, "config.json"))}


def _json(folder: Path, name: str) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "model" / name).read_bytes())
    return document


def _config_by_json(folder: Path) -> object:
    known = leaves(_model().network.config.model_dump(mode="json"))
    return {name: alike(leaf) for name, leaf in sorted(leaves(_json(folder, "config.json")).items()) if name in known}


def _read_tasks(folder: Path) -> object:
    tasks = read_tasks(folder / "model", _model().vocabulary)
    return {name: [_as_given(str(task.template)), sorted(task.transforms)] for name, task in tasks.items()}


def _as_given(template: str) -> str:
    return template.replace("{sequence:sequence}", "{sequence}")


def _tasks_by_tomllib(folder: Path) -> object:
    document = tomllib.loads((folder / "model" / "tasks.toml").read_text(encoding="utf-8"))
    return {name: [_as_given(task["template"]), sorted(task.get("transforms", {}))] for name, task in document.items()}


def _read_whole(folder: Path) -> object:
    model = load_model(folder / "model")
    return model.vocabulary.size, sorted(model.tasks), len(model.network.state_dict())


def _whole_by_rules(folder: Path) -> object:
    tasks = tomllib.loads((folder / "model" / "tasks.toml").read_text(encoding="utf-8"))
    return (
        _json(folder, "vocabulary.json")["size"],
        sorted(tasks),
        len(_tensors(folder / "model" / "model.safetensors")),
    )


@cache
def _released() -> bytes:
    buffer = io.BytesIO()
    torch.save(released_tensors(context=8, layers=1, heads=1, width=2), buffer)
    return buffer.getvalue()


def _write_list(folder: Path) -> None:
    """The list of tensors in a released file, without the numbers."""
    with zipfile.ZipFile(io.BytesIO(_released())) as archive:
        (folder / "data.pkl").write_bytes(
            archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
        )


def _read_list(folder: Path) -> object:
    """A sound archive around the damaged list of tensors."""
    path = folder.parent / "released.pth"
    with zipfile.ZipFile(io.BytesIO(_released())) as archive, zipfile.ZipFile(path, "w") as target:
        for name in archive.namelist():
            target.writestr(
                name, (folder / "data.pkl").read_bytes() if name.endswith("data.pkl") else archive.read(name)
            )
    return _digests(read_released(path, heads=1).network.state_dict())


def _list_by_torch(folder: Path) -> object:
    return _ours(torch.load(folder.parent / "released.pth", weights_only=True, map_location="cpu"))


def _ours(found: Mapping[str, torch.Tensor]) -> object:
    found = found.get("model", found)  # type: ignore[assignment]
    named = {our_name(name): weight for name, weight in found.items()}
    return _digests({name: weight for name, weight in named.items() if name is not None})


def _released_by_torch(folder: Path) -> object:
    with zipfile.ZipFile(folder / "released.pth") as archive:
        assert archive.testzip() is None, "a checksum is wrong"
    return _ours(torch.load(folder / "released.pth", weights_only=True, map_location="cpu"))


def _write_adapter(folder: Path) -> None:
    name = "base_model.model.blocks.0.attention.output"
    generator = torch.Generator().manual_seed(1)
    low, high = torch.randn(2, 16, generator=generator), torch.randn(16, 2, generator=generator)
    save_file({f"{name}.lora_A.weight": low, f"{name}.lora_B.weight": high}, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "use_rslora": False}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _read_adapter(folder: Path) -> object:
    merged = merge_lora(_model(), folder).network.state_dict()
    return _changed(merged)


def _changed(weights: Mapping[str, torch.Tensor]) -> object:
    before = _model().network.state_dict()
    return {
        name: weight.double().sum().item().__round__(3)
        for name, weight in sorted(weights.items())
        if not torch.equal(weight, before[name])
    }


def _adapter_by_rules(folder: Path) -> object:
    config = json.loads((folder / "adapter_config.json").read_bytes())
    tensors = {
        name: torch.from_numpy(array.copy()) for name, array in _tensors(folder / "adapter_model.safetensors").items()
    }
    weights = dict(_model().network.state_dict())
    for name in [name for name in tensors if name.endswith(".lora_A.weight")]:
        stem = name.removesuffix(".lora_A.weight")
        ours = next(known for known in weights if f".{stem}.weight".endswith(f".{known}"))
        rank = config["r"] ** (0.5 if config.get("use_rslora") else 1)
        weights[ours] = weights[ours] + config["lora_alpha"] / rank * (tensors[f"{stem}.lora_B.weight"] @ tensors[name])
    return _changed(weights)


def _part(name: str) -> tuple[str, ...]:
    return (f"model/{name}",)


MODELS = {
    "model-folder": Subject(_write_folder, _read_whole, _whole_by_rules, damaged=("model/*",), tokens=_TOKENS),
    "safetensors": Subject(
        _write_folder, _read_weights, _weights_by_rules, damaged=_part("model.safetensors"), tokens=_TOKENS
    ),
    "vocabulary": Subject(
        _write_folder,
        _read_vocabulary,
        lambda folder: _sorted(_json(folder, "vocabulary.json")),
        damaged=_part("vocabulary.json"),
        tokens=_TOKENS,
    ),
    "config": Subject(_write_folder, _read_config, _config_by_json, damaged=_part("config.json"), tokens=_TOKENS),
    "tasks": Subject(_write_folder, _read_tasks, _tasks_by_tomllib, damaged=_part("tasks.toml"), tokens=_TOKENS),
    "released": Subject(
        lambda folder: (folder / "released.pth").write_bytes(_released()),
        lambda folder: _digests(read_released(folder / "released.pth", heads=1).network.state_dict()),
        _released_by_torch,
    ),
    "released-list": Subject(
        _write_list,
        _read_list,
        _list_by_torch,
        tokens=(b"cos\\nsystem\\n", b"torch\\nFloatStorage", *b"cpu K\\xff M\\xff\\xff ( t R".split()),
    ),
    "adapter": Subject(_write_adapter, _read_adapter, _adapter_by_rules, tokens=_TOKENS),
}
