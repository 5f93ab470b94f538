"""Many damaged files given to a worker; a file at which a reader fails is kept, and told."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent
MOST_SILENCE = 120.0
"""Seconds after which a worker that says nothing is ended: it waits without computing, for a pipe say."""
MOST_FAULTS = 20
"""Where an attack stops, because there is enough to mend."""


@dataclass
class Outcome:
    """How the damaged files of a subject ended."""

    counts: Counter[str] = field(default_factory=Counter)
    """`refused` with a sentence, `accepted` as the other reader reads it, `alone` where the other reader refuses; or a
    fault: `fault` (an error that is no sentence), `memory`, `died`, `disagrees`."""
    faults: list[str] = field(default_factory=list)
    """What must not be, each with the number of the damage."""

    def note(self, number: int, how: str, told: str) -> None:
        """Count the end of one file."""
        self.counts[how] += 1
        if how not in ("refused", "accepted", "alone"):
            self.faults.append(f"{number} {how}: {told}")


class Worker:
    """The process that reads damaged files, started anew when one of them killed it.

    The files at which a reader failed lie in `folder/kept/SUBJECT-NUMBER`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._errors = folder / "errors.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def attack(self, subject: str, start: int, stop: int) -> Outcome:
        """Damage the files of a subject in the ways `start` .. `stop`, or until there are faults enough."""
        outcome = Outcome()
        while start < stop and len(outcome.faults) < MOST_FAULTS:
            start = self._until_death(subject, start, stop, outcome)
        return outcome

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _until_death(self, subject: str, start: int, stop: int, outcome: Outcome) -> int:
        """Run a job to its end, or until a file ends the worker; return where to go on."""
        report: dict[str, Any] = {}
        for report in self._reports({"subject": subject, "start": start, "stop": stop}):
            if report["stage"] == "end":
                return stop
            if report["stage"] == "done":
                outcome.note(report["number"], report["how"], report["told"])
            if len(outcome.faults) == MOST_FAULTS:
                self.close()
                return stop
        reason = self._end_of_worker()
        assert "number" in report, f"the worker for {subject} fell over before the first damaged file: {reason}"
        if report["stage"] == "read":
            shutil.copytree(
                self.folder / subject, self.folder / "kept" / f"{subject}-{report['number']}", dirs_exist_ok=True
            )
            outcome.note(report["number"], "died", reason)
        elif report["stage"] == "reread":
            outcome.note(report["number"], "alone", reason)
        shutil.rmtree(self.folder / subject)  # the next worker writes sound files
        return int(report["number"]) + 1

    def _reports(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self._process is None:
            with self._errors.open("w") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.fuzz.worker", str(self.folder)], cwd=PROJECT, bufsize=0,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        for line in _lines(self._process):
            yield json.loads(line)

    def _end_of_worker(self) -> str:
        assert self._process is not None
        self._process.communicate()
        code, self._process = self._process.returncode, None
        if code == -signal.SIGKILL:
            return f"waited for {MOST_SILENCE:.0f} s"
        if code == -signal.SIGPROF:
            return "computed for more than 10 s"
        errors = self._errors.read_text(errors="replace")[-2000:]
        return f"{signal.Signals(-code).name}" if code < 0 else f"exit code {code}: {errors}"


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The lines that a process writes; it is killed where it is silent for too long."""
    assert process.stdout is not None
    rest = b""
    while select.select([process.stdout], [], [], MOST_SILENCE)[0]:
        piece = os.read(process.stdout.fileno(), 1 << 16)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    process.kill()
