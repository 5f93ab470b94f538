import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.errors import InputError
from dnagpt.language.grammar import Field, Literal, LiteralSequence, Part, TokenField
from dnagpt.language.template import Template, answer_spans, encode_template
from dnagpt.language.tokenizer import decode, encode_prompt
from dnagpt.language.vocabulary import Vocabulary

RELEASED = Vocabulary.preset("released-1to6mers")
FIXED = Vocabulary.preset("released-6mers")
PAPER_TEMPLATES = [
    "<{species}>{window?:sequence}<=><M>{gc?:number}<=><B>{reversed?:boolean}",
    "<R>{sequence}<=><B>{label?:boolean}",
    "<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}",
    "<R>{haplotype?:sequence}",
    "<R><{population}><=>{haplotype?:sequence}",
    "<R>{sequence}<=><B>{site?:choice(donor,acceptor,neither)}",
    "<R>{sequence}<=><R>{label?:boolean}",
    "<R>ACGT{continuation?:sequence}",
]
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
CHOICES = st.lists(
    st.from_regex(r"[A-Za-z0-9 .+-]*[A-Za-z0-9.+-]", fullmatch=True), min_size=2, max_size=4, unique=True
)


@st.composite
def some_field(draw: st.DrawFn, name: str) -> Field:
    kind = draw(st.sampled_from(["sequence", "number", "boolean", "choice"]))
    count = draw(st.integers(1, 9)) if kind == "number" else 1
    choices = tuple(choice.strip() for choice in draw(CHOICES)) if kind == "choice" else ()
    return Field(name, kind, draw(st.booleans()), count, tuple(dict.fromkeys(choices)))


@st.composite
def some_template(draw: st.DrawFn) -> Template:
    parts: list[Part] = [Literal("R")]
    for place in range(draw(st.integers(0, 6))):
        name = f"{draw(NAMES)}x{place}x"
        part = draw(
            st.sampled_from("RSK=+M").map(Literal)
            | st.from_regex(r"[ACGT]{1,9}", fullmatch=True).map(LiteralSequence)
            | st.just(TokenField(name))
            | some_field(name).filter(lambda field: field.kind != "choice" or len(field.choices) > 1)
        )
        if isinstance(part, (Field, LiteralSequence)):
            parts.append(Literal("="))
        parts.append(part)
    return Template(tuple(parts))


@given(some_template())
def test_printing_and_parsing_are_inverse(template: Template) -> None:
    assert Template.parse(str(template)) == template


@pytest.mark.parametrize("text", PAPER_TEMPLATES)
def test_the_templates_of_the_paper_print_as_written(text: str) -> None:
    assert str(Template.parse(text)) == text


@given(st.text("<>{}RACGT:?*(),=ab12 sequencenumber\n", max_size=40))
def test_any_text_is_a_template_or_an_input_error(text: str) -> None:
    try:
        template = Template.parse(text)
    except InputError as error:
        assert str(error).startswith(("Template, position", "The template is empty"))  # noqa: PT017 - either is right
    else:
        assert Template.parse(str(template)) == template


