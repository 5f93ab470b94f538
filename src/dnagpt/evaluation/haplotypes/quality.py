"""All that is measured of generated haplotypes, in one value.

One line: `real + generated (+ training + held-out) -> HaplotypeQuality -> table, plots, JSON`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.distances import DistanceAgreement, SetDistances, distance_agreement
from dnagpt.evaluation.haplotypes.frequencies import FrequencyAgreement, compare_frequencies
from dnagpt.evaluation.haplotypes.homozygosity import WINDOW, HomozygosityAgreement, compare_homozygosity
from dnagpt.evaluation.haplotypes.linkage import LinkageAgreement, compare_linkage
from dnagpt.evaluation.haplotypes.populations import FEWEST_PEOPLE, PopulationAgreement, compare_populations
from dnagpt.evaluation.haplotypes.principal_components import ComponentAgreement, compare_components
from dnagpt.evaluation.haplotypes.privacy import AdversarialAccuracy, Privacy, known_accuracy, measure_privacy
from dnagpt.evaluation.haplotypes.three_point import ThreePointAgreement, compare_three_points
from dnagpt.haplotypes.values import Haplotypes

MOST_HAPLOTYPES = 10_000
"""Haplotypes of a set at most whose distances are all measured; larger sets are thinned, and a note says so."""


@dataclass(frozen=True, eq=False)
class HaplotypeQuality:
    """Generated haplotypes beside real ones at the same sites."""

    real_count: int
    """Real haplotypes."""
    generated_count: int
    """Generated haplotypes."""
    site_count: int
    """Sites."""
    frequencies: FrequencyAgreement
    """How often each allele is carried."""
    components: ComponentAgreement | None
    """Where both sets lie on common principal components; None with fewer than two sites that vary."""
    linkage: LinkageAgreement | None
    """Which alleles go together; None with fewer than two sites that vary in both sets."""
    three_point: ThreePointAgreement | None
    """Which three alleles go together; None with fewer than three sites."""
    homozygosity: HomozygosityAgreement | None
    """Long shared haplotypes; None where no contig has a window of sites."""
    distances: DistanceAgreement
    """At how many sites pairs of haplotypes differ."""
    accuracy: AdversarialAccuracy
    """AATS of the generated against the real set."""
    privacy: Privacy | None
    """Training against held-out people; None unless both were given."""
    populations: PopulationAgreement
    """Populations, and whether a classifier tells the sets apart."""
    notes: tuple[str, ...] = ()
    """What was not measured and why, in sentences."""

    def headline(self) -> Mapping[str, float]:
        """Give the numbers of the summary table by name, in the order in which they are best read; nan if not measured.

        The names are `frequency_correlation`, `ld_correlation`, `aats` and so on; each is described at its field.
        """
        homozygosity, privacy, labels = self.homozygosity, self.privacy, self.populations.labels
        discrimination, linkage, components = self.populations.discrimination, self.linkage, self.components
        decay = linkage.decay if linkage else None
        axes = components.wasserstein if components else np.empty(0)
        missing = float("nan")
        return {
            "frequency_correlation": self.frequencies.correlation,
            "rare_frequency_correlation": self.frequencies.rare_correlation,
            "frequency_difference": self.frequencies.mean_difference,
            "sites_lost": float(self.frequencies.fixed_only_generated),
            "spectrum_difference": self.frequencies.spectrum_difference,
            "ld_correlation": linkage.correlation if linkage else missing,
            "ld_full_correlation": linkage.full_correlation if linkage else missing,
            "ld_near_correlation": linkage.near_correlation if linkage else missing,
            "ld_decay_difference": decay.difference if decay else missing,
            "three_point_correlation": self.three_point.mean_correlation if self.three_point else missing,
            "pc1_wasserstein": float(axes[0]) if len(axes) else missing,
            "pc2_wasserstein": float(axes[1]) if len(axes) > 1 else missing,
            "pc_sinkhorn": components.sinkhorn if components else missing,
            "distance_difference": self.distances.difference,
            "h1_difference": homozygosity.h1_difference if homozygosity else missing,
            "ehh_difference": homozygosity.ehh_difference if homozygosity else missing,
            "aats": self.accuracy.score,
            "aa_truth": self.accuracy.truth,
            "aa_synthetic": self.accuracy.synthetic,
            "copies": float(self.distances.copies),
            "repeats": float(self.distances.repeats),
            "privacy_loss": privacy.privacy_loss if privacy else missing,
            "membership_auc": privacy.membership_auc if privacy else missing,
            "training_run": privacy.training_stretches.mean_sites if privacy else missing,
            "held_out_training_run": privacy.held_out_stretches.mean_sites if privacy else missing,
            "classifier_accuracy": discrimination.accuracy if discrimination else missing,
            "fst": self.populations.fst,
            "label_accuracy": labels.generated if labels else missing,
            "real_label_accuracy": labels.real if labels else missing,
        }

    def as_dict(self) -> dict[str, Any]:
        """Give everything but what only plots need as plain numbers, text, lists and dicts, for JSON; None for nan."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def measure_haplotypes(
    real: Haplotypes,
    generated: Haplotypes,
    *,
    training: Haplotypes | None = None,
    held_out: Haplotypes | None = None,
    linked: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> HaplotypeQuality:
    """Measure generated against real haplotypes at the same sites.

    `training` are those that the model learnt from and `held_out` those kept from it; with both, privacy is measured.
    `linked` (S,) are the only sites whose linkage is compared, so that several sets are asked about the same ones.
    InputError where sites or alleles differ, or a set has fewer than two haplotypes.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["1"] * 30, np.arange(30) * 100, ["."] * 30, ["A"] * 30, ["G"] * 30)
    >>> draw = lambda seed: np.random.default_rng(seed).integers(2, size=(20, 30), dtype=np.uint8)
    >>> one, two = (Haplotypes(draw(seed), sites, [f"p{i // 2}" for i in range(20)]) for seed in (0, 1))
    >>> quality = measure_haplotypes(one, two)
    >>> quality.distances.copies, quality.notes[0]
    (0, 'Privacy was not measured, as training and held-out haplotypes were not both given.')
    """
    _check(real, {"generated": generated, "training": training, "held-out": held_out})
    notes: list[str] = []
    near = [_thinned(side, name, seed, notes) for name, side in (("real", real), ("generated", generated))]
    distances = SetDistances.of(near[0].alleles, near[1].alleles)
    privacy = None
    if training is None or held_out is None:
        notes.append("Privacy was not measured, as training and held-out haplotypes were not both given.")
    else:
        sides = [_thinned(side, name, seed, notes) for name, side in (("training", training), ("held-out", held_out))]
        privacy = measure_privacy(sides[0], sides[1], near[1], seed=seed)
    one, two = real.alleles, generated.alleles
    quality = HaplotypeQuality(
        real_count=len(real),
        generated_count=len(generated),
        site_count=len(real.sites),
        frequencies=compare_frequencies(one, two),
        components=compare_components(one, two, seed=seed),
        linkage=compare_linkage(one, two, real.sites, among=linked, seed=seed),
        three_point=compare_three_points(one, two, seed=seed),
        homozygosity=compare_homozygosity(one, two, real.sites),
        distances=distance_agreement(distances),
        accuracy=known_accuracy(distances, seed=seed),
        privacy=privacy,
        populations=compare_populations(real, generated, reference=training, aside=held_out, seed=seed),
    )
    return replace(quality, notes=(*notes, *_unmeasured(quality)))


