"""The tables of the documentation's pages, and what they have to say about the settings that they list."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

DOCS = Path(__file__).parents[1] / "docs"


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of every table below a heading, but for its head."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-:")]
    return [row for number, row in enumerate(cells) if number not in rules and number + 1 not in rules]


def check_settings(
    page: Path, heading: str, kind: type[BaseModel], *, defaults: Mapping[str, Any] | None = None,
    derived: Collection[str] = (),
) -> None:  # fmt: skip
    """Hold the table below a heading to a class: every setting, its default, and every value it may have.

    `derived` are the settings whose default follows from others, which the table tells in words.
    """
    found = {row[0].strip("`"): row for row in rows(page, heading) if re.fullmatch(r"`\w+`", row[0])}
    assert sorted(found) == sorted(kind.model_fields)
    for name, field in kind.model_fields.items():
        *told, said = found[name]
        default = (defaults or {}).get(name, field.default)
        if field.is_required():
            assert said == "needed", name
        elif name not in derived and isinstance(default, bool | int | float | str | tuple) and default != ():
            assert said == f"`{json.dumps(default)}`".replace("|", r"\|"), name
        for value in allowed(field.annotation):
            assert f"`{value}`" in " ".join(told) or f'`"{value}"`' in said, (name, value)


def allowed(annotation: object) -> Iterator[object]:
    """The values that a type names one by one."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from allowed(inner)
