"""Two real processes that share a network give what one process gives."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.examples import tiny_objective
from tests.training.runs import Workplace, losses, make_workplace

from dnagpt.errors import InputError
from dnagpt.runs.pretraining import pretrain
from dnagpt.training import Hooks, RunFolder, TrainingConfig, World, train
from dnagpt.training.checkpoints import damage

TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python")
OVERRIDES = [
    "training.steps=6",
    "training.precision=float32",
    "training.validate_every=3",
    "training.checkpoint_every=3",
    "model.dropout=0",
]
OPTIONS = [word for override in OVERRIDES for word in ("--set", override)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A folder with a run of one process and one of two."""
    place = make_workplace(tmp_path_factory.mktemp("world"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DNAGPT_CACHE", place.environment["DNAGPT_CACHE"])
        patch.chdir(place.folder)
        pretrain(place.settings, [], place.folder / "one", OVERRIDES, resume=False, quiet=True)
        code, said = place.finish("two", *OPTIONS, prefix=TWO)
        assert code == 0, said
        yield place
    shutil.rmtree(place.folder)


def assert_same_losses(run: Path, other: Path) -> None:
    lines, other_lines = losses(run), losses(other)
    assert [step for step, _ in lines] == [step for step, _ in other_lines]
    for (step, values), (_, other_values) in zip(lines, other_lines, strict=True):
        assert values.keys() == other_values.keys()
        for name, value in values.items():
            tolerance = 2e-3 if name.startswith("validation/") else 1e-5  # validation may use bfloat16
            assert other_values[name] == pytest.approx(value, rel=tolerance), (step, name)


def assert_same_weights(run: Path, other: Path) -> None:
    weights, other_weights = (load_file(folder / "model" / "model.safetensors") for folder in (run, other))
    assert weights.keys() == other_weights.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(other_weights[name], weight, atol=2e-4, rtol=1e-3)


def test_two_processes_have_the_losses_of_one(workplace: Workplace) -> None:
    assert_same_losses(workplace.folder / "one", workplace.folder / "two")
    assert_same_weights(workplace.folder / "one", workplace.folder / "two")


def test_each_process_writes_its_part_of_a_checkpoint_and_one_seals_it(workplace: Workplace) -> None:
    newest = workplace.folder / "two" / "checkpoints" / "step-00000006"
    assert sorted(path.name for path in newest.glob("*.safetensors")) == [
        f"shard-0000{process}-model-00001-of-00001.safetensors" for process in (1, 2)
    ]
    assert damage(newest) is None


def test_a_run_of_two_processes_goes_on_in_one(workplace: Workplace) -> None:
    run = shutil.copytree(workplace.folder / "two", workplace.folder / "two-then-one")
    shutil.rmtree(run / "checkpoints" / "step-00000006")
    pretrain(workplace.settings, [], run, OVERRIDES, resume=True, quiet=True)
    assert_same_losses(workplace.folder / "one", run)
    assert_same_weights(workplace.folder / "one", run)


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_in_two(workplace: Workplace) -> None:
    run = shutil.copytree(workplace.folder / "one", workplace.folder / "one-then-two")
    shutil.rmtree(run / "checkpoints" / "step-00000006")
    code, said = workplace.finish("one-then-two", *OPTIONS, "--resume", prefix=TWO)
    assert code == 0, said
    assert_same_losses(workplace.folder / "one", run)
    assert_same_weights(workplace.folder / "one", run)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(tmp_path: Path) -> None:
    hooks = Hooks(batches=lambda _: [], validate=dict, save_best=lambda: None)
    world = World(0, 2, torch.device("cpu"))
    with pytest.raises(InputError, match="2 processes cannot share evenly"):
        train(tiny_objective(), TrainingConfig(batch_size=3), hooks, RunFolder(tmp_path), world)
