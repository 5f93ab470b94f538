"""A table on the terminal."""

from rich.console import Console
from rich.table import Table as ConsoleTable

from dnagpt.evaluation.report import Table


def print_table(table: Table) -> None:
    """Show a table on standard output."""
    shown = ConsoleTable(*table.columns)
    for row in table.rows:
        shown.add_row(
            *(f"{cell:.3f}" if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row)
        )
    Console().print(shown)
