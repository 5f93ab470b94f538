"""The numbers of several sets of haplotypes beside one another: as tables, in a few words, as rows of a CSV file."""

import math
from collections.abc import Callable, Sequence

from dnagpt.evaluation.haplotype_comparison import ComparedSet
from dnagpt.evaluation.haplotype_quality import HaplotypeQuality
from dnagpt.evaluation.report import Cell, Headline, Table
from dnagpt.evaluation.tables import ScoreRow

Of = Callable[[HaplotypeQuality], float | None]
_NAMES: dict[str, tuple[str, str]] = {}
"""Of each number of `HaplotypeQuality.headline`: how it is called in a table, and its ideal value."""


def quality_table(sets: Sequence[ComparedSet], *, caption: str = "") -> Table:
    """Set the numbers of all sets side by side: a row a number, a column a set; what none of them has is left out."""
    numbers = [one.quality.headline() for one in sets]
    names = [name for name in numbers[0] if any(not math.isnan(of_set[name]) for of_set in numbers)]
    rows = tuple((*_name(name), *(_cell(of_set[name]) for of_set in numbers)) for name in names)
    return Table(("Measure", "Ideal", *(one.name for one in sets)), rows, caption)


def short_table(sets: Sequence[ComparedSet]) -> Table:
    """Sum the comparison up for a terminal: a row a set, a few numbers."""
    columns: dict[str, Of] = {
        "AF r": _frequency_correlation, "LD r": _linkage_correlation,
        "PC1": lambda one: _component_distance(one, 0), "PC2": lambda one: _component_distance(one, 1),
        "AATS": _adversarial_accuracy, "Privacy loss": _privacy_loss, "Copies": lambda one: one.distances.copies,
    }  # fmt: skip
    cells = {name: [of(one.quality) for one in sets] for name, of in columns.items()}
    kept = {name: of_sets for name, of_sets in cells.items() if any(cell is not None for cell in of_sets)}
    rows = tuple((one.name, *(of_sets[row] for of_sets in kept.values())) for row, one in enumerate(sets))
    return Table(("Set", *kept), rows)


def quality_headlines(sets: Sequence[ComparedSet]) -> list[Headline]:
    """Sum the first set up in four numbers, each beside what halves of the real people reach."""
    first = sets[0]
    limit = next((one.quality for one in sets if one.kind == "limit"), None)
    wanted: list[tuple[str, Of, str]] = [
        ("allele frequencies, r", _frequency_correlation, ""),
        ("linkage disequilibrium, r", _linkage_correlation, ""),
        ("AATS", _adversarial_accuracy, "0.5 is ideal"),
        ("privacy loss", _privacy_loss, "0 is ideal"),
    ]
    found = []
    for label, of, ideal in wanted:
        value, beside = of(first.quality), of(limit) if limit else None
        if value is not None:
            details = [ideal] * bool(ideal) + ([f"real halves {beside:.3f}"] if beside is not None else [])
            found.append(Headline(f"{first.name}: {label}", f"{value:.3f}", ", ".join(details)))
    return found


def quality_rows(sets: Sequence[ComparedSet]) -> list[ScoreRow]:
    """List every number of every set, one a row, as they stand in a CSV file."""
    return [
        {"set": one.name, "kind": one.kind, "metric": name, "value": _cell(value)}
        for one in sets
        for name, value in one.quality.headline().items()
    ]


def _name(name: str) -> tuple[str, str]:
    return _NAMES.get(name, (name.replace("_", " ").capitalize(), ""))


def _cell(value: float) -> Cell:
    return None if math.isnan(value) else value


def _frequency_correlation(quality: HaplotypeQuality) -> float | None:
    return _defined(quality.frequencies.correlation)


def _linkage_correlation(quality: HaplotypeQuality) -> float | None:
    return _defined(quality.linkage.correlation) if quality.linkage else None


def _component_distance(quality: HaplotypeQuality, component: int) -> float | None:
    found = quality.components
    return _defined(float(found.wasserstein[component])) if found and len(found.wasserstein) > component else None


def _adversarial_accuracy(quality: HaplotypeQuality) -> float | None:
    return _defined(quality.accuracy.score)


def _privacy_loss(quality: HaplotypeQuality) -> float | None:
    return _defined(quality.privacy.privacy_loss) if quality.privacy else None


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
