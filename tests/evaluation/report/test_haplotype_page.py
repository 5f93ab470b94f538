"""Sets of haplotypes beside one another: figures that show the numbers given, and a page that holds all of them."""

import csv
import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.evaluation.haplotypes.compared import compared_sets, real_haplotypes

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.comparison import LIMIT, ComparedSet, compare_sets, real_halves
from dnagpt.evaluation.plots.haplotype_curves import (
    accuracy_plot,
    decay_plot,
    homozygosity_plot,
    spectrum_plot,
    stretches_plot,
    three_point_plot,
)
from dnagpt.evaluation.plots.haplotype_layout import line_styles
from dnagpt.evaluation.plots.haplotype_panels import component_panels, distance_panels, frequency_panels, linkage_panels
from dnagpt.evaluation.plots.style import themed
from dnagpt.evaluation.report.haplotypes import (
    quality_headlines,
    quality_rows,
    quality_sections,
    quality_table,
    short_table,
)
from dnagpt.evaluation.report.page import render_report
from dnagpt.evaluation.report.tables import scores_csv

FIGURES: dict[str, Callable[[Sequence[ComparedSet]], str | None]] = {
    "frequencies": frequency_panels,
    "components": component_panels,
    "linkage": linkage_panels,
    "distances": distance_panels,
    "spectrum": spectrum_plot,
    "decay": decay_plot,
    "triplets": three_point_plot,
    "homozygosity": homozygosity_plot,
    "accuracy": accuracy_plot,
    "stretches": stretches_plot,
}
LEFT_OUT = {"decay", "triplets", "homozygosity", "stretches"}


def drawn(name: str, sets: Sequence[ComparedSet]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = FIGURES[name](sets)
    assert svg is not None
    return svg


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_well_formed_repeatable_and_follow_the_page(name: str) -> None:
    sets = compared_sets()[1:3]
    svg = drawn(name, sets)
    assert ET.fromstring(svg).attrib["aria-label"]
    assert svg == drawn(name, sets)
    assert "#" not in themed(svg).replace("url(#", "").replace('href="#', "")
    assert "poor &lt;&amp;&gt;" in svg
    assert len(svg) < 200_000


@pytest.mark.parametrize("count", [1, 3, 4, 5])
def test_panels_are_drawn_of_any_number_of_sets(count: int) -> None:
    svg = drawn("distances", compared_sets()[:count])
    assert svg.count("Sites that differ") == count


@pytest.mark.parametrize("name", FIGURES)
def test_what_was_not_measured_is_left_out_or_said(name: str) -> None:
    first, *others = compared_sets()
    bare = replace(first, quality=replace(
        first.quality, components=None, linkage=None, three_point=None, homozygosity=None, privacy=None
    ))  # fmt: skip
    svg = FIGURES[name]([bare])
    assert svg is None if name in LEFT_OUT else svg is not None
    if svg and name in {"components", "linkage"}:
        assert "not measured" in svg
    if name in LEFT_OUT:
        assert first.name not in drawn(name, [bare, *others[:1]]).partition(">")[2]


@pytest.mark.parametrize("name", ["frequencies", "components", "spectrum", "accuracy"])
def test_no_set_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="no set of haplotypes to draw"):
        FIGURES[name]([])


def test_a_perfect_copy_mirrors_its_linkage() -> None:
    """Above and below the diagonal stand the same shades, in the colour of the set and in ink."""
    real = real_haplotypes()
    copy = next(iter(compare_sets(real, {"copy": real}, beside={}, limit=False)))
    paths = re.findall(r'<path d="([^"]*)"[^>]*style="fill: (#\w+); opacity: ([\d.]+)', drawn("linkage", [copy]))
    cells = {(colour, shade): area(path) for path, colour, shade in paths}
    shades = {shade for _, shade in cells}
    colours = {colour for colour, _ in cells}
    assert len(colours) == 2
    assert len(shades) > 3
    one, other = sorted(colours)
    for shade in shades:
        assert cells[one, shade] == pytest.approx(cells[other, shade], rel=0.01)


