"""All that is measured of generated haplotypes, in one value.

One line: `real + generated (+ training + held-out) -> HaplotypeQuality -> table, plots, JSON`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dnagpt.evaluation.allele_frequencies import FrequencyAgreement
from dnagpt.evaluation.haplotype_distances import DistanceAgreement
from dnagpt.evaluation.homozygosity import HomozygosityAgreement
from dnagpt.evaluation.linkage import LinkageAgreement
from dnagpt.evaluation.population_structure import PopulationAgreement
from dnagpt.evaluation.principal_components import ComponentAgreement
from dnagpt.evaluation.privacy import AdversarialAccuracy, Privacy
from dnagpt.evaluation.three_point import ThreePointAgreement


@dataclass(frozen=True, eq=False)
class HaplotypeQuality:
    """Generated haplotypes beside real ones at the same sites."""

    frequencies: FrequencyAgreement
    """How often each allele is carried."""
    components: ComponentAgreement | None
    """Where both sets lie on common principal components; None with fewer than two sites that vary."""
    linkage: LinkageAgreement | None
    """Which alleles go together; None with fewer than two sites that vary in both sets."""
    distances: DistanceAgreement
    """At how many sites pairs of haplotypes differ."""
    accuracy: AdversarialAccuracy
    """AATS of the generated against the real set."""
    privacy: Privacy | None
    """Training against held-out people; None unless both were given."""
    three_point: ThreePointAgreement | None
    """Which three alleles go together; None with fewer than three sites."""
    homozygosity: HomozygosityAgreement | None
    """Long shared haplotypes; None where no contig has a window of sites."""
    populations: PopulationAgreement | None
    """Populations, and whether a classifier tells the sets apart; None with too few haplotypes."""
    real_count: int
    """Real haplotypes."""
    generated_count: int
    """Generated haplotypes."""
    site_count: int
    """Sites."""
    notes: tuple[str, ...] = ()
    """Why something was not measured, in sentences."""

    def headline(self) -> Mapping[str, float]:
        """Give the numbers of the summary table by name, best read in this order; nan where not measured."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """Give everything but what only plots need as plain numbers, text, lists and dicts, for JSON; None for nan."""
        raise NotImplementedError
