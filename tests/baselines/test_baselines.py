"""Baselines: counting against the obvious loop, learning what is there to learn, and the published floors."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dnagpt.baselines.gc_and_kmers import gc_baseline, gc_regression, kmer_baseline, kmer_regression
from dnagpt.baselines.kmers import gc_content, kmer_frequencies
from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.classification import classification_metrics
from dnagpt.evaluation.metrics.regression import regression_metrics

Labels = NDArray[np.int64]


def naive_frequencies(sequence: str, k: int, segments: int) -> NDArray[np.float64]:
    counts = np.zeros((segments, 4**k))
    places = max(1, len(sequence) - k + 1)
    for start in range(len(sequence) - k + 1):
        word = sequence[start : start + k].upper().replace("U", "T")
        if set(word) <= set("ACGT"):
            number = int("".join(str("ACGT".index(letter)) for letter in word), base=4)
            counts[start * segments // places, number] += 1
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).ravel()


def random_sequences(count: int, seed: int, *, letters: str = "ACGTNacgtuR", longest: int = 40) -> list[str]:
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice(list(letters), size=generator.integers(0, longest))) for _ in range(count)]


@pytest.mark.parametrize(("k", "segments"), [(1, 1), (2, 3), (4, 2)])
def test_kmer_frequencies_equal_a_plain_loop(k: int, segments: int) -> None:
    """600 sequences of any length, empty ones too, cross the border between batches."""
    sequences = random_sequences(600, seed=k)
    expected = np.stack([naive_frequencies(sequence, k, segments) for sequence in sequences])
    np.testing.assert_allclose(kmer_frequencies(sequences, k, segments=segments), expected)


def test_gc_content_by_hand() -> None:
    assert gc_content(["ggNC", "AUGC", "", "é"]).tolist() == [1, 0.5, 0.5, 0.5]


def test_no_sequences_give_no_rows() -> None:
    assert kmer_frequencies([], 2).shape == (0, 16)
    assert kmer_baseline(["AC", "GT"], [0, 1], [], k=1).shape == (0, 2)


def biased_sequences(gc: float, count: int, seed: int) -> list[str]:
    weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice(list("ACGT"), p=weights, size=60)) for _ in range(count)]


def test_gc_baseline_learns_gc_and_nothing_else() -> None:
    train = biased_sequences(0.3, 60, 1) + biased_sequences(0.7, 60, 2)
    test = biased_sequences(0.3, 30, 3) + biased_sequences(0.7, 30, 4)
    labels = np.repeat([0, 1], 60)
    assert classification_metrics(np.repeat([0, 1], 30), gc_baseline(train, labels, test)).accuracy > 0.9
    complements = [sequence.translate(str.maketrans("ACGT", "TGCA")) for sequence in test]
    np.testing.assert_allclose(gc_baseline(train, labels, complements), gc_baseline(train, labels, test))


def test_kmer_baseline_learns_three_classes_and_repeats() -> None:
    def with_motif(motif: str, seed: int) -> list[str]:
        return [one[:10] + 2 * motif + one[10:] for one in biased_sequences(0.5, 60, seed)]

    sequences = [*with_motif("TTAGG", 1), *with_motif("GATTA", 2), *with_motif("CCCGA", 3)]
    labels = np.repeat([0, 1, 2], 60)
    test = np.arange(180) % 3 == 0
    train_part = [one for one, is_test in zip(sequences, test, strict=True) if not is_test]
    test_part = [one for one, is_test in zip(sequences, test, strict=True) if is_test]
    found = kmer_baseline(train_part, labels[~test], test_part, k=3)
    assert found.shape == (60, 3)
    assert classification_metrics(labels[test], found).accuracy > 0.8
    assert np.array_equal(found, kmer_baseline(train_part, labels[~test], test_part, k=3))


def test_classes_without_a_training_example_get_probability_zero() -> None:
    found = gc_baseline(["GG", "AA"], [3, 1], ["GC"], classes=5)
    assert found.shape == (1, 5)
    assert found[0, [0, 2, 4]].tolist() == [0, 0, 0]
    assert found.sum() == pytest.approx(1)


def test_regressions_learn_a_number() -> None:
    train, test = biased_sequences(0.5, 300, 1), biased_sequences(0.5, 100, 2)

    def number(sequences: list[str]) -> NDArray[np.float64]:
        return 10 * gc_content(sequences) + 3

    assert regression_metrics(number(test), gc_regression(train, number(train), test)).determination > 0.99
    assert regression_metrics(number(test), kmer_regression(train, number(train), test, k=2)).determination > 0.9
    assert gc_regression(["A"], [1.0], []).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([0], None, "2 training sequences need as many whole-number labels"),
        ([0.5, 1.0], None, "got float64"),
        ([1, 1], None, r"hold only \[1\]"),
        ([0, 2], 2, "training label 2 is none of 2 classes"),
    ],
)
def test_labels_that_do_not_fit_are_named(labels: list[float], classes: int | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        gc_baseline(["AC", "GT"], labels, ["AC"], classes=classes)


def test_numbers_and_lengths_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match="as many finite numbers"):
        gc_regression(["AC", "GT"], [1.0, float("nan")], ["AC"])
    with pytest.raises(InputError, match="1 to 8 bases long"):
        kmer_frequencies(["ACGT"], 9)


def polyadenylation(data_dir: Path, species: str) -> tuple[list[str], Labels]:
    """Read 300 + 300 bases around each signal, which is cut out; positives are 1."""
    sequences, labels = [], []
    for path in sorted((data_dir / "signals" / "pas" / species).glob("*.fa.gz")):
        records = gzip.decompress(path.read_bytes()).decode().split(">")[1:]
        bases = ["".join(record.split("\n")[1:]) for record in records]
        sequences += [one[:300] + one[306:] for one in bases]
        labels += [0 if "_neg" in path.name else 1] * len(bases)
    return sequences, np.array(labels)


def benchmark(data_dir: Path, task: str, part: str) -> tuple[list[str], Labels]:
    with (data_dir / "benchmarks" / "gue" / task / f"{part}.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [row["sequence"] for row in rows], np.array([int(row["label"]) for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("species", "count", "floor", "gc_floor"), [("human", 19_262, 0.781, 0.645), ("mouse", 14_600, 0.785, 0.68)]
)
def test_polyadenylation_floors(data_dir: Path, species: str, count: int, floor: float, gc_floor: float) -> None:
    """Mean of three random 75/25 splits.

    Published, for one split: 4-mers .781 human and .798 mouse, GC .648 and .699. One split has a standard error of .006
    to .007, and what is measured here, .785 and .788, GC .649 and .687, lies within two of them.
    """
    sequences, labels = polyadenylation(data_dir, species)
    assert len(sequences) == count
    splits = [np.random.default_rng(seed).permutation(count) for seed in range(3)]

    def mean_accuracy(baseline: Callable[..., NDArray[np.float64]]) -> float:
        accuracies = []
        for order in splits:
            train, test = order[: int(0.75 * count)], order[int(0.75 * count) :]
            found = baseline([sequences[one] for one in train], labels[train], [sequences[one] for one in test])
            accuracies.append(classification_metrics(labels[test], found).accuracy)
        return float(np.mean(accuracies))

    assert mean_accuracy(kmer_baseline) > floor
    assert mean_accuracy(gc_baseline) == pytest.approx(gc_floor, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "floor"), [("tf_0", 0.613), ("mouse_0", 0.457), ("prom_core_all", 0.548), ("prom_300_tata", 0.343)]
)
def test_benchmark_floors(data_dir: Path, task: str, floor: float) -> None:
    """The published split; the floors were fitted with another regularisation, so a little is allowed."""
    sequences, labels = benchmark(data_dir, task, "test")
    found = kmer_baseline(*benchmark(data_dir, task, "train"), sequences)
    assert classification_metrics(labels, found).mcc > floor - 0.01
