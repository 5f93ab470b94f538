"""The shape of a new network, as a settings file gives it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from dnagpt.errors import InputError
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import PRESETS, ModelConfig
from dnagpt.store.model import kmer_table


class NetworkSettings(BaseModel):
    """The shape of a new network: a preset, and what is to differ from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    preset: str = "tiny"
    """One of dnagpt-h, dnagpt-m, dnagpt-s-512, dnagpt-b-512 (the paper's), small, tiny."""
    context: int | None = None
    """Tokens read at once."""
    layers: int | None = None
    """Transformer blocks."""
    heads: int | None = None
    """Attention heads a block."""
    width: int | None = None
    """Length of the vector of a position."""
    dropout: float | None = None
    """Share of activations switched off in training."""
    number_embedding: Literal["magnitude", "released"] | None = None
    """How numbers are read."""
    positions: Literal["rotary", "learned"] | None = None
    """How order is told."""
    overlapping: bool | None = None
    """Whether each k-mer is embedded together with all k-mers, long and short, that end within it; so unless said
    otherwise, but for the paper's shapes."""
    panel: bool | None = None
    """Whether each place of known sites gets vectors of its own, where haplotypes are learned; so unless said
    otherwise."""

    @field_validator("preset")
    @classmethod
    def _is_known(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"there is no preset {preset!r}; the presets are {', '.join(PRESETS)}")
        return preset

    def config(self, vocabulary: Vocabulary) -> ModelConfig:
        """Resolve to the configuration of a network for this vocabulary."""
        given = self.model_dump(exclude={"preset", "overlapping", "panel"})
        changes = {key: value for key, value in given.items() if value is not None}
        if self.overlapping or (self.overlapping is None and not self.preset.startswith("dnagpt-")):
            changes["overlapping"] = kmer_table(vocabulary)
        base = PRESETS[self.preset].model_dump()
        try:
            return ModelConfig(**{**base, **changes, "vocabulary_size": vocabulary.size})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(["model", *map(str, first["loc"])])
            raise InputError(f"{place}: {first['msg'].removeprefix('Value error, ')}. Change it with --set.") from None
