"""The training loop: the same for pre-training and fine-tuning, for one process and many.

What happens at a step is a function of the settings and the step's number alone. So a run that was killed and
resumed from a checkpoint goes the way of one that was never disturbed, to the last bit on a CPU.
"""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any

import torch
from pydantic import NonNegativeInt, TypeAdapter, ValidationError
from torch.distributed.tensor import DTensor

from dnagpt.data.batches import Batch
from dnagpt.errors import DnagptError, InputError
from dnagpt.model import autocast
from dnagpt.training.checkpoints import load_checkpoint, newest_checkpoint, remove_unfinished, save_checkpoint
from dnagpt.training.config import TrainingConfig
from dnagpt.training.objective import Objective, answer_tally, to_tensors
from dnagpt.training.optimiser import AveragingAdamW, learning_rate, make_optimiser
from dnagpt.training.run_folder import MetricsLog, RunFolder
from dnagpt.training.world import World, distribute

logger = logging.getLogger("dnagpt")

LOWER_IS_BETTER = ("loss", "error", "bits_per_base", "rmse", "mae")
"""How the names of metrics end that are better when they are lower."""

BatchSource = Callable[[Sequence[int]], Sequence[Batch]]
"""Turns the numbers of samples (counted over the whole run) into one or more batches."""


@dataclass
class Progress:
    """What a run has to remember beside its weights."""

    step: NonNegativeInt = 0
    """Updates done."""
    best: float | None = None
    """The best value of the validation metric."""
    stale: NonNegativeInt = 0
    """Validations since it was reached."""


@dataclass(frozen=True)
class StepReport:
    """What a run tells those who watch it."""

    step: int
    steps: int
    tokens_per_second: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Hooks:
    """What the loop calls back for; it knows neither genomes nor tables."""

    batches: BatchSource
    """Makes training batches."""
    validate: Callable[[], Mapping[str, float]]
    """Computes validation metrics with the present weights."""
    save_best: Callable[[], None]
    """Keeps the present weights as the model."""
    report: Callable[[StepReport], None] = lambda _: None
    """Shows progress."""


class InterruptedRunError(DnagptError):
    """The run was asked to stop and has saved a checkpoint."""


def train(objective: Objective, config: TrainingConfig, hooks: Hooks, run: RunFolder, world: World) -> Progress:
    """Train until the last step, or until validation no longer gets better; resume where `run` has a checkpoint."""
    if config.batch_size % world.size:
        raise InputError(
            f"training.batch_size is {config.batch_size}, which {world.size} processes cannot share evenly. "
            f"Take a multiple of {world.size}."
        )
    objective.to(world.device)
    distribute(objective, world)
    optimiser = make_optimiser(objective, config)
    progress = _resume(run, objective, optimiser, world)
    with MetricsLog(run, progress.step, writer=world.is_first) as log, _stop_signal() as stopping:
        speed = _Speed()
        while progress.step < config.steps and not _is_stale(progress, config):
            values = _update(objective, optimiser, config, progress.step, hooks.batches, world, speed)
            progress.step += 1
            last = progress.step == config.steps
            if progress.step % config.log_every == 0 or last:
                shown = {**values(), "tokens_per_second": speed.tokens_per_second}
                hooks.report(StepReport(progress.step, config.steps, speed.tokens_per_second, shown))
                log.write(progress.step, shown)
                _refuse_divergence(progress.step, shown)
            if progress.step % config.validate_every == 0 or last:
                _refuse_divergence(progress.step, values())
                with speed.paused(), optimiser.averaged():
                    _validate(objective, config, hooks, progress, log, run)
            stop = world.any(flag=stopping.is_set())
            if progress.step % config.checkpoint_every == 0 or last or stop:
                _refuse_divergence(progress.step, values())
                with speed.paused():
                    save_checkpoint(
                        run.checkpoints, progress.step, objective, optimiser, asdict(progress),
                        keep=config.keep, world=world, run=run.digest,
                    )  # fmt: skip
                    run.note_saved("checkpoint")
            if stop and not last:
                raise InterruptedRunError(f"Stopped as asked at step {progress.step:,}. Continue with --resume.")
    world.wait()  # until the first process has saved the model
    return progress


def _resume(run: RunFolder, objective: Objective, optimiser: torch.optim.Optimizer, world: World) -> Progress:
    if world.is_first:
        remove_unfinished(run.checkpoints)
    checkpoint = newest_checkpoint(run.checkpoints, run.digest)
    if checkpoint is None:
        return Progress()
    try:
        progress = TypeAdapter(Progress).validate_python(load_checkpoint(checkpoint, objective, optimiser, world))
    except ValidationError:
        raise InputError(
            f"{checkpoint} does not say how far the run had come. Begin a new run in another folder."
        ) from None
    logger.info("Resuming from %s", checkpoint)
    return progress


