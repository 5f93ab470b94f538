"""Figures of predicted numbers: beside the true ones, and by how much they miss."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.evaluation.plots.style import BLUE, MUTED, ORANGE, draw_svg, light_grid, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats: TypeAlias = NDArray[np.float64]
_MOST_DOTS = 1500  # more examples are drawn as hexagons
_RESIDUAL_STRETCHES = 10


def prediction_plot(truth: ArrayLike, prediction: ArrayLike, *, quantity: str = "GC content") -> str:
    """Draw predicted against true numbers, with the line on which they agree and how well they do.

    Up to 1,500 examples are dots; more are hexagons, the stronger the more examples (logarithmic).

    >>> "1 - SSE/SST" in prediction_plot([0.4, 0.5, 0.6], [0.41, 0.5, 0.6])
    True
    """
    true, guess = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    metrics = regression_metrics(true, guess)

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        limits = _limits(true, guess)
        axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=f"True {quantity}", ylabel=f"Predicted {quantity}")
        _draw_examples(axes, true, guess, (*limits, *limits))
        axes.plot(limits, limits, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        facts = f"r² {metrics.squared_pearson:.3f}\n1 - SSE/SST {metrics.determination:.3f}\nn = {metrics.count:,}"
        note(axes, facts, (0, 1), (8, -6), coordinates="axes fraction", va="top")

    return draw_svg(paint, width=4.4, height=4.0, label=f"Predicted against true {quantity}")


def residual_plot(truth: ArrayLike, prediction: ArrayLike, *, quantity: str) -> str:
    """Draw by how much the true numbers exceed the predicted ones, along the predictions.

    The line joins the medians of ten stretches with equally many examples: it lies on zero where nothing is left to
    learn from the prediction itself.

    >>> "RMSE 0.00816" in residual_plot([0.4, 0.5, 0.6], [0.41, 0.5, 0.59], quantity="GC content")
    True
    """
    true, guess = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    metrics = regression_metrics(true, guess)
    residual = true - guess
    stretches = np.array_split(np.argsort(guess, kind="stable"), min(_RESIDUAL_STRETCHES, len(guess)))

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        across, up = _limits(guess), _limits(residual, np.zeros(1))
        axes.set(xlim=across, ylim=up, xlabel=f"Predicted {quantity}", ylabel="True minus predicted")
        _draw_examples(axes, guess, residual, (*across, *up))
        axes.axhline(0, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        axes.plot(
            [np.median(guess[rows]) for rows in stretches],
            [np.median(residual[rows]) for rows in stretches],
            color=ORANGE.light,
            marker="o",
            markersize=3.5,
        )
        light_grid(axes, along="y")
        facts = f"RMSE {metrics.rmse:.3g}\nMean error {residual.mean():+.2g}"
        note(axes, facts, (0, 1), (8, -6), coordinates="axes fraction", va="top")

    return draw_svg(paint, width=4.4, height=4.0, label=f"Residuals of {quantity}")


def _limits(*values: Floats) -> tuple[float, float]:
    """Give the ends of an axis that holds all values, with a little room."""
    low, high = min(float(one.min()) for one in values), max(float(one.max()) for one in values)
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin


def _draw_examples(axes: "Axes", x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> None:
    """Draw a dot an example, or hexagons where there are many."""
    if len(x) > _MOST_DOTS:
        _draw_hexagons(axes, x, y, extent)
    else:
        axes.scatter(x, y, s=12, color=BLUE.light, alpha=0.45, linewidths=0)


def _draw_hexagons(axes: "Axes", x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> None:
    """Shade hexagons by the logarithm of the examples in each; shades are opacities, so that a page can recolour."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch

    hexagons = axes.hexbin(x, y, gridsize=44, extent=extent, mincnt=1, linewidths=0)
    counts = np.asarray(hexagons.get_array(), dtype=np.float64)
    most = counts.max()

    def shade(count: float) -> tuple[float, float, float, float]:
        return to_rgba(BLUE.light, 0.15 + 0.85 * float(np.log(count) / max(np.log(most), 1e-9)))

    hexagons.set_array(None)
    hexagons.set_facecolor([shade(count) for count in counts])
    hexagons.set_edgecolor("none")
    keys = [Patch(facecolor=shade(count), label=f"{count:,.0f}") for count in sorted({1, round(most**0.5), most})]
    axes.legend(handles=keys, loc="lower right", title="Examples", alignment="left", handlelength=1, handleheight=1)
