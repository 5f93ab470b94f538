"""Markov models: counts by hand, known genomes, and the published bits of human DNA."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dnagpt.baselines import markov
from dnagpt.baselines.markov import (
    MarkovSource,
    markov_bits_per_base,
    markov_scores,
    markov_source,
    sample_markov,
    window_entropy,
)
from dnagpt.errors import InputError

Codes = NDArray[np.uint8]


def codes(text: str) -> Codes:
    return np.array(["NAGCT".index(letter) for letter in text], dtype=np.uint8)


def naive_bits(train: str, test: str, order: int, smoothing: float) -> float:
    counts: dict[str, dict[str, float]] = {}
    for end in range(order, len(train)):
        word = train[end - order : end + 1]
        if "N" not in word:
            counts.setdefault(word[:-1], dict.fromkeys("AGCT", 0.0))[word[-1]] += 1
    costs = []
    for end in range(order, len(test)):
        word = test[end - order : end + 1]
        if "N" not in word:
            seen = counts.get(word[:-1], dict.fromkeys("AGCT", 0.0))
            costs.append(-np.log2((seen[word[-1]] + smoothing) / (sum(seen.values()) + 4 * smoothing)))
    return float(np.mean(costs))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equal_a_dictionary_of_contexts(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 16 positions make contexts reach across many borders."""
    monkeypatch.setattr(markov, "_CHUNK", 16)
    generator = np.random.default_rng(order)
    train, test = ("".join(generator.choice(list("AGCTN"), p=[0.3, 0.3, 0.2, 0.1, 0.1], size=300)) for _ in range(2))
    found = markov_bits_per_base([codes(train)], [codes(test)], [order], smoothing=0.5)
    assert found[order] == pytest.approx(naive_bits(train, test, order, 0.5))


def test_every_position_is_scored_or_counted_as_skipped() -> None:
    train, test = [codes("AGCTNAG"), codes("A")], [codes("AGNTCAAA")]
    score = markov_scores(train, test, [2])[2]
    assert (score.fitted, score.fitted_skipped) == (2, 6)
    assert (score.scored, score.skipped) == (3, 5)


def test_soft_masked_bases_are_bases() -> None:
    plain = codes("AGCTTGCAAGCT")
    masked = plain | np.uint8(0x80)
    assert markov_bits_per_base([plain], [masked]) == markov_bits_per_base([masked], [plain])


def test_contexts_do_not_reach_across_sequences() -> None:
    apart = markov_scores([codes("AG"), codes("CT")], [codes("AG")], [1])[1]
    assert apart.fitted == 2


