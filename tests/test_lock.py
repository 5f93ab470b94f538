"""constraints.txt pins what pyproject.toml asks for, directly and through others, for each supported Python."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
LINUX = {
    "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64",
    "platform_python_implementation": "CPython", "implementation_name": "cpython",
}  # fmt: skip


def environment(python: str, extra: str = "") -> dict[str, str]:
    return {**LINUX, "python_full_version": python, "python_version": python.rpartition(".")[0], "extra": extra}


def applies(marker: Marker | None, python: str, extras: set[str] | frozenset[str] = frozenset()) -> bool:
    return marker is None or any(marker.evaluate(environment(python, extra)) for extra in extras or {""})


def pins(python: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("constraints.txt", "torch-cpu.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            if line and not line.startswith("#"):
                requirement = Requirement(line)
                if applies(requirement.marker, python):
                    assert requirement.name not in found, f"{requirement.name} is pinned twice for Python {python}"
                    found[canonicalize_name(requirement.name)] = str(requirement.specifier)
    return found


def asked_for() -> Iterator[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    extras = {name: texts for name, texts in project["project"]["optional-dependencies"].items() if name != "all"}
    groups = [
        project["project"]["dependencies"], *extras.values(), project["dependency-groups"]["dev"],
        project["build-system"]["requires"], ["pip", "editables"],
    ]  # fmt: skip
    for text in (text for group in groups for text in group):
        yield Requirement(text)


@pytest.mark.parametrize("python", PYTHONS)
def test_what_pyproject_asks_for_is_pinned_within_its_range(python: str) -> None:
    pinned = pins(python)
    for requirement in asked_for():
        pin = pinned[canonicalize_name(requirement.name)]
        assert pin.startswith("=="), requirement
        assert SpecifierSet(str(requirement.specifier)).contains(pin.removeprefix("==")), (requirement, pin)


@pytest.mark.parametrize("python", PYTHONS)
def test_what_these_need_is_pinned_too(python: str) -> None:
    """Follow the requirements of what is installed here, as they are for another Python."""
    pinned, seen = pins(python), set()
    waiting = [(canonicalize_name(item.name), frozenset(item.extras)) for item in asked_for()]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name.startswith(("nvidia-", "cuda-", "triton")):
            continue
        seen.add((name, extras))
        assert pinned[name].startswith("=="), f"{name} is not pinned for Python {python}; run make lock"
        try:
            needed = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue  # for other Pythons only
        waiting += [
            (canonicalize_name(item.name), frozenset(item.extras))
            for item in needed
            if applies(item.marker, python, extras | {""})
        ]
    assert len(seen) > 90


def test_the_lock_names_no_index() -> None:
    for name in ("constraints.txt", "torch-cpu.txt"):
        assert not {"http", "://", "--"} & set((PROJECT / name).read_text().split())
        assert "://" not in (PROJECT / name).read_text()
