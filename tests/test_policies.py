"""House rules that a machine can hold: sizes, names, docstrings, paths, links, and a command line that starts fast."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = sorted((PROJECT / "src").rglob("*.py"))
PAGES = [page for page in sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]) if page.is_file()]

MOST_LINES = 400
LONGER_FILES: dict[
    str, int
] = {}  # path under src -> the lines it may have; a bigger file is a question, answer it here

PRINTING = (
    "dnagpt/cli.py",
    "dnagpt/commands/",
    "dnagpt/runs/demo.py",
    "dnagpt/runs/haplotype_generation.py",
    "dnagpt/runs/progress.py",
)
"""What may print: the command line, and the runs that tell the person who waits how far they are."""

EMPTY_WORDS = {"util", "utils", "helper", "helpers", "misc", "manager"}
HEAVY_PACKAGES = {
    "torch",
    "pandas",
    "allel",
    "cyvcf2",
    "tskit",
    "sklearn",
    "scipy",
    "matplotlib",
    "pyarrow",
    "transformers",
}

MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(home|Users|root|mnt|scratch|work)/\w")
NOTE_TO_DO = re.compile(r"\b(TODO|FIXME|XXX)\b")
PAGE_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def name_in_source(source: Path) -> str:
    return source.relative_to(PROJECT / "src").as_posix()


def text_files() -> Iterator[Path]:
    """Every file of the project that a person writes."""
    for folder in ("src", "tests", "tools", "benchmarks", "configs", "docs", ".ci"):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.is_file() and (path.suffix in {".py", ".md", ".toml", ".sh", ".html", ".j2"} or folder == ".ci"):
                yield path
    yield from (path for path in sorted(PROJECT.glob("*")) if path.suffix in {".md", ".toml", ".txt"})
    yield PROJECT / "Makefile"


def public_definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and the public methods of its public classes."""
    bodies: list[list[ast.stmt]] = [tree.body]
    while bodies:
        for node in bodies.pop():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith(
                "_"
            ):
                yield node
                if isinstance(node, ast.ClassDef):
                    bodies.append(node.body)


@pytest.mark.parametrize("source", SOURCES, ids=name_in_source)
def test_file_fits_in_one_sitting(source: Path) -> None:
    lines = len(source.read_text().splitlines())
    assert lines <= LONGER_FILES.get(name_in_source(source), MOST_LINES)


def test_list_of_longer_files_is_current() -> None:
    lengths = {name_in_source(source): len(source.read_text().splitlines()) for source in SOURCES}
    assert [name for name in LONGER_FILES if lengths.get(name, 0) <= MOST_LINES] == []


@pytest.mark.parametrize("source", SOURCES, ids=name_in_source)
def test_names_say_something(source: Path) -> None:
    names = [node.name for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ClassDef)]
    words = {word.lower() for name in names for word in re.findall("[A-Z][a-z]*", name)}
    words |= {word for part in source.relative_to(PROJECT / "src").with_suffix("").parts for word in part.split("_")}
    assert words & EMPTY_WORDS == set()
    assert source.stem != "base", "a base is a nucleotide here"


@pytest.mark.parametrize("source", SOURCES, ids=name_in_source)
def test_public_names_are_described(source: Path) -> None:
    undescribed = [
        f"{name_in_source(source)}:{node.lineno} {node.name}"
        for node in public_definitions(ast.parse(source.read_text()))
        if not ast.get_docstring(node)
    ]
    assert undescribed == []


@pytest.mark.parametrize("source", SOURCES, ids=name_in_source)
def test_nothing_is_left_to_do(source: Path) -> None:
    assert NOTE_TO_DO.findall(source.read_text()) == []


@pytest.mark.parametrize("source", SOURCES, ids=name_in_source)
def test_only_the_command_line_prints(source: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert prints == [] or name_in_source(source).startswith(PRINTING)


def test_no_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number} {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert [target for target in PAGE_LINK.findall(page.read_text()) if not (page.parent / target).exists()] == []


def test_help_starts_without_heavy_packages() -> None:
    program = (
        "import sys; sys.argv = ['dnagpt', '--help']\n"
        "from dnagpt.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    loaded = set(finished.stdout.rpartition("LOADED")[2].split())
    assert loaded & HEAVY_PACKAGES == set()


def test_readme_names_the_two_commands() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