def test_parts_and_columns() -> None:
    template = Template.parse("<{species}>AC{sequence}<+>{half_life:number*2}<=>{a?:number}{b?:choice(x, y z)}")
    assert template.parts == (
        TokenField("species"),
        LiteralSequence("AC"),
        Field("sequence", "sequence", answered=False),
        Literal("+"),
        Field("half_life", "number", answered=False, count=2),
        Literal("="),
        Field("a", "number", answered=True),
        Field("b", "choice", answered=True, choices=("x", "y z")),
    )
    assert [field.name for field in template.fields] == ["sequence", "half_life", "a", "b"]
    assert [field.name for field in template.given] == ["sequence", "half_life"]
    assert [field.name for field in template.answered] == ["a", "b"]
    assert template.columns == ("species", "sequence", "half_life_1", "half_life_2", "a", "b")
    assert template.given_columns == ("species", "sequence", "half_life_1", "half_life_2")


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("<R>{label", 4, "'{' is not closed"),
        ("<R", 1, "'<' is not closed"),
        ("<R><>", 4, "'<' opens no part"),
        ("<R> {sequence}", 4, "' ' is no part of a template"),
        ("<R>}", 4, "'}' is no part"),
        ("<R>AC1", 6, "'1' is no part"),
        ("<R>{label}", 4, r"The field label has no kind. Write {label:kind}"),
        ("<R>{label:colour}", 4, "'colour' is no kind of field. The kinds are sequence, number"),
        ("<R>{label:}", 4, "'' is no kind"),
        ("<R>{label?x:number}", 4, "is no field"),
        ("<R>{label:choice}", 4, "'choice' is no kind"),
        ("<R>{label:number(a,b)}", 4, "no kind"),
        ("<R>{label:sequence*2}", 4, "no kind"),
        ("<R>{label:number*0}", 4, r"number\*0 has no count from 1"),
        ("<R>{label:number*}", 4, r"number\* has no count"),
        ("<R>{label:number*-1}", 4, "has no count"),
        ("<R>{label:number*9999999999}", 4, "has no count"),
        ("<R>{1st:number}", 4, "'1st' cannot be a name"),
        ("<R><{}>", 4, "'' cannot be a name"),
        ("<R>{a:choice()}", 4, "'' cannot be a choice of a"),
        ("<R>{a:choice(x,,y)}", 4, "'' cannot be a choice of a"),
        ("<R>{a:choice(x,x)}", 4, "The choice x of a stands twice"),
        ("<R>{a:choice(x)}", 4, "one choice only"),
        ("{a?:number}", 1, "comes first, so there is nothing to predict it from"),
        ("<R>{a:number}<{a}>", 14, "The name a is taken"),
        ("<R>{a_2:number}{a:number*3}", 16, "The name a_2 is taken"),
        ("<R>{a?:sequence}{b:number}", 4, "Nothing says where the answered sequence a ends"),
        ("<R>{a?:sequence}ACGT", 4, "Nothing says where the answered sequence a ends"),
    ],
)
def test_bad_template_points_at_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(InputError, match=f"^Template, position {position}: .*{message}") as caught:
        Template.parse(text)
    line, caret = str(caught.value).splitlines()[1:]
    assert line == f"  {text}"
    assert caret.index("^") == 2 + position - 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Template(()),
        lambda: Template((LiteralSequence("A"), LiteralSequence("C"))),
        lambda: Template((Literal("R"), *(Field(f"a{n}", "number", answered=True) for n in range(128)))),
        lambda: Literal("a b"),
        lambda: LiteralSequence("A1"),
        lambda: TokenField("a b"),
        lambda: Field("a", "colour", answered=False),
        lambda: Field("a", "boolean", answered=False, count=2),
        lambda: Field("a", "number", answered=False, choices=("x", "y")),
        lambda: Field("a", "choice", answered=False, choices=("x", "y,z")),
    ],
)
def test_parts_that_could_not_be_written_are_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()


def test_rows_of_the_pre_training_template() -> None:
    template = Template.parse(PAPER_TEMPLATES[0])
    record = {"species": "S", "window": "ACGTACG", "gc": "0.5", "reversed": "No"}
    rows = encode_template(RELEASED, template, record)
    assert rows.ids.tolist() == [27, 9297, 36, 14, 18, 20, 14, 19, 35]
    assert rows.numbers.tolist() == [0, 0, 0, 0, 0, 0.5, 0, 0, 0]
    assert rows.is_number.tolist() == [False] * 5 + [True] + [False] * 3
    assert rows.answer.tolist() == [0, 1, 1, 0, 0, 2, 0, 0, 3]
    assert [str(row.dtype) for row in (rows.ids, rows.numbers, rows.answer)] == ["uint16", "float32", "int8"]
    assert len(encode_template(RELEASED, template, record, prompt_only=True)) == 1
    assert encode_template(RELEASED, template, record, until="gc").ids.tolist() == [27, 9297, 36, 14, 18]
    with pytest.raises(InputError, match="answers no field 'species'"):
        encode_template(RELEASED, template, record, until="species")


def test_prompt_needs_no_answers() -> None:
    template = Template.parse("<R>{sequence}<=><B>{label?:boolean}")
    assert encode_template(RELEASED, template, {"sequence": "ACGTAC"}, prompt_only=True).ids.tolist() == [
        21,
        9297,
        14,
        19,
    ]
    without_answers = encode_template(RELEASED, Template.parse("<R>{sequence}"), {"sequence": "A"}, prompt_only=True)
    assert without_answers.ids.tolist() == [21, 35]


