"""One self-contained HTML page: text, tables, figures and where it all came from; nothing is loaded from outside.

Same inputs give the same bytes: no date, no random names. All text is escaped.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import ClassificationMetrics
from dnagpt.evaluation.metrics.metrics import metric_label, to_table
from dnagpt.evaluation.metrics.regression import RegressionMetrics
from dnagpt.evaluation.plots.style import css_variables, themed
from dnagpt.files.atomic import atomic_write
from dnagpt.files.optional import needs_extra

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns; numbers are set to the right."""

    columns: tuple[str, ...]
    """Headings, left to right."""
    rows: tuple[tuple[Cell, ...], ...]
    """One cell a column in each; None is shown as a dash."""
    caption: str = ""
    """What the table shows, written above it."""


@dataclass(frozen=True)
class Figure:
    """A drawing from `plots`, with what it shows."""

    svg: str
    """SVG text; it becomes part of the page as it is, so it must come from code that is trusted."""
    caption: str = ""
    """What the figure shows, written below it."""


@dataclass(frozen=True)
class Section:
    """One part of a report: a heading, text, then notices, tables and figures in this order."""

    title: str
    """The heading."""
    text: str = ""
    """Plain text; an empty line begins a new paragraph."""
    tables: tuple[Table, ...] = ()
    """Tables below the text."""
    figures: tuple[Figure, ...] = ()
    """Figures below the tables."""
    notices: tuple[str, ...] = ()
    """Warnings in a box that cannot be overlooked, such as that data are simulated."""


@dataclass(frozen=True)
class Headline:
    """One number that sums the report up, shown large at its top."""

    label: str
    """What it measures."""
    value: str
    """The number as it is to be read, with its unit."""
    detail: str = ""
    """Its interval, or what it is to be compared with."""


def metrics_table(
    metrics: ClassificationMetrics | RegressionMetrics,
    intervals: Mapping[str, Estimate] | None = None,
    *,
    caption: str = "",
) -> Table:
    """List every score of one method, with its interval where there is one.

    >>> from dnagpt.evaluation.metrics.regression import regression_metrics
    >>> metrics_table(regression_metrics([1, 2, 4], [1, 2, 4])).rows[4]
    ('RMSE', 0.0)
    """
    columns = ("Metric", "Value") if intervals is None else ("Metric", "Value", "Low", "High")
    rows = to_table(metrics, intervals)
    cells = [[metric_label(str(row["metric"])), *(row.get(name.lower()) for name in columns[1:])] for row in rows]
    return Table(columns, tuple(tuple(row) for row in cells), caption)


def comparison_table(methods: Mapping[str, ClassificationMetrics | RegressionMetrics], *, caption: str = "") -> Table:
    """Set methods, a model and its baselines, one below the other, one score a column.

    >>> from dnagpt.evaluation.metrics.regression import regression_metrics
    >>> comparison_table({"model": regression_metrics([1, 2, 4], [1, 2, 4])}).columns[-2:]
    ('RMSE', 'MAE')
    """
    scores = {method: metrics.scores() for method, metrics in methods.items()}
    names = tuple(dict.fromkeys(name for of_method in scores.values() for name in of_method))
    rows = tuple((method, *(of_method.get(name) for name in names)) for method, of_method in scores.items())
    return Table(("Method", *(_abbreviated(metric_label(name)) for name in names)), rows, caption)


def _abbreviated(label: str) -> str:
    """Keep of "Matthews correlation (MCC)" the abbreviation, so that many columns fit a page."""
    return re.sub(r".* \(([A-Z]+)\)", r"\1", label)


