"""Figures of generated haplotypes, a line a set: frequencies, linkage decay, triplets, shared haplotypes, privacy.

Real haplotypes are the broad line in ink, generated sets have colours, baselines are grey and dashed.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.comparison import ComparedSet
from dnagpt.evaluation.plots.haplotype_layout import REAL, WIDE, LineStyle, line_styles, shortened
from dnagpt.evaluation.plots.style import INK, MUTED, PAPER, draw_svg, light_grid, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Line = tuple[Floats, Floats]
_CLASSES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def spectrum_plot(sets: Sequence[ComparedSet]) -> str:
    """Draw how frequencies as a whole are spread: quantiles against real ones, and the site-frequency spectrum.

    The left panel shows by how much each quantile of the generated frequencies is off; zero is ideal. The right one
    shows the share of sites by the frequency of their rarer allele, fixed ones first.
    """
    first = _first(sets).quality.frequencies

    def paint(figure: "Figure") -> None:
        quantiles, spectrum = figure.subplots(1, 2)
        quantiles.axhline(0, color=REAL.colour.light, linewidth=REAL.width, label="real")
        spectrum.plot(_by_class(first.real_spectrum, first.spectrum_size), **REAL.options)
        for one, style in zip(sets, line_styles(sets), strict=True):
            found = one.quality.frequencies
            off = found.generated_quantiles - found.real_quantiles
            quantiles.plot(found.quantiles, off, **style.options, label=shortened(one.name))
            spectrum.plot(_by_class(found.generated_spectrum, found.spectrum_size), **style.options)
        quantiles.set(xlabel="Part of the sites, by frequency", ylabel="Frequency off by", title="Quantiles")
        spectrum.set(xlabel="Frequency of the rarer allele, up to", ylabel="Sites (%)", title="Site-frequency spectrum")
        spectrum.set_xticks(range(len(_CLASSES)), ["fixed", *(f"{one:g}"[1:] for one in _CLASSES[1:])])
        spectrum.tick_params(axis="x", labelsize=7.5)
        spectrum.set_ylim(bottom=0)
        _finish(figure, (quantiles, spectrum))

    return draw_svg(paint, width=WIDE, height=3.6, label="Quantiles of allele frequencies, site-frequency spectrum")


def decay_plot(sets: Sequence[ComparedSet]) -> str | None:
    """Draw mean r2 of pairs of sites by their distance on a contig; None where no set has such pairs."""
    lines = {
        place: (_middles(decay.edges), decay.generated)
        for place, one in enumerate(sets)
        if one.quality.linkage and (decay := one.quality.linkage.decay)
    }
    linkage = next((one.quality.linkage for one in sets if one.quality.linkage and one.quality.linkage.decay), None)
    if linkage is None or linkage.decay is None:
        return None
    real = (_middles(linkage.decay.edges), linkage.decay.real)

    def lay_out(axes: "Axes") -> None:
        from matplotlib.ticker import FuncFormatter

        axes.set(xscale="log", xlabel="Distance between two sites (bases)", ylabel="Mean r²")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylim(bottom=0)

    return _lines(sets, real, lines, lay_out, label="Decay of linkage disequilibrium with distance")


def three_point_plot(sets: Sequence[ComparedSet]) -> str | None:
    """Draw the correlation of 3-point correlations with the real ones, gap by gap; None where none was measured."""
    measured = {place: one.quality.three_point for place, one in enumerate(sets)}
    lines = {
        place: (np.arange(len(found.gaps), dtype=np.float64), found.correlations)
        for place, found in measured.items()
        if found is not None
    }
    gaps = next((found.gaps for found in measured.values() if found is not None), None)
    if gaps is None:
        return None

    def lay_out(axes: "Axes") -> None:
        names = ["random" if gap is None else f"{gap:,}" for gap in gaps]
        axes.set_xticks(range(len(names)), names)
        axes.set(xlabel="Sites from one of the triplet to the next", ylabel="Correlation with real")

    return _lines(sets, None, lines, lay_out, label="3-point correlations by gap", marker="o")


def homozygosity_plot(sets: Sequence[ComparedSet]) -> str | None:
    """Draw how fast extended haplotype homozygosity (EHH) decays around common sites; None where not measured."""
    measured = {place: one.quality.homozygosity for place, one in enumerate(sets)}
    lines = {
        place: (np.arange(len(found.generated_ehh), dtype=np.float64), found.generated_ehh)
        for place, found in measured.items()
        if found is not None and len(found.cores)
    }
    if not lines:
        return None
    first = measured[min(lines)]
    assert first is not None
    real = (np.arange(len(first.real_ehh), dtype=np.float64), first.real_ehh)

    def lay_out(axes: "Axes") -> None:
        axes.set(xlabel="Sites from the core site", ylabel="EHH", ylim=(0, 1.02))

    return _lines(sets, real, lines, lay_out, label="Extended haplotype homozygosity")


def accuracy_plot(sets: Sequence[ComparedSet]) -> str:
    """Draw AATS and its two parts, a row a set; .5 is ideal, left of it haplotypes hug real ones.

    Where a training and a held-out set are known, AATS against each is drawn below it, smaller.
    """
    _first(sets)

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.axvline(0.5, color=MUTED.light, linewidth=0.9, dashes=(4, 3))
        for row, (one, style) in enumerate(zip(sets, line_styles(sets), strict=True)):
            found, privacy, colour = one.quality.accuracy, one.quality.privacy, style.colour.light
            axes.plot([found.truth, found.synthetic], [row, row], color=colour, linewidth=1.2, alpha=0.6)
            axes.plot(found.truth, row, marker="<", color=colour, markersize=5, linestyle="")
            axes.plot(found.synthetic, row, marker=">", color=colour, markersize=5, linestyle="")
            axes.plot(found.score, row, marker="o", color=colour, markersize=7, linestyle="")
            for part, filled in ((privacy.training, True), (privacy.held_out, False)) if privacy else ():
                axes.plot(
                    part.score, row + 0.3, marker="o", markersize=4, linestyle="", markeredgecolor=colour,
                    markerfacecolor=colour if filled else PAPER.light,
                )  # fmt: skip
            note(axes, f"{found.score:.3f}", (1, row), (4, 0), coordinates=("axes fraction", "data"), va="center")
        axes.set(yticks=range(len(sets)), ylim=(len(sets) - 0.4, -0.6), xlabel="Adversarial accuracy")
        axes.set_yticklabels([shortened(one.name) for one in sets], color=INK.light)
        axes.spines["left"].set_visible(False)
        light_grid(axes, along="x")
        _accuracy_legend(figure, with_privacy=any(one.quality.privacy for one in sets))

    return draw_svg(paint, width=WIDE, height=1.2 + 0.4 * len(sets), label="Nearest-neighbour adversarial accuracy")


def stretches_plot(sets: Sequence[ComparedSet]) -> str | None:
    """Draw the longest run of sites that haplotypes share with training people, and, thin, with people held out.

    Lines are quantiles over the haplotypes of generated sets; None where no training and held-out sets are known.
    """
    measured = [
        (one, style, one.quality.privacy)
        for one, style in zip(sets, line_styles(sets), strict=True)
        if one.kind == "generated" and one.quality.privacy
    ]
    if not measured:
        return None

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for one, style, privacy in measured:
            assert privacy is not None
            runs = privacy.training_stretches
            axes.plot(runs.quantiles, runs.sites, **style.options, label=shortened(one.name))
        usual = privacy.held_out_stretches
        thin = LineStyle(MUTED, (2.2, 1.6), 1.1)
        axes.plot(usual.quantiles, usual.sites, **thin.options, label="people held out")
        axes.set(xlabel="Part of the haplotypes", ylabel="Sites in the longest shared run")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylim(bottom=0)
        _finish(figure, (axes,))

    return draw_svg(paint, width=WIDE, height=3.2, label="Longest runs of sites shared with training people")


def _lines(
    sets: Sequence[ComparedSet],
    real: Line | None,
    lines: dict[int, Line],
    lay_out: Callable[["Axes"], None],
    *,
    label: str,
    marker: str = "",
) -> str:
    """Draw one line a set, by its place among the sets, over that of the real haplotypes."""

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        if real is not None:
            axes.plot(*_known(real), **REAL.options, label="real")
        for place, (one, style) in enumerate(zip(sets, line_styles(sets), strict=True)):
            if place in lines:
                x, y = _known(lines[place])
                axes.plot(x, y, **style.options, marker=marker, markersize=3.5, label=shortened(one.name))
        lay_out(axes)
        _finish(figure, (axes,))

    return draw_svg(paint, width=WIDE, height=3.6, label=label)


def _accuracy_legend(figure: "Figure", *, with_privacy: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [("o", 7, "AATS"), ("<", 5, "real with real neighbours"), (">", 5, "generated with generated neighbours")]
    keys = [
        Line2D([], [], color=INK.light, marker=mark, markersize=size, linestyle="", label=name)
        for mark, size, name in marks
    ]
    if with_privacy:
        for name, face in (("against training", INK), ("against held-out", PAPER)):
            keys.append(
                Line2D([], [], marker="o", markersize=4, linestyle="", label=name, markeredgecolor=INK.light,
                       markerfacecolor=face.light)
            )  # fmt: skip
    figure.legend(
        handles=keys, loc="outside upper left", ncols=5 if with_privacy else 3, columnspacing=1.2, handletextpad=0.2
    )


def _finish(figure: "Figure", panels: Sequence["Axes"]) -> None:
    """Keep the grid that helps, and name the lines above the panels."""
    for axes in panels:
        light_grid(axes, along="y")
        axes.margins(x=0.02)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)


def _first(sets: Sequence[ComparedSet]) -> ComparedSet:
    if not sets:
        raise InputError("There is no set of haplotypes to draw; give at least one.")
    return sets[0]


def _known(line: Line) -> Line:
    """Leave out the points that are undefined, so that a line goes on from one bin with pairs to the next."""
    x, y = line
    return x[~np.isnan(y)], y[~np.isnan(y)]


def _middles(edges: Floats) -> Floats:
    """Give the middle of each bin on a logarithmic scale."""
    return np.sqrt(edges[1:] * edges[:-1])


def _by_class(spectrum: Floats, size: int) -> Floats:
    """Give the share of sites, in per cent, in each class of minor-allele frequency."""
    frequency = np.arange(len(spectrum)) / size
    classes = np.searchsorted(np.asarray(_CLASSES) + 1e-12, frequency)
    counts = np.bincount(classes, weights=spectrum, minlength=len(_CLASSES))
    return 100 * counts / max(1e-12, float(counts.sum()))
