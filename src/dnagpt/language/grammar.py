"""The parts of a template, and how they are written.

| text | part |
|---|---|
| `<R>` | a reserved token |
| `ACGT` | letters of a sequence |
| `<{species}>` | a reserved token that the record chooses |
| `{name:kind}` | a value that the record gives |
| `{name?:kind}` | a value that the model answers |

Kinds: `sequence`, `number`, `number*8` (eight numbers), `boolean`, `choice(donor,acceptor)`. `{sequence}` is short for
`{sequence:sequence}`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dnagpt.errors import InputError

KINDS = ("sequence", "number", "boolean", "choice")
MOST_NUMBERS = 100_000
MOST_ANSWERS = 127
"""Rows mark answers with one signed byte a position."""
_KINDS_WRITTEN = "sequence, number, number*8, boolean and choice(a,b,c)"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COUNT = re.compile(r"[0-9]{1,9}")
_TOKEN = re.compile(r"[^<>{}\s]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_PART = re.compile(
    rf"<\{{(?P<token_field>[^<>{{}}]*)\}}>|<(?P<token>{_TOKEN.pattern})>"
    rf"|\{{(?P<field>[^{{}}]*)\}}|(?P<letters>{_LETTERS.pattern})"
)
_FIELD = re.compile(r"(?P<name>[^:?]*)(?P<answered>\?)?(?::(?P<kind>.*))?", re.DOTALL)
_KIND = re.compile(r"(?P<word>[a-z]+)(?:\*(?P<count>[^()]*)|\((?P<choices>[^()]*)\))?")


@dataclass(frozen=True)
class Literal:
    """A reserved token that stands in every example."""

    token: str
    """The text between the brackets."""

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token):
            raise InputError(f"{self.token!r} cannot stand between brackets: blanks, brackets and braces cannot.")

    def __str__(self) -> str:
        return f"<{self.token}>"


@dataclass(frozen=True)
class LiteralSequence:
    """Letters of a sequence that stand in every example."""

    text: str

    def __post_init__(self) -> None:
        if not _LETTERS.fullmatch(self.text):
            raise InputError(f"{self.text!r} cannot stand in a template as a sequence, which is letters A to Z only.")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TokenField:
    """A reserved token that the record chooses, such as the species."""

    name: str

    def __post_init__(self) -> None:
        _check_name(self.name)

    def __str__(self) -> str:
        return f"<{{{self.name}}}>"


@dataclass(frozen=True)
class Field:
    """A value of the record: given to the model, or answered by it."""

    name: str
    kind: str
    """One of `sequence`, `number`, `boolean`, `choice`."""
    answered: bool
    """Whether the model answers it; otherwise the record gives it."""
    count: int = 1
    """How many numbers there are."""
    choices: tuple[str, ...] = ()
    """The answers to choose from."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.kind not in KINDS:
            raise InputError(f"{self.kind!r} is no kind of field. The kinds are {_KINDS_WRITTEN}.")
        if not 1 <= self.count <= (MOST_NUMBERS if self.kind == "number" else 1):
            raise InputError(
                f"The field {self.name} has the count {self.count}. Numbers can be counted from 1 to {MOST_NUMBERS:,}, "
                "as in number*8; other kinds cannot."
            )
        _check_choices(self)

    def __str__(self) -> str:
        mark = "?" if self.answered else ""
        if self.kind == "choice":
            kind = f"choice({','.join(self.choices)})"
        else:
            kind = f"{self.kind}*{self.count}" if self.count > 1 else self.kind
        return f"{{{self.name}{mark}}}" if self.name == kind == "sequence" else f"{{{self.name}{mark}:{kind}}}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The table columns that hold it: its name, or `name_1`, `name_2` ... for several numbers.

        >>> Field("half_life", "number", answered=False, count=3).columns
        ('half_life_1', 'half_life_2', 'half_life_3')
        """
        if self.count == 1:
            return (self.name,)
        return tuple(f"{self.name}_{place}" for place in range(1, self.count + 1))


Part: TypeAlias = Literal | LiteralSequence | TokenField | Field


def parse_parts(text: str) -> tuple[Part, ...]:
    """Read the parts of a template from its text.

    >>> parse_parts("<R>{label?:boolean}")
    (Literal(token='R'), Field(name='label', kind='boolean', answered=True, count=1, choices=()))

    Anything that is no part is an InputError that shows the place.
    """
    parts: list[Part] = []
    places: list[int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise _error_at(text, position, _stray(text, position))
        try:
            parts.append(_part(match))
        except InputError as error:
            raise _error_at(text, position, str(error)) from error
        places.append(position)
        position = match.end()
    for index, problem in part_problems(parts):
        raise _error_at(text, places[index] if places else 0, problem)
    return tuple(parts)


def part_problems(parts: Sequence[Part]) -> Iterator[tuple[int, str]]:
    """Say which parts cannot stand where they do: (index, sentence)."""
    if not parts:
        yield 0, "The template is empty. Write at least one part, such as <R>{sequence}."
    columns: set[str] = set()
    answers = 0
    for index, part in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        if isinstance(part, LiteralSequence) and isinstance(after, LiteralSequence):
            yield index, f"The letters {part.text} and {after.text} stand side by side. Write them as one part."
        if not isinstance(part, (Field, TokenField)):
            continue
        held = set(part.columns if isinstance(part, Field) else (part.name,)) | {part.name}
        if columns & held:
            yield index, f"The name {min(columns & held)} is taken by an earlier field. Give each field its own name."
        columns |= held
        if isinstance(part, Field) and part.answered:
            answers += 1
            yield from ((index, problem) for problem in _answer_problems(part, index, after, answers))


def _answer_problems(field: Field, index: int, after: Part | None, answers: int) -> Iterator[str]:
    if index == 0:
        yield (
            f"The answer {field.name} comes first, so there is nothing to predict it from. Begin with a token, such as "
            "<R>."
        )
    if field.kind == "sequence" and isinstance(after, (Field, LiteralSequence)):
        yield (
            f"Nothing says where the answered sequence {field.name} ends. Put a token, such as <=>, between it and "
            f"{after}."
        )
    if answers > MOST_ANSWERS:
        yield f"There are more than {MOST_ANSWERS} answers. Join numbers, as in number*8, or split the task."


def _part(match: re.Match[str]) -> Part:
    if match["token_field"] is not None:
        return TokenField(match["token_field"])
    if match["token"] is not None:
        return Literal(match["token"])
    if match["letters"] is not None:
        return LiteralSequence(match["letters"])
    return _field(match["field"])


def _field(body: str) -> Field:
    match = _FIELD.fullmatch(body)
    if match is None:
        raise InputError(
            f"{{{body}}} is no field. A field is written {{name:kind}} if given, {{name?:kind}} if answered."
        )
    name, answered, kind = match["name"], match["answered"] is not None, match["kind"]
    if kind is None:
        if name != "sequence":
            _check_name(name)
            raise InputError(f"The field {name} has no kind. Write {{{name}:kind}}; the kinds are {_KINDS_WRITTEN}.")
        kind = "sequence"
    parsed = _KIND.fullmatch(kind)
    if parsed is None or (parsed["count"] is not None and parsed["word"] != "number"):
        raise InputError(f"{kind!r} is no kind of field. The kinds are {_KINDS_WRITTEN}.")
    if (parsed["choices"] is not None) != (parsed["word"] == "choice"):
        raise InputError(f"{kind!r} is no kind of field. The kinds are {_KINDS_WRITTEN}.")
    choices = parsed["choices"]
    return Field(
        name,
        parsed["word"],
        answered,
        count=1 if parsed["count"] is None else _count(parsed["count"]),
        choices=() if choices is None else tuple(choice.strip() for choice in choices.split(",")),
    )


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text) or not 1 <= int(text) <= MOST_NUMBERS:
        raise InputError(f"number*{text} has no count from 1 to {MOST_NUMBERS:,}. Write, for example, number*8.")
    return int(text)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be a name. Names are letters, digits and underscores, not a digit first.")


def _check_choices(field: Field) -> None:
    if (field.kind == "choice") != bool(field.choices):
        raise InputError(
            f"The field {field.name} lists choices {field.choices}, which only (and every) choice(...) has."
        )
    for place, choice in enumerate(field.choices):
        if not choice or choice != choice.strip() or not choice.isprintable() or set(choice) & set("(){}<>,"):
            raise InputError(
                f"{choice!r} cannot be a choice of {field.name}. A choice is text without brackets, braces and commas, "
                "as in choice(donor,acceptor)."
            )
        if choice in field.choices[:place]:
            raise InputError(f"The choice {choice} of {field.name} stands twice. Keep one of them.")
    if len(field.choices) == 1:
        raise InputError(f"The field {field.name} has one choice only. List two or more, as in choice(donor,acceptor).")


def _stray(text: str, position: int) -> str:
    closing = {"<": ">", "{": "}"}.get(text[position])
    if closing is None:
        return f"{text[position]!r} is no part of a template. Parts are <X>, <{{field}}>, {{name:kind}} and letters."
    if closing not in text[position:]:
        return f"{text[position]!r} is not closed. Put a {closing!r} where the part ends."
    return f"{text[position]!r} opens no part. Parts are <X>, <{{field}}>, {{name:kind}} and letters."


def _error_at(text: str, position: int, problem: str) -> InputError:
    if not text:
        return InputError(problem)
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    start = max(0, position - 60)
    line = shown[start : position + 60]
    return InputError(f"Template, position {position + 1}: {problem}\n  {line}\n  {' ' * (position - start)}^")


BOOLEAN_OPTIONS = ("false", "true")


def field_options(item: Field) -> tuple[str, ...]:
    """Name what a field can answer: its choices, false and true, or nothing for a number."""
    return item.choices if item.kind == "choice" else BOOLEAN_OPTIONS if item.kind == "boolean" else ()
