import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.inference.models import TASKS, random_records, tiny_model

from dnagpt.data.batches import collate
from dnagpt.errors import InputError
from dnagpt.inference import answers
from dnagpt.inference.answers import read_answers
from dnagpt.inference.language_model import LanguageModel
from dnagpt.inference.predict import Prediction, predict
from dnagpt.inference.predict import answers as answers_of
from dnagpt.language.template import Template
from dnagpt.tasks import Task, Transform

MODEL = tiny_model()
RECORDS = random_records(23)


def flat(predictions: list[Prediction]) -> np.ndarray:
    """All figures of several answers, one row a record."""
    return np.concatenate(
        [
            prediction.probabilities if prediction.probabilities.size else prediction.numbers
            for prediction in predictions
        ],
        axis=1,
    )


@pytest.mark.parametrize("name", ["signal", "site", "level", "several"])
def test_an_answer_does_not_depend_on_its_neighbours(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = TASKS[name]
    together = flat(predict(MODEL, task, RECORDS, precision="float32"))
    order = np.random.default_rng(1).permutation(len(RECORDS))
    shuffled = flat(predict(MODEL, task, [RECORDS[place] for place in order], precision="float32"))
    alone = np.concatenate([flat(predict(MODEL, task, [record], precision="float32")) for record in RECORDS])
    monkeypatch.setattr(answers, "TOKENS_AT_ONCE", 70)
    small = flat(predict(MODEL, task, RECORDS, precision="float32"))
    for other in (shuffled[np.argsort(order)], alone, small):
        # Numbers that are read back carry their rounding on, through weights of this size tenfold a layer.
        rounding = 100 if name == "several" else 1
        np.testing.assert_allclose(other, together, rtol=1e-5 * rounding, atol=1e-6 * rounding)
    assert np.ptp(together, axis=0).min() > 1e-3


def test_probabilities_are_those_of_the_options_alone() -> None:
    task = TASKS["site"]
    (site,) = predict(MODEL, task, RECORDS, precision="float32")
    options = MODEL.vocabulary.choice_ids(3)
    for record, probabilities, label in zip(RECORDS, site.probabilities, site.labels, strict=True):
        rows = task.rows(MODEL.vocabulary, record, prompt_only=True)
        with torch.no_grad():
            hidden = MODEL.network(torch.from_numpy(rows.ids.astype(np.int64))[None])[0, -1]
            scores = MODEL.network.token_logits(hidden)[list(options)].double()
        np.testing.assert_allclose(probabilities, scores.softmax(0), rtol=1e-4)
        assert label == ("donor", "acceptor", "neither")[int(scores.argmax())]
    assert site.probabilities.sum(axis=1) == pytest.approx(np.ones(len(RECORDS)))


def test_what_a_record_says_of_the_answer_changes_nothing() -> None:
    truths: list[Mapping[str, object]] = [{**record, "label": place % 2 == 0} for place, record in enumerate(RECORDS)]
    blind, told = (flat(predict(MODEL, TASKS["signal"], records, precision="float32")) for records in (RECORDS, truths))
    np.testing.assert_array_equal(blind, told)


def test_numbers_come_in_the_users_unit() -> None:
    """The transform of `level` is a logarithm, mean 1, deviation 2."""
    (level,) = predict(MODEL, TASKS["level"], RECORDS, precision="float32")
    raw = Task("raw", TASKS["level"].template)
    (plain,) = predict(MODEL, raw, RECORDS, precision="float32")
    np.testing.assert_allclose(level.numbers, 10 ** (plain.numbers * 2 + 1), rtol=1e-5)


def test_later_answers_read_the_earlier_ones() -> None:
    """Each answer is asked for by hand, with the ones before it written into the prompt."""
    task = TASKS["several"]
    label, levels, other = predict(MODEL, task, RECORDS, precision="float32")
    for place, record in enumerate(RECORDS):
        rows = Task("label", Template.parse("<R>{sequence}<=><B>{label:boolean}<=><M>{levels:number*3}<=><B>")).rows(
            MODEL.vocabulary,
            {**record, "label": label.labels[place], "levels": (levels.numbers[place] - [1, 2, 3]) / [0.5, 1, 2]},
        )
        ids, numbers, is_number = (
            torch.from_numpy(row)[None] for row in (rows.ids.astype(np.int64), rows.numbers, rows.is_number)
        )
        with torch.no_grad():
            hidden = MODEL.network(ids, numbers, is_number)[0]
            options = [MODEL.vocabulary.false_id, MODEL.vocabulary.true_id]
            expected = MODEL.network.token_logits(hidden[-1])[options].softmax(0)
            before = is_number[0].nonzero().flatten() - 1
            said = MODEL.network.number(hidden[before]).double().numpy() * [0.5, 1, 2] + [1, 2, 3]
        np.testing.assert_allclose(other.probabilities[place], expected, rtol=1e-3)
        np.testing.assert_allclose(levels.numbers[place], said, rtol=1e-3, atol=1e-4)


def test_later_answers_read_a_number_that_is_too_large_for_the_users_unit(caplog: pytest.LogCaptureFixture) -> None:
    """10^400 is no 64-bit number; what follows it depends on the model's own number, here the same without a scale."""
    task = TASKS["several"]
    beyond = replace(task, transforms={"levels": Transform(log10_offset=0.0, mean=400.0)})
    plain = replace(task, transforms={})
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        label, levels, other = predict(MODEL, beyond, RECORDS[:4])
    expected = predict(MODEL, plain, RECORDS[:4])
    assert np.isposinf(levels.numbers).all()
    assert [record.getMessage() for record in caplog.records] == [
        "12 answers of levels are too large for a 64-bit number in the table's unit, and are given as inf."
    ]
    np.testing.assert_array_equal(label.probabilities, expected[0].probabilities)
    np.testing.assert_array_equal(other.probabilities, expected[2].probabilities)
    assert answers_of(beyond, [label, levels, other])["predicted_levels_2"] == [np.inf] * 4


def test_a_model_whose_numbers_are_none_is_blamed_and_no_row() -> None:
    model = tiny_model()
    with torch.no_grad():
        model.network.number_head[-1].weight.fill_(float("inf"))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"^The model's answer levels is not a finite number .* training diverged"):
        predict(model, TASKS["several"], RECORDS[:2])


