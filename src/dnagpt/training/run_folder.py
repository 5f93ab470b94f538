"""The folder of one run: its settings, its data, its metrics line by line, its checkpoints and its model.

config.toml     every setting, resolved
run.json        digests of the data that the run reads, and what it has saved so far
metrics.jsonl   one JSON object a line, `step` in each
tensorboard/    the same for TensorBoard
checkpoints/    what --resume continues from
model/          the best weights so far, as a model folder
"""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_write, storage_error
from dnagpt.files.folders import remove_unfinished
from dnagpt.training.checkpoints import has_checkpoints

logger = logging.getLogger("dnagpt")

Saved = Literal["checkpoint", "model"]
_FILES, _FOLDERS = ("config.toml", "run.json", "metrics.jsonl"), ("checkpoints", "model", "tensorboard")


@dataclass(frozen=True)
class RunRecord:
    """What decides a run: its settings, and the digests of the data that it reads."""

    configuration: str
    """The settings as TOML."""
    data: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 digest of each file, by its name."""
    part: str = "model"
    """What is trained, where several networks are trained with the same settings."""

    @property
    def digest(self) -> str:
        """Name the run in its checkpoints.

        >>> RunRecord("steps = 5").digest == RunRecord("steps = 5", {"genome.fa": "ab"}).digest
        False
        """
        content = [self.configuration, sorted(self.data.items()), self.part]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class RunFolder:
    """Writes what happens in a run; `record` says which run it is, where one is to be begun or resumed."""

    def __init__(self, path: Path, record: RunRecord | None = None) -> None:
        self.path = path
        self.record = record
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.metrics = path / "metrics.jsonl"
        self._config, self._state = path / "config.toml", path / "run.json"
        self._saved: frozenset[str] | None = None

    @property
    def digest(self) -> str:
        """The digest that checkpoints of the run carry; empty where there is no record."""
        return "" if self.record is None else self.record.digest

    def refuse_another(self, *, resume: bool) -> None:
        """Check that the folder is free for a new run, or that a run to be resumed is this one."""
        self._refuse_strange_entries()
        if not self._config.exists():
            self._refuse_remains()
            return
        if not resume:
            raise InputError(
                f"{self.path} already holds a run. Continue it with --resume, or name another folder with -o."
            )
        assert self.record is not None
        if _text(self._config) != self.record.configuration:
            raise InputError(
                f"The settings differ from those that {self.path} was begun with ({self._config}). "
                "Resume with the same settings, or begin a new run in another folder."
            )
        state = self._read_state()
        self._refuse_other_data(state["data"])
        self._refuse_loss(state["saved"])

    def create(self, *, resume: bool) -> None:
        """Make the folder for a new run, or check that a run to be resumed is this one."""
        remove_unfinished(self.model)
        self.refuse_another(resume=resume)
        if self._config.exists():
            self._saved = frozenset(self._read_state()["saved"])
            return
        assert self.record is not None
        self._write_state(frozenset())
        with atomic_write(self._config) as handle:  # last, as it says that a run was begun
            handle.write(self.record.configuration.encode())

    def note_saved(self, what: Saved) -> None:
        """Remember that a checkpoint or a model was saved, so that its loss is seen."""
        if self._saved is not None and what not in self._saved:
            self._write_state(self._saved | {what})

    def forget_after(self, step: int) -> None:
        """Cut the metrics back to a checkpoint's step, so that a resumed run writes each line once."""
        if not self.metrics.exists():
            return
        kept = [values for values in read_metrics(self.metrics) if values["step"] <= step]
        with atomic_write(self.metrics) as handle:
            handle.writelines(json.dumps(values).encode() + b"\n" for values in kept)

    def _refuse_strange_entries(self) -> None:
        """Refuse a folder where a file belongs, and the reverse, and links that lead nowhere."""
        for name in (*_FILES, *_FOLDERS):
            path, wanted = self.path / name, "a plain file" if name in _FILES else "a folder"
            if path.is_symlink() and not path.exists():
                raise InputError(
                    f"{path} is a link to {str(path.readlink())!r}, which is not there. "
                    "Mount the disk that it lies on, or remove the link."
                )
            if path.exists() and not (path.is_file() if name in _FILES else path.is_dir()):
                raise InputError(f"{path} is not {wanted}. Remove it, or name another folder with -o.")

    def _refuse_remains(self) -> None:
        """Refuse to begin a run among the remains of another one."""
        found = [
            name
            for name, is_there in (
                ("checkpoints", has_checkpoints(self.checkpoints)),
                ("metrics.jsonl", self.metrics.exists()),
                ("model", (self.model / "config.json").exists()),
            )
            if is_there
        ]
        if found:
            raise InputError(
                f"{self.path} has no config.toml, but holds {', '.join(found)} of an earlier run. "
                "Restore config.toml, remove the remains, or name another folder with -o."
            )

    def _read_state(self) -> dict[str, Any]:
        if not self._state.exists():
            raise InputError(
                f"{self._state} is missing, so nobody can tell which data the run was begun with. "
                "Begin a new run in another folder."
            )
        try:
            state = json.loads(_text(self._state))
            data, saved = dict(state["data"]), list(state["saved"])
        except (ValueError, RecursionError, KeyError, TypeError):
            raise InputError(
                f"{self._state} is damaged. Restore it from a copy, or begin a new run in another folder."
            ) from None
        return {"data": data, "saved": [what for what in saved if isinstance(what, str)]}

    def _write_state(self, saved: frozenset[str]) -> None:
        assert self.record is not None
        content = {"part": self.record.part, "data": dict(self.record.data), "saved": sorted(saved)}
        with atomic_write(self._state) as handle:
            handle.write((json.dumps(content, indent=1) + "\n").encode())
        self._saved = saved

    def _refuse_other_data(self, begun_with: Mapping[str, str]) -> None:
        assert self.record is not None
        for name in sorted(begun_with.keys() | self.record.data.keys()):
            before, now = begun_with.get(name), self.record.data.get(name)
            if before != now:
                what = "was not there" if before is None else "is not there any more" if now is None else "has changed"
                raise InputError(
                    f"{name} {what} since the run in {self.path} was begun, and a run goes on with the same data only. "
                    "Restore the file, or begin a new run in another folder."
                )

    def _refuse_loss(self, saved: list[str]) -> None:
        """Refuse to go on where what the run has saved is gone: a purged folder, or a disk that is not mounted."""
        if "checkpoint" in saved and not has_checkpoints(self.checkpoints):
            raise InputError(
                f"{self.checkpoints} holds no checkpoint, though the run has saved some: they were removed, or their "
                "disk is not mounted. Restore them, or begin a new run in another folder."
            )
        if "model" in saved and not (self.model / "config.json").exists():
            raise InputError(
                f"{self.model} is gone, though the run has saved it, and checkpoints do not hold the best weights. "
                "Restore it, or begin a new run in another folder."
            )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}. Begin a new run in another folder.") from None


