"""Figures for reports: plain arrays in, SVG text out, the same bytes for the same numbers.

Each figure is readable at the width of a page, on paper and on a dark screen (see plot_style.py).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import CalibrationBins
from dnagpt.evaluation.metrics.ranking import (
    area_under_roc,
    average_precision,
    precision_recall_points,
    roc_points,
    score_order,
)
from dnagpt.evaluation.plots.style import BLUE, GREY, INK, MUTED, ORANGE, SERIES, draw_svg, light_grid, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve: TypeAlias = tuple[ArrayLike, ArrayLike]
Floats: TypeAlias = NDArray[np.float64]
_WIDE = 8.0  # inches; the width of a page
_MOST_POINTS = 400  # a curve with more is drawn as the mean and range of as many stretches
_FINEST_STEP = 1 / 600  # of an axis


def learning_curves(
    train: Mapping[str, Curve],
    validation: Mapping[str, Curve],
    *,
    floors: Mapping[str, tuple[str, float]] | None = None,
    x_label: str = "Step",
) -> str:
    """Draw how losses fell: one panel a loss, training and validation in each.

    A curve is (steps, values). A curve of more than 400 points is drawn as the mean of 400 equal stretches over a pale
    band from their lowest to their highest value. `floors` puts a named line below a loss, such as the entropy of a
    Markov model of the genome.

    >>> svg = learning_curves({"loss": ([1, 2], [3.0, 2.0])}, {"loss": ([2], [2.5])})
    >>> svg.count("Validation")
    1
    """
    names = list(dict.fromkeys([*train, *validation]))
    if not names:
        raise InputError("there is no loss to draw; give at least one curve, (steps, values)")

    def paint(figure: "Figure") -> None:
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            axes.set_title(name)
            axes.set_xlabel(x_label)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.locator_params(axis="x", nbins=max(3, 9 // len(names)), integer=True)
            light_grid(axes, along="y")
            if name in train:
                _draw_training(axes, train[name])
            if name in validation:
                _draw_validation(axes, validation[name])
            if floors and name in floors:
                _draw_floor(axes, *floors[name])
        entries = {
            label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        panels[-1].legend(list(entries.values()), list(entries), loc="upper right")

    height = 3.4 if len(names) == 1 else 3.0
    return draw_svg(paint, width=_WIDE, height=height, label=f"Learning curves: {', '.join(names)}")


def ranking_plot(scored: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> str:
    """Draw ROC and precision-recall curves side by side, with the areas below them.

    `scored` maps a name (a model, or a class against the rest) to (is positive, score) of its examples.

    >>> svg = ranking_plot({"model": ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])})
    >>> "0.750" in svg and "0.833" in svg
    True
    """
    if not scored:
        raise InputError("there is no curve to draw; give at least one name with (is positive, score)")

    def paint(figure: "Figure") -> None:
        roc, recall = figure.subplots(1, 2)
        for axes in (roc, recall):
            axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
        roc.plot([0, 1], [0, 1], color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        roc.set(title="ROC", xlabel="False positive rate", ylabel="True positive rate")
        recall.set(title="Precision and recall", xlabel="Recall", ylabel="Precision")
        for number, (name, (positive, scores)) in enumerate(scored.items()):
            order, once = score_order(scores), np.ones((1, len(np.asarray(positive))))
            colour = SERIES[number % len(SERIES)].light
            style = "-" if number < len(SERIES) else (0, (3, 2))
            area = area_under_roc(order, positive, once)[0]
            roc.plot(
                *_thinned(*roc_points(positive, scores)),
                color=colour,
                linestyle=style,
                label=f"{name}  {_three_decimals(area)}",
            )
            precision, found = _thinned(*precision_recall_points(positive, scores))
            area = average_precision(order, positive, once)[0]
            recall.step(
                found, precision, where="pre", color=colour, linestyle=style, label=f"{name}  {_three_decimals(area)}"
            )
        roc.legend(loc="lower right", title="AUROC", alignment="left")
        recall.legend(loc="lower left", title="AUPRC", alignment="left")

    return draw_svg(paint, width=_WIDE, height=4.3, label=f"ROC and precision-recall curves: {', '.join(scored)}")


def comparison_bars(
    estimates: Mapping[str, Estimate], *, quantity: str, ours: Sequence[str] = (), chance: float | None = None
) -> str:
    """Draw one measure of several methods as bars with their intervals; `ours` stand out, baselines are grey.

    >>> svg = comparison_bars({"model": Estimate(0.9, 0.88, 0.92), "GC": Estimate(0.6, 0.5, 0.7)}, quantity="Accuracy")
    >>> "0.900" in svg
    True
    """
    if not estimates:
        raise InputError("there is nothing to compare; give at least one estimate")
    values = np.array([[one.value, one.low, one.high] for one in estimates.values()])
    values = np.where(np.isnan(values), values[:, :1], values)

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        rows = np.arange(len(values))
        colours = [BLUE.light if name in ours else GREY.light for name in estimates]
        axes.barh(rows, values[:, 0], height=0.62, color=colours)
        axes.hlines(rows, values[:, 1], values[:, 2], color=INK.light, linewidth=1.2)
        for row, (value, _, high) in enumerate(values.tolist()):
            note(axes, _three_decimals(value), (0.0 if np.isnan(high) else max(value, high), row), (6, 0), va="center")
        if chance is not None:
            axes.axvline(chance, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        axes.set(yticks=rows, ylim=(len(values) - 0.45, -0.55), xlabel=quantity)
        axes.set_yticklabels(list(estimates), color=INK.light)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.12)
        light_grid(axes, along="x")

    height = 0.75 + 0.36 * len(values)
    return draw_svg(paint, width=_WIDE, height=height, label=f"{quantity}: {', '.join(estimates)}")


def calibration_plot(bins: CalibrationBins) -> str:
    """Draw how often calls were right beside how sure they were; on the diagonal, confidence can be taken at its word.

    >>> from dnagpt.evaluation.metrics.classification import calibration_bins
    >>> "Confidence" in calibration_plot(calibration_bins([0, 1], [[0.9, 0.1], [0.9, 0.1]]))
    True
    """

    def paint(figure: "Figure") -> None:
        curve, histogram = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        curve.plot([0, 1], [0, 1], color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        curve.plot(bins.confidence, bins.accuracy, color=BLUE.light, marker="o", markersize=4.5)
        lowest = min(float(bins.confidence.min()), float(bins.accuracy.min()))
        curve.set(xlim=(max(0, lowest - 0.05), 1.01), ylim=(max(0, lowest - 0.05), 1.02), ylabel="Fraction correct")
        histogram.bar(bins.confidence, bins.counts, width=0.022, color=BLUE.light, alpha=0.45)
        histogram.set(xlabel="Confidence of the prediction", ylabel="Examples")
        histogram.yaxis.set_major_formatter("{x:,.0f}")
        histogram.locator_params(axis="y", nbins=2, integer=True)
        light_grid(histogram, along="y")

    return draw_svg(paint, width=4.4, height=3.9, label="Calibration: confidence against accuracy")


def attention_plot(
    profiles: Mapping[str, ArrayLike],
    *,
    counts: Mapping[str, int] | None = None,
    first: int = 0,
) -> str:
    """Draw where a model looks along a sequence: one line a class, attention by position.

    A profile is the attention that each base gets, as a part of all attention, (bases,); nan where no record reaches.
    `counts` are the records behind each line. `first` is the position of the first base: -300 counts from the middle
    of 600 bases, which a dashed line then marks.

    >>> svg = attention_plot({"signal": [0.1, 0.3, 0.1], "other": [0.1, 0.1]}, counts={"signal": 20, "other": 30})
    >>> "signal, 20 records" in svg
    True
    """
    if not profiles:
        raise InputError("there is no attention to draw; give at least one class with its profile")

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for number, (name, profile) in enumerate(profiles.items()):
            heights = 100 * np.asarray(profile, dtype=np.float64)
            edges = first + np.arange(len(heights) + 1) - 0.5
            axes.stairs(
                heights,
                edges,
                baseline=None,
                color=SERIES[number % len(SERIES)].light,
                linestyle="-" if number < len(SERIES) else (0, (3, 2)),
                linewidth=1.2,
                label=f"{name}, {counts[name]:,} records" if counts and name in counts else name,
            )
        if first < 0:
            axes.axvline(0, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        axes.set(xlabel="Position (bases)", ylabel="Attention per base (%)")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", integer=True)
        light_grid(axes, along="y")
        figure.legend(loc="outside upper left", ncols=4)

    return draw_svg(paint, width=_WIDE, height=3.2, label=f"Attention by position: {', '.join(profiles)}")


def _draw_training(axes: "Axes", curve: Curve) -> None:
    """Draw a training loss; a long one as mean and range of stretches."""
    steps, values = (np.asarray(part, dtype=np.float64) for part in curve)
    if len(steps) > _MOST_POINTS:
        starts = np.linspace(0, len(steps), _MOST_POINTS, endpoint=False).astype(int)
        sizes = np.diff(np.r_[starts, len(steps)])
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        steps, values = np.add.reduceat(steps, starts) / sizes, np.add.reduceat(values, starts) / sizes
        axes.fill_between(steps, low, high, color=BLUE.light, alpha=0.16, linewidth=0)
    axes.plot(steps, values, color=BLUE.light, linewidth=1.3, label="Training")


def _draw_validation(axes: "Axes", curve: Curve) -> None:
    """Draw a validation loss and write its lowest value beside it."""
    steps, values = (np.asarray(part, dtype=np.float64) for part in curve)
    marker = "o" if len(steps) <= 40 else ""
    axes.plot(steps, values, color=ORANGE.light, marker=marker, markersize=3.5, label="Validation")
    if not np.isfinite(values).any():
        return
    best = int(np.nanargmin(values))
    axes.plot(steps[best], values[best], color=ORANGE.light, marker="o", markersize=6)
    note(axes, f"{values[best]:.4g}", (steps[best], values[best]), (0, 8), colour=ORANGE, ha="right", va="bottom")


def _draw_floor(axes: "Axes", name: str, value: float) -> None:
    axes.axhline(value, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
    where = ("axes fraction", "data")
    note(axes, f"{name} {value:.4g}", (1, value), (-2, -4), colour=MUTED, coordinates=where, ha="right", va="top")
    axes.margins(y=0.12)


def _three_decimals(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Leave out points of a curve in the unit square that no eye could tell from the one before."""
    place = np.floor(np.stack([x, y]) / _FINEST_STEP)
    kept = np.r_[True, (np.diff(place) != 0).any(axis=0)] | (np.arange(len(x)) == len(x) - 1)
    return x[kept], y[kept]
