"""Settings of a run: defaults, then a TOML file, then `--set section.key=value`, checked as a whole."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from dnagpt.errors import InputError
from dnagpt.files.compressed import require_plain_file
from dnagpt.files.suggestions import did_you_mean

Settings = TypeVar("Settings", bound=BaseModel)
_VARIABLE = re.compile(r"\$\{oc\.env:[A-Za-z_]\w*(,[^${}]*)?\}")
_DEEPEST = 20
_MOST_SHOWN = 200


def load_settings(
    kind: type[Settings], file: Path | None, overrides: Sequence[str], defaults: Mapping[str, Any] | None = None
) -> Settings:
    """Read and check the settings of a run; one InputError names every mistake with its place.

    Relative paths are meant from the folder one stands in; `${oc.env:NAME}`, or `${oc.env:NAME,default}`, stands for an
    environment variable. Nothing else is filled in, so that a small file cannot grow without end.
    """
    layers: list[Any] = [dict(defaults or {})]
    if file is not None:
        layers.append(read_toml(file))
    layers += [_override(text) for text in overrides]
    try:
        for layer in layers:
            _refuse_references(layer, ())
        merged = OmegaConf.to_container(OmegaConf.merge(*layers), resolve=True)
    except (OmegaConfBaseException, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"The settings cannot be joined: {_first_line(error)}. Write overrides as --set section.key=value."
        ) from None
    _refuse_other_encodings(merged)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise InputError(_mistakes(kind, error, str(file or "the settings"), merged)) from None


def _refuse_other_encodings(merged: object, place: str = "") -> None:
    """Refuse the name of a file that is not UTF-8, because a run keeps its settings as TOML, which is."""
    entries = merged.items() if isinstance(merged, dict) else enumerate(merged) if isinstance(merged, list) else ()
    for key, value in entries:
        _refuse_other_encodings(value, f"{place}.{key}".removeprefix("."))
    if isinstance(merged, str) and any("\ud800" <= letter <= "\udfff" for letter in merged):
        raise InputError(
            f"{place} = {merged!r} is not UTF-8, and the settings of a run are kept as UTF-8 text. Rename the file or "
            "folder, or give it through a link."
        )


def settings_to_toml(settings: BaseModel, *, without: Mapping[str, Any] | None = None) -> str:
    """Write settings as TOML, all but those that did not count, as they were resolved."""
    return tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True, exclude=dict(without or {})))


def read_toml(file: Path) -> dict[str, Any]:
    """Read a settings file as it is written, unchecked; InputError where it is missing, a pipe or no TOML."""
    if file.exists():
        require_plain_file(file)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"There is no settings file {file}. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}.") from None
    except (RecursionError, ValueError) as error:  # a number of thousands of digits
        raise InputError(f"{file} cannot be read: {_first_line(error)}. No settings look like that.") from None


def _refuse_references(settings: Any, place: tuple[str, ...]) -> None:
    """Refuse settings that are nested without end, or that stand for one another."""
    if len(place) > _DEEPEST:
        raise InputError(f"The settings are nested more than {_DEEPEST} levels deep, at {'.'.join(place[:3])}.")
    if isinstance(settings, dict | list):
        entries = settings.items() if isinstance(settings, dict) else enumerate(settings)
        for name, value in entries:
            _refuse_references(value, (*place, str(name)))
    elif isinstance(settings, str) and "${" in _VARIABLE.sub("", settings):
        raise InputError(
            f"{'.'.join(place)} = {_shown(settings)}: only environment variables can be filled in. "
            "Write ${oc.env:NAME}."
        )


def _override(text: str) -> Any:
    """Read one `section.key=value`; the value is YAML, so that numbers and lists need no quotes."""
    name, found, value = text.partition("=")
    if not found or not all(name.split(".")):
        raise InputError(f"--set {text!r} is not understood. Write section.key=value, such as training.steps=500.")
    try:
        return OmegaConf.to_container(OmegaConf.from_dotlist([text]))
    except Exception as error:  # noqa: BLE001 - the YAML parser's errors come through as they are
        raise InputError(
            f"--set {name}: {value!r} cannot be read: {_first_line(error)}. Quote it, or close its brackets."
        ) from None


def _shown(value: object) -> str:
    """Write a value of a setting for a message, its beginning where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        text = "a huge number"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(". ")


def _mistakes(kind: type[BaseModel], error: ValidationError, where: str, written: object) -> str:
    items = error.errors(include_url=False)
    # A list that lost its only item to a mistake is not also too short.
    inner = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    items = [item for item in items if item["type"] != "too_short" or item["loc"] not in inner]
    lines = [f"{len(items)} mistake{'s' if len(items) > 1 else ''} in {where}:"]
    for item in items:
        place = ".".join(map(str, _as_written(item["loc"], written))) or "the whole"
        if item["type"] == "extra_forbidden":
            known = _known_keys(kind, item["loc"][:-1])
            lines.append(f"  {place}: there is no such setting.{did_you_mean(str(item['loc'][-1]), known)}")
        elif item["type"] == "missing":
            lines.append(f"  {place}: is needed and not given. {_meaning(kind, item['loc'])}".rstrip())
        elif item["type"] == "value_error":
            lines.append(f"  {place}: {item['msg'].removeprefix('Value error, ')}.")
        else:
            lines.append(f"  {place} = {_shown(item['input'])}: {item['msg']}.")
    return "\n".join(lines)


def _as_written(place: tuple[int | str, ...], written: object) -> tuple[int | str, ...]:
    """Name a setting as the file does, where it was moved below a table that the file does not have."""
    moved = len(place) > 2 and isinstance(written, dict) and place[0] not in written
    return place[2:] if moved else place


def _meaning(kind: type[BaseModel], place: Sequence[int | str]) -> str:
    field = _model_at(kind, place[:-1]).model_fields.get(str(place[-1]))
    return (field.description if field is not None else None) or ""


def _known_keys(kind: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """Find the settings beside a strange one."""
    model = _model_at(kind, place)
    return [*model.model_fields, *getattr(model, "at_the_top", ())]


def _model_at(kind: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel]:
    """Follow a place down through the models."""
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            inner = kind.model_fields[part].annotation
            candidates = [inner, *getattr(inner, "__args__", ())]
            kind = next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), kind)
    return kind