def render_report(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    provenance: Mapping[str, object],
    *,
    notices: Sequence[str] = (),
    headlines: Sequence[Headline] = (),
) -> str:
    """Lay a report out as the text of one HTML page.

    >>> page = render_report("PAS", "human", [Section("Results", "a < b")], {"seed": 1})
    >>> "a &lt; b" in page, "http://www.w3.org" in page or "src=" not in page
    (True, True)
    """
    with needs_extra("report", "a report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("dnagpt.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(paragraphs=split_paragraphs, cell=format_cell)
    environment.tests["numeric"] = is_numeric
    drawings = iter(range(1, 1 + sum(len(section.figures) for section in sections)))
    return environment.get_template("report.html.j2").render(
        title=title,
        subtitle=subtitle,
        # Each drawing gets names of its own, or the parts of one would be taken for parts of another.
        sections=[
            (
                section,
                [(_width(one.svg), themed(one.svg, prefix=f"f{next(drawings)}-")) for one in section.figures],
            )
            for section in sections
        ],
        provenance=provenance_lines(provenance),
        notices=notices,
        headlines=headlines,
        light=css_variables(dark=False),
        dark=css_variables(dark=True),
    )


def write_report(
    path: str | Path,
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    provenance: Mapping[str, object],
    *,
    notices: Sequence[str] = (),
    headlines: Sequence[Headline] = (),
) -> None:
    """Write a report as one self-contained HTML file that any browser opens, whole or not at all.

    Args:
        path: Where to; `-` is standard output.
        title: What the report is about.
        subtitle: One line more: the data, the model.
        sections: The parts, in order.
        provenance: How to get the same result again: data digests, seeds, versions, settings. May be nested. It is
            folded away at the end of the page.
        notices: Warnings that concern the whole report, shown at the top.
        headlines: The few numbers that sum it up, shown large at the top.

    Raises:
        StorageError: The file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(Path(folder) / "report.html", "PAS", "human", [], {"seed": 1})
    ...     (Path(folder) / "report.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    page = render_report(title, subtitle, sections, provenance, notices=notices, headlines=headlines)
    with atomic_write(path) as handle:
        handle.write(page.encode("utf-8", errors="backslashreplace"))  # names of files may be any bytes


def format_cell(cell: Cell) -> str:
    r"""Write one cell: three decimals for usual numbers, thousands separated, a dash for what is undefined.

    >>> [format_cell(cell) for cell in (0.93251, 12345, 1e-7, "a")]
    ['0.933', '12,345', '1.00e-07', 'a']
    >>> format_cell(None) == format_cell(float("nan")) == "\N{EN DASH}"
    True
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "\N{EN DASH}"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if cell and not 1e-3 <= abs(cell) < 1e6:
        return f"{cell:.2e}"
    return f"{cell:,.3f}" if abs(cell) < 100 else f"{cell:,.1f}"


def is_numeric(column: Sequence[Cell]) -> bool:
    """Say whether a column holds numbers, and gaps, only.

    >>> is_numeric([1, None, 0.5]), is_numeric(["a", 1]), is_numeric([None])
    (True, False, False)
    """
    filled = [cell for cell in column if cell is not None]
    return bool(filled) and all(isinstance(cell, int | float) for cell in filled)


def split_paragraphs(text: str) -> list[str]:
    r"""Split plain text at its empty lines.

    >>> split_paragraphs("one\ntwo\n\nthree")
    ['one\ntwo', 'three']
    """
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def provenance_lines(provenance: Mapping[str, object], parent: str = "") -> list[tuple[str, str]]:
    """Flatten nested facts to one line each, named by their path.

    >>> provenance_lines({"seed": 1, "model": {"layers": 12}})
    [('seed', '1'), ('model.layers', '12')]
    """
    lines = []
    for name, value in provenance.items():
        path = f"{parent}.{name}" if parent else str(name)
        if isinstance(value, Mapping):
            lines += provenance_lines(value, path)
        else:
            lines.append((path, str(value)))
    return lines


def _width(svg: str) -> str:
    """Read the natural width of a figure in pixels, so that its caption is no wider."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)"', svg)
    return f"{found.group(1)}px" if found else "100%"