def test_answered_sequence_at_the_end_gets_an_end_token() -> None:
    template = Template.parse("<R>ACGT{continuation?:sequence}")
    rows = encode_template(RELEASED, template, {"continuation": "GGG"})
    assert decode(RELEASED, rows.ids) == "<R>ACGTGGG<&>"
    assert rows.answer.tolist() == [0, 0, 1, 1]
    given_last = encode_template(RELEASED, Template.parse("<R>{sequence}"), {"sequence": "GGG"})
    assert decode(RELEASED, given_last.ids) == "<R>GGG"


@given(st.text("ACGTNacgtRY", min_size=1, max_size=50), st.booleans())
def test_rows_equal_the_prompt_written_out(sequence: str, label: bool) -> None:
    template = Template.parse("<R>{sequence}<=><B>{label?:boolean}")
    rows = encode_template(RELEASED, template, {"sequence": sequence, "label": label})
    written = encode_prompt(RELEASED, f"<R>{sequence}<=><B>{'N' if label else 'A'}")
    assert rows.ids.tolist() == written.ids.tolist()
    assert rows.ambiguous == written.ambiguous
    assert not rows.is_number.any()


def test_base_codes_equal_letters() -> None:
    template = Template.parse("<R>{sequence}<=>{other:sequence}")
    codes = np.array([1, 3, 2, 0x84, 0], dtype=np.uint8)
    by_codes = encode_template(RELEASED, template, {"sequence": codes, "other": b"acg"})
    assert by_codes.ids.tolist() == encode_prompt(RELEASED, "<R>ACGTN<=>ACG").ids.tolist()


@pytest.mark.parametrize(
    "record",
    [
        {"levels": [1.5, -2, 3e4]},
        {"levels": ("1.5", "-2", "3e4")},
        {"levels": np.array([1.5, -2, 3e4])},
        {"levels_1": "1.5", "levels_2": -2, "levels_3": np.float32(3e4)},
    ],
)
def test_several_numbers_come_as_list_or_columns(record: dict[str, object]) -> None:
    rows = encode_template(RELEASED, Template.parse("<M>{levels:number*3}"), record)
    assert rows.numbers.tolist() == [0, 1.5, -2, 3e4]
    assert rows.ids.tolist() == [18, 20, 20, 20]
    assert rows.answer.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "value", [True, 1, 1.0, "true", "TRUE", "yes", "Yes", "1", np.True_, np.int64(1), np.float32(1)]
)
def test_ways_to_say_true(value: object) -> None:
    template = Template.parse("<B>{label?:boolean}")
    assert encode_template(RELEASED, template, {"label": value}).ids.tolist() == [19, 34]
    assert encode_template(FIXED, template, {"label": value}).ids.tolist() == [19, 1]


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "False", "no", "NO", "0", np.False_])
def test_ways_to_say_false(value: object) -> None:
    assert encode_template(RELEASED, Template.parse("<B>{label?:boolean}"), {"label": value}).ids.tolist() == [19, 35]