def area(path: str) -> float:
    """Sum of the areas of the rectangles of a path."""
    numbers = np.array(re.findall(r"-?[\d.]+", path), dtype=float).reshape(-1, 4, 2)
    return float((np.ptp(numbers[:, :, 0], axis=1) * np.ptp(numbers[:, :, 1], axis=1)).sum())


def test_sets_of_a_kind_look_alike_and_differ_from_the_others() -> None:
    sets = compared_sets()
    styles = dict(zip((one.name for one in sets), line_styles(sets), strict=True))
    kinds = {
        kind: [styles[one.name] for one in sets if one.kind == kind] for kind in ("generated", "baseline", "limit")
    }
    assert all(style.dashes is None for style in kinds["generated"])
    assert len({style.colour.name for style in kinds["baseline"]}) == 1
    assert len(set(styles.values())) == len(sets)


def test_sets_come_in_order_and_baselines_beside_them() -> None:
    sets = compared_sets()
    assert [one.kind for one in sets] == ["generated"] * 2 + ["baseline"] * 4 + ["limit"]
    assert sets[0].quality.generated_count == 120
    assert {one.quality.generated_count for one in sets if one.kind == "baseline"} == {120}
    assert sets[-1].name == LIMIT
    assert sets[-1].quality.real_count + sets[-1].quality.generated_count == 120
    assert sets[-1].quality.privacy is None
    assert all(one.quality.privacy for one in sets[:-1])


def test_mosaics_beat_independent_sites_where_they_should() -> None:
    by_name = {one.name: one.quality for one in compared_sets()}
    good, poor = by_name["good"].linkage, by_name["poor <&>"].linkage
    assert good is not None
    assert poor is not None
    assert good.near_correlation > 0.8
    assert poor.near_correlation < 0.3


def test_halves_share_nobody_and_are_drawn_anew_with_another_seed() -> None:
    real = real_haplotypes()
    one, other = real_halves(real, seed=1)
    assert set(one.individuals) | set(other.individuals) == set(real.individuals)
    assert not set(one.individuals) & set(other.individuals)
    assert set(one.individuals) != set(real_halves(real, seed=2)[0].individuals)


def test_table_rows_and_headlines_hold_the_same_numbers() -> None:
    sets = compared_sets()
    table = quality_table(sets)
    assert table.columns == ("Measure", "Ideal", *(one.name for one in sets))
    rows = list(csv.DictReader(io.StringIO(scores_csv(quality_rows(sets)))))
    assert {row["set"] for row in rows} == {one.name for one in sets}
    first = sets[0].quality
    found = next(row for row in rows if row["set"] == "good" and row["metric"] == "aats")
    assert float(found["value"]) == first.accuracy.score
    assert f"{first.accuracy.score:.3f}" in {headline.value for headline in quality_headlines(sets)}
    assert short_table(sets).rows[0][:2] == ("good", first.frequencies.correlation)
    defined = [value for value in sets[0].quality.headline().values() if not math.isnan(value)]
    assert len([row for row in table.rows if row[2] is not None]) == len(defined)


def test_every_number_of_the_table_has_a_name_of_its_own() -> None:
    names = [str(row[0]) for row in quality_table(compared_sets()).rows]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name]


def test_the_page_holds_every_figure_and_note() -> None:
    sections = quality_sections(compared_sets(), ["real.vcf, left out: 3 <sites>."])
    page = render_report("T", "t", sections, {}, headlines=quality_headlines(compared_sets()))
    assert sum(len(section.figures) for section in sections) == 12
    assert "left out: 3 &lt;sites&gt;." in page
    assert page.count("<svg") == 12
    assert "<image" not in page


def test_the_page_says_when_nobody_was_named_as_trained_on() -> None:
    real = real_haplotypes()
    plain = list(compare_sets(real, {"copy": real}, beside={}, limit=False))
    page = render_report("T", "t", quality_sections(plain), {})
    assert "was not said" in page
    assert "Privacy loss" not in page
