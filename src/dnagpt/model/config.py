"""The shape of a network, and the shapes that have a name."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_ROTARY_ANGLES = 1 << 26
"""A million positions of 64 channels: half a gigabyte, and the one part of a network that no file of weights bounds."""


class KmerTable(BaseModel):
    """Where a vocabulary keeps its k-mers: shorter ones first, a length in alphabetic order, first base slowest.

    >>> table = KmerTable(first_id=38, letters=4, shortest=1, length=4)
    >>> table.first_of(4), table.end
    (122, 378)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    first_id: int = Field(ge=0)
    """The id of the first of the shortest k-mers."""
    letters: int = Field(gt=1, le=64)
    """The size of the alphabet."""
    shortest: int = Field(gt=0, le=12)
    """The bases of the shortest k-mers."""
    length: int = Field(gt=0, le=12)
    """The bases of the longest k-mers."""

    @model_validator(mode="after")
    def _shortest_is_not_longer(self) -> Self:
        if self.shortest > self.length:
            raise ValueError(f"the shortest k-mers have {self.shortest} bases, more than the longest, {self.length}")
        return self

    def first_of(self, length: int) -> int:
        """The id of the first k-mer of a length."""
        return self.first_id + sum(self.letters**shorter for shorter in range(self.shortest, length))

    @property
    def end(self) -> int:
        """The id behind the last k-mer."""
        return self.first_of(self.length + 1)


class PanelShape(BaseModel):
    """How many places a panel of known sites has, as k-mers.

    >>> PanelShape(places=135, sites=6).sites
    6
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    places: int = Field(gt=0, le=1_000_000)
    """How many k-mers write the sites of one haplotype."""
    sites: int = Field(gt=0, le=12)
    """How many sites a k-mer holds."""


class ModelConfig(BaseModel):
    """The size and the parts of one DNAGPT network.

    >>> ModelConfig(vocabulary_size=412, context=256, layers=4, heads=4, width=128).head_width
    32
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    vocabulary_size: int = Field(gt=1, le=10_000_000)
    """How many tokens the vocabulary holds."""
    context: int = Field(gt=1, le=1_000_000)
    """The longest prompt and answer together, in tokens (a number counts as one)."""
    layers: int = Field(gt=0, le=1_000)
    """How many transformer blocks are stacked."""
    heads: int = Field(gt=0, le=1_000)
    """How many attention heads each block has."""
    width: int = Field(gt=0, le=100_000)
    """The length of the vector that stands for a position."""
    number_embedding: Literal["magnitude", "released"] = "magnitude"
    """How a number becomes a vector: `magnitude` resolves size and sign over decades, `released` is the paper's."""
    positions: Literal["rotary", "learned"] = "rotary"
    """How order is told: `rotary` turns queries and keys, `learned` adds a vector a position (the paper's)."""
    overlapping: KmerTable | None = None
    """The k-mers that are embedded together with those that overlap them; None: every token by itself."""
    panel: PanelShape | None = None
    """The known sites of haplotypes, each place of which has vectors of its own; None: there are none."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """The share of activations that training switches off, against memorising small data."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.heads or (self.positions == "rotary" and self.head_width % 2):
            raise ValueError(
                f"width {self.width} does not divide into {self.heads} heads of an even number of channels"
            )
        return self

    @model_validator(mode="after")
    def _kmers_are_tokens(self) -> Self:
        if self.overlapping and self.overlapping.end > self.vocabulary_size:
            raise ValueError(
                f"overlapping k-mers have ids up to {self.overlapping.end:,}, and the vocabulary has no more than "
                f"{self.vocabulary_size:,} tokens"
            )
        return self

    @model_validator(mode="after")
    def _rotary_positions_fit_in_memory(self) -> Self:
        if self.positions == "rotary" and self.context * self.head_width > MOST_ROTARY_ANGLES:
            raise ValueError(
                f"rotary positions of a context of {self.context:,} and heads of {self.head_width:,} channels take "
                f"more than {MOST_ROTARY_ANGLES:,} angles"
            )
        return self

    @property
    def head_width(self) -> int:
        """The channels that one attention head sees."""
        return self.width // self.heads

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain values, by the name under which PEFT asks a model's configuration for them.

        >>> PRESETS["tiny"].to_dict()["layers"]
        4
        """
        return self.model_dump()


def _released(context: int, layers: int, heads: int, width: int, vocabulary_size: int) -> ModelConfig:
    return ModelConfig(
        vocabulary_size=vocabulary_size,
        context=context,
        layers=layers,
        heads=heads,
        width=width,
        number_embedding="released",
        positions="learned",
    )


PRESETS: dict[str, ModelConfig] = {
    "dnagpt-h": _released(4096, 12, 12, 768, 15_659),
    "dnagpt-m": _released(4096, 12, 12, 768, 15_659),
    "dnagpt-s-512": _released(512, 12, 12, 768, 19_564),
    "dnagpt-b-512": _released(512, 60, 64, 2048, 19_564),
    "tiny": ModelConfig(vocabulary_size=121, context=512, layers=4, heads=4, width=128),
    "small": ModelConfig(vocabulary_size=121, context=1024, layers=6, heads=4, width=256),
}
"""Shapes by name: the paper's four variants (arXiv 2307.05628, table 1) and two that a laptop can train."""