def test_choices_are_written_as_reserved_tokens() -> None:
    template = Template.parse("<B>{site?:choice(donor,acceptor,2)}")
    values = ("donor", "acceptor", "2", 2, np.int64(2))
    ids = [encode_template(RELEASED, template, {"site": value}).ids.tolist()[1] for value in values]
    assert ids == [0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("template", "record", "message"),
    [
        ("<R>{sequence}", {"seq": "A", "y": 1}, "there is no value for the field sequence. The record has seq, y"),
        ("<R>{sequence}", {"sequence": ""}, "the field sequence is empty"),
        ("<R>{sequence}", {"sequence": None}, "the field sequence is empty"),
        ("<R>{sequence}", {"sequence": math.nan}, "the field sequence is empty"),
        ("<R>{sequence}", {"sequence": 12}, "field sequence: 12 is no sequence"),
        ("<R>{sequence}", {"sequence": np.array([1, 2])}, "field sequence: .* is no sequence"),
        ("<R>{sequence}", {"sequence": np.empty(0, np.uint8)}, "field sequence: .* is no sequence"),
        ("<R>{sequence}", {"sequence": "AC-T"}, "field sequence, position 3: '-' cannot be read"),
        ("<R>{sequence}", {"sequence": np.array([1, 9], np.uint8)}, "field sequence, position 2: 9 is not a base code"),
        ("<{species}>", {"species": "J"}, "field species: <J> is not a reserved token"),
        ("<{species}>", {"species": 4}, "field species: 4 is no reserved token"),
        ("<M>{x:number}", {"x": "many"}, "field x: 'many' is no number"),
        ("<M>{x:number}", {"x": "1_000"}, "field x: '1_000' is no number"),
        ("<M>{x:number}", {"x": True}, "field x: True is no number"),
        ("<M>{x:number}", {"x": [1]}, r"field x: \[1\] is no number"),
        ("<M>{x:number}", {"x": ""}, "the field x is empty"),
        ("<M>{x:number}", {"x": "nan"}, "field x: 'nan' is not finite"),
        ("<M>{x:number}", {"x": math.inf}, "field x: inf is not finite"),
        ("<M>{x:number}", {"x": 1e39}, r"field x: 1e\+39 is not finite in 32 bits"),
        ("<M>{x:number}", {"x": 10**400}, "field x: 1000.* is not finite"),
        ("<M>{x:number*3}", {"x": [1, 2]}, "the field x needs 3 numbers but has 2 values"),
        (
            "<M>{x:number*3}",
            {"x": 1},
            "the field x needs 3 numbers but has 1. Give a list of 3, or the columns x_1 to x_3",
        ),
        ("<M>{x:number*3}", {"x": [1, "b", 2]}, "field x_2: 'b' is no number"),
        ("<M>{x:number*3}", {"x_1": 1, "x_3": 2}, "no value for the field x_2"),
        ("<M>{x:number*3}", {}, "no value for the field x. The record has none"),
        ("<B>{y?:boolean}", {"y": "maybe"}, "field y: 'maybe' is neither .* Write one of true, false, yes, no, 1, 0"),
        ("<B>{y?:boolean}", {"y": 2}, "field y: 2 is neither"),
        ("<B>{y?:boolean}", {"y": [1]}, r"field y: \[1\] is neither"),
        ("<B>{y?:choice(a,b)}", {"y": "c"}, "field y: 'c' is not among the choices a, b"),
        ("<B>{y?:choice(0,1)}", {"y": True}, "field y: True is not among the choices 0, 1"),
        ("<J>{sequence}", {"sequence": "A"}, "<J> is not a reserved token"),
        ("<R>ACZ", {}, "the letters ACZ of the template, position 3: 'Z' cannot be read"),
    ],
)
def test_bad_record_names_itself_field_and_value(template: str, record: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        encode_template(RELEASED, Template.parse(template), record, where="t.csv, row 12")
    if "{" in template and "J>" not in template:
        assert str(caught.value).startswith("t.csv, row 12")


def test_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(InputError, match=r"'x{50,60}\.\.\. is no number") as caught:
        encode_template(RELEASED, Template.parse("<M>{x:number}"), {"x": "x" * 10_000})
    assert len(str(caught.value)) < 200


def test_tail_in_a_fixed_vocabulary_names_the_record() -> None:
    with pytest.raises(InputError, match=r"t\.csv, row 2, field sequence, position 7: the piece 'A' is too short"):
        encode_template(FIXED, Template.parse("<R>{sequence}"), {"sequence": "ACGTACA"}, where="t.csv, row 2")


def test_answer_spans_say_what_may_be_written() -> None:
    template = Template.parse(
        "<R>{a?:sequence}<=>{b?:boolean}{c?:choice(x,y,z)}{d?:number*2}<=>{e?:sequence}<{species}>{f?:sequence}"
    )
    a, b, c, d, e, f = answer_spans(FIXED, template)
    assert [span.number for span in (a, b, c, d, e, f)] == [1, 2, 3, 4, 5, 6]
    assert (a.token_ids, list(a.stop_ids)) == (range(34, FIXED.size), [14])
    assert (list(b.token_ids), list(b.stop_ids)) == ([0, 1], [])
    assert list(c.token_ids) == [0, 1, 2]
    assert (list(d.token_ids), d.field.count) == ([], 2)
    assert list(e.stop_ids) == list(range(34))
    assert list(f.stop_ids) == [FIXED.end_id]
