"""Figures: well-formed, the same bytes every time, and showing the numbers they were given."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import calibration_bins, one_against_rest
from dnagpt.evaluation.plots.matrices import confusion_plot, heat_map
from dnagpt.evaluation.plots.numbers import prediction_plot, residual_plot
from dnagpt.evaluation.plots.scores import (
    attention_plot,
    calibration_plot,
    comparison_bars,
    learning_curves,
    ranking_plot,
)
from dnagpt.evaluation.plots.style import themed

GENERATOR = np.random.default_rng(0)
NAN = float("nan")
STEPS = np.arange(1000)
LABELS = GENERATOR.integers(2, size=500)
SCORES = np.clip(0.3 * LABELS + 0.7 * GENERATOR.random(500), 0, 1)
SPREAD = GENERATOR.dirichlet(np.ones(3), size=500)
TRUTH = GENERATOR.random(2000)

FIGURES: dict[str, Callable[[], str]] = {
    "learning": lambda: learning_curves(
        {"tokens": (STEPS, 2 - STEPS / 1000), "GC": (STEPS, 1 / (1 + STEPS))},
        {"tokens": ([500, 999], [1.6, 1.2])},
        floors={"tokens": ("Markov", 1.0)},
    ),
    "scatter": lambda: prediction_plot(TRUTH[:50], TRUTH[:50] ** 2),
    "hexagons": lambda: prediction_plot(TRUTH, TRUTH**2, quantity="expression"),
    "confusion": lambda: confusion_plot([[90, 10], [20, 80]], ["other", "signal"]),
    "confusion of many": lambda: confusion_plot(np.eye(14), [f"class {one}" for one in range(14)]),
    "ranking": lambda: ranking_plot({"model": (LABELS, SCORES), "flat": (LABELS, np.zeros(500))}),
    "bars": lambda: comparison_bars(
        {"model": Estimate(0.9, 0.88, 0.92), "baseline": Estimate(0.7, 0.6, 0.8)},
        quantity="Accuracy",
        ours=["model"],
        chance=0.5,
    ),
    "residuals": lambda: residual_plot(TRUTH[:50], TRUTH[:50] ** 2, quantity="expression"),
    "residual hexagons": lambda: residual_plot(TRUTH, TRUTH**2, quantity="expression"),
    "heat map": lambda: heat_map(
        [[0.9, 0.7, NAN], [0.6, 0.8, 0.75]], ["human", "mouse"], ["human", "mouse", "fly"], quantity="MCC"
    ),
    "attention": lambda: attention_plot(
        {"signal": SCORES / 500, "other": SCORES[::-1][:400] / 500}, counts={"signal": 20, "other": 1500}, first=-250
    ),
    "classes": lambda: ranking_plot(one_against_rest(LABELS + 1, SPREAD, ["donor", "acceptor", "neither"])),
    "calibration": lambda: calibration_plot(calibration_bins(LABELS, np.stack([1 - SCORES, SCORES], axis=1))),
}


@pytest.mark.parametrize("name", FIGURES)
def test_well_formed_repeatable_and_self_contained(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = FIGURES[name]()
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.attrib["aria-label"]
    assert svg == FIGURES[name]()
    addresses = svg.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert "http" not in addresses
    assert "<metadata" not in svg


@pytest.mark.parametrize("name", FIGURES)
def test_every_colour_follows_the_page(name: str) -> None:
    """A colour that the theme does not know would stay dark on a dark page."""
    painted = themed(FIGURES[name]())
    assert "#" not in painted.replace("url(#", "").replace('href="#', "")
    assert "var(--ink)" in painted or "var(--muted)" in painted


def test_same_bytes_in_another_process_with_other_hashes_and_styles() -> None:
    program = (
        "import matplotlib as mpl; mpl.rcParams['font.size'] = 30\n"
        "from dnagpt.evaluation.plots.matrices import confusion_plot\n"
        "print(confusion_plot([[9, 1], [2, 8]], ['a', 'b']), end='')"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout == confusion_plot([[9, 1], [2, 8]], ["a", "b"])


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    FIGURES["confusion"]()
    assert dict(mpl.rcParams) == before


def test_labels_are_escaped_and_never_read_as_mathematics() -> None:
    svg = confusion_plot([[1, 0], [0, 1]], ["<b>&", "$x_1$"])
    assert "&lt;b&gt;&amp;" in svg
    assert "$x_1$" in svg


def test_a_long_curve_is_drawn_as_stretches_that_keep_its_extremes() -> None:
    steps = np.arange(100_000)
    svg = learning_curves({"loss": (steps, np.where(steps == 50_000, 9.0, 1.0))}, {})
    assert len(svg) < 100_000
    assert ">9<" in svg  # the mean of the stretch of the spike is 1.03: the band alone reaches up to this tick


def test_curves_of_one_class_are_drawn_without_failing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "undefined" in ranking_plot({"model": (np.ones(5), np.arange(5))})


def test_an_undefined_estimate_says_so() -> None:
    assert "undefined" in comparison_bars({"model": Estimate(NAN, NAN, NAN)}, quantity="AUROC")


def test_a_heat_map_writes_every_number_and_darkens_the_highest() -> None:
    svg = heat_map([[0.123, NAN], [0.5, 0.987]], ["a", "b"], ["a", "b"], quantity="MCC")
    assert [svg.count(f">{text}<") for text in ("0.123", "0.500", "0.987", "\N{EN DASH}")] == [1, 1, 1, 1]
    assert "opacity: 0.81" in svg  # 0.06 + 0.94 * 0.8, the highest
    assert "opacity: 0.06" in svg


def test_a_heat_map_of_equal_or_undefined_scores_is_drawn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert heat_map([[0.5, 0.5]], ["a"], ["a", "b"], quantity="x").count(">0.500<") == 2
        assert "<svg" in heat_map([[NAN]], ["a"], ["a"], quantity="x")


def test_residuals_are_truth_minus_prediction() -> None:
    assert "Mean error +2" in residual_plot([3.0, 4.0, 6.0], [1.0, 2.0, 4.0], quantity="x")


def test_validation_that_never_was_finite_is_no_reason_to_fail() -> None:
    assert "<svg" in learning_curves({"loss": ([1, 2], [1.0, 2.0])}, {"loss": ([1], [NAN])})


@pytest.mark.parametrize(
    "draw",
    [
        lambda: learning_curves({}, {}),
        lambda: ranking_plot({}),
        lambda: comparison_bars({}, quantity="x"),
        lambda: confusion_plot([[1]], ["a", "b"]),
        lambda: prediction_plot([], []),
        lambda: residual_plot([], [], quantity="x"),
        lambda: heat_map([[0.5]], ["a", "b"], ["a"], quantity="x"),
        lambda: attention_plot({}),
    ],
)
def test_nothing_to_draw_is_said(draw: Callable[[], str]) -> None:
    with pytest.raises(InputError):
        draw()
