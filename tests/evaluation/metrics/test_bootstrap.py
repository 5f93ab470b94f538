"""Fast intervals equal slow ones, and intervals cover what they should."""

import numpy as np
import pytest

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate, bootstrap, percentile_interval
from dnagpt.evaluation.metrics.classification import classification_intervals, classification_metrics
from dnagpt.evaluation.metrics.regression import regression_intervals, regression_metrics


@pytest.mark.parametrize("classes", [2, 4])
def test_fast_classification_intervals_equal_resampled_metrics(classes: int) -> None:
    generator = np.random.default_rng(classes)
    labels = generator.integers(classes, size=80)
    probabilities = np.round(generator.dirichlet(np.ones(classes), size=80), 2)
    probabilities[:, 0] += 1 - probabilities.sum(axis=1)
    probabilities = np.abs(probabilities)
    fast = classification_intervals(labels, probabilities, samples=60, seed=4)
    for name in fast:

        def score(labels: np.ndarray, probabilities: np.ndarray, name: str = name) -> float:
            return classification_metrics(labels, probabilities).scores()[name]

        slow = bootstrap(score, labels, probabilities, samples=60, seed=4)
        assert (fast[name].value, fast[name].low, fast[name].high) == pytest.approx((slow.value, slow.low, slow.high))


def test_fast_regression_intervals_equal_resampled_metrics() -> None:
    generator = np.random.default_rng(0)
    truth = np.round(generator.normal(size=70), 1)
    prediction = np.round(truth + generator.normal(size=70), 1)
    fast = regression_intervals(truth, prediction, samples=60, seed=9)
    for name in fast:

        def score(truth: np.ndarray, prediction: np.ndarray, name: str = name) -> float:
            return regression_metrics(truth, prediction).scores()[name]

        slow = bootstrap(score, truth, prediction, samples=60, seed=9)
        assert (fast[name].value, fast[name].low, fast[name].high) == pytest.approx((slow.value, slow.low, slow.high))


def test_interval_of_a_mean_is_as_wide_as_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(10, 2, size=400)
    found = bootstrap(np.mean, values, samples=2000, seed=2)
    half = 1.96 * values.std(ddof=1) / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_same_seed_same_interval() -> None:
    values = np.arange(30.0)
    assert bootstrap(np.mean, values, seed=1) == bootstrap(np.mean, values, seed=1)
    assert bootstrap(np.mean, values, seed=1) != bootstrap(np.mean, values, seed=2)


def test_resamples_without_a_positive_are_left_out_and_counted() -> None:
    labels = [1, 0, 0, 0]
    positive = np.array([0.9, 0.2, 0.3, 0.4])
    found = classification_intervals(labels, np.stack([1 - positive, positive], axis=1), samples=200)["auroc"]
    assert 0 < found.undefined < 200
    assert found.low == found.high == 1


def test_undefined_everywhere_gives_no_interval() -> None:
    found = percentile_interval(float("nan"), np.full(5, np.nan))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.undefined == 5


def test_paired_difference_of_two_models() -> None:
    always, mostly = np.ones(100), np.arange(100) % 4 != 0
    found = bootstrap(lambda one, two: float(one.mean() - two.mean()), always, mostly, samples=300)
    assert found.value == 0.25
    assert 0 < found.low < 0.25 < found.high < 0.5


def test_interval_of_five_thousand_guesses_is_that_of_a_coin() -> None:
    generator = np.random.default_rng(3)
    labels, probabilities = generator.integers(2, size=5000), generator.dirichlet([1, 1], size=5000)
    accuracy = classification_intervals(labels, probabilities, samples=1000)["accuracy"]
    assert accuracy.low < accuracy.value < accuracy.high
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * (0.25 / 5000) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        (([1, 2], [1]), {}, r"lengths \[2, 1\]"),
        (([],), {}, "at least one example"),
        (([1.0],), {"samples": 0}, "one resample"),
        (([1.0],), {"level": 95}, "a probability above 0 and up to 1, got 95"),
    ],
)
def test_input_that_does_not_fit_is_named(arrays: tuple[list[float]], options: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        bootstrap(np.mean, *arrays, **options)


def test_an_estimate_reads_as_a_sentence_would() -> None:
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"
