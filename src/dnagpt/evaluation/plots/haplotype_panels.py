"""Figures of generated haplotypes, a panel a set: frequencies, principal components, linkage, distances.

Real haplotypes are grey or in ink everywhere; a generated set keeps its colour throughout a page.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.comparison import ComparedSet
from dnagpt.evaluation.haplotypes.distances import DistanceCounts
from dnagpt.evaluation.plots.haplotype_layout import draw_dots, draw_panels, thinned
from dnagpt.evaluation.plots.style import BLUE, GREY, INK, MUTED, Colour, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
_MOST_DOTS = 1000  # a set
_MOST_CELLS = 120  # on a side of a matrix; more sites are averaged in blocks
_SHADES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)  # of r2; below the first nothing is drawn
_DISTANCE_BINS = 120


def frequency_panels(sets: Sequence[ComparedSet]) -> str:
    """Draw how often each set carries allele 1, site by site, against the real frequency; up to 1,000 sites a set."""

    def paint(axes: "Axes", one: ComparedSet, colour: Colour) -> None:
        found = one.quality.frequencies
        chosen = thinned(len(found.real), _MOST_DOTS)
        axes.plot([0, 1], [0, 1], color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        draw_dots(axes, found.real[chosen], found.generated[chosen], colour, size=2.6, opacity=0.5)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xlabel="Real", ylabel="Generated")
        axes.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        note(axes, f"r {_written(found.correlation)}", (0, 1), (6, -4), coordinates="axes fraction", va="top")

    return draw_panels(sets, paint, label="Allele frequencies, generated against real", height=2.35)


def component_panels(sets: Sequence[ComparedSet]) -> str:
    """Draw each set over the real haplotypes on their common principal components 1 and 2; up to 1,000 dots each.

    Which end of a component is positive means nothing; it is chosen so that panels are alike.
    """
    first = next((one.quality.components.real for one in sets if one.quality.components), None)

    def paint(axes: "Axes", one: ComparedSet, colour: Colour) -> None:
        found = one.quality.components
        if found is None or found.real.shape[1] < 2:
            _say_nothing(axes)
            return
        signs = _signs(found.real, first)
        for scores, shade, opacity in ((found.real, GREY, 0.55), (found.generated, colour, 0.5)):
            x, y = (scores[thinned(len(scores), _MOST_DOTS), :2] * signs).T
            draw_dots(axes, x, y, shade, size=2.4, opacity=opacity)
        shares = 100 * found.explained[:2]
        axes.set(xlabel=f"PC1 ({shares[0]:.1f} %)", ylabel=f"PC2 ({shares[1]:.1f} %)")
        axes.locator_params(nbins=4)
        axes.margins(x=0.04, y=0.16)
        facts = f"distance {found.wasserstein[0]:.2f}, {found.wasserstein[1]:.2f}"
        note(axes, facts, (0, 1), (3, -1), coordinates="axes fraction", va="top")

    return draw_panels(sets, paint, label="Principal components of real and generated haplotypes", height=2.35)


def linkage_panels(sets: Sequence[ComparedSet]) -> str:
    """Draw r2 between neighbouring sites: real above the diagonal, generated below it, the darker the higher.

    More than 120 sites are averaged in square blocks. Shades are opacities at r2 from .02, .05, .1, .2, .35, .5, .7
    and .9 on.
    """

    def paint(axes: "Axes", one: ComparedSet, colour: Colour) -> None:
        found = one.quality.linkage
        if found is None or len(found.matrix_sites) < 2:
            _say_nothing(axes)
            return
        sites = len(found.matrix_sites)
        upper, lower = (_in_blocks(matrix) for matrix in (found.real_matrix, found.generated_matrix))
        _draw_cells(axes, np.triu(upper, 1), INK)
        _draw_cells(axes, np.tril(lower, -1), colour)
        cells = len(upper)
        axes.plot([0, cells], [0, cells], color=GREY.light, linewidth=0.6)
        axes.set(xlim=(0, cells), ylim=(cells, 0), aspect="equal", xticks=(), yticks=())
        axes.spines[:].set_visible(True)
        axes.spines[:].set_linewidth(0.5)
        axes.set_xlabel(f"{sites:,} sites; r {_written(found.correlation)}")

    return draw_panels(sets, paint, label="Linkage disequilibrium, real above and generated below", height=2.35)


def distance_panels(sets: Sequence[ComparedSet]) -> str:
    """Draw at how many sites pairs of haplotypes differ: within the real ones, within a set, and between both."""
    used = [one.quality.distances for one in sets]
    kinds = [kind for one in used for kind in (one.real, one.generated, one.between)]
    first = min((int(np.flatnonzero(kind.counts)[0]) for kind in kinds if kind.counts.any()), default=0)
    last = max((int(np.flatnonzero(kind.counts)[-1]) for kind in kinds if kind.counts.any()), default=1)
    width = max(1, -(-(last - first + 1) // _DISTANCE_BINS))
    edges = np.arange(first, last + width + 1, width)

    def paint(axes: "Axes", one: ComparedSet, colour: Colour) -> None:
        found = one.quality.distances
        axes.stairs(_density(found.real, edges), edges, fill=True, color=GREY.light, alpha=0.4, label="Real")
        axes.stairs(_density(found.generated, edges), edges, color=colour.light, linewidth=1.5, label="Generated")
        axes.stairs(_density(found.between, edges), edges, color=INK.light, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set(xlabel="Sites that differ", yticks=())
        axes.set_ylim(bottom=0)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=4, integer=True)
        axes.xaxis.set_major_formatter("{x:,.0f}")

    def finish(figure: "Figure", panels: Sequence["Axes"]) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        del panels
        keys = [
            Patch(facecolor=GREY.light, alpha=0.4, label="within the real set"),
            Line2D([], [], color=BLUE.light, linewidth=1.5, label="within the generated set (coloured)"),
            Line2D([], [], color=INK.light, linewidth=0.9, linestyle=(0, (3, 2)), label="between both"),
        ]
        figure.legend(handles=keys, loc="outside upper left", ncols=3)

    return draw_panels(sets, paint, label="Distances between haplotypes", height=2.0, finish=finish)


def _signs(scores: Floats, first: Floats | None) -> Floats:
    """Give -1 for each of two components to be turned round: those of the same people, or their long tails, agree."""
    if first is None or first.shape != scores.shape:
        return np.where((scores[:, :2] ** 3).mean(axis=0) < 0, -1.0, 1.0)
    turned = _signs(first, None) * np.where((scores[:, :2] * first[:, :2]).sum(axis=0) < 0, -1.0, 1.0)
    return np.asarray(turned)


def _density(found: DistanceCounts, edges: NDArray[np.int64]) -> Floats:
    places = np.arange(len(found.counts))
    heights, _ = np.histogram(places, edges, weights=found.counts)
    return heights / max(1.0, float(heights.sum()))


def _in_blocks(matrix: NDArray[np.float32]) -> Floats:
    """Average a matrix in square blocks, its diagonal and what is undefined left out."""
    size = -(-len(matrix) // _MOST_CELLS)
    values = matrix.astype(np.float64)
    np.fill_diagonal(values, np.nan)
    cells = -(-len(matrix) // size)
    padded = np.full((cells * size, cells * size), np.nan)
    padded[: len(matrix), : len(matrix)] = values
    blocks = padded.reshape(cells, size, cells, size)
    known = ~np.isnan(blocks)
    return np.nansum(blocks, axis=(1, 3)) / np.maximum(known.sum(axis=(1, 3)), 1)


def _draw_cells(axes: "Axes", values: Floats, colour: Colour) -> None:
    """Shade the cells of a matrix, one path a shade, neighbours of one shade in one stroke."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    shades = np.digitize(values, _SHADES)
    for shade in range(1, len(_SHADES) + 1):
        inside = np.pad(shades == shade, ((0, 0), (1, 1))).astype(np.int8)
        rows, starts = np.nonzero(np.diff(inside, axis=1) == 1)
        _, stops = np.nonzero(np.diff(inside, axis=1) == -1)
        if not len(rows):
            continue
        across, down = [starts, stops, stops, starts, starts], [rows, rows, rows + 1, rows + 1, rows]
        vertices = np.stack([np.stack(across, axis=1), np.stack(down, axis=1)], axis=2).reshape(-1, 2)
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(rows)
        path = Path(vertices.astype(np.float64), codes)
        axes.add_artist(PathPatch(path, facecolor=colour.light, alpha=shade / len(_SHADES), linewidth=0))


def _say_nothing(axes: "Axes") -> None:
    note(axes, "not measured", (0.5, 0.5), (0, 0), colour=MUTED, coordinates="axes fraction", ha="center", va="center")
    axes.set(xticks=(), yticks=())


def _written(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.4f}"