def _refuse_divergence(step: int, values: Mapping[str, float], what: str = "training loss or its gradient") -> None:
    """Stop before weights that are lost take the place of good ones, in the network, a checkpoint or the model."""
    numbers = [values[name] for name in ("train/loss", "loss", "gradient_norm") if name in values]
    if not all(map(math.isfinite, numbers)):
        raise InputError(
            f"At step {step:,} the {what} is no longer a number: training diverged. "
            "Lower training.learning_rate, or lengthen training.warmup_steps."
        )


def _is_stale(progress: Progress, config: TrainingConfig) -> bool:
    return 0 < config.patience <= progress.stale


def _update(
    objective: Objective, optimiser: AveragingAdamW, config: TrainingConfig, step: int,
    batches: BatchSource, world: World, speed: "_Speed",
) -> Callable[[], dict[str, float]]:  # fmt: skip
    """Make one update; what comes back computes the losses when somebody wants to see them."""
    own = range(step * config.batch_size + world.rank, (step + 1) * config.batch_size, world.size)
    micro = config.micro_batch or len(own)
    group = [batch for start in range(0, len(own), micro) for batch in batches(own[start : start + micro])]
    tally = world.sum(answer_tally(group, len(objective.answers))).to(world.device)
    torch.manual_seed(hash((config.seed, step, world.rank)) % 2**63)  # dropout depends on the step alone
    objective.train()
    sums = torch.zeros(len(objective.answers), device=world.device)
    for batch in group:
        with autocast(world.device, config.precision):
            part, part_sums = objective(to_tensors(batch, world.device), tally)
        (part * world.size).backward()  # FSDP2 averages over processes, and the parts are to be added
        sums += part_sums
    norm = torch.nn.utils.clip_grad_norm_(objective.parameters(), config.clip)
    norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
    speed.count(sum(batch.tokens for batch in group) * world.size)
    total = world.sum(sums)

    def values() -> dict[str, float]:
        (_, *positions), (rows, *held) = tally.tolist()
        means = [value / max(1, count) for value, count in zip(total.tolist(), positions, strict=True)]
        named = {
            f"train/{answer.name}": mean
            for answer, mean, count in zip(objective.answers, means, positions, strict=True)
            if count
        }
        loss = sum(
            answer.weight * mean * share / rows
            for answer, mean, share in zip(objective.answers, means, held, strict=True)
        )
        return {"train/loss": loss, **named, "gradient_norm": norm.item(), "learning_rate": learning_rate(step, config)}

    if world.device.type == "cpu":  # an accelerator would have to be waited for; there the next line of metrics tells
        _refuse_divergence(step + 1, values())
    for settings in optimiser.param_groups:
        settings["lr"] = learning_rate(step, config)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return values


def _validate(
    objective: Objective, config: TrainingConfig, hooks: Hooks, progress: Progress, log: MetricsLog, run: RunFolder
) -> None:
    objective.eval()
    metrics = hooks.validate()
    _refuse_divergence(progress.step, metrics, "validation loss")
    if config.metric not in metrics:
        raise InputError(f"training.metric is {config.metric!r}, but validation computes {', '.join(sorted(metrics))}.")
    value = metrics[config.metric]
    lower_is_better = config.metric.endswith(LOWER_IS_BETTER)
    if progress.best is None or (value < progress.best if lower_is_better else value > progress.best):
        progress.best, progress.stale = value if math.isfinite(value) else None, 0
        hooks.save_best()
        run.note_saved("model")
    else:
        progress.stale += 1
    named = {f"validation/{name}": number for name, number in metrics.items()}
    hooks.report(StepReport(progress.step, config.steps, 0.0, named))
    log.write(progress.step, named)


class _Speed:
    """Tokens a second, validation and checkpoints left out."""

    def __init__(self) -> None:
        self._begun, self._away, self._tokens = time.perf_counter(), 0.0, 0

    def count(self, tokens: int) -> None:
        self._tokens += tokens

    @contextmanager
    def paused(self) -> Iterator[None]:
        left = time.perf_counter()
        try:
            yield
        finally:
            self._away += time.perf_counter() - left

    @property
    def tokens_per_second(self) -> float:
        return self._tokens / max(1e-9, time.perf_counter() - self._begun - self._away)


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into a flag that the loop looks at after each step."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def stop(number: int, frame: FrameType | None) -> Any:
        del number, frame
        flag.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
