"""The report page: self-contained, escaped, the same bytes every time."""

import re
import sys
from pathlib import Path

import pytest

from dnagpt.errors import InputError, StorageError
from dnagpt.evaluation.metrics.classification import classification_intervals, classification_metrics
from dnagpt.evaluation.metrics.regression import regression_metrics
from dnagpt.evaluation.plots.matrices import confusion_plot
from dnagpt.evaluation.report.page import (
    Figure,
    Headline,
    Section,
    Table,
    comparison_table,
    format_cell,
    metrics_table,
    render_report,
    write_report,
)

SVG = confusion_plot([[9, 1], [2, 8]], ["a", "b"])
SECTION = Section(
    "Results <script>alert(1)</script>",
    'First & "quoted".\n\nSecond <i>paragraph</i>.',
    tables=(Table(("name", "r"), (("x<y", 0.12345), ("z", None)), "A & B"),),
    figures=(Figure(SVG, "Calls <by> class"), Figure(SVG)),
    notices=("Simulated <data>",),
)


HEADLINE = Headline("Accuracy", "0.9 < 1", "above the 4-mers")


def page() -> str:
    provenance = {"seed": 1, "data": {"path": "<a>"}}
    return render_report("T & t", "<sub>", [SECTION], provenance, notices=["Read <this>"], headlines=[HEADLINE])


def test_tags_are_balanced_and_nothing_is_loaded_from_outside() -> None:
    open_tags: list[str] = []
    for closes, tag, attributes, alone in re.findall(r"<(/?)([a-zA-Z][\w:]*)([^>]*?)(/?)>", page()):
        assert tag not in {"script", "link", "img", "iframe"}
        assert not re.search(r"\b(src|on\w+)=", attributes)
        assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', attributes))
        if closes:
            assert open_tags.pop() == tag
        elif not alone and tag != "meta":
            open_tags.append(tag)
    assert open_tags == []
    assert "@import" not in page()


def test_all_text_is_escaped() -> None:
    found = page()
    for raw in ("<script>", "<i>", "<sub>", "<data>", "<by>", "<this>", "<a>", "x<y"):
        assert raw not in found
    assert "<title>T &amp; t</title>" in found
    assert found.count("<p>") == 2


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, "T", "t", [SECTION], {"seed": 1})
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_names_inside_figures_are_unique_and_known() -> None:
    """The same drawing twice: each copy must clip by its own shapes."""
    found = page()
    names = re.findall(r'\bid="([^"]+)"', found)
    assert len(names) == len(set(names))
    assert set(re.findall(r"url\(#([^)]+)\)", found)) <= set(names)
    assert set(re.findall(r'xlink:href="#([^"]+)"', found)) <= set(names)


def test_numbers_are_set_right_and_gaps_are_dashes() -> None:
    found = page()
    assert '<td class="number">0.123</td>' in found
    assert '<td class="number">\N{EN DASH}</td>' in found
    assert '<th scope="col" class="number">r</th>' in found
    assert "<td>z</td>" in found


def test_light_and_dark_notices_and_provenance() -> None:
    found = page()
    assert "prefers-color-scheme: dark" in found
    assert found.count('class="notice"') == 2
    assert '<th scope="row">data.path</th><td>&lt;a&gt;</td>' in found
    assert '<div class="notice"' not in render_report("T", "", [], {})
    assert "<details>" not in render_report("T", "", [], {})


def test_headlines_show_value_and_detail() -> None:
    found = page()
    assert "<dd>0.9 &lt; 1</dd>" in found
    assert f"<dd>{HEADLINE.detail}</dd>" in found


def test_sections_are_listed_where_there_are_many() -> None:
    sections = [Section(name) for name in ("One", "Two", "Three")]
    assert '<a href="#section-3">Three</a>' in render_report("T", "", sections, {})


def test_tables_of_metrics() -> None:
    probabilities = [[0.9, 0.1], [0.2, 0.8]]
    metrics = classification_metrics([0, 1], probabilities)
    table = metrics_table(metrics, classification_intervals([0, 1], probabilities, samples=10), caption="All")
    assert table.columns == ("Metric", "Value", "Low", "High")
    assert table.rows[0] == ("Accuracy", 1.0, 1.0, 1.0)
    compared = comparison_table(
        {"model": regression_metrics([1, 2], [1, 2]), "mean": regression_metrics([1, 2], [3, 3])}
    )
    assert [row[0] for row in compared.rows] == ["model", "mean"]
    assert [format_cell(cell) for cell in compared.rows[1][1:3]] == ["\N{EN DASH}", "-9.000"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [(0, "0"), (0.0, "0.000"), (-1.5, "-1.500"), (1234567, "1,234,567"), (123.456, "123.5"), (2e6, "2.00e+06")],
)
def test_cells(cell: float, text: str) -> None:
    assert format_cell(cell) == text


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"report\.html"):
        write_report(tmp_path / "file" / "report.html", "T", "t", [], {})


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"a report needs the package jinja2.*pip install 'dnagpt\[report\]'"):
        render_report("T", "t", [], {})
