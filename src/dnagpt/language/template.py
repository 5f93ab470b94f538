"""A task as one line of text, and a record as the rows that a model sees."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.language.grammar import Field, Literal, LiteralSequence, Part, TokenField, parse_parts, part_problems
from dnagpt.language.kmers import Ids
from dnagpt.language.tokenizer import Encoded, encode_codes, encode_sequence
from dnagpt.language.vocabulary import Vocabulary

_LARGEST = float(np.finfo(np.float32).max)
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True)
class Template:
    """What an example of a task looks like: what is given, what is answered, and the tokens between.

    >>> template = Template.parse("<R>{sequence}<=><B>{label?:boolean}")
    >>> template.given[0].name, template.answered[0].name, template.columns
    ('sequence', 'label', ('sequence', 'label'))
    >>> print(template)
    <R>{sequence}<=><B>{label?:boolean}
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for _, problem in part_problems(self.parts):
            raise InputError(problem)

    def __str__(self) -> str:
        return "".join(map(str, self.parts))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template from text; the grammar is that of `dnagpt.language.grammar`.

        >>> Template.parse("<R>{sequence}{label:colour}")
        Traceback (most recent call last):
        dnagpt.errors.InputError: Template, position 14: 'colour' is no kind of field. The kinds are ...
        """
        return cls(parse_parts(text))

    @property
    def fields(self) -> tuple[Field, ...]:
        """All values of a record, in order (tokens that the record chooses are in `token_fields`)."""
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def token_fields(self) -> tuple[TokenField, ...]:
        """The reserved tokens that a record chooses, in order."""
        return tuple(part for part in self.parts if isinstance(part, TokenField))

    @property
    def given(self) -> tuple[Field, ...]:
        """The values that the record gives, in order."""
        return tuple(field for field in self.fields if not field.answered)

    @property
    def answered(self) -> tuple[Field, ...]:
        """The values that the model answers, in order."""
        return tuple(field for field in self.fields if field.answered)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table needs for training."""
        return tuple(column for part in self.parts for column in _columns(part))

    @property
    def given_columns(self) -> tuple[str, ...]:
        """The columns that a table needs for prediction.

        >>> Template.parse("<{species}>{sequence}<=>{half_life?:number*2}").given_columns
        ('species', 'sequence')
        """
        given = (part for part in self.parts if not (isinstance(part, Field) and part.answered))
        return tuple(column for part in given for column in _columns(part))


