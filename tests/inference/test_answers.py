from collections.abc import Mapping

import numpy as np
import pytest
import torch
from tests.inference.models import TASKS, random_records, tiny_model

from dnagpt.data.batches import collate
from dnagpt.inference.answers import read_answers
from dnagpt.language.template import Rows

MODEL = tiny_model()
ANSWERS: Mapping[str, Mapping[str, object]] = {
    "signal": {"label": True},
    "site": {"site": "acceptor"},
    "level": {"level": 2.5},
    "several": {"label": False, "levels": [0.5, 3.0, 1.5], "other": True},
    "pretraining": {"species": "R", "gc": 0.4, "reversed": True},
}


def plain_answers(rows: Rows, number: int) -> tuple[np.ndarray, np.ndarray]:
    """What one record's network says before each position of an answer, all positions computed: logits and numbers."""
    batch = collate([rows], MODEL.vocabulary.pad_id)
    with torch.no_grad():
        hidden = MODEL.network(*map(torch.from_numpy, (batch.ids_BL, batch.numbers_BL, batch.is_number_BL)))[0]
        asked = hidden[np.flatnonzero(rows.answer == number) - 1]
        return MODEL.network.token_logits(asked).double().numpy(), MODEL.network.number(asked).double().numpy()


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_read_in_batches_are_those_of_the_plain_reading(name: str) -> None:
    """One answer, several, numbers among them, and answers so long that hardly anything is left out."""
    task = TASKS[name]
    records = [{**record, "window": record["sequence"], **ANSWERS[name]} for record in random_records(17)]
    rows = [task.rows(MODEL.vocabulary, record) for record in records]
    readings = read_answers(MODEL, task, rows, precision="float32")
    assert len(readings) == len(task.template.answered)
    for number, reading in enumerate(readings, start=1):
        for place, row in enumerate(rows):
            logits, numbers = plain_answers(row, number)
            here = row.answer == number
            if reading.field.kind == "number":
                np.testing.assert_allclose(reading.numbers[place], numbers, rtol=1e-5, atol=1e-5)
                expected = (numbers - row.numbers[here]) ** 2
            else:
                chosen = np.take_along_axis(logits, row.ids[here][:, None].astype(int), axis=1)[:, 0]
                expected = np.logaddexp.reduce(logits, axis=1) - chosen
            np.testing.assert_allclose(reading.losses[place], expected, rtol=1e-4, atol=1e-5)
