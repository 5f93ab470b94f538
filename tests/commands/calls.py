"""The command line called as people call it, and what every complaint of it has to be."""

import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dnagpt.cli import main

_SENTENCE_END = re.compile(r"(?<!\.\.)[.?](?=\s|$)")
_SMALL = {
    "model.preset": "tiny", "model.layers": 1, "model.width": 32, "model.heads": 2, "model.context": 64,
    "training.steps": 10, "training.validate_every": 5,
}  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """How a call ended."""

    code: int
    out: str
    err: str


class Case(NamedTuple):
    """A call that has to fail, what its complaint names, and the files it is made beside.

    In arguments @genome, @pretrained and @finetuned stand for the fixtures of that name.
    """

    arguments: list[str]
    parts: tuple[str, ...]
    files: Mapping[str, bytes | str] = {}


def settings(**values: object) -> list[str]:
    """Options that change settings; two underscores stand for the dot."""
    return dotted({name.replace("__", "."): value for name, value in values.items()})


def dotted(values: Mapping[str, object]) -> list[str]:
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def small(**values: object) -> list[str]:
    """Options for a network and a run that take a second."""
    return dotted(_SMALL) + settings(**values)


def call(*arguments: object) -> Finished:
    """Run the command line in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    out.flush()
    written = out.buffer
    assert isinstance(written, io.BytesIO)
    assert code is None or isinstance(code, int), code
    return Finished(code or 0, written.getvalue().decode(), err.getvalue())


def done(*arguments: object) -> str:
    """Run the command line in this process, which has to succeed, and give its standard output."""
    finished = call(*arguments)
    assert finished.code == 0, finished.err
    return finished.out


def start(*arguments: object, folder: Path, program: str = "") -> subprocess.Popen[str]:
    """Start the command line as a process of its own; `program` runs before it."""
    words = ["-c", f"{program}; from dnagpt.cli import main; main()"] if program else ["-m", "dnagpt"]
    return subprocess.Popen(
        [sys.executable, *words, *map(str, arguments)],
        cwd=folder, env=dict(os.environ), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def call_process(*arguments: object, folder: Path, program: str = "") -> Finished:
    """Run the command line as a process of its own to its end."""
    with start(*arguments, folder=folder, program=program) as process:
        out, err = process.communicate()
        return Finished(process.returncode, out, err)


def check_complaint(finished: Finished, *parts: str, code: int = 2) -> None:
    """Assert that a call ended in a sentence or two on standard error, with these parts in it, and in nothing else.

    Below the first line may stand mistakes of settings, one each, or the place in a template.
    """
    message = finished.err
    assert finished.code == code, message
    assert finished.out == ""
    assert message.startswith("dnagpt: "), message
    assert "Traceback" not in message
    first, *others = message.rstrip("\n").split("\n")
    assert all(line.startswith("  ") for line in others), message
    assert len(first) < 800, message
    assert first.endswith((".", "?") if not others else (".", "?", ":")), message
    for line in (first, *others):
        assert len(_SENTENCE_END.findall(line)) <= 2, line
        assert line.isprintable(), line
    for part in parts:
        assert part in message, f"{part!r} is not in: {message}"


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest, and every folder."""
    return {
        path.relative_to(folder).as_posix(): "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
    }
