import math

import numpy as np
import pytest
import torch
from tests.data.genomes import genome_of, random_codes, species_of
from tests.inference.models import tiny_model

from dnagpt.data.windows import Window, every_second_reversed, tiles, window_rows
from dnagpt.errors import InputError
from dnagpt.genome.bases import gc_content
from dnagpt.inference.genome_score import score_windows
from dnagpt.tasks import Task, pretraining_task


def windows_of(length: int, *, turn: bool = True, unknown: slice | None = None) -> list[Window]:
    codes = random_codes(900, seed=3)
    if unknown is not None:
        codes[unknown] = 0
    species = species_of(genome_of({"one": codes}), held_out_fraction=0.5)
    windows = list(tiles(species, length, usable=lambda _: True))
    return every_second_reversed(windows) if turn else windows


def naive_bits(vocabulary: str, task: Task, windows: list[Window], skip: int) -> tuple[float, int]:
    """Every k-mer of every window in turn, by a forward pass of its own."""
    model = tiny_model(vocabulary)
    k, bits, bases = model.vocabulary.k, 0.0, 0
    for window in windows:
        if window.is_reversed or not window.codes.all():
            continue
        ids = torch.from_numpy(window_rows(task, model.vocabulary, window).ids.astype(np.int64))
        for place in range(skip // k, len(window.codes) // k):
            with torch.no_grad():
                scores = model.network.token_logits(model.network(ids[None, : place + 1])[0, -1]).double()
            bits -= float(scores.log_softmax(0)[ids[place + 1]]) / math.log(2)
            bases += k
    return bits, bases


@pytest.mark.parametrize("template", [None, "<{species}>{window?:sequence}"])
@pytest.mark.parametrize(("vocabulary", "length"), [("dna-1mers", 30), ("dna-3mers", 30), ("released-6mers", 24)])
@pytest.mark.parametrize("skip", [0, 12])
def test_bits_equal_a_naive_recomputation(template: str | None, vocabulary: str, length: int, skip: int) -> None:
    task = pretraining_task(*([template] if template else []))
    windows = windows_of(length)
    score = score_windows(tiny_model(vocabulary), task, windows, skip=skip, precision="float32")
    bits, bases = naive_bits(vocabulary, task, windows, skip)
    assert score.bases == bases == (length - skip) * sum(not window.is_reversed for window in windows)
    assert score.bits == pytest.approx(bits, rel=1e-5)
    assert score.bits_per_base == pytest.approx(bits / bases, rel=1e-5)


@pytest.mark.parametrize("vocabulary", ["dna-1mers", "dna-3mers", "released-6mers"])
def test_windows_with_unknown_bases_do_not_count(vocabulary: str) -> None:
    """Some of their tokens stand for N, which is no base to be foreseen."""
    model, task = tiny_model(vocabulary), pretraining_task()
    windows = windows_of(24, turn=False, unknown=slice(490, 500))
    clean = [window for window in windows if window.codes.all()]
    assert len(clean) == len(windows) - 2
    score, expected = (score_windows(model, task, some, precision="float32") for some in (windows, clean))
    assert score.bits == pytest.approx(expected.bits, rel=1e-6)
    assert score.bases == expected.bases


def test_overlapping_windows_count_every_base_once() -> None:
    species = species_of(genome_of({"one": random_codes(900, seed=3)}), held_out_fraction=0.5)
    windows = list(tiles(species, 30, usable=lambda _: True, stride=12))
    score = score_windows(tiny_model("dna-3mers"), pretraining_task(), windows, skip=18)
    assert score.bases == 12 * len(windows)


def test_gc_and_order_are_told_of_every_window() -> None:
    model, task, windows = tiny_model("dna-3mers"), pretraining_task(), windows_of(30)
    score = score_windows(model, task, windows, precision="float32")
    assert score.gc_true.tolist() == [gc_content(window.codes) for window in windows]
    assert score.reversed_true.tolist() == [place % 2 for place in range(len(windows))]
    assert score.gc_predicted.shape == score.reversed_probability.shape == (len(windows),)
    window = windows[1]
    rows = window_rows(task, model.vocabulary, window)
    ids, numbers, is_number = (
        torch.from_numpy(row)[None] for row in (rows.ids.astype(np.int64), rows.numbers, rows.is_number)
    )
    with torch.no_grad():
        hidden = model.network(ids, numbers, is_number)[0]
        gc = model.network.number(hidden[int(is_number.nonzero()[0, 1]) - 1])
        order = model.network.token_logits(hidden[-2])[[model.vocabulary.false_id, model.vocabulary.true_id]]
    assert score.gc_predicted[1] == pytest.approx(float(gc) * 0.1 + 0.45, rel=1e-4)
    assert score.reversed_probability[1] == pytest.approx(float(order.softmax(0)[1]), rel=1e-4)


def test_objectives_that_a_task_lacks_are_empty() -> None:
    score = score_windows(tiny_model(), pretraining_task("<{species}>{window?:sequence}"), windows_of(20))
    assert score.gc_predicted.size == score.reversed_probability.size == 0
    assert set(score.losses) == {"window"}


def test_no_windows_are_refused() -> None:
    with pytest.raises(InputError, match="no window to score"):
        score_windows(tiny_model(), pretraining_task(), [])
