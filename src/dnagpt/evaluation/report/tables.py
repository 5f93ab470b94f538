"""Scores laid out for readers and for files: of groups, of several runs, of subsets, of one method by another."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.groups import GroupScores
from dnagpt.evaluation.metrics.metrics import metric_label
from dnagpt.evaluation.metrics.several_runs import summary_of_runs
from dnagpt.evaluation.report.page import Cell, Table

ScoreRow = dict[str, Cell]
_GROUP_SCORES = ("accuracy", "mcc", "auroc", "macro_auroc", "squared_pearson", "determination", "spearman", "rmse")


def groups_table(groups: GroupScores, *, scores: Sequence[str] = _GROUP_SCORES, caption: str = "") -> Table:
    """Set groups of examples one below the other: how many, the main scores, and why a score is undefined.

    Scores that no group has are left out.

    >>> from dnagpt.evaluation.metrics.groups import number_scores_by_group
    >>> table = groups_table(number_scores_by_group([1, 2, 5], [1, 3, 5], ["a", "a", "b"]))
    >>> table.columns
    ('Group', 'Examples', 'r² (squared Pearson)', 'r² (1 - SSE/SST)', 'Spearman r', 'RMSE', 'Note')
    >>> table.rows[1]
    ('b', 1, None, None, None, 0.0, 'correlations and determination are undefined: every true number is 5; ...')
    """
    names = [name for name in scores if any(name in values for values in groups.values())]
    rows: list[tuple[Cell, ...]] = []
    for group, values in groups.items():
        notes = values["notes"]
        note = "; ".join(notes) if isinstance(notes, Sequence) else ""
        rows.append((group, *(_cell(values.get(name)) for name in ("count", *names)), note))
    columns = ("Group", "Examples", *map(metric_label, names), "Note")
    shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    return Table(columns[:shown], tuple(row[:shown] for row in rows), caption)


def runs_table(methods: Mapping[str, Sequence[Mapping[str, float | None]]], *, caption: str = "") -> Table:
    """Set methods one below the other, each score as mean ± standard deviation over the method's runs.

    >>> runs_table({"model": [{"mcc": 0.5}, {"mcc": 0.7}]}).rows
    (('model', 2, '0.600 ± 0.141'),)
    """
    summaries = {method: summary_of_runs(runs) for method, runs in methods.items()}
    names = tuple(dict.fromkeys(name for summary in summaries.values() for name in summary))
    rows = tuple(
        (method, len(methods[method]), *(str(summary[name]) if name in summary else None for name in names))
        for method, summary in summaries.items()
    )
    return Table(("Method", "Runs", *map(metric_label, names)), rows, caption)


def cross_table(scores: Mapping[str, Mapping[str, float]], *, caption: str = "") -> Table:
    """Set what each model, trained on one data set (row), scores on every data set (column).

    `plots.heat_map` draws the same.

    >>> cross_table({"human": {"human": 0.8, "mouse": 0.7}, "mouse": {"human": 0.6, "mouse": 0.9}}).rows[1]
    ('mouse', 0.6, 0.9)
    """
    tested = cross_columns(scores)
    rows = tuple((trained, *(of_model.get(name) for name in tested)) for trained, of_model in scores.items())
    return Table(("Trained on", *tested), rows, caption)


def cross_columns(scores: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Name all data sets that any model was tested on, in order.

    >>> cross_columns({"human": {"human": 0.8}, "mouse": {"human": 0.6, "mouse": 0.9}})
    ('human', 'mouse')
    """
    tested = tuple(dict.fromkeys(name for of_model in scores.values() for name in of_model))
    if not tested:
        raise InputError("there is no score to set out; give at least one model with one data set")
    return tested


def subsets_table(subsets: Mapping[str, Mapping[str, Estimate]], *, caption: str = "") -> Table:
    """Set the scores of one method on several sets of records side by side, each with its interval.

    So the score on the test records that do not occur in training stands beside the one on all of them.

    >>> all_records, clean = {"mcc": Estimate(0.8, 0.75, 0.85)}, {"mcc": Estimate(0.7, 0.6, 0.8)}
    >>> subsets_table({"All 200": all_records, "Not in training, 150": clean}).rows
    (('Matthews correlation (MCC)', '0.800 (0.750 to 0.850)', '0.700 (0.600 to 0.800)'),)
    """
    names = tuple(dict.fromkeys(name for scores in subsets.values() for name in scores))
    rows = tuple((metric_label(name), *(_written(scores.get(name)) for scores in subsets.values())) for name in names)
    return Table(("Metric", *subsets), rows, caption)


def score_rows(methods: Mapping[str, Mapping[str, Estimate]], **facts: str | int) -> list[ScoreRow]:
    """List every score of every method, one a row, with its interval; `facts` (answer, subset, seed) stand before it.

    >>> score_rows({"model": {"mcc": Estimate(0.8, 0.75, 0.85)}}, answer="label")
    [{'answer': 'label', 'method': 'model', 'metric': 'mcc', 'value': 0.8, 'low': 0.75, 'high': 0.85}]
    """
    return [
        {
            **facts, "method": method, "metric": name,
            "value": _cell(estimate.value), "low": _cell(estimate.low), "high": _cell(estimate.high),
        }
        for method, estimates in methods.items()
        for name, estimate in estimates.items()
    ]  # fmt: skip


def scores_csv(rows: Iterable[ScoreRow]) -> str:
    r"""Write rows of scores as CSV, undefined ones as empty cells; numbers at full precision.

    >>> scores_csv(score_rows({"model": {"mcc": Estimate(0.8, 0.75, float("nan"))}}))
    'method,metric,value,low,high\nmodel,mcc,0.8,0.75,\n'
    """
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()


def _cell(value: object) -> Cell:
    undefined = isinstance(value, float) and math.isnan(value)
    return value if isinstance(value, str | int | float) and not undefined else None


def _written(estimate: Estimate | None) -> Cell:
    return None if estimate is None or math.isnan(estimate.value) else str(estimate)