def test_many_short_sequences_count_as_each_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joined or not, in stretches of any length: the counts are whole numbers and agree exactly."""
    generator = np.random.default_rng(7)
    sequences = [generator.integers(0, 5, length, dtype=np.uint8) for length in generator.integers(0, 40, 300)]
    joined = markov_scores(sequences, sequences[:50], [1, 3])
    monkeypatch.setattr(markov, "_CHUNK", 1)  # each is a stretch of its own, but empty ones
    assert markov_scores(sequences, sequences[:50], [1, 3]) == joined
    assert joined[3].scored + joined[3].skipped == sum(map(len, sequences[:50]))


def test_nothing_to_score_is_nan() -> None:
    assert np.isnan(markov_bits_per_base([codes("AGCT")], [codes("NNN")], [1])[1])


def test_bytes_that_are_no_codes_and_impossible_settings_are_named() -> None:
    with pytest.raises(InputError, match="byte 65 at position 2 is no base code"):
        markov_scores([codes("AGCT")], [np.array([1, 2, 65], dtype=np.uint8)], [1])
    with pytest.raises(InputError, match="got order 0"):
        markov_scores([codes("AGCT")], [codes("AGCT")], [0])
    with pytest.raises(InputError, match="smoothing must be above 0"):
        markov_scores([codes("AGCT")], [codes("AGCT")], [1], smoothing=0)


def test_entropy_rate_by_hand() -> None:
    """A and G alternate with probability 3/4: the entropy of a 1:3 coin."""
    source = markov_source(1, seed=0)
    assert source.stationary @ source.transitions == pytest.approx(source.stationary)
    coin = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    by_hand = MarkovSource(
        1,
        transitions=np.array([[0.25, 0.75, 0, 0], [0.75, 0.25, 0, 0], [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]]),
        stationary=np.array([0.5, 0.5, 0, 0]),
        entropy_rate=float(coin),
    )
    bits = markov_bits_per_base([sample_markov(by_hand, 100_000, 1)], [sample_markov(by_hand, 100_000, 2)], [1])[1]
    assert bits == pytest.approx(coin, abs=0.01)
    assert window_entropy(by_hand, 4) == pytest.approx(1 + 3 * coin)


@pytest.mark.parametrize("order", [1, 3])
def test_a_fitted_model_of_the_right_order_reaches_the_floor_and_none_goes_below(order: int) -> None:
    source = markov_source(order, seed=order)
    train, test = sample_markov(source, 400_000, 1), sample_markov(source, 100_000, 2)
    found = markov_bits_per_base([train], [test], range(1, 6))
    assert found[order] == pytest.approx(source.entropy_rate, abs=0.01)
    assert min(found.values()) > source.entropy_rate - 0.01
    assert all(found[lower] > found[order] for lower in range(1, order))


def test_window_entropy_equals_a_sum_over_all_windows() -> None:
    source, length = markov_source(2, seed=4), 4
    probabilities = []
    for window in itertools.product(range(4), repeat=length):
        probability = source.stationary[window[0] * 4 + window[1]]
        for place in range(2, length):
            probability *= source.transitions[window[place - 2] * 4 + window[place - 1], window[place]]
        probabilities.append(probability)
    exact = np.array(probabilities)
    assert exact.sum() == pytest.approx(1)
    assert window_entropy(source, length) == pytest.approx(-(exact * np.log2(exact)).sum())
    assert window_entropy(source, 1) == pytest.approx(
        -(source.stationary.reshape(4, 4).sum(axis=1) @ np.log2(source.stationary.reshape(4, 4).sum(axis=1)))
    )


def test_samples_repeat_and_hold_bases_only() -> None:
    source = markov_source(2, seed=1)
    first = sample_markov(source, 1000, seed=3)
    assert first.dtype == np.uint8
    assert set(first.tolist()) == {1, 2, 3, 4}
    assert np.array_equal(first, sample_markov(source, 1000, seed=3))
    assert len(sample_markov(source, 1, seed=3)) == 1


def test_human_bits_equal_the_published_ones(data_dir: Path) -> None:
    """Fitted on nine tenths of each contig, tested on the last tenth; smoothing 4 on each base."""
    contigs = [human(data_dir, "chr1_1-3004950.hg19"), human(data_dir, "chr2_1-2333275.hg38")]
    train, test = ([part(contig) for contig in contigs] for part in (first_nine_tenths, last_tenth))
    found = markov_bits_per_base(train, test)
    expected = [1.947, 1.930, 1.925, 1.916, 1.912, 1.907, 1.907, 1.908]
    assert list(found.values()) == pytest.approx(expected, abs=0.0006)


def human(data_dir: Path, name: str) -> Codes:
    table = np.zeros(256, dtype=np.uint8)
    for code, letter in enumerate("NAGCT"):
        table[[ord(letter), ord(letter.lower())]] = code
    lines = gzip.decompress((data_dir / "genomes" / f"human_{name}.fa.gz").read_bytes()).split(b"\n")[1:]
    return table[np.frombuffer(b"".join(lines), dtype=np.uint8)]


def first_nine_tenths(contig: Codes) -> Codes:
    return contig[: int(0.9 * len(contig))]


def last_tenth(contig: Codes) -> Codes:
    return contig[int(0.9 * len(contig)) :]
