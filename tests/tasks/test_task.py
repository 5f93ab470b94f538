import numpy as np
import pytest

from dnagpt.errors import InputError
from dnagpt.genome.bases import encode_bases
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task, Transform, pretraining_task, tasks_from_toml, tasks_to_toml, window_record

VOCABULARY = Vocabulary.preset("dna-3mers")
ABUNDANCE = Template.parse("<R>{sequence}<+><M>{half_life:number*2}<=><M>{expression?:number}")


@pytest.fixture
def abundance() -> Task:
    return Task(
        "abundance",
        ABUNDANCE,
        {
            "half_life": Transform(log10_offset=0.0, mean=(1.0, 2.0), deviation=(1.0, 0.5)),
            "expression": Transform(mean=3.0, deviation=2.0),
        },
    )


@pytest.mark.parametrize("half_life", [[100.0, 10.0], (100, 10), np.array([100.0, 10.0]), ["1e2", " 10 "]])
def test_numbers_are_scaled_on_the_way_in(abundance: Task, half_life: object) -> None:
    rows = abundance.rows(VOCABULARY, {"sequence": "ACG", "half_life": half_life, "expression": 7})
    assert rows.numbers[rows.is_number].tolist() == [1.0, -2.0, 2.0]
    assert rows.answer[rows.is_number].tolist() == [0, 0, 1]


def test_numbers_of_single_columns_are_scaled_alike(abundance: Task) -> None:
    record = {"sequence": "ACG", "half_life_1": "100", "half_life_2": "10", "expression": "7"}
    rows = abundance.rows(VOCABULARY, record)
    assert rows.numbers[rows.is_number].tolist() == [1.0, -2.0, 2.0]


def test_answers_come_back_in_the_users_unit(abundance: Task) -> None:
    assert abundance.in_users_unit("expression", np.array([2.0])).tolist() == [7.0]
    assert abundance.in_users_unit("half_life", np.array([[1.0, -2.0]])).ravel().tolist() == pytest.approx(
        [100.0, 10.0]
    )
    assert abundance.in_users_unit("sequence", 5) == 5


def test_a_record_is_not_changed(abundance: Task) -> None:
    record = {"sequence": "ACG", "half_life": [100.0, 10.0], "expression": 7.0}
    abundance.rows(VOCABULARY, record)
    assert record == {"sequence": "ACG", "half_life": [100.0, 10.0], "expression": 7.0}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"expression": "high"}, "row 3: 'high' in 'expression' is not a number"),
        ({"expression": ""}, "is not a number"),
        ({"expression": None}, "is not a number"),
        ({"expression": True}, "is not a number"),
        ({"expression": "1_000"}, "is not a number"),
        ({"expression": "nan"}, "is not a number"),
        ({"expression": float("inf")}, "is not a number"),
        ({"half_life": [1.0]}, "needs 2 numbers but has 1"),
        ({"half_life": "5"}, "needs 2 numbers but has 1"),
        ({"half_life": [1.0, 0.0]}, "has no value for 0"),
    ],
)
def test_what_is_no_number_is_refused(abundance: Task, changes: dict[str, object], part: str) -> None:
    record = {"sequence": "ACG", "half_life": [100.0, 10.0], "expression": 7.0, **changes}
    with pytest.raises(InputError, match=part):
        abundance.rows(VOCABULARY, record, where="row 3")


def test_the_prompt_alone_needs_no_answer(abundance: Task) -> None:
    rows = abundance.rows(VOCABULARY, {"sequence": "ACG", "half_life": [100.0, 10.0]}, prompt_only=True)
    assert not rows.answer.any()
    assert rows.numbers[rows.is_number].tolist() == [1.0, -2.0]


@pytest.mark.parametrize("transforms", [{"sequence": Transform()}, {"half_life": Transform(mean=(1.0, 2.0, 3.0))}])
def test_a_transform_must_fit_its_field(transforms: dict[str, Transform]) -> None:
    with pytest.raises(InputError, match="abundance"):
        Task("abundance", ABUNDANCE, transforms)


def test_tasks_survive_their_file(abundance: Task) -> None:
    tasks = {"abundance": abundance, "pretraining": pretraining_task()}
    assert tasks_from_toml(tasks_to_toml(tasks.values())) == tasks


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[a", "is not TOML"),
        ("a = 1", r"\[a\] needs a `template`"),
        ("[a]\ntemplate = 3", "needs a `template`"),
        ('[a]\ntemplate = "<R>{x?:number}"\nextra = 1', "nothing else"),
        ('[a]\ntemplate = "<R>{x?:number}"\ntransforms = 4', "tables"),
        ('[a]\ntemplate = "<R>{x?:number}"\n[a.transforms.x]\nmean = "0"', "mean = '0' is not understood"),
        ('[a]\ntemplate = "<R>{x?:number}"\n[a.transforms.y]\nmean = 0', "a transform is given for y"),
        ('[a]\ntemplate = "<R>{x?:colour}"', "'colour' is no kind of field"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(text: str, part: str) -> None:
    with pytest.raises(InputError, match=part) as refusal:
        tasks_from_toml(text, "folder/tasks.toml")
    assert "folder/tasks.toml" in str(refusal.value)


def test_pretraining_asks_three_questions_of_a_window() -> None:
    window = encode_bases(b"GGCATT", "example")[0]
    task = pretraining_task()
    rows = task.rows(VOCABULARY, window_record(task, "S", window, is_reversed=True))
    assert rows.answer.tolist() == [0, 1, 1, 0, 0, 2, 0, 0, 3]
    assert rows.numbers[5] == pytest.approx((0.5 - 0.45) / 0.1)
    assert rows.ids[[0, -1]].tolist() == [VOCABULARY.reserved_id("S"), VOCABULARY.true_id]


def test_pretraining_objectives_can_be_left_out() -> None:
    window = encode_bases(b"GGCATT", "example")[0]
    for template, answers in (
        ("<{species}>{window?:sequence}", 1),
        ("<{species}>{window?:sequence}<=><M>{gc?:number}", 2),
    ):
        task = pretraining_task(template)
        rows = task.rows(VOCABULARY, window_record(task, "R", window, is_reversed=False))
        assert rows.answer.max() == answers
