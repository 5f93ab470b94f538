"""Figures of tables of numbers: who was called what, and who was tested on what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dnagpt.errors import InputError
from dnagpt.evaluation.plots.style import BLUE, INK, PAPER, draw_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE = 8.0  # inches; the width of a page
_MOST_CELLS_WITH_TEXT = 12
_FEW_NAMES = 5  # more are written at an angle


def confusion_plot(confusion: ArrayLike, class_names: Sequence[str]) -> str:
    """Draw how many examples of each true class were called each class; shades are parts of the true class.

    >>> "90.0 %" in confusion_plot([[9, 1], [2, 8]], ["other", "signal"])
    True
    """
    counts = np.asarray(confusion, dtype=np.float64)
    classes = len(class_names)
    if counts.shape != (classes, classes):
        raise InputError(f"a confusion matrix of shape {counts.shape} does not fit the {classes} classes {class_names}")
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        _lay_out(axes, class_names, class_names)
        axes.set(xlabel="Predicted", ylabel="True", aspect="equal")
        for row, column in np.ndindex(classes, classes):
            part = float(parts[row, column])
            text = f"{counts[row, column]:,.0f}" + (f"\n{100 * part:.1f} %" if classes <= 6 else "")
            _draw_cell(axes, row, column, part, text if classes <= _MOST_CELLS_WITH_TEXT else "")

    side = min(_WIDE - 1, 2.0 + 0.65 * classes)
    return draw_svg(paint, width=side + 0.5, height=side, label="Confusion matrix")


def heat_map(
    values: ArrayLike,
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    quantity: str,
    row_label: str = "Trained on",
    column_label: str = "Tested on",
) -> str:
    """Draw a table of scores, every number written in its cell; shades run from the lowest to the highest.

    Its use is the cross-table: each row a model, each column a data set that it is tested on. nan is a dash.

    >>> svg = heat_map([[0.9, 0.7], [0.6, 0.8]], ["human", "mouse"], ["human", "mouse"], quantity="MCC")
    >>> "0.600" in svg
    True
    """
    cells = np.asarray(values, dtype=np.float64)
    if not cells.size or cells.shape != (len(row_names), len(column_names)):
        raise InputError(
            f"scores of shape {cells.shape} do not fit {len(row_names)} rows and {len(column_names)} columns"
        )
    defined = cells[~np.isnan(cells)]
    low, span = (float(defined.min()), float(np.ptp(defined))) if len(defined) else (0.0, 0.0)
    shades = np.nan_to_num((cells - low) / span, nan=0.0) if span else np.where(np.isnan(cells), 0.0, 0.5)

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        _lay_out(axes, row_names, column_names)
        axes.set(xlabel=column_label, ylabel=row_label, title=quantity)
        for row, column in np.ndindex(*cells.shape):
            value = cells[row, column]
            text = "\N{EN DASH}" if np.isnan(value) else f"{value:.3f}"
            _draw_cell(axes, row, column, 0.8 * float(shades[row, column]), text)

    width = min(_WIDE, 2.2 + 0.85 * len(column_names))
    height = 1.3 + 0.45 * len(row_names) + (0.4 if len(column_names) > _FEW_NAMES else 0)
    return draw_svg(paint, width=width, height=height, label=f"{quantity} by {row_label} and {column_label}")


def _lay_out(axes: "Axes", row_names: Sequence[str], column_names: Sequence[str]) -> None:
    """Make room for one cell a pair of names, first row on top."""
    few = len(column_names) <= _FEW_NAMES
    axes.grid(visible=False)
    axes.set(xlim=(-0.5, len(column_names) - 0.5), ylim=(len(row_names) - 0.5, -0.5))
    axes.set(xticks=range(len(column_names)), yticks=range(len(row_names)))
    axes.set_xticklabels(column_names, rotation=0 if few else 45, ha="center" if few else "right")
    axes.set_yticklabels(row_names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_cell(axes: "Axes", row: int, column: int, part: float, text: str) -> None:
    """Draw one cell, the darker the larger its part of 1, with a text that can be read on it."""
    from matplotlib.patches import Rectangle

    place = (column - 0.48, row - 0.48)
    axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=BLUE.light, alpha=0.06 + 0.94 * part, linewidth=0))
    if text:
        colour = PAPER if part > 0.5 else INK
        axes.text(column, row, text, ha="center", va="center", color=colour.light, linespacing=1.4)
