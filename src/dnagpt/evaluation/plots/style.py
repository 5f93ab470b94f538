"""The look of every figure, and how a drawing becomes SVG text that is the same bytes every time.

Colours are those of Okabe and Ito (2008), told apart by colour-blind readers; shades are opacities of them, so that a
page can swap the few colours for a dark background without touching the drawing.
"""

import html
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dnagpt.files.optional import needs_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Colour:
    """One colour by its role, on a light and on a dark page."""

    name: str
    light: str
    dark: str


INK = Colour("ink", "#1f2933", "#e4e7eb")
MUTED = Colour("muted", "#616e7c", "#9aa5b1")
GRID = Colour("grid", "#e1e5ea", "#323b45")
PAPER = Colour("paper", "#fefefe", "#14191f")
BLUE = Colour("blue", "#0072b2", "#57b0ea")
ORANGE = Colour("orange", "#d55e00", "#ff9657")
GREEN = Colour("green", "#009e73", "#3fcb9f")
PINK = Colour("pink", "#b8578f", "#e79fca")
AMBER = Colour("amber", "#b98a00", "#eec04c")
SKY = Colour("sky", "#3d9bd1", "#9ad4f7")
GREY = Colour("grey", "#9aa5b1", "#6b7885")
COLOURS = (INK, MUTED, GRID, PAPER, BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY)
SERIES = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY)

_PIXELS_PER_POINT = 1.5
_FONTS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_STYLE: Any = {  # the names that matplotlib knows are typed from 3.11 on only
    "svg.hashsalt": "dnagpt",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],  # ships with matplotlib, so that widths are measured alike everywhere
    "font.size": 8.5,
    "text.color": INK.light,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.titlecolor": INK.light,
    "axes.labelcolor": MUTED.light,
    "axes.labelpad": 5,
    "axes.edgecolor": GREY.light,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID.light,
    "grid.linewidth": 0.7,
    "xtick.color": GREY.light,
    "ytick.color": GREY.light,
    "xtick.labelcolor": MUTED.light,
    "ytick.labelcolor": MUTED.light,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.major.width": 0.7,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.3,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.h_pad": 0.06,
}


def draw_svg(paint: Callable[["Figure"], None], *, width: float, height: float, label: str) -> str:
    """Draw one figure and return it as SVG text: a document by itself, and a fragment that a page can hold.

    `paint` draws on an empty figure of `width` by `height` inches; `label` is read to those who cannot see it.
    The global state of matplotlib is left as it was.

    >>> draw_svg(lambda figure: None, width=1, height=1, label="nothing")[:31]
    '<svg xmlns="http://www.w3.org/2'
    """
    with needs_extra("report", "a plot"):
        import matplotlib as mpl
        from matplotlib.figure import Figure
    # The user's own style sheet must not reach the figure.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height))
        paint(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return _clean(text.getvalue(), width * 72, height * 72, label)


def themed(svg: str, *, prefix: str = "") -> str:
    """Swap the fixed colours of a figure for CSS variables, which a page sets for light and dark.

    `prefix` goes before the names of the figure's own parts, so that several figures can share a page.

    >>> themed('<path style="fill: #0072b2" clip-path="url(#p1)"/><g id="p1"/>', prefix="f1-")
    '<path style="fill: var(--blue)" clip-path="url(#f1-p1)"/><g id="f1-p1"/>'
    """

    def recolour(tag: re.Match[str]) -> str:
        text = tag.group()
        for colour in COLOURS:
            text = text.replace(colour.light, f"var(--{colour.name})")
        return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", text)

    return re.sub(r"<[^>]*>", recolour, svg)


def css_variables(*, dark: bool) -> str:
    """List the colours as CSS variables for one kind of page.

    >>> css_variables(dark=True)[:14]
    '--ink:#e4e7eb;'
    """
    return "".join(f"--{colour.name}:{colour.dark if dark else colour.light};" for colour in COLOURS)


def note(
    axes: "Axes",
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    *,
    colour: Colour = INK,
    coordinates: Any = "data",
    **alignment: Any,
) -> None:
    """Write a few words beside a place, `offset` points away from it."""
    axes.annotate(
        text, place, offset, coordinates, textcoords="offset points", color=colour.light, linespacing=1.5, **alignment
    )


def light_grid(axes: "Axes", *, along: str) -> None:
    """Keep only the grid lines that help to read values off `along` ("x", "y" or "both")."""
    axes.grid(visible=False)
    axes.grid(visible=True, axis=along)  # type: ignore[arg-type]


def _clean(svg: str, width: float, height: float, label: str) -> str:
    """Strip what differs between machines or repeats on a page, and shorten the numbers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: _shorten(tag.group()), svg)
    size = f'width="{width * _PIXELS_PER_POINT:g}" height="{height * _PIXELS_PER_POINT:g}"'
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{size} viewBox="0 0 {width:g} {height:g}" stroke-linejoin="round" '
        f'font-family="{html.escape(_FONTS)}" role="img" aria-label="{html.escape(label)}">'
    )
    lines = (line.strip() for line in svg[svg.index(">") + 1 :].splitlines())
    return "\n".join([head, *(line for line in lines if line)]) + "\n"


def _shorten(tag: str) -> str:
    """Round the numbers of one tag (hundredths of a point cannot be seen) and drop what the whole figure shares."""
    tag = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number.group()):.2f}", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", tag)
    return tag.replace(" font-family: 'DejaVu Sans';", "")
