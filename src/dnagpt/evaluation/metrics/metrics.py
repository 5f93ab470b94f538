"""How good are the answers: metrics of classes and of numbers, alone or with bootstrap intervals, ready for a file."""

import math
from collections.abc import Mapping
from dataclasses import asdict

from dnagpt.evaluation.metrics.bootstrap import Estimate
from dnagpt.evaluation.metrics.classification import ClassificationMetrics
from dnagpt.evaluation.metrics.regression import RegressionMetrics

_LABELS = {
    "f1": "F1",
    "mcc": "Matthews correlation (MCC)",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "calibration_error": "Calibration error (ECE)",
    "squared_pearson": "r² (squared Pearson)",
    "determination": "r² (1 - SSE/SST)",
    "pearson": "Pearson r",
    "spearman": "Spearman r",
    "rmse": "RMSE",
    "mae": "MAE",
}


def as_dict(metrics: ClassificationMetrics | RegressionMetrics) -> dict[str, object]:
    """Turn metrics into plain values for a JSON file; an undefined score becomes null, and `notes` says why.

    >>> from dnagpt.evaluation.metrics.classification import classification_metrics
    >>> as_dict(classification_metrics([1], [[0.2, 0.8]]))["auroc"] is None
    True
    """
    scores = metrics.scores()
    plain: dict[str, object] = {name: None if math.isnan(value) else value for name, value in scores.items()}
    details = {name: value for name, value in asdict(metrics).items() if not isinstance(value, float)}
    return plain | {name: _plain(value) for name, value in details.items()}


def to_table(
    metrics: ClassificationMetrics | RegressionMetrics, intervals: Mapping[str, Estimate] | None = None
) -> list[dict[str, str | float]]:
    """Lay metrics out one a row, with the ends of the interval where there is one: for a CSV file or a report.

    >>> from dnagpt.evaluation.metrics.regression import regression_metrics
    >>> to_table(regression_metrics([1, 2, 4], [1, 2, 4]))[4]
    {'metric': 'rmse', 'value': 0.0}
    """
    rows: list[dict[str, str | float]] = []
    for name, value in metrics.scores().items():
        row: dict[str, str | float] = {"metric": name, "value": value}
        if intervals is not None and name in intervals:
            row |= {"low": intervals[name].low, "high": intervals[name].high}
        rows.append(row)
    return rows


def metric_label(name: str) -> str:
    """Give the name of a score as a reader knows it.

    >>> metric_label("macro_f1"), metric_label("determination"), metric_label("accuracy")
    ('F1 (macro)', 'r² (1 - SSE/SST)', 'Accuracy')
    """
    bare = name.removeprefix("macro_")
    label = _LABELS.get(bare, bare.replace("_", " ").capitalize())
    return label if bare == name else f"{label} (macro)"


def _plain(value: object) -> object:
    """Turn tuples into lists, as JSON would."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
