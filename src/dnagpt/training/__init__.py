"""Loss, optimiser, loop, checkpoints and the processes that train together."""

from dnagpt.training.config import TrainingConfig
from dnagpt.training.loop import Hooks, InterruptedRunError, Progress, StepReport, train
from dnagpt.training.objective import AnswerLoss, Objective
from dnagpt.training.run_folder import RunFolder, RunRecord, read_metrics
from dnagpt.training.world import World, gather, open_world

__all__ = [
    "AnswerLoss",
    "Hooks",
    "InterruptedRunError",
    "Objective",
    "Progress",
    "RunFolder",
    "RunRecord",
    "StepReport",
    "TrainingConfig",
    "World",
    "gather",
    "open_world",
    "read_metrics",
    "train",
]
