"""Checkpoints that survive a kill at any moment: complete and verified, or not there at all.

A checkpoint is written to `tmp-step-N`, brought to the disk, given a manifest with the size and SHA-256 of
every file, and only then renamed to `step-N`. An older one is removed after the newer one was verified.

Weights and optimiser state are safetensors files and the rest is JSON, so nothing in a checkpoint can be executed.
"""

import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from dnagpt.errors import InputError
from dnagpt.files.atomic import flush_to_disk, storage_error
from dnagpt.files.folders import flush_folder
from dnagpt.training.objective import Objective
from dnagpt.training.world import World

logger = logging.getLogger("dnagpt")

MANIFEST = "manifest.json"


def save_checkpoint(
    folder: Path, step: int, objective: Objective, optimiser: torch.optim.Optimizer, progress: dict[str, Any],
    *, keep: int, world: World, run: str = "",
) -> None:  # fmt: skip
    """Write weights, optimiser state and the count of steps; then remove all but the last `keep` checkpoints.

    `run` is the digest of the run that the checkpoint belongs to.
    """
    temporary, final = folder / f"tmp-step-{step:08d}", folder / f"step-{step:08d}"
    state = _tensors(*get_state_dict(objective, optimiser))
    try:
        if world.is_first:
            remove_unfinished(folder)
            temporary.mkdir(parents=True)
        world.wait()
        with _single_process_is_meant():
            writer = HuggingFaceStorageWriter(str(temporary), save_distributed=True)
            save(state, storage_writer=writer, no_dist=world.size == 1)
        if world.is_first:
            _seal(temporary, {"step": step, **progress}, run)
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
            flush_to_disk(folder)
            _remove_old(folder, keep)
        world.wait()
    except (OSError, SafetensorError, CheckpointException) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise storage_error(final, _cause(error)) from error


@contextmanager
def _single_process_is_meant() -> Iterator[None]:
    """Keep torch from warning that only one process saves or loads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _tensors(network_state: Mapping[str, Any], optimiser_state: Mapping[str, Any]) -> dict[str, Any]:
    """Name all that a checkpoint holds; the optimiser's settings follow from those of the run and the step."""
    return {"network": network_state, "optimiser": optimiser_state["state"]}


def _cause(error: OSError | SafetensorError | CheckpointException) -> OSError:
    """Find what the system complained of in a failure that torch has gathered from all processes."""
    if isinstance(error, OSError):
        return error
    if isinstance(error, SafetensorError):
        return OSError(str(error))
    failures = [failure for failure, _ in error.failures.values()]
    chain: list[BaseException | None] = list(failures)
    for failure in chain:  # torch's own complaint may hide what came before it
        if isinstance(failure, OSError):
            return failure
        if failure is not None:
            chain += [failure.__cause__, failure.__context__]
    return OSError("; ".join(str(failure).splitlines()[0] for failure in failures))


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for leftover in folder.glob("tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _seal(folder: Path, progress: dict[str, Any], run: str) -> None:
    flush_folder(folder)
    files = {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(folder.iterdir())}
    manifest = folder / MANIFEST
    content = {"run": run, "progress": progress, "files": files}
    manifest.write_text(json.dumps({**content, "sha256": _content_sha256(content)}, indent=1))
    flush_to_disk(manifest)
    flush_to_disk(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _content_sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _remove_old(folder: Path, keep: int) -> None:
    kept = 0
    for path in reversed(_complete(folder)):
        if kept < keep:
            kept += damage(path) is None
        else:
            shutil.rmtree(path)


def _complete(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def has_checkpoints(folder: Path) -> bool:
    """Tell whether there is any checkpoint, whole or damaged."""
    return bool(_complete(folder))


def damage(checkpoint: Path) -> str | None:
    """Say what is wrong with a checkpoint, or None when every byte is as it was written."""
    try:
        content = _manifest(checkpoint)
        if content.pop("sha256") != _content_sha256(content):
            return f"{MANIFEST} is not what was written"
        for name, facts in content["files"].items():
            path = checkpoint / name
            if path.stat().st_size != facts["bytes"]:
                return f"{name} has {path.stat().st_size} bytes, not {facts['bytes']}"
            if not path.is_file() or _sha256(path) != facts["sha256"]:
                return f"{name} is not what was written"
        strangers = {path.name for path in checkpoint.iterdir()} - {MANIFEST, *content["files"]}
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"it cannot be read ({error})"
    return f"{min(strangers)} does not belong to it" if strangers else None


def _manifest(checkpoint: Path) -> dict[str, Any]:
    path = checkpoint / MANIFEST
    if path.exists() and not path.is_file():
        raise ValueError(f"{MANIFEST} is not a plain file")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def newest_checkpoint(folder: Path, run: str = "") -> Path | None:
    """Find the newest checkpoint that is whole, saying which damaged ones were passed over.

    InputError when there are checkpoints and none of them is whole, and when it is one of another run.
    """
    candidates = _complete(folder)
    for path in reversed(candidates):
        problem = damage(path)
        if problem is None:
            _refuse_another(path, run)
            return path
        logger.warning("%s is damaged: %s. Falling back to the checkpoint before it.", path, problem)
    if candidates:
        raise InputError(
            f"None of the {len(candidates)} checkpoints in {folder} is whole. Start the run anew in another folder."
        )
    return None


def _refuse_another(checkpoint: Path, run: str) -> None:
    if _manifest(checkpoint).get("run", "") != run:
        raise InputError(
            f"{checkpoint} belongs to another run, with other settings or other data. "
            "Put it back where it came from, or begin a new run in another folder."
        )


def load_checkpoint(
    checkpoint: Path, objective: Objective, optimiser: torch.optim.Optimizer, world: World
) -> dict[str, Any]:
    """Put weights and optimiser back to where they were, and give the progress that was saved with them."""
    network_state, optimiser_state = get_state_dict(objective, optimiser)
    reader = HuggingFaceStorageReader(str(checkpoint))
    try:
        with _single_process_is_meant():
            load(_tensors(network_state, optimiser_state), storage_reader=reader, no_dist=world.size == 1)
    except (SafetensorError, CheckpointException, RuntimeError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{checkpoint} does not hold the weights of this network. Begin a new run in another folder."
        ) from error
    set_state_dict(objective, optimiser, model_state_dict=network_state, optim_state_dict=optimiser_state)
    progress: dict[str, Any] = _manifest(checkpoint)["progress"]
    return progress
