"""Settings of a run: defaults, then a TOML file, then `--set section.key=value`, checked as a whole."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from dnagpt.errors import InputError
from dnagpt.genome.nearest import did_you_mean

Settings = TypeVar("Settings", bound=BaseModel)


def load_settings(
    kind: type[Settings], file: Path | None, overrides: Sequence[str], defaults: Mapping[str, Any] | None = None
) -> Settings:
    """Read and check the settings of a run; one InputError names every mistake with its place.

    Paths in a file are meant from the folder of that file.
    """
    layers: list[Any] = [dict(defaults or {})]
    if file is not None:
        layers.append(_read_toml(file))
    try:
        layers.append(OmegaConf.from_dotlist(list(overrides)))
        merged = OmegaConf.to_container(OmegaConf.merge(*layers), resolve=True)
    except (OmegaConfBaseException, ValueError) as error:
        raise InputError(
            f"The settings cannot be joined: {error}. Write overrides as --set section.key=value."
        ) from None
    try:
        return kind.model_validate(merged, context={"folder": file.parent if file else Path()})
    except ValidationError as error:
        raise InputError(_mistakes(kind, error, str(file or "the settings"))) from None


def settings_to_toml(settings: BaseModel) -> str:
    """Write settings as TOML, every one of them, as they were resolved."""
    return tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no settings file {file}. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}.") from None


def _mistakes(kind: type[BaseModel], error: ValidationError, where: str) -> str:
    lines = [f"{where} has {error.error_count()} mistake{'s' if error.error_count() > 1 else ''}:"]
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"]) or "the whole"
        if item["type"] == "extra_forbidden":
            known = _known_keys(kind, item["loc"][:-1])
            lines.append(f"  {place}: there is no such setting.{did_you_mean(str(item['loc'][-1]), known)}")
        elif item["type"] == "missing":
            lines.append(f"  {place}: is needed and not given.")
        else:
            lines.append(f"  {place} = {item['input']!r}: {item['msg']}.")
    return "\n".join(lines)


def _known_keys(kind: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """Find the settings beside a strange one, following the place down through the models."""
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            inner = kind.model_fields[part].annotation
            candidates = [inner, *getattr(inner, "__args__", ())]
            kind = next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), kind)
    return list(kind.model_fields)
