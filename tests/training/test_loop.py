"""What the loop does at which step, on batches in memory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.examples import random_batch, tiny_objective

from dnagpt.data.batches import Batch
from dnagpt.errors import InputError
from dnagpt.training import (
    Hooks,
    Objective,
    Progress,
    RunFolder,
    StepReport,
    TrainingConfig,
    World,
    read_metrics,
    train,
)

ALONE = World(0, 1, torch.device("cpu"))


class Notes:
    """A run whose validation says what it is told to, and which notes what the loop asks for."""

    def __init__(self, folder: Path, validations: Sequence[float] = (), *, dropout: float = 0.0) -> None:
        self.run = RunFolder(folder)
        self.samples: list[int] = []
        self.saved: list[int] = []
        self.reports: list[StepReport] = []
        self.validations: Iterator[float] = iter(validations)
        self.objective: Objective = tiny_objective(dropout=dropout)

    def batches(self, samples: Sequence[int]) -> list[Batch]:
        self.samples += samples
        return [random_batch(1, seed=sample) for sample in samples]

    def validate(self) -> Mapping[str, float]:
        assert not self.objective.training
        value = next(self.validations, 1.0)
        return {"loss": 1.0 if math.isnan(value) else value, "error": value, "accuracy": 0.5}

    def save(self) -> None:
        self.saved.append(self.reports[-1].step if self.reports else 0)

    def train(self, **settings: Any) -> Progress:
        defaults: dict[str, Any] = {
            "batch_size": 2,
            "warmup_steps": 2,
            "learning_rate": 1e-3,
            "precision": "float32",
            "log_every": 1,
        }
        config = TrainingConfig(**{**defaults, **settings})
        self.run.path.mkdir(exist_ok=True)
        hooks = Hooks(self.batches, self.validate, self.save, self.reports.append)
        return train(self.objective, config, hooks, self.run, ALONE)

    @property
    def weights(self) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in self.objective.parameters()])


def test_every_update_sees_the_next_samples(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.train(steps=5, batch_size=3)
    assert notes.samples == list(range(15))


def test_validation_checkpoints_and_lines_come_when_due_and_at_the_end(tmp_path: Path) -> None:
    notes = Notes(tmp_path, [4.0, 3.0, 5.0])
    progress = notes.train(steps=10, validate_every=4, checkpoint_every=3, log_every=3, keep=10)
    lines = read_metrics(notes.run.metrics)
    assert [line["step"] for line in lines if "train/loss" in line] == [3, 6, 9, 10]
    assert [line["step"] for line in lines if "validation/loss" in line] == [4, 8, 10]
    assert sorted(path.name for path in notes.run.checkpoints.iterdir()) == [
        f"step-{step:08d}" for step in (3, 6, 9, 10)
    ]
    assert len(notes.saved) == 2
    assert (progress.step, progress.best, progress.stale) == (10, 3.0, 1)


def test_only_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.train(steps=6, checkpoint_every=1, keep=2)
    assert sorted(path.name for path in notes.run.checkpoints.iterdir()) == ["step-00000005", "step-00000006"]


def test_training_stops_when_validation_gets_no_better(tmp_path: Path) -> None:
    notes = Notes(tmp_path, [3.0, 2.0, 2.5, 2.0, 1.0])
    progress = notes.train(steps=50, validate_every=2, patience=2)
    assert (progress.step, progress.best) == (8, 2.0)


def test_a_higher_accuracy_is_better_and_an_equal_one_is_not(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.train(steps=3, validate_every=1, metric="accuracy")
    assert len(notes.saved) == 1


def test_a_validation_without_a_value_does_not_stay_the_best(tmp_path: Path) -> None:
    notes = Notes(tmp_path, [math.nan, 3.0, math.nan, 2.0])
    assert notes.train(steps=4, validate_every=1, metric="error").best == 2.0
    assert len(notes.saved) == 3


def test_a_metric_that_nobody_computes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.metric is 'f1', but validation computes accuracy, error, loss"):
        Notes(tmp_path).train(steps=1, metric="f1")


def test_weights_that_ran_away_take_no_checkpoints_place(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.train(steps=2)
    again = Notes(tmp_path)

    def broken(samples: Sequence[int]) -> list[Batch]:
        batch = random_batch(2)
        batch.numbers_BL[:] = np.nan
        return [batch]

    hooks = Hooks(broken, again.validate, again.save)
    with pytest.raises(
        InputError, match=r"At step 3 the training loss .* no longer a number: training diverged.*learning_rate"
    ):
        train(
            again.objective,
            TrainingConfig(steps=9, batch_size=2, log_every=5, checkpoint_every=1),
            hooks,
            again.run,
            ALONE,
        )
    assert sorted(path.name for path in notes.run.checkpoints.iterdir()) == ["step-00000002"]


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_run_in_parts_goes_the_way_of_a_run_in_one(tmp_path: Path, dropout: float) -> None:
    """An error in the middle of a step stands for any other end."""
    whole, first, second = (Notes(tmp_path / name, dropout=dropout) for name in ("whole", "parts", "parts"))
    settings: dict[str, Any] = {"steps": 9, "checkpoint_every": 2, "validate_every": 3}
    whole.train(**settings)
    usual = first.batches

    def failing(samples: Sequence[int]) -> list[Batch]:
        if 10 in samples:
            raise OSError("gone")
        return usual(samples)

    first.batches = failing  # type: ignore[method-assign]
    with pytest.raises(OSError, match="gone"):
        first.train(**settings)
    second.train(**settings)
    assert second.samples == list(range(8, 18))
    assert torch.equal(second.weights, whole.weights)
    lines, other_lines = (read_metrics(notes.run.metrics) for notes in (whole, second))
    for line in lines + other_lines:
        line.pop("tokens_per_second", None)
    assert lines == other_lines


def test_micro_batches_change_no_more_than_rounding(tmp_path: Path) -> None:
    ways = [Notes(tmp_path / str(micro)) for micro in (0, 1, 3)]
    for notes, micro in zip(ways, (0, 1, 3), strict=True):
        notes.train(steps=4, batch_size=6, micro_batch=micro)
    losses = [[one["train/loss"] for one in read_metrics(notes.run.metrics) if "train/loss" in one] for notes in ways]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)


def test_the_reported_loss_is_the_weighted_sum_of_its_parts(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.train(steps=1)
    values = notes.reports[0].values
    expected = values["train/window"] + 0.01 * values["train/gc"] + 0.5 * values["train/reversed"]
    assert values["train/loss"] == pytest.approx(expected)
    assert values["learning_rate"] == pytest.approx(5e-4)


def test_long_gradients_are_shortened(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    lengths: list[float] = []
    step = torch.optim.AdamW.step

    def noting(self: torch.optim.AdamW, *arguments: Any) -> Any:
        gradients = [weight.grad.flatten() for group in self.param_groups for weight in group["params"]]
        lengths.append(float(torch.cat(gradients).norm()))
        return step(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", noting)
        notes.train(steps=2, clip=0.01)
    assert lengths == pytest.approx([0.01, 0.01], rel=1e-3)
    assert notes.reports[0].values["gradient_norm"] > 0.1


class Averaged(Notes):
    """A run that keeps a running mean; it notes the raw weights before each batch and those that it saves."""

    def __init__(self, folder: Path, *, killed_at: int = -1) -> None:
        super().__init__(folder, dropout=0.2)
        self.before: list[torch.Tensor] = []
        self.kept: list[torch.Tensor] = []
        self.killed_at = killed_at

    def batches(self, samples: Sequence[int]) -> list[Batch]:
        if samples[0] == self.killed_at:
            raise KeyboardInterrupt
        self.before.append(self.weights)
        return super().batches(samples)

    def save(self) -> None:
        self.kept.append(self.weights)


AVERAGING: dict[str, Any] = {"steps": 8, "average": 0.6, "validate_every": 8, "checkpoint_every": 3}


def test_the_running_mean_is_what_is_kept_and_training_goes_on_from_the_weights_themselves(tmp_path: Path) -> None:
    notes = Averaged(tmp_path)
    notes.train(**AVERAGING)
    after = [*notes.before[1:], notes.weights]
    mean = after[0]
    for step, weights in enumerate(after[1:], start=2):
        keep = min(0.6, step / (9 + step))
        mean = keep * mean + (1 - keep) * weights
    (kept,) = notes.kept
    torch.testing.assert_close(kept, mean, atol=1e-6, rtol=1e-5)
    assert not torch.equal(kept, notes.weights)


def test_a_killed_run_goes_on_with_its_running_mean_to_the_same_bits(tmp_path: Path) -> None:
    whole = Averaged(tmp_path / "whole")
    whole.train(**AVERAGING)
    killed = Averaged(tmp_path / "killed", killed_at=14)
    with pytest.raises(KeyboardInterrupt):
        killed.train(**AVERAGING)
    resumed = Averaged(tmp_path / "killed")
    resumed.train(**AVERAGING)
    assert resumed.samples[0] == 12
    assert torch.equal(resumed.weights, whole.weights)
    assert torch.equal(resumed.kept[0], whole.kept[0])