def _check(real: Haplotypes, others: Mapping[str, Haplotypes | None]) -> None:
    """Refuse sets that cannot be compared."""
    for name, side in {"real": real, **others}.items():
        if side is None:
            continue
        if len(side) < 2:
            raise InputError(f"There are {len(side)} {name} haplotypes; at least two are needed to measure anything.")
        if len(side.sites) != len(real.sites) or not side.sites.same_alleles(real.sites):
            raise InputError(
                f"The {name} haplotypes ({len(side.sites):,} sites) are not at the sites of the real ones "
                f"({len(real.sites):,}), or have other alleles there{_first_difference(real, side)}. Read both with "
                "the same region, filters and legend."
            )
    if not len(real.sites):
        raise InputError("The haplotypes have no site, so there is nothing to measure.")


def _first_difference(real: Haplotypes, other: Haplotypes) -> str:
    """Say where two lists of sites part, counting positions from 1 as files do."""
    texts = [
        [f"{contig}:{position + 1:,} {reference}>{alternate}" for contig, position, reference, alternate in
         zip(side.sites.contigs, side.sites.positions, side.sites.reference, side.sites.alternate, strict=True)]
        for side in (real, other)
    ]  # fmt: skip
    pairs = ((one, two) for one, two in zip(*texts, strict=False) if one != two)
    return next((f"; the first that differs is {one} against {two}" for one, two in pairs), "")


def _thinned(haplotypes: Haplotypes, name: str, seed: int, notes: list[str]) -> Haplotypes:
    """Draw as many haplotypes of a set as distances are measured for."""
    if len(haplotypes) <= MOST_HAPLOTYPES:
        return haplotypes
    notes.append(
        f"Distances, AATS and privacy were measured on {MOST_HAPLOTYPES:,} of the {len(haplotypes):,} {name} "
        "haplotypes, drawn at random."
    )
    chosen = np.random.default_rng(seed).choice(len(haplotypes), MOST_HAPLOTYPES, replace=False)
    return haplotypes.take(np.sort(chosen))


def _unmeasured(quality: HaplotypeQuality) -> list[str]:
    """Say what could not be measured, and why."""
    few = f"a set has fewer than {FEWEST_PEOPLE} people"
    reasons = {
        "Principal components were": (quality.components, "fewer than two sites vary"),
        "Linkage disequilibrium was": (quality.linkage, "fewer than two sites vary in both sets"),
        "3-point correlation was": (quality.three_point, "there are fewer than three sites"),
        "Haplotype homozygosity was": (quality.homozygosity, f"no contig has {WINDOW} sites"),
        "A classifier was": (quality.populations.discrimination, few),
        "Populations of neighbours were": (quality.populations.labels, f"populations are not known, or {few}"),
    }
    notes = [f"{what} not measured, as {why}." for what, (result, why) in reasons.items() if result is None]
    if quality.linkage and quality.linkage.dropped:
        notes.append(f"Linkage leaves out {quality.linkage.dropped:,} sites that are fixed in one of the sets.")
    return notes


def _plain(value: Any) -> Any:
    """Turn results into what JSON knows, without the fields that are drawn only."""
    if is_dataclass(value):
        kept = (field.name for field in fields(value) if "drawn" not in field.metadata)
        return {name: _plain(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
