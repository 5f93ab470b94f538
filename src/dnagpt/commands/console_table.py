"""A table on the terminal."""

from rich.console import Console
from rich.table import Column
from rich.table import Table as ConsoleTable
from rich.text import Text

from dnagpt.errors import visible
from dnagpt.evaluation.report import Table


def print_table(table: Table) -> None:
    """Show a table on standard output."""
    shown = ConsoleTable(*(Column(_written(name)) for name in table.columns))
    for row in table.rows:
        shown.add_row(*map(_written, row))
    Console().print(shown)


def _written(cell: object) -> Text:
    """Write a cell as it is: names from files are neither commands to the terminal nor the markup of rich."""
    return Text(f"{cell:.3f}" if isinstance(cell, float) else "" if cell is None else visible(str(cell)))
