"""What people see while they wait: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 15.0


def _silent(done: int, note: str = "") -> None:
    del done, note


class Track(Protocol):
    """Shows how far a piece of work has come."""

    def __call__(self, done: int, note: str = "") -> None:
        """Say how much is done in all, and what else there is to see."""


@contextmanager
def progress(what: str, total: int, *, unit: str, quiet: bool = False) -> Iterator[Track]:
    """Show a piece of work of known size on standard error, with its rate and the time left."""
    console = Console(stderr=True)
    if quiet:
        yield _silent
    elif console.is_terminal:
        columns = (
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
            TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(what, total=total, note="")
            yield lambda done, note="": bar.update(task, completed=done, note=note)
    else:
        yield _PlainLines(what, total, unit)


@contextmanager
def counting(what: str, total: int, *, unit: str, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show progress as `progress` does, for work that tells how much it has just done rather than how much in all."""
    with progress(what, total, unit=unit, quiet=quiet) as track:
        finished = 0

        def done(count: int) -> None:
            nonlocal finished
            finished += count
            track(finished)

        yield done


class _PlainLines:
    """One line now and then, for logs."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._begun = self._shown = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._shown < SECONDS_BETWEEN_LINES and done < self._total:
            return
        self._shown = now
        rate = (done - self._first) / max(1e-9, now - self._begun)
        left = f", {(self._total - done) / rate:,.0f} s left" if rate > 0 else ""
        print(
            f"{self._what}: {done:,} of {self._total:,} {self._unit}{left}  {note}".rstrip(),
            file=sys.stderr,
            flush=True,
        )
