"""How a network is trained; one value that can be printed, saved and compared."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_UPDATES = 10**9
"""The most updates, and examples behind one, that settings may ask for."""
Updates = Annotated[int, Field(gt=0, le=MOST_UPDATES)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class TrainingConfig(BaseModel):
    """Optimiser, schedule and housekeeping of one training run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    steps: Updates = 1000
    """Updates of the weights."""
    batch_size: Updates = 16
    """Examples behind one update, over all processes."""
    micro_batch: int = Field(default=0, ge=0, le=MOST_UPDATES)
    """Examples computed at once by one process; the rest of its share is accumulated. 0: all at once."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The highest learning rate, reached after the warm-up."""
    warmup_steps: int = Field(default=100, ge=0, le=MOST_UPDATES)
    """Updates over which the learning rate rises from zero."""
    final_rate: float = Field(default=0.05, ge=0, le=1)
    """The share of the learning rate that the cosine ends on."""
    betas: tuple[Decay, Decay] = (0.9, 0.98)
    """Decay of AdamW's two running means."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of the weights of linear layers; norms and embeddings have none."""
    embedding_decay: float = Field(default=0.0, ge=0)
    """Decay of the embedding of tokens; on small data, against features that only the training records have."""
    average: Decay = 0.0
    """How slowly a running mean of the weights forgets, such as 0.998; the mean is validated and kept. 0: none."""
    clip: float = Field(default=1.0, gt=0)
    """The largest length of the gradient; longer ones are shortened to it."""
    number_weight: Weight = 0.01
    """The paper's lambda: loss = cross-entropy + lambda * squared error."""
    weights: dict[str, Weight] = Field(default_factory=dict)
    """The weight of single answered fields in the loss, by name; 1 for the others."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Matrix products in bfloat16 where the machine has instructions for it (auto), or as named."""
    seed: Seed = 0
    """The start of all randomness: weights, order of examples, windows, dropout."""
    validate_every: Updates = 200
    """Updates between validations."""
    checkpoint_every: Updates = 200
    """Updates between checkpoints."""
    keep: Updates = 2
    """Checkpoints kept; older ones are removed once a newer one is verified."""
    log_every: Updates = 10
    """Updates between lines of metrics.jsonl."""
    metric: str = "loss"
    """The validation metric that decides which weights are the best; lower losses, errors and bits are better."""
    patience: int = Field(default=0, ge=0, le=MOST_UPDATES)
    """Validations without a better metric after which training stops; 0: never."""
