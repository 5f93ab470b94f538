"""What a task file says: one task or several, the network, the training, and what stands beside the scores."""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from dnagpt.data.records.settings import PARTS, DataConfig
from dnagpt.runs.network import NetworkSettings
from dnagpt.tasks import Views
from dnagpt.tasks.task import FILE_NAME
from dnagpt.training import TrainingConfig
from dnagpt.training.config import Seed, Weight

Yardstick = Literal["gc", "kmers", "cnn", "random weights"]
YARDSTICKS: tuple[Yardstick, ...] = ("gc", "kmers", "cnn", "random weights")
MOST_EPOCHS = 10**6


class TaskSettings(BaseModel):
    """One task: what is asked, of which records, and how it is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

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
    gametes: bool = True
    """Whether each time a person's haplotype is seen, a gamete of theirs stands in for it: both of their haplotypes
    recombined, so that no person is seen twice in the same way."""
    tail: int = Field(default=192, ge=0, le=10**9)
    """How many sites of the window before each window is given, where haplotypes do not fit the context in one."""
    class_weights: dict[str, Weight] | Literal["balanced"] | None = None
    """The weight of each class in the loss; `balanced` makes every class count the same."""
    weight: Weight = 1.0
    """The weight of the task in the loss, beside other tasks."""
    metric: str | None = None
    """The validation metric that judges the task: of several, MCC for classes and squared Pearson for numbers where not
    given; a single task is judged by `training.metric` where it is not given here."""
    tests: dict[str, DataConfig] = Field(default_factory=dict)
    """Further data, by name, whose test part is scored too: another species, another laboratory."""

    @field_validator("tests")
    @classmethod
    def _named_apart(cls, tests: dict[str, DataConfig]) -> dict[str, DataConfig]:
        taken = sorted(set(tests) & set(PARTS))
        if taken:
            raise ValueError(f"{taken[0]!r} is what a part of the task's own records is called; give another name")
        return tests


class LoraSettings(BaseModel):
    """Small matrices beside the layers learn, and the weights stay as they are (LoRA, arXiv 2106.09685)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    rank: int = Field(gt=0, le=1024)
    """The rank of what is added to the weights of a layer."""
    alpha: float = Field(default=16, gt=0)
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

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    tasks: dict[str, TaskSettings] = Field(min_length=1)
    """The tasks, by name: records of all of them are mixed in one run."""
    vocabulary: str = "dna-3mers"
    """The vocabulary of a network that starts from random weights."""
    model: NetworkSettings = NetworkSettings()
    """The network that starts from random weights; of a pre-trained one, only the dropout and the panel can be set."""
    epochs: float = Field(default=10, gt=0, le=MOST_EPOCHS)
    """How often each training record is seen, at most."""
    warmup_epochs: float | None = Field(default=None, ge=0, le=MOST_EPOCHS)
    """Epochs over which the learning rate rises, fewer than all; a tenth of them where not given, and three tenths for
    a network of the paper's shapes."""
    language_epochs: float = Field(default=0, ge=0, le=MOST_EPOCHS)
    """How often the network first reads the training sequences as language, before it is taught the answers."""
    training: FinetuneTraining = FinetuneTraining()
    """The optimisation; steps, validate_every and checkpoint_every follow from the epochs where not given."""
    twin: TrainingConfig = TrainingConfig()
    """What differs from `training` where the same network is trained from random weights beside the model; what is set
    neither here nor there is as for any network from random weights."""
    seeds: tuple[Seed, ...] = ()
    """Seeds of several runs, whose scores are given as mean and deviation; one run with training.seed where empty."""
    every_fold: bool = False
    """Whether each fold of data.folds is the test part once, in a run of its own."""
    beside: tuple[Yardstick, ...] = YARDSTICKS
    """What is scored beside the model: gc, kmers, cnn, and the same network from random weights."""

    at_the_top: ClassVar[frozenset[str]] = _OF_ONE_TASK | {"name"}
    """What may stand at the top in place of `tasks`."""

    @model_validator(mode="before")
    @classmethod
    def _one_task_at_the_top(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or "tasks" in settings:
            return settings
        if not isinstance(settings.get("name", ""), str):
            raise ValueError(f"name = {settings['name']!r} is not text; it is what the task is called")  # noqa: TRY004 - pydantic reports ValueErrors
        rest = {key: value for key, value in settings.items() if key not in _OF_ONE_TASK | {"name"}}
        single = {key: value for key, value in settings.items() if key in _OF_ONE_TASK}
        return {"tasks": {settings.get("name", "task"): single}, **rest}

    @field_validator("tasks")
    @classmethod
    def _can_name_files(cls, tasks: dict[str, TaskSettings]) -> dict[str, TaskSettings]:
        for name in tasks:
            if not FILE_NAME.fullmatch(name):
                raise ValueError(
                    f"a task cannot be called {name[:100]!r}, as files are named after it; take up to 100 letters "
                    "(without accents), digits, - and _, not - at the start"
                )
        return tasks

    @field_validator("warmup_epochs")
    @classmethod
    def _shorter_than_the_run(cls, warmup: float | None, info: ValidationInfo) -> float | None:
        epochs = info.data.get("epochs")
        if warmup is not None and epochs is not None and warmup >= epochs:
            raise ValueError(
                f"the learning rate would rise for {warmup:g} of {epochs:g} epochs and never reach its height; "
                "give fewer, or leave it out"
            )
        return warmup

    @field_validator("seeds")
    @classmethod
    def _each_seed_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice, which would be the same run twice")
        return seeds

    @model_validator(mode="after")
    def _judged_by_one_metric(self) -> Self:
        metrics = [one.metric for one in self.tasks.values()]
        given = self.training.metric if "metric" in self.training.model_fields_set else metrics[0]
        if len(metrics) == 1 and metrics[0] not in (None, given):
            raise ValueError(f"metric is {metrics[0]!r} and training.metric {given!r}: give one of them")
        return self
