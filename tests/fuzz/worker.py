"""A process that reads damaged files and tells how each ended, so that only it dies where a reader kills.

`python -m tests.fuzz.worker FOLDER` takes jobs as lines of JSON, {"subject", "start", "stop"}, and writes lines of JSON
too: what it is about to do with a file, and how that ended. The file lies in FOLDER/SUBJECT meanwhile.
"""

import json
import logging
import os
import random
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

MOST_SECONDS = 10.0
"""Of computing, for one file."""
MOST_MEMORY = 1 << 30
"""Bytes beyond what the process had before, for one file."""
_LONGEST = 2000
_GOOD = ("refused", "accepted", "alone")


def main() -> None:
    """Do jobs until there are none."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the usual one takes a gigabyte of addresses at once
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what C libraries print
    logging.disable()
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", RuntimeWarning)  # a number that does not fit its type, say
    for line in sys.stdin:
        for report in chain(_run(Path(sys.argv[1]), **json.loads(line)), [{"stage": "end"}]):
            answers.write(json.dumps(report) + "\n")
            answers.flush()


def _run(root: Path, subject: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
    from tests.fuzz.catalogue import SUBJECTS
    from tests.fuzz.mutations import mutant

    attacked = SUBJECTS[subject]
    folder = root / subject
    if not folder.exists():
        folder.mkdir(parents=True)
        attacked.write(folder)
    sound = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    ours, theirs = repr(attacked.read(folder)), repr(attacked.reread(folder))
    assert ours == theirs, f"the sound file is not read alike: {ours[:900]} and {theirs[:900]}"
    names = [name for name in sound if any(fnmatch(name, pattern) for pattern in attacked.damaged)]
    for number in range(start, stop):
        name = names[number % len(names)]
        content = mutant(sound[name], attacked.tokens, random.Random(f"{subject} {number}"))
        if content == sound[name]:
            continue
        (folder / name).write_bytes(content)
        yield {"stage": "read", "number": number}
        how, told = _read(attacked, folder)
        if how == "accepted":
            yield {"stage": "reread", "number": number}
            how, told = _compared(attacked, folder, told)
        if how not in _GOOD:
            shutil.copytree(folder, root / "kept" / f"{subject}-{number}", dirs_exist_ok=True)
        yield {"stage": "done", "number": number, "how": how, "told": told[:_LONGEST]}
        (folder / name).write_bytes(sound[name])


def _read(attacked: Any, folder: Path) -> tuple[str, str]:
    """How our reader ends, and what it read or said."""
    from dnagpt.errors import DnagptError

    try:
        with _Bounds():
            return "accepted", repr(attacked.read(folder))
    except Exception as error:  # noqa: BLE001 - every kind of error is sorted here
        sentence = isinstance(error, DnagptError)
        how = "memory" if _short_of_memory(error) else "refused" if sentence else "fault"
        return how, str(error) if sentence else _where(error)


def _compared(attacked: Any, folder: Path, ours: str) -> tuple[str, str]:
    """Whether another reader reads the same."""
    try:
        with _Bounds():
            theirs = repr(attacked.reread(folder))
    except Exception as error:  # noqa: BLE001 - whatever the other reader raises is its refusal
        return "alone" if attacked.may_refuse else "disagrees", f"{_where(error)}; ours: {ours[:500]}"
    if ours == theirs:
        return "accepted", ""
    pairs = enumerate(zip(ours, theirs, strict=False))
    place = next((place for place, pair in pairs if pair[0] != pair[1]), min(len(ours), len(theirs)))
    seen = slice(max(0, place - 60), place + 60)
    return "disagrees", f"ours ...{ours[seen]}... theirs ...{theirs[seen]}..."


class _Bounds:
    """Little time and memory; a process that takes more time is ended by the system, even within a library."""

    def __enter__(self) -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, resource.RLIM_INFINITY))
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _short_of_memory(error: BaseException | None) -> bool:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return any(isinstance(one, MemoryError) or "bad_alloc" in str(one) for one in chain)


def _where(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "dnagpt" in frame.filename]
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__}: {str(error)[:300]} ({place})"


if __name__ == "__main__":
    main()