@dataclass(frozen=True, eq=False)
class Rows:
    """One example as aligned rows of equal length T."""

    ids: Ids
    """(T,) token ids; the pad id where a number stands."""
    numbers: npt.NDArray[np.float32]
    """(T,) the numbers; 0 where a token stands."""
    is_number: npt.NDArray[np.bool_]
    """(T,) whether a number stands here."""
    answer: npt.NDArray[np.int8]
    """(T,) 0 where given, i + 1 where the position belongs to the i-th answered field."""
    ambiguous: Mapping[str, int] = dataclass_field(default_factory=dict)
    """How often each ambiguity code was read as the unknown letter."""
    places: npt.NDArray[np.int32] | None = None
    """(T,) which k-mer of known sites stands here, counted from 1 over the whole haplotype, 0 elsewhere; None: none."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class AnswerSpan:
    """How the answer to one field is written."""

    field: Field
    number: int
    """Its mark in `Rows.answer`, from 1."""
    token_ids: Sequence[int]
    """The ids that may stand in it: (false, true), one id a choice, all k-mers of a sequence; none for numbers."""
    stop_ids: Sequence[int]
    """The ids that end a sequence: the end token, or the token that comes next (any reserved one if the record chooses
    it); none for other kinds."""


class _Segment(NamedTuple):
    """The positions of one part of a template."""

    ids: Ids
    numbers: npt.NDArray[np.float32] | None
    answer: int
    ambiguous: Mapping[str, int]


def encode_template(
    vocabulary: Vocabulary,
    template: Template,
    record: Mapping[str, object],
    *,
    where: str = "record",
    prompt_only: bool = False,
    until: str | None = None,
) -> Rows:
    """Write one record as the rows that a model sees.

    >>> rows = encode_template(
    ...     Vocabulary.preset("released-1to6mers"),
    ...     Template.parse("<R>{sequence}<=><M>{level?:number*2}"),
    ...     {"sequence": "ACGTAC", "level": [0.5, 2.0]},
    ... )
    >>> rows.ids.tolist(), rows.numbers.tolist(), rows.answer.tolist()
    ([21, 9297, 14, 18, 20, 20], [0.0, 0.0, 0.0, 0.0, 0.5, 2.0], [0, 0, 0, 0, 1, 1])

    A sequence is text or base codes (uint8); a boolean true/false, yes/no or 1/0; several numbers are a list under the
    field's name, or single values under `name_1`, `name_2` ... An answered sequence at the very end is followed by the
    end token, which is part of the answer. With `prompt_only` the rows stop before the first answer, with `until`
    before the answer of that name. `where` names the record in messages. A value that is missing, of another kind or
    not finite is an InputError.
    """
    stop = template.answered[0].name if prompt_only and template.answered else until
    if stop is not None and stop not in [field.name for field in template.answered]:
        raise InputError(f"The template {template} answers no field {stop!r}.")
    segments: list[_Segment] = []
    answers = 0
    for part in template.parts:
        if isinstance(part, Field) and part.answered:
            if part.name == stop:
                break
            answers += 1
        mark = answers if isinstance(part, Field) and part.answered else 0
        segments.append(_segment(vocabulary, part, record, where, mark))
    else:
        if _ends_open(template):
            segments.append(_tokens(vocabulary, (vocabulary.end_id,), answers))
    return _rows(vocabulary, segments)


def answer_spans(vocabulary: Vocabulary, template: Template) -> tuple[AnswerSpan, ...]:
    """Say for each answer of a template which tokens may write it and what ends it.

    >>> template = Template.parse("<R>{sequence}<=>{label?:boolean}<=>{site?:choice(donor,acceptor)}")
    >>> [span.token_ids for span in answer_spans(Vocabulary.preset("released-1to6mers"), template)]
    [(35, 34), (0, 1)]
    """
    places = [place for place, part in enumerate(template.parts) if isinstance(part, Field) and part.answered]
    return tuple(
        AnswerSpan(
            field=field,
            number=number,
            token_ids=_legal_ids(vocabulary, field),
            stop_ids=_stop_ids(vocabulary, field, template.parts[place + 1 : place + 2]),
        )
        for number, (place, field) in enumerate(zip(places, template.answered, strict=True), start=1)
    )


def _columns(part: Part) -> tuple[str, ...]:
    if isinstance(part, TokenField):
        return (part.name,)
    return part.columns if isinstance(part, Field) else ()


def _legal_ids(vocabulary: Vocabulary, field: Field) -> Sequence[int]:
    match field.kind:
        case "boolean":
            return (vocabulary.false_id, vocabulary.true_id)
        case "choice":
            return vocabulary.choice_ids(len(field.choices))
        case "sequence":
            return range(len(vocabulary.reserved), vocabulary.size)
        case _:
            return ()


def _stop_ids(vocabulary: Vocabulary, field: Field, after: Sequence[Part]) -> Sequence[int]:
    if field.kind != "sequence":
        return ()
    if not after:
        return (vocabulary.end_id,)
    if isinstance(after[0], Literal):
        return (vocabulary.reserved_id(after[0].token),)
    return range(len(vocabulary.reserved))


def _ends_open(template: Template) -> bool:
    last = template.parts[-1]
    return isinstance(last, Field) and last.answered and last.kind == "sequence"


def _segment(vocabulary: Vocabulary, part: Part, record: Mapping[str, object], where: str, answer: int) -> _Segment:
    match part:
        case Literal(token):
            return _tokens(vocabulary, (vocabulary.reserved_id(token),), 0)
        case LiteralSequence(text):
            encoded = encode_sequence(vocabulary, text, where=f"the letters {text} of the template")
            return _Segment(encoded.ids, None, 0, encoded.ambiguous)
        case TokenField(name):
            return _tokens(vocabulary, (_chosen_token(vocabulary, name, record, where),), 0)
        case _:
            return _field(vocabulary, part, record, where, answer)


def _field(vocabulary: Vocabulary, field: Field, record: Mapping[str, object], where: str, answer: int) -> _Segment:
    if field.kind == "number":
        numbers = np.array(list(_numbers(field, record, where)), dtype=np.float32)
        return _Segment(np.full(len(numbers), vocabulary.pad_id, dtype=vocabulary.dtype), numbers, answer, {})
    value = field_value(record, field.name, where)
    where = f"{where}, field {field.name}"
    if field.kind == "sequence":
        encoded = _sequence(vocabulary, value, where)
        return _Segment(encoded.ids, None, answer, encoded.ambiguous)
    if field.kind == "boolean":
        return _tokens(vocabulary, (vocabulary.true_id if read_boolean(value, where) else vocabulary.false_id,), answer)
    return _tokens(vocabulary, (_choice(vocabulary, field, value, where),), answer)


def _tokens(vocabulary: Vocabulary, ids: Sequence[int], answer: int) -> _Segment:
    return _Segment(np.array(ids, dtype=vocabulary.dtype), None, answer, {})


def _rows(vocabulary: Vocabulary, segments: Sequence[_Segment]) -> Rows:
    lengths = [len(segment.ids) for segment in segments]
    ids = np.concatenate([segment.ids for segment in segments]) if segments else np.empty(0, vocabulary.dtype)
    numbers = np.zeros(len(ids), dtype=np.float32)
    is_number = np.zeros(len(ids), dtype=bool)
    ambiguous: Counter[str] = Counter()
    start = 0
    for segment, length in zip(segments, lengths, strict=True):
        if segment.numbers is not None:
            numbers[start : start + length] = segment.numbers
            is_number[start : start + length] = True
        if segment.ambiguous:
            ambiguous.update(segment.ambiguous)
        start += length
    answer = np.repeat(np.array([segment.answer for segment in segments], dtype=np.int8), lengths)
    return Rows(ids, numbers, is_number, answer, dict(ambiguous))


def field_value(record: Mapping[str, object], name: str, where: str) -> object:
    """Give the value of a field as the record holds it; InputError where it is missing or empty."""
    if name not in record:
        present = ", ".join(map(str, record)) or "none"
        raise InputError(f"{where}: there is no value for the field {name}. The record has {present}.")
    value = record[name]
    if value is None or (isinstance(value, (str, bytes)) and not value) or _is_nan(value):
        raise InputError(f"{where}: the field {name} is empty. Fill it in, or leave the record out.")
    return value


def _is_nan(value: object) -> bool:
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def _sequence(vocabulary: Vocabulary, value: object, where: str) -> Encoded:
    if isinstance(value, (str, bytes)):
        return encode_sequence(vocabulary, value, where=where)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1 and value.size:
        return Encoded(encode_codes(vocabulary, value, where=where))
    raise InputError(f"{where}: {_shown(value)} is no sequence. Give letters, or base codes as one row of uint8.")


def _numbers(field: Field, record: Mapping[str, object], where: str) -> Iterator[float]:
    if field.count == 1:
        yield _number(field_value(record, field.name, where), f"{where}, field {field.name}")
        return
    if field.name not in record and field.columns[0] in record:
        values: Sequence[object] = [field_value(record, column, where) for column in field.columns]
    else:
        values = _listed(field_value(record, field.name, where), field, where)
    for column, value in zip(field.columns, values, strict=True):
        yield _number(value, f"{where}, field {column}")


def _listed(value: object, field: Field, where: str) -> Sequence[object]:
    values = value.ravel().tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(values, (list, tuple)) or len(values) != field.count:
        held = f"{len(values)} values" if isinstance(values, (list, tuple)) else _shown(value)
        raise InputError(
            f"{where}: the field {field.name} needs {field.count} numbers but has {held}. Give a list of "
            f"{field.count}, or the columns {field.columns[0]} to {field.columns[-1]}."
        )
    return values


def _number(value: object, where: str) -> float:
    number = _read_number(value)
    if number is None:
        raise InputError(f"{where}: {_shown(value)} is no number. Write it as 12, -3.5 or 1e-4.")
    if not abs(number) <= _LARGEST:
        raise InputError(
            f"{where}: {_shown(value)} is not finite in 32 bits. Leave the record out, or transform the field."
        )
    return number


def _read_number(value: object) -> float | None:
    """Read what a number is written as; Python alone would also read True and 1_000."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, np.integer, np.floating)):
        return None
    try:
        return None if "_" in str(value) else float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        return None


def read_boolean(value: object, where: str = "record") -> bool:
    """Read a yes or no as people write it: true/false, yes/no, 1/0, in any case.

    >>> read_boolean("Yes"), read_boolean(0)
    (True, False)
    """
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    if isinstance(value, (bool, np.bool_, int, float, np.integer, np.floating)) and value in (0, 1):
        return bool(value)
    raise InputError(f"{where}: {_shown(value)} is neither yes nor no. Write one of {', '.join(_BOOLEANS)}.")


def _choice(vocabulary: Vocabulary, field: Field, value: object, where: str) -> int:
    text = str(value) if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool) else None
    if text not in field.choices:
        raise InputError(f"{where}: {_shown(value)} is not among the choices {', '.join(field.choices)}.")
    return vocabulary.choice_ids(len(field.choices))[field.choices.index(text)]


def _chosen_token(vocabulary: Vocabulary, name: str, record: Mapping[str, object], where: str) -> int:
    value = field_value(record, name, where)
    if not isinstance(value, str):
        raise InputError(f"{where}, field {name}: {_shown(value)} is no reserved token. Write its text, such as R.")
    try:
        return vocabulary.reserved_id(value)
    except InputError as error:
        raise InputError(f"{where}, field {name}: {error}") from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
