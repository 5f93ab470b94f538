"""A network's shape as a configuration of transformers."""

from typing import Any, ClassVar

from transformers import PreTrainedConfig

from dnagpt.model.config import ModelConfig
from dnagpt.store.weights import PARTS


class DNAGPTConfig(PreTrainedConfig):
    """Every setting of `ModelConfig` under its own name, and under the usual names of transformers where it has one.

    >>> config = DNAGPTConfig(vocabulary_size=121, context=64, layers=1, heads=2, width=8)
    >>> config.hidden_size, config.num_hidden_layers, config.positions
    (8, 1, 'rotary')

    A setting that is missing or out of its range is an error of pydantic, which names it.
    """

    model_type = "dnagpt"
    has_no_defaults_at_init: ClassVar = True
    attribute_map: ClassVar = {
        "vocab_size": "vocabulary_size",
        "max_position_embeddings": "context",
        "num_hidden_layers": "layers",
        "num_attention_heads": "heads",
        "hidden_size": "width",
    }

    pad_token_id: int | None = None
    """The token that fills short rows, and the place of a number."""
    eos_token_id: int | None = None
    """The token after an answered sequence."""
    boolean_ids: list[int] | None = None
    """The tokens that answer no and yes."""
    choice_ids: list[int] | None = None
    """The reserved tokens that answer a choice, in order; k-mers follow them."""
    first_kmer_id: int | None = None
    """The first k-mer; all tokens from it on are k-mers."""
    answer_ids: list[int] | None = None
    """The tokens that answer the task that the model was fine-tuned for: one a label."""
    lacks: list[str] | None = None
    """The parts of the network that the weights do not have."""
    vocabulary_sha256: str | None = None
    """The digest of the vocabulary that the weights were saved with."""
    prompt: str | None = None
    """The text to ask that task with; `prompt.format(sequence=...)` fills it in."""
    prompt_start_ids: list[int] | None = None
    """The tokens that a prompt of that task begins with; None: they are not checked."""
    prompt_end_ids: list[int] | None = None
    """The tokens that a prompt of that task ends with, its question; None: they are not checked."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Check the network's shape, and fill in what has a default."""
        given = {self.attribute_map.get(name, name): value for name, value in kwargs.items()}
        shape = ModelConfig(**{name: given.pop(name) for name in ModelConfig.model_fields if name in given})
        super().__post_init__(**given, **shape.model_dump())
        if strange := sorted(set(self.lacks or ()) - PARTS.keys()):
            raise ValueError(f"lacks is to be a list of {', '.join(PARTS)}, not of {strange[0]!r}")

    def network(self) -> ModelConfig:
        """Give the shape of the plain network."""
        return ModelConfig(**{name: getattr(self, name) for name in ModelConfig.model_fields})

    def asks_own_task(self) -> bool:
        """Tell whether the labels are those of the task that the model was fine-tuned for."""
        return self.num_labels == (1 if self.answer_ids is None else len(self.answer_ids))

    def label_ids(self) -> list[int]:
        """Give the token that stands for each label: those of the task, or else no and yes, or else choices."""
        if self.answer_ids is not None and len(self.answer_ids) == self.num_labels:
            return self.answer_ids
        ids = self.boolean_ids if self.num_labels == 2 else self._choice_ids()
        if ids is None or self.num_labels is None or len(ids) < self.num_labels:
            raise ValueError(
                f"{self.num_labels} labels cannot be written: the model has {len(ids or [])} tokens for them. "
                "Give fewer labels, or the ids of their tokens as answer_ids."
            )
        return ids[: self.num_labels]

    def _choice_ids(self) -> list[int]:
        kmers = () if self.first_kmer_id is None else range(self.first_kmer_id, self.vocabulary_size)
        return [*(self.choice_ids or ()), *kmers]
