"""The small convolutional network: it finds a motif that no letter count shows, repeats itself, reads any length."""

import numpy as np
import pytest
import torch

from dnagpt.baselines import cnn
from dnagpt.baselines.cnn import convolutional_baseline, convolutional_regression
from dnagpt.errors import InputError

MOTIF = "TATAAAGCTATAAAGC"


def planted(count: int, seed: int, length: int = 70) -> tuple[list[str], list[int]]:
    """Random sequences, every second with the motif near the middle, the others with its letters in any order."""
    generator = np.random.default_rng(seed)
    sequences, labels = [], []
    for number in range(count):
        sequence = "".join("ACGT"[base] for base in generator.integers(0, 4, length))
        start = int(generator.integers(24, 32))
        inserted = MOTIF if number % 2 else "".join(generator.permutation(list(MOTIF)))
        sequences.append(sequence[:start] + inserted + sequence[start + len(MOTIF) :])
        labels.append(number % 2)
    return sequences, labels


TRAIN, VALIDATION, TEST = planted(512, 0), planted(100, 1), planted(200, 2)
FEW = (["ACAC" * 20, "GTGT" * 20] * 8, [0, 1] * 8)


def test_a_planted_motif_is_found() -> None:
    chances = convolutional_baseline(*TRAIN, *VALIDATION, TEST[0], classes=2, epochs=10)
    assert chances.shape == (200, 2)
    assert chances.dtype == np.float64
    assert chances.sum(axis=1) == pytest.approx(np.ones(200))
    assert (chances.argmax(axis=1) == TEST[1]).mean() > 0.85


def test_numbers_are_predicted_in_their_unit() -> None:
    """Thousand times the numbers, plus five, is thousand times the prediction, plus five."""
    numbers = np.array(FEW[1]) * 1.0
    plain = convolutional_regression(FEW[0], numbers, FEW[0], numbers, FEW[0][:2], epochs=25)
    scaled = convolutional_regression(FEW[0], 1000 * numbers + 5, FEW[0], 1000 * numbers + 5, FEW[0][:2], epochs=25)
    assert plain == pytest.approx([0, 1], abs=0.3)
    assert scaled == pytest.approx(1000 * plain + 5, abs=1)


def test_the_same_seed_gives_the_same_answer_and_leaves_other_generators_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    found = [convolutional_baseline(*FEW, *FEW, TEST[0][:5], classes=2, epochs=2, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(1), expected)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-4


def test_the_best_validation_epoch_is_kept() -> None:
    """Validation numbers that contradict the training ones make every further epoch worse than the first."""
    numbers = np.array(FEW[1]) * 1.0
    first, later = (
        convolutional_regression(*FEW, FEW[0], 1 - numbers, FEW[0][:2], epochs=epochs) for epochs in (1, 12)
    )
    np.testing.assert_array_equal(first, later)
    last = convolutional_regression(*FEW, [], [], FEW[0][:2], epochs=12)
    assert np.abs(last - first).max() > 0.1


def test_classes_are_judged_by_right_calls() -> None:
    chances = convolutional_baseline(*FEW, FEW[0], 1 - np.array(FEW[1]), FEW[0][:2], classes=2, epochs=12)
    assert (chances.argmax(axis=1) == [0, 1]).sum() <= 1  # an epoch that learnt nothing is kept


def test_lengths_from_ten_bases_to_ten_thousand() -> None:
    sequences = ["ACGTACGTNN", "acgu" * 2625, "G"]
    chances = convolutional_baseline(sequences, [0, 1, 2], [], [], [*sequences, "R"], classes=4, epochs=1)
    assert chances.shape == (4, 4)
    assert np.isfinite(chances).all()
    assert cnn._rows_at_once(torch.zeros((1, 10_500))) == 12
    assert convolutional_baseline(sequences, [0, 1, 2], [], [], [], classes=4, epochs=1).shape == (0, 4)


def test_bases_by_hand() -> None:
    codes = cnn._codes(["ACgtN", "U"], 6, "test")
    one_hot = cnn._one_hot(codes, torch.nn.Linear(1, 1))
    a, g, c, t = one_hot[0].tolist()
    assert a == [1, 0, 0, 0, 0, 0]
    assert c == [0, 1, 0, 0, 0, 0]
    assert g == [0, 0, 1, 0, 0, 0]
    assert t == [0, 0, 0, 1, 0, 0]
    assert one_hot[1].sum(dim=1).tolist() == [0, 0, 0, 1]


def test_how_many_are_read_at_once_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = cnn._network(70, 2)
    codes = cnn._codes(TEST[0][:20], 70, "test")
    together = cnn._answers(network, codes)
    monkeypatch.setattr(cnn, "_BASES_AT_ONCE", 3 * 70)
    assert together.shape == (20, 2)
    torch.testing.assert_close(cnn._answers(network, codes), together)


def test_progress_counts_every_training_sequence_of_every_epoch() -> None:
    counted: list[int] = []
    convolutional_baseline(*FEW, [], [], ["A"], classes=2, epochs=3, done=counted.append)
    assert sum(counted) == 3 * len(FEW[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_labels": [0] * 3}, "16 training sequences need as many whole-number labels"),
        ({"train_labels": [0.5] * 16}, "got float64 of shape"),
        ({"train_labels": [0, 2] * 8}, "training label 2 is none of 2 classes"),
        ({"validation_labels": [0, -1] * 8}, "validation label -1 is none of 2 classes"),
        ({"train_sequences": [], "train_labels": []}, "at least one training sequence"),
        ({"test_sequences": ["ACGT", "ACXT"]}, "test sequence 2, position 3: 'X' is not a base"),
        ({"epochs": 0}, "0 epochs; give 1 or more"),
    ],
)
def test_input_that_does_not_fit_is_named(change: dict, words: str) -> None:
    given = {
        "train_sequences": FEW[0], "train_labels": FEW[1], "validation_sequences": FEW[0],
        "validation_labels": FEW[1], "test_sequences": ["ACGT"], "classes": 2, "epochs": 1, **change,
    }  # fmt: skip
    with pytest.raises(InputError, match=words):
        convolutional_baseline(**given)


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="16 training sequences need as many finite numbers"):
        convolutional_regression(FEW[0], [float("nan")] * 16, [], [], ["ACGT"])
