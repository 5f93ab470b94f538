"""Writes a checkpoint or a model folder again and again, killed a little later each time; says what survived.

python -m tests.training.crash_points (checkpoint | model) FOLDER

Runs as a process of its own, because it forks. Before every file that is opened, synced, renamed or removed the
child is killed with SIGKILL; the parent then looks at the disk. Prints one JSON object.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from tests.training.examples import random_batch, tiny_objective

from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.tasks import pretraining_task
from dnagpt.training import Objective, TrainingConfig, World
from dnagpt.training.checkpoints import load_checkpoint, newest_checkpoint, save_checkpoint
from dnagpt.training.objective import answer_tally, to_tensors
from dnagpt.training.optimiser import make_optimiser

ALONE = World(0, 1, torch.device("cpu"))
TOUCHES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}


def kill_at(operation: int, folder: Path) -> None:
    """Let this process die before its n-th operation on files."""
    left = operation
    sync = os.fsync

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES or (event == "open" and str(arguments[0]).startswith(str(folder))):
            count()

    def counted_sync(descriptor: int) -> None:
        count()
        sync(descriptor)

    setattr(os, "fsync", counted_sync)  # noqa: B010 - a type checker sees a method
    sys.addaudithook(hook)


def dies(work: Callable[[], None], operation: int, folder: Path) -> bool:
    """Do the work in a child that is killed at an operation; False once the child came to its end first."""
    child = os.fork()
    if child == 0:
        kill_at(operation, folder)
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    return os.WIFSIGNALED(status)


def trained(steps: int) -> tuple[Objective, torch.optim.Optimizer]:
    """An objective and its optimiser after a few updates."""
    objective, batch = tiny_objective(), random_batch(2)
    optimiser = make_optimiser(objective, TrainingConfig())
    for _ in range(steps):
        objective(to_tensors(batch, ALONE.device), answer_tally([batch], 3))[0].backward()
        optimiser.step()
        optimiser.zero_grad()
    return objective, optimiser


def crash_checkpoints(folder: Path) -> dict[str, object]:
    """Kill the writing of checkpoint 2 beside checkpoint 1, and go on from what is left."""
    states = {step: trained(step) for step in (1, 2)}
    pristine, work = folder / "pristine", folder / "work"
    save_checkpoint(pristine, 1, *states[1], {"best": None}, keep=1, world=ALONE)

    def write_second() -> None:
        save_checkpoint(work, 2, *states[2], {"best": 0.5}, keep=1, world=ALONE)

    survivors: list[int] = []
    operation, killed = 0, True
    while killed:
        operation += 1
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(pristine, work)
        killed = dies(write_second, operation, work)
        checkpoint = newest_checkpoint(work)
        assert checkpoint is not None
        objective, optimiser = trained(0)
        step = load_checkpoint(checkpoint, objective, optimiser, ALONE)["step"]
        wanted = states[step][0].state_dict()
        assert all(torch.equal(weight, wanted[name]) for name, weight in objective.state_dict().items()), operation
        survivors.append(step)
        write_second()
        assert [path.name for path in work.iterdir()] == ["step-00000002"], operation
    return {"operations": operation - 1, "survivors": survivors}


def crash_models(folder: Path) -> dict[str, object]:
    """Kill the writing of a model over an older one, and load what is there."""
    vocabulary = Vocabulary.preset("dna-1mers")
    config = ModelConfig(vocabulary_size=vocabulary.size, context=16, layers=1, heads=2, width=8)
    models = []
    for seed in (1, 2):
        network = DNAGPT(config)
        network.initialise(torch.Generator().manual_seed(seed))
        task = pretraining_task()
        models.append(Model(network, vocabulary, {task.name: task}, {"seed": seed}))
    pristine, target = folder / "pristine" / "model", folder / "work" / "model"
    save_model(pristine, models[0])
    survivors: list[int] = []
    operation, killed = 0, True
    while killed:
        operation += 1
        shutil.rmtree(target.parent, ignore_errors=True)
        shutil.copytree(pristine.parent, target.parent)
        killed = dies(lambda: save_model(target, models[1]), operation, target.parent)
        found = load_model(target)
        seed = int(found.provenance["seed"])
        wanted = models[seed - 1].network.state_dict()
        assert all(torch.equal(weight, wanted[name]) for name, weight in found.network.state_dict().items()), operation
        survivors.append(seed)
        save_model(target, models[1])
        assert [path.name for path in target.parent.iterdir()] == ["model"], operation
        assert load_model(target).provenance["seed"] == 2
    return {"operations": operation - 1, "survivors": survivors}


if __name__ == "__main__":
    crash = {"checkpoint": crash_checkpoints, "model": crash_models}[sys.argv[1]]
    print(json.dumps(crash(Path(sys.argv[2]))))  # noqa: T201 - read by the test
