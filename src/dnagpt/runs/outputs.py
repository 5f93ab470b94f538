"""What runs write and show: provenance, metrics.json, scores.csv, tables on the terminal."""

import json
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column
from rich.table import Table as ConsoleTable
from rich.text import Text

from dnagpt.errors import visible
from dnagpt.evaluation.report.page import Table
from dnagpt.evaluation.report.tables import ScoreRow, scores_csv
from dnagpt.files.atomic import atomic_write


def provenance(command: str, settings: Mapping[str, Any], data: Mapping[str, str]) -> dict[str, Any]:
    """Collect what somebody needs to make a result again; `data` maps a name to its SHA-256."""
    return {
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "dnagpt": version("dnagpt"),
            "torch": version("torch"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
        "data": dict(data),
        "settings": dict(settings),
    }


def print_table(table: Table) -> None:
    """Show a table on standard output."""
    shown = ConsoleTable(*(Column(_written(name)) for name in table.columns))
    for row in table.rows:
        shown.add_row(*map(_written, row))
    Console().print(shown)


def _written(cell: object) -> Text:
    """Write a cell as it is: names from files are neither commands to the terminal nor the markup of rich."""
    return Text(f"{cell:.3f}" if isinstance(cell, float) else "" if cell is None else visible(str(cell)))


def write_metrics(metrics: Mapping[str, Any], folder: Path, *, allow_nan: bool = True) -> None:
    """Write metrics.json into a folder, whole or not at all; a nan that is not allowed is a ValueError."""
    with atomic_write(folder / "metrics.json") as handle:
        handle.write((json.dumps(metrics, indent=1, allow_nan=allow_nan) + "\n").encode())


def write_scores(rows: Iterable[ScoreRow], path: Path) -> None:
    """Write every score with its interval as one line of a CSV file."""
    with atomic_write(path) as handle:
        handle.write(scores_csv(rows).encode())
