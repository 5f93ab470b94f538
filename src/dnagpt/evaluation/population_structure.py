"""Whether generated haplotypes have the populations of real ones, and whether a classifier can tell the sets apart.

Shapes: P populations.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Discrimination:
    """A classifier two-sample test: a model taught to tell generated from real haplotypes, asked about others."""

    accuracy: float
    """Share of unseen haplotypes that it sorts rightly; 0.5 is ideal, both sets being equally large."""
    auc: float
    """Area under its ROC curve; 0.5 is ideal."""
    p_value: float
    """Chance of such an accuracy or a higher one if nothing could be told apart (binomial)."""
    tested: int
    """Unseen haplotypes, half of them generated; both haplotypes of a person stood on one side."""


@dataclass(frozen=True)
class LabelAccuracy:
    """Whether the nearest real haplotypes of a haplotype are of its own population."""

    generated: float
    """Share of generated haplotypes most of whose nearest real ones are of the population they were generated for."""
    real: float
    """The same of real haplotypes that were set aside: what can be expected."""
    generated_by_population: Mapping[str, float]
    """The share of generated haplotypes, population by population."""
    real_by_population: Mapping[str, float]
    """The share of real ones set aside."""
    neighbours: int
    """How many nearest real haplotypes vote."""


@dataclass(frozen=True)
class PopulationAgreement:
    """Populations of generated haplotypes beside those of real ones."""

    discrimination: Discrimination
    """Telling generated from real haplotypes, whatever their population."""
    fst: float
    """Hudson's Fst between all generated and all real haplotypes: 0 is ideal."""
    fst_by_population: Mapping[str, float]
    """Hudson's Fst between generated and real haplotypes of each population; empty where populations are not known."""
    real_fst: Mapping[str, float]
    """Hudson's Fst between each two real populations, `A-B`: the scale of what divides people."""
    generated_fst: Mapping[str, float]
    """The same between generated populations."""
    labels: LabelAccuracy | None
    """Neighbours by population; None where the populations of one set are not known."""
