"""The numbers of several sets of haplotypes beside one another: as a table, in a few words, as rows of a CSV file."""

import math
from collections.abc import Sequence
from typing import Any

from dnagpt.evaluation.haplotype_comparison import ComparedSet
from dnagpt.evaluation.report import Cell, Headline, Table, format_cell
from dnagpt.evaluation.tables import ScoreRow

_SHOWN: dict[str, tuple[str, str]] = {}
"""Of each number of `HaplotypeQuality.headline`: what it is called, and its ideal value."""
_SUMMED_UP = ("frequency_correlation", "linkage_correlation", "aats", "privacy_loss")


def quality_table(sets: Sequence[ComparedSet], *, caption: str = "") -> Table:
    """Set the numbers of all sets side by side: a row a number, a column a set; what none of them has is left out."""
    numbers = [one.quality.headline() for one in sets]
    names = [name for name in numbers[0] if any(not math.isnan(of_set[name]) for of_set in numbers)]
    rows = tuple((*_label(name), *(_cell(of_set[name]) for of_set in numbers)) for name in names)
    return Table(("Measure", "Ideal", *(one.name for one in sets)), rows, caption)
