"""Regression metrics equal scipy and scikit-learn on random data, and numbers worked by hand."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.metrics import as_dict
from dnagpt.evaluation.metrics.ranking import score_order, weighted_ranks
from dnagpt.evaluation.metrics.regression import regression_intervals, regression_metrics


@pytest.mark.parametrize("decimals", [1, 9])
def test_equal_scipy_and_scikit_learn(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    truth = np.round(generator.normal(5, 2, 300), decimals)
    prediction = np.round(0.7 * truth + generator.normal(1, 1, 300), decimals)
    found = regression_metrics(truth, prediction)
    assert found.pearson == pytest.approx(stats.pearsonr(truth, prediction).statistic)
    assert found.squared_pearson == pytest.approx(found.pearson**2)
    assert found.determination == pytest.approx(reference.r2_score(truth, prediction))
    assert found.spearman == pytest.approx(stats.spearmanr(truth, prediction).statistic)
    assert found.rmse == pytest.approx(math.sqrt(reference.mean_squared_error(truth, prediction)))
    assert found.mae == pytest.approx(reference.mean_absolute_error(truth, prediction))


def test_worked_by_hand() -> None:
    found = regression_metrics([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 3.0, 5.0])
    assert found.rmse == pytest.approx(math.sqrt(2 / 4))
    assert found.mae == pytest.approx(0.5)
    assert found.determination == pytest.approx(1 - 2 / 5)
    assert found.squared_pearson == pytest.approx(5**2 / (5 * 6))


def test_the_two_definitions_of_r2_differ_under_a_wrong_scale() -> None:
    found = regression_metrics([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    assert found.squared_pearson == pytest.approx(1)
    assert found.determination < 0


def test_ranks_of_repeated_examples_equal_scipy() -> None:
    values, weights = np.array([3.0, 1.0, 3.0, 2.0]), np.array([[2.0, 1.0, 1.0, 3.0]])
    repeated = np.repeat(values, weights[0].astype(int))
    expected = stats.rankdata(repeated)[np.cumsum(weights[0].astype(int)) - 1]
    assert weighted_ranks(score_order(values), weights)[0].tolist() == expected.tolist()


def test_constants_leave_correlations_undefined_and_say_why() -> None:
    found = regression_metrics([0.1, 0.1, 0.1], [1.0, 2.0, 3.0])
    assert math.isnan(found.pearson)
    assert math.isnan(found.spearman)
    assert math.isnan(found.determination)
    assert found.notes == ("correlations and determination are undefined: every true number is 0.1",)
    assert as_dict(found)["squared_pearson"] is None
    assert regression_intervals([0.1, 0.1, 0.1], [1.0, 2.0, 3.0], samples=20)["pearson"].undefined == 20


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [
        ([1.0, 2.0], [1.0], "do not fit"),
        ([], [], "at least one example"),
        ([1.0, 2.0], [1.0, float("nan")], "example 1 has the true number 2.0 and the predicted one nan"),
    ],
)
def test_input_that_does_not_fit_is_named(truth: list[float], prediction: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        regression_metrics(truth, prediction)
