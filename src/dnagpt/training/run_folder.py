"""The folder of one run: its settings, its metrics line by line, its checkpoints and its model.

config.toml     every setting, resolved
metrics.jsonl   one JSON object a line, `step` in each
tensorboard/    the same for TensorBoard
checkpoints/    what --resume continues from
model/          the best weights so far, as a model folder
"""

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dnagpt.errors import InputError
from dnagpt.genome.files import atomic_write, storage_error

logger = logging.getLogger("dnagpt")


class RunFolder:
    """Writes what happens in a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.metrics = path / "metrics.jsonl"

    @property
    def has_run(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "config.toml").exists()

    def refuse_another(self, configuration: str, *, resume: bool) -> None:
        """Check that the folder is free for a new run, or that a run to be resumed is this one."""
        config = self.path / "config.toml"
        if self.has_run and not resume:
            raise InputError(
                f"{self.path} already holds a run. Continue it with --resume, or name another folder with -o."
            )
        if self.has_run and config.read_text() != configuration:
            raise InputError(
                f"The settings differ from those that {self.path} was begun with ({config}). "
                "Resume with the same settings, or begin a new run in another folder."
            )

    def create(self, configuration: str, *, resume: bool) -> None:
        """Make the folder for a new run, or check that a run to be resumed is this one."""
        self.refuse_another(configuration, resume=resume)
        with atomic_write(self.path / "config.toml") as handle:
            handle.write(configuration.encode())

    def forget_after(self, step: int) -> None:
        """Cut the metrics back to a checkpoint's step, so that a resumed run writes each line once."""
        if not self.metrics.exists():
            return
        kept = [values for values in read_metrics(self.metrics) if values["step"] <= step]
        with atomic_write(self.metrics) as handle:
            handle.writelines(json.dumps(values).encode() + b"\n" for values in kept)


class MetricsLog:
    """Appends metrics to metrics.jsonl and to TensorBoard, where that is installed.

    Of several processes one alone is the writer; in the others nothing happens.
    """

    def __init__(self, run: RunFolder, step: int, *, writer: bool = True) -> None:
        self._path, self._writer = run.metrics, writer
        if writer:
            run.forget_after(step)
        self._board = _tensorboard(run.path / "tensorboard", step) if writer else None

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
            for key, value in values.items():
                self._board.add_scalar(key, value, step)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


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
    except ValueError:
        return None
    return values if isinstance(values, dict) and isinstance(values.get("step"), int) else None
