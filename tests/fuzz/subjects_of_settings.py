"""Settings under attack: files, what the command line changes in them, templates."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from tests.fuzz.subject import Subject

from dnagpt.language.template import Template
from dnagpt.runs.configuration import load_settings
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.runs.pretraining import PretrainSettings

_FINETUNE = b"""# a task
name = "sites"
template = "<R>{sequence}<=><B>{label?:boolean}"
epochs = 3
seeds = [1, 2]

[data]
table = "sites.csv"
split = "random"
fractions = [0.8, 0.1, 0.1]
columns = { label = "class" }

[model]
preset = "tiny"
layers = 2
dropout = 0.1

[training]
batch_size = 16
learning_rate = 1e-3
betas = [0.9, 0.99]
"""
_PRETRAIN = b"""vocabulary = "dna-2mers"
validation_windows = 20

[corpus]
species = [{ letter = "R", name = "human", path = "genome.fa" }]

[model]
context = 64
layers = 1
heads = 2
width = 16

[training]
steps = 10
seed = 3
learning_rate = 2e-3
weights = { reversed = 0.05 }
"""
_OVERRIDES = (
    b"epochs=2\ntraining.learning_rate=1e-4\ndata.table=other.csv\nseeds=[1,2,3]\nmodel.heads=4\ntraining.betas=[0.8,0.9]\n"
    b"data.columns={label: class}\nmodel.overlapping=false\n"
)
_TOKENS = (
    b'inf -1 0 nan 1e400 "" true [] {} [[x]] ${oc.env:HOME} ${epochs} ${x} [1, \' """ 1979-05-27 &a *a null training '
    b"!!python/name:os.system data steps tasks seed ???"
).split()
_BOOLEANS = {
    **dict.fromkeys(["t", "true", "y", "yes", "on"], True),
    **dict.fromkeys(["f", "false", "n", "no", "off"], False),
}
_TEMPLATE = (
    b"<R><{species}>{sequence}<+><M>{half_life:number*2}ACGT<=><B>{label?:boolean}<=><B>{site?:choice(donor,acceptor)}"
)


def leaves(value: object, place: str = "") -> dict[str, object]:
    """The values of nested settings by their dotted names, numbers by their value."""
    if isinstance(value, Mapping):
        return {name: leaf for key, inner in value.items() for name, leaf in leaves(inner, f"{place}.{key}").items()}
    if isinstance(value, list | tuple):
        return {name: leaf for key, inner in enumerate(value) for name, leaf in leaves(inner, f"{place}.{key}").items()}
    return {place: value}


def alike(value: object) -> object:
    """A value as text, so that 3, 3.0 and "3" are the same setting, and so are false, "f" and 0."""
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        value = _BOOLEANS[value.lower()]
    try:
        return repr(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return str(value)


def _written(document: Mapping[str, Any]) -> dict[str, object]:
    """What a document says, but for what refers to something else."""
    found = {name: alike(leaf) for name, leaf in leaves(document).items()}
    return {name: leaf for name, leaf in sorted(found.items()) if "$" not in str(leaf)}


def _kept(settings: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, object]:
    """What became of that in the settings, where a single task is kept below its name."""
    tasks = settings.get("tasks", {})
    single = next(iter(tasks.values())) if "tasks" not in document and len(tasks) == 1 else {}
    found = {**leaves(single), **leaves(settings), **({".name": next(iter(tasks))} if single else {})}
    return {name: alike(found.get(name)) for name in _written(document)}


def _document(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def _finetune(folder: Path) -> object:
    settings = load_settings(FinetuneSettings, folder / "task.toml", [])
    return _kept(settings.model_dump(mode="json"), _document(folder / "task.toml"))


def _pretrain(folder: Path) -> object:
    settings = load_settings(PretrainSettings, folder / "run.toml", [])
    return _kept(settings.model_dump(mode="json"), _document(folder / "run.toml"))


def _overrides(folder: Path) -> list[str]:
    text = (folder / "overrides").read_bytes().decode("utf-8", errors="surrogateescape")
    return [line for line in text.split("\n") if line]


def _write_overrides(folder: Path) -> None:
    (folder / "task.toml").write_bytes(_FINETUNE)
    (folder / "overrides").write_bytes(_OVERRIDES)


def _overridden(folder: Path) -> dict[str, object]:
    """The overrides by the YAML library; the last of a name counts."""
    document: dict[str, object] = {}
    for line in _overrides(folder):
        name, _, value = line.partition("=")
        related = [key for key in document if f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.")]
        document = {key: leaf for key, leaf in document.items() if key not in related}
        document |= {f"{name}{place}": leaf for place, leaf in leaves(yaml.load(value, yaml.CSafeLoader)).items()}
    return {name: alike(leaf) for name, leaf in sorted(document.items()) if "$" not in str(leaf)}


def _read_overrides(folder: Path) -> object:
    settings = load_settings(FinetuneSettings, folder / "task.toml", _overrides(folder)).model_dump(mode="json")
    single = next(iter(settings["tasks"].values()))
    found = {**leaves(single), **leaves(settings), ".name": next(iter(settings["tasks"]))}
    return {name: alike(found.get(f".{name}")) for name in _overridden(folder)}


def _template(folder: Path) -> str:
    return (folder / "template").read_bytes().decode("utf-8", errors="surrogateescape")


def _read_template(folder: Path) -> object:
    template = Template.parse(_template(folder))
    return [(one.name, one.kind, one.answered) for one in template.fields], [one.name for one in template.token_fields]


def _template_by_pattern(folder: Path) -> object:
    text = _template(folder)
    fields = re.findall(r"(?<!<)\{([^{}:?]*)(\?)?(?::([a-z]*)[^{}]*)?\}", text)
    return [(name, kind or "sequence", mark == "?") for name, mark, kind in fields], re.findall(r"<\{([^{}]*)\}>", text)


SETTINGS = {
    "task-file": Subject(
        lambda folder: (folder / "task.toml").write_bytes(_FINETUNE),
        _finetune,
        lambda folder: _written(_document(folder / "task.toml")),
        tokens=_TOKENS,
    ),
    "pretraining-file": Subject(
        lambda folder: (folder / "run.toml").write_bytes(_PRETRAIN),
        _pretrain,
        lambda folder: _written(_document(folder / "run.toml")),
        tokens=_TOKENS,
    ),
    "overrides": Subject(
        _write_overrides, _read_overrides, _overridden, damaged=("overrides",), tokens=_TOKENS, may_refuse=True
    ),
    "template": Subject(
        lambda folder: (folder / "template").write_bytes(_TEMPLATE),
        _read_template,
        _template_by_pattern,
        tokens=b"{ } < > ? :number *99999999 choice() choice(a,a) {label?:boolean} <B> ACGT".split(),
    ),
}
