"""The ways in which one record is laid before a model: both strands, several frames, and parts of what is too long."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases, encode_bases, reverse_complement
from dnagpt.language.template import Template, encode_template, field_value
from dnagpt.language.vocabulary import Vocabulary

Record = Mapping[str, object]


class Views(BaseModel):
    """How a record is read: training draws one of its views at random, an answer is the mean over all of them.

    >>> Views(frames=2, both_strands=True).count
    4
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    both_strands: bool = False
    """Whether the reverse complement is read too; not for signals that stand on one strand."""
    frames: int = Field(default=1, ge=1, le=64, strict=True)
    """How many starts are read: 0, 1, ... bases left out at the left, so that k-mers are cut at other places."""
    too_long: Literal["error", "centre", "tiles"] = "error"
    """What happens to a sequence that the context cannot hold: an error, its centre is read, or tiles of it are."""

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Read the settings that `as_dict` gave; InputError names the one that is not understood.

        >>> Views.from_dict({"frames": 3}) == Views(frames=3)
        True
        """
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InputError(
                f"views.{'.'.join(map(str, first['loc']))} = {first['input']!r} is not understood. "
                f"Views have {', '.join(cls.model_fields)}."
            ) from None

    def as_dict(self) -> dict[str, Any]:
        """Give the settings that differ from reading a record once, as it is."""
        return self.model_dump(exclude_defaults=True)

    @property
    def count(self) -> int:
        """How many views a record has that is not too long."""
        return self.frames * (2 if self.both_strands else 1)

    def of(self, record: Record, template: Template, vocabulary: Vocabulary, context: int, where: str) -> list[Record]:
        """Give the views of one record, the record as it is first where it fits.

        A record that is read once, as it is, comes back untouched.
        """
        names = [item.name for item in template.given if item.kind == "sequence"]
        if self == Views() or not names:
            return [record]
        if self.both_strands and set(vocabulary.alphabet) - set("ACGTUN"):
            raise InputError(f"views.both_strands: the letters {vocabulary.alphabet} have no other strand.")
        texts = {name: _letters(record, name, where) for name in names}
        room = self._room(names, record, template, vocabulary, context, where)
        strands = [texts]
        if self.both_strands:
            strands.append({name: reverse_complement_of(text, where) for name, text in texts.items()})
        return [
            {**record, **{name: text[frame:] for name, text in part.items()}}
            for strand in strands
            for part in self._parts(strand, room)
            for frame in range(min(self.frames, *map(len, part.values())))
        ]

    def _room(
        self, names: Sequence[str], record: Record, template: Template, vocabulary: Vocabulary, context: int, where: str
    ) -> int | None:
        """The bases that a sequence may have; None where a longer one is an error, which the caller raises."""
        if self.too_long == "error":
            return None
        if len(names) > 1:
            raise InputError(
                f"views.too_long = {self.too_long!r} is for templates with one given sequence, not {template}. "
                "Shorten the sequences, or take a model with a longer context."
            )
        letter = next(iter(vocabulary.alphabet.replace(vocabulary.unknown, "")))
        short = encode_template(vocabulary, template, {**record, names[0]: letter * vocabulary.k}, where=where)
        room = (context - len(short.ids) + 1) * vocabulary.k
        if room < vocabulary.k:
            raise InputError(f"{where}: the model's context of {context:,} tokens leaves no room for a sequence.")
        return room

    def _parts(self, texts: Mapping[str, str], room: int | None) -> Iterator[Mapping[str, str]]:
        if room is None or max(map(len, texts.values())) <= room:
            yield texts
            return
        ((name, text),) = texts.items()
        if self.too_long == "centre":
            start = (len(text) - room) // 2
            yield {name: text[start : start + room]}
            return
        count = -(-len(text) // room)
        for tile in range(count):
            start = round(tile * (len(text) - room) / (count - 1))
            yield {name: text[start : start + room]}


def _letters(record: Record, name: str, where: str) -> str:
    value = field_value(record, name, where)
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, str) else value.decode("ascii", "replace")
    raise InputError(f"{where}, field {name}: {value!r} is no sequence. Give letters.")


def reverse_complement_of(text: str, where: str) -> str:
    """Write the other strand of a sequence, read from its own 5' end; ambiguity codes become N.

    >>> reverse_complement_of("AACGR", "record 1")
    'NCGTT'
    """
    codes, _ = encode_bases(text.encode("ascii", "replace"), where)
    return decode_bases(reverse_complement(codes))


def substitute_letters(text: str, share: float, letters: str, generator: np.random.Generator) -> str:
    """Replace a share of the letters of a sequence by letters drawn at random (which may be the same ones).

    >>> changed = substitute_letters("A" * 1000, 0.2, "ACGT", np.random.default_rng(0))
    >>> len(changed), 820 < changed.count("A") < 880
    (1000, True)
    """
    codes = np.frombuffer(text.encode(), dtype=np.uint8).copy()
    hit = generator.random(len(codes)) < share
    codes[hit] = generator.choice(np.frombuffer(letters.encode(), dtype=np.uint8), size=int(hit.sum()))
    return codes.tobytes().decode()
