"""What figures of several sets of haplotypes share: panels side by side, a line style a set, many dots in one path."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.comparison import ComparedSet
from dnagpt.evaluation.plots.style import GREEN, INK, MUTED, SERIES, Colour, draw_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 8.0
"""Inches; the width of a page."""
_MOST_COLUMNS = 4
_LONGEST_TITLE = 24
_BASELINE_DASHES = ((1, 1.4), (2.6, 1.6), (5, 1.6), (5, 1.4, 1, 1.4), (8, 2))


@dataclass(frozen=True)
class LineStyle:
    """How the lines of one set look wherever it is drawn."""

    colour: Colour
    dashes: tuple[float, ...] | None
    width: float

    @property
    def options(self) -> dict[str, Any]:
        """What matplotlib takes it as."""
        return {
            "color": self.colour.light,
            "linewidth": self.width,
            "linestyle": "-" if self.dashes is None else (0, self.dashes),
        }


REAL = LineStyle(INK, None, 2.2)
"""How the real haplotypes are drawn."""


def line_styles(sets: Sequence[ComparedSet]) -> list[LineStyle]:
    """Give generated sets colours, baselines dashes in grey, and the limit thin ink, in the order of the sets."""
    seen = {"generated": 0, "baseline": 0, "limit": 0}
    found = []
    for one in sets:
        number = seen[one.kind]
        seen[one.kind] += 1
        if one.kind == "generated":
            found.append(LineStyle(SERIES[number % len(SERIES)], None if number < len(SERIES) else (3, 2), 1.6))
        elif one.kind == "baseline":
            found.append(LineStyle(MUTED, _BASELINE_DASHES[number % len(_BASELINE_DASHES)], 1.2))
        else:
            found.append(LineStyle(INK, (1.2, 1.2), 1.1))
    return found


def panel_colours(sets: Sequence[ComparedSet]) -> list[Colour]:
    """Give the colour of each set where it has a panel of its own: baselines green, the limit in ink."""
    styles = line_styles(sets)
    return [GREEN if one.kind == "baseline" else style.colour for one, style in zip(sets, styles, strict=True)]


def draw_panels(
    sets: Sequence[ComparedSet],
    paint: Callable[["Axes", ComparedSet, Colour], None],
    *,
    label: str,
    height: float,
    finish: Callable[["Figure", Sequence["Axes"]], None] | None = None,
) -> str:
    """Draw one panel a set, titled with its name, as many rows as it takes; `height` is that of a row in inches.

    `finish` may set what all panels share: limits, a legend.
    """
    if not sets:
        raise InputError("There is no set of haplotypes to draw; give at least one.")
    columns = min(_MOST_COLUMNS, len(sets)) if len(sets) > 3 else 3
    columns = 3 if len(sets) in {5, 6, 9} else columns
    rows = math.ceil(len(sets) / columns)

    def draw(figure: "Figure") -> None:
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for axes in panels[len(sets) :]:
            axes.set_axis_off()
        used = panels[: len(sets)]
        for axes, one, colour in zip(used, sets, panel_colours(sets), strict=True):
            axes.set_title(shortened(one.name))
            axes.grid(visible=False)
            paint(axes, one, colour)
        if finish:
            finish(figure, used)

    return draw_svg(draw, width=WIDE, height=rows * height, label=f"{label}: {', '.join(one.name for one in sets)}")


def shortened(name: str) -> str:
    r"""Cut a long name of a set so that it fits over a panel.

    >>> shortened("a name of over twenty-four letters") == "a name of over twenty-f\N{HORIZONTAL ELLIPSIS}"
    True
    """
    return name if len(name) <= _LONGEST_TITLE else name[: _LONGEST_TITLE - 1] + "\N{HORIZONTAL ELLIPSIS}"


def draw_dots(axes: "Axes", x: ArrayLike, y: ArrayLike, colour: Colour, *, size: float, opacity: float) -> None:
    """Draw many dots as one path, a fraction of the text that a mark each would take; overlaps do not add up."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)], axis=1)
    # Each dot is a line of no length with round ends, closed: matplotlib simplifies open lines away.
    path = Path(points.repeat(2, axis=0), [Path.MOVETO, Path.CLOSEPOLY] * len(points))
    axes.add_artist(  # not add_patch, which looks at each of the lines
        PathPatch(path, facecolor="none", edgecolor=colour.light, linewidth=size, alpha=opacity, capstyle="round")
    )
    axes.update_datalim(points)
    axes.autoscale_view()


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Choose at random, but always alike, which of many dots to draw.

    >>> thinned(3, 5).tolist(), len(thinned(100, 5))
    ([0, 1, 2], 5)
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))