class MetricsLog:
    """Appends metrics to metrics.jsonl and to TensorBoard, where that is installed.

    Of several processes one alone is the writer; in the others nothing happens.
    """

    def __init__(self, run: RunFolder, step: int, *, writer: bool = True) -> None:
        self._path, self._writer = run.metrics, writer
        if writer:
            run.forget_after(step)
        self._board = _Board(run.path / "tensorboard", step) if writer else None

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add one line; a number that is not finite is written as null."""
        if not self._writer:
            return
        finite = {key: value if math.isfinite(value) else None for key, value in values.items()}
        try:
            with self._path.open("a") as handle:
                handle.write(json.dumps({"step": step, **finite}) + "\n")
        except OSError as error:
            raise storage_error(self._path, error) from error
        if self._board is not None:
            self._board.write(step, values)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()


class _Board:
    """TensorBoard's file, where TensorBoard is installed."""

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except ImportError:
            return
        except OSError as error:
            raise storage_error(folder, error) from error

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curve of each value."""
        if self._writer is None:
            return
        try:
            for key, value in values.items():
                self._writer.add_scalar(key, value, step)
        except OSError as error:
            raise storage_error(self._folder, error) from error

    def close(self) -> None:
        """Bring the last points to the disk."""
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as error:
            raise storage_error(self._folder, error) from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read metrics.jsonl back, leaving out lines that a kill or a power cut damaged, with a notice in the log."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    read = [_values(line) for line in lines if line]
    if damaged := read.count(None):
        logger.warning("%s: %s damaged lines are left out.", path, damaged)
    return [values for values in read if values is not None]


def _values(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get("step"), int):
        return None
    return values if all(isinstance(value, int | float | None) for value in values.values()) else None
