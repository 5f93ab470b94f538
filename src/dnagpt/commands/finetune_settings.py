"""What a task file says: one task or several, the network, the training, and what stands beside the scores."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dnagpt.commands.network_settings import NetworkSettings
from dnagpt.data.labelled import DataConfig
from dnagpt.tasks import Views
from dnagpt.training import TrainingConfig

Yardstick = Literal["gc", "kmers", "cnn", "random weights"]
YARDSTICKS: tuple[Yardstick, ...] = ("gc", "kmers", "cnn", "random weights")


class TaskSettings(BaseModel):
    """One task: what is asked, of which records, and how it is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    template: str
    """The prompt and its answer, such as `<R>{sequence}<=><B>{label?:boolean}`."""
    data: DataConfig
    """The labelled records."""
    transforms: dict[str, str] = Field(default_factory=dict)
    """The scaling of number fields: `log10(x+0.1)`, `zscore`, or both."""
    views: Views = Views()
    """In which ways a record is read: both strands, several frames, the centre or tiles of what is too long."""
    substitutions: float = Field(default=0.0, ge=0, lt=1)
    """The share of the letters of each training sequence that are replaced at random, anew each time it is seen."""
    class_weights: dict[str, float] | Literal["balanced"] | None = None
    """The weight of each class in the loss; `balanced` makes every class count the same."""
    weight: float = Field(default=1.0, ge=0)
    """The weight of the task in the loss, beside other tasks."""
    metric: str | None = None
    """The validation metric by which several tasks are judged together: MCC for classes, squared Pearson for numbers
    where not given. A single task is judged by `training.metric`."""
    tests: dict[str, DataConfig] = Field(default_factory=dict)
    """Further data, by name, whose test part is scored too: another species, another laboratory."""


class LoraSettings(BaseModel):
    """Small matrices beside the layers learn, and the weights stay as they are (LoRA, arXiv 2106.09685)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rank: int = Field(gt=0, le=1024)
    """The rank of what is added to the weights of a layer."""
    alpha: float = Field(default=16, gt=0, allow_inf_nan=False)
    """How much it counts: alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """The share of what an adapter reads that training switches off."""


class FinetuneTraining(TrainingConfig):
    """The training of a model that may keep its weights and learn an adapter beside them."""

    lora: LoraSettings | None = None
    """The adapter to learn; all weights learn where it is left out."""


_OF_ONE_TASK = frozenset(TaskSettings.model_fields)


class FinetuneSettings(BaseModel):
    """Everything that decides a fine-tuning run: a task file.

    The settings of a single task stand at the top, with its `name`; several tasks stand under `tasks`, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tasks: dict[str, TaskSettings] = Field(min_length=1)
    """The tasks, by name: records of all of them are mixed in every batch."""
    vocabulary: str = "dna-3mers"
    """The vocabulary of a network that starts from random weights."""
    model: NetworkSettings = NetworkSettings()
    """The network that starts from random weights; of a pre-trained one, only the dropout can be set."""
    epochs: float = Field(default=10, gt=0)
    """How often each training record is seen, at most."""
    warmup_epochs: float | None = Field(default=None, ge=0)
    """Epochs over which the learning rate rises; a tenth of all of them where not given."""
    language_epochs: float = Field(default=0, ge=0)
    """How often the network first reads the training sequences as language, before it is taught the answers."""
    training: FinetuneTraining = FinetuneTraining()
    """The optimisation; steps, validate_every and checkpoint_every follow from the epochs where not given."""
    seeds: tuple[int, ...] = ()
    """Seeds of several runs, whose scores are given as mean and deviation; one run with training.seed where empty."""
    every_fold: bool = False
    """Whether each fold of data.folds is the test part once, in a run of its own."""
    beside: tuple[Yardstick, ...] = YARDSTICKS
    """What is scored beside the model: gc, kmers, cnn, and the same network from random weights."""

    @model_validator(mode="before")
    @classmethod
    def _one_task_at_the_top(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or "tasks" in settings:
            return settings
        rest = {key: value for key, value in settings.items() if key not in _OF_ONE_TASK | {"name"}}
        single = {key: value for key, value in settings.items() if key in _OF_ONE_TASK}
        return {"tasks": {settings.get("name", "task"): single}, **rest}
