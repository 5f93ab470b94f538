"""The numbers of several sets of haplotypes beside one another: as tables, in a few words, as rows of a CSV file."""

import math
from collections.abc import Sequence

from dnagpt.evaluation.haplotype_comparison import ComparedSet
from dnagpt.evaluation.report import Cell, Headline, Table
from dnagpt.evaluation.tables import ScoreRow

NAMES: dict[str, tuple[str, str]] = {
    "frequency_correlation": ("Allele frequency, r", "1"),
    "rare_frequency_correlation": ("Allele frequency up to .2, r", "1"),
    "frequency_difference": ("Allele frequency, mean difference", "0"),
    "sites_lost": ("Sites that no longer vary", "0"),
    "spectrum_difference": ("Sites in another class of the spectrum", "0"),
    "ld_correlation": ("LD (r²), r over random pairs", "1"),
    "ld_full_correlation": ("LD (r²), r over all pairs", "1"),
    "ld_near_correlation": ("LD (r²), r over pairs on a contig", "1"),
    "ld_decay_difference": ("LD decay, mean difference", "0"),
    "three_point_correlation": ("3-point correlations, mean r", "1"),
    "pc1_wasserstein": ("PC1, Wasserstein distance", "0"),
    "pc2_wasserstein": ("PC2, Wasserstein distance", "0"),
    "pc_sinkhorn": ("PC1 and PC2, Sinkhorn divergence", "0"),
    "distance_difference": ("Pairwise distances, Wasserstein", "0"),
    "h1_difference": ("Homozygosity H1, generated minus real", "0"),
    "ehh_difference": ("EHH, mean difference", "0"),
    "aats": ("AATS", "0.5"),
    "aa_truth": ("AATS, real part", "0.5"),
    "aa_synthetic": ("AATS, generated part", "0.5"),
    "copies": ("Copies of real haplotypes", "0"),
    "repeats": ("Repeats within the set", "as real"),
    "privacy_loss": ("Privacy loss", "0"),
    "membership_auc": ("Membership inference, AUC", "0.5"),
    "training_run": ("Longest run shared with training, sites", "as held out"),
    "held_out_training_run": ("The same of people held out", ""),
    "classifier_accuracy": ("Classifier, accuracy", "0.5"),
    "fst": ("Fst against real", "0"),
    "label_accuracy": ("Neighbours of their own population", "as real"),
    "real_label_accuracy": ("The same of real haplotypes set aside", ""),
}
"""Of each number of `HaplotypeQuality.headline`: how it is called in a table, and its ideal value."""
_COUNTS = {"sites_lost", "copies", "repeats"}


def quality_table(sets: Sequence[ComparedSet], *, caption: str = "") -> Table:
    """Set the numbers of all sets side by side: a row a number, a column a set; what none of them has is left out."""
    numbers = [one.quality.headline() for one in sets]
    names = [name for name in numbers[0] if any(not math.isnan(of_set[name]) for of_set in numbers)]
    rows = tuple((*NAMES[name], *(_cell(name, of_set[name]) for of_set in numbers)) for name in names)
    return Table(("Measure", "Ideal", *(one.name for one in sets)), rows, caption)


def short_table(sets: Sequence[ComparedSet]) -> Table:
    """Sum the comparison up for a terminal: a row a set, a few numbers."""
    columns = {
        "AF r": "frequency_correlation", "LD r": "ld_correlation", "PC1": "pc1_wasserstein", "PC2": "pc2_wasserstein",
        "AATS": "aats", "Privacy loss": "privacy_loss", "Copies": "copies",
    }  # fmt: skip
    numbers = [one.quality.headline() for one in sets]
    cells = {shown: [_cell(name, of_set[name]) for of_set in numbers] for shown, name in columns.items()}
    kept = {name: of_sets for name, of_sets in cells.items() if any(cell is not None for cell in of_sets)}
    rows = tuple((one.name, *(of_sets[row] for of_sets in kept.values())) for row, one in enumerate(sets))
    return Table(("Set", *kept), rows)


def quality_headlines(sets: Sequence[ComparedSet]) -> list[Headline]:
    """Sum the first set up in four numbers, each beside what halves of the real people reach."""
    first = sets[0]
    numbers = first.quality.headline()
    limit = next((one.quality.headline() for one in sets if one.kind == "limit"), {})
    wanted = [
        ("allele frequencies, r", "frequency_correlation", ""),
        ("linkage disequilibrium, r", "ld_correlation", ""),
        ("AATS", "aats", "0.5 is ideal"),
        ("privacy loss", "privacy_loss", "0 is ideal"),
    ]
    found = []
    for label, name, ideal in wanted:
        value, beside = numbers[name], limit.get(name, math.nan)
        if not math.isnan(value):
            details = [ideal] * bool(ideal) + ([] if math.isnan(beside) else [f"real halves {beside:.3f}"])
            found.append(Headline(f"{first.name}: {label}", f"{value:.3f}", ", ".join(details)))
    return found


def quality_rows(sets: Sequence[ComparedSet]) -> list[ScoreRow]:
    """List every number of every set, one a row, as they stand in a CSV file."""
    return [
        {"set": one.name, "kind": one.kind, "metric": name, "value": _cell(name, value)}
        for one in sets
        for name, value in one.quality.headline().items()
    ]


def _cell(name: str, value: float) -> Cell:
    if math.isnan(value):
        return None
    return int(value) if name in _COUNTS else value