def test_answers_are_computed_in_float32_unless_bfloat16_is_asked_for() -> None:
    task, language_model = TASKS["signal"], LanguageModel(MODEL)
    plain = flat(predict(MODEL, task, RECORDS))
    exact, coarse = (flat(predict(MODEL, task, RECORDS, precision=name)) for name in ("float32", "bfloat16"))
    np.testing.assert_array_equal(plain, exact)
    assert 1e-5 < np.abs(coarse - exact).max() < 0.05
    column = "probability_true"
    np.testing.assert_array_equal(language_model.predict(RECORDS, task="signal")[column], exact[:, 1])
    np.testing.assert_array_equal(
        language_model.predict(RECORDS, task="signal", precision="bfloat16")[column], coarse[:, 1]
    )
    with pytest.raises(InputError, match="no precision 'bf8'"):
        language_model.predict(RECORDS, task="signal", precision="bf8")


def test_ambiguity_codes_of_records_are_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        LanguageModel(MODEL).predict(["ACRYr", "ACGT", "wN"], task="signal")
    assert [record.getMessage() for record in caplog.records] == [
        "4 ambiguity codes in 2 of 3 records are read as N: R 2, W 1, Y 1."
    ]


def test_no_records_give_no_answers() -> None:
    for task in (TASKS["signal"], TASKS["several"]):
        assert flat(predict(MODEL, task, [])).shape[0] == 0


def test_a_transform_without_a_value_at_zero_can_be_predicted() -> None:
    """Placeholders stand in the user's unit; 0 has no logarithm."""
    task = Task("pair", Template.parse("<R>{sequence}<M>{levels?:number*2}"), {"levels": Transform(log10_offset=0.0)})
    (levels,) = predict(MODEL, task, RECORDS[:3], precision="float32")
    assert levels.numbers.shape == (3, 2)
    assert (levels.numbers > 0).all()


@pytest.mark.parametrize(
    ("record", "part"),
    [
        ({"sequence": "ACGT" * 40, "half_life": 1.0}, "site 3: 84 tokens are more than the model's context of 64"),
        ({"sequence": "ACXT", "half_life": 1.0}, "site 3"),
        ({"half_life": 1.0}, "site 3: there is no value for the field sequence"),
        ({"sequence": "", "half_life": 1.0}, "site 3: the field sequence is empty"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(record: Mapping[str, object], part: str) -> None:
    with pytest.raises(InputError, match=part):
        predict(MODEL, TASKS["signal"], [*RECORDS[:2], record], where=lambda place: f"site {place + 1}")


def test_a_task_that_answers_with_a_sequence_is_refused() -> None:
    with pytest.raises(InputError, match="Use `generate` for it"):
        predict(MODEL, TASKS["pretraining"], [{"species": "R"}])


def test_losses_are_those_of_the_known_answers() -> None:
    task = TASKS["signal"]
    rows = [task.rows(MODEL.vocabulary, {**record, "label": "true"}) for record in RECORDS]
    (reading,) = read_answers(MODEL, task, rows, precision="float32")
    for row, losses in zip(rows, reading.losses, strict=True):
        batch = collate([row], MODEL.vocabulary.pad_id)
        with torch.no_grad():
            hidden = MODEL.network(torch.from_numpy(batch.ids_BL))[0, -2]
            expected = -MODEL.network.token_logits(hidden).double().log_softmax(0)[MODEL.vocabulary.true_id]
        assert losses == pytest.approx([float(expected)], rel=1e-4)


def test_asking_leaves_the_network_as_it_was() -> None:
    model = tiny_model()
    for training in (True, False):
        model.network.train(training)
        predict(model, TASKS["signal"], RECORDS[:2])
        assert model.network.training == training
        assert all(weight.grad is None for weight in model.network.parameters())


def test_progress_counts_every_record() -> None:
    counted: list[int] = []
    predict(MODEL, TASKS["signal"], RECORDS, done=counted.append)
    assert sum(counted) == len(RECORDS)
