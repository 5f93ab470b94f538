"""What commands write for programs: metrics.json and scores.csv."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dnagpt.evaluation.tables import ScoreRow, scores_csv
from dnagpt.genome.files import atomic_write


def write_metrics(metrics: Mapping[str, Any], folder: Path, *, allow_nan: bool = True) -> None:
    """Write metrics.json into a folder, whole or not at all; a nan that is not allowed is a ValueError."""
    with atomic_write(folder / "metrics.json") as handle:
        handle.write((json.dumps(metrics, indent=1, allow_nan=allow_nan) + "\n").encode())


def write_scores(rows: Iterable[ScoreRow], path: Path) -> None:
    """Write every score with its interval as one line of a CSV file."""
    with atomic_write(path) as handle:
        handle.write(scores_csv(rows).encode())
