"""Genotypes that are not two phased, known alleles: refused, left out or read as a selection says, and counted.

Shapes: P people.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnagpt.haplotypes.selection import HaplotypeSelection
    from dnagpt.haplotypes.values import Alleles

Calls = npt.NDArray[np.int8] | npt.NDArray[np.int16]
"""(P, 2) 0 reference allele, 1 the other one, UNKNOWN, or ABSENT where a person has no second copy."""
Mask = npt.NDArray[np.bool_]

UNKNOWN = -1
ABSENT = -2

Trouble = Literal["non_diploid", "missing", "half_called", "unphased", "phase_sets"]
# What is wrong -> (of one genotype, of many, of those that are read all the same, what to do).
_WORDS: dict[Trouble, tuple[str, str, str, str]] = {
    "non_diploid": (
        "has not two alleles",
        "genotypes without two alleles",
        "genotypes of one allele read as one haplotype",
        "Choose another region, or set non_diploid to 'drop-sites', 'drop-samples' or 'one-haplotype'.",
    ),
    "missing": (
        "is not known",
        "missing genotypes",
        "missing genotypes read as the reference allele",
        "Impute it, or set missing to 'drop-sites', 'drop-samples' or 'reference'.",
    ),
    "half_called": (
        "has one known and one unknown allele",
        "half-called genotypes",
        "half-called genotypes read with the reference allele",
        "Impute it, or set half_called to 'drop-sites', 'drop-samples' or 'reference'.",
    ),
    "unphased": (
        "is not phased",
        "unphased genotypes",
        "unphased genotypes read in the order in which they are written",
        "Phase the file (SHAPEIT, Eagle, Beagle), or set unphased to 'drop-sites', 'drop-samples' or 'as-written'.",
    ),
    "phase_sets": (
        "belongs to another phase set (PS) than the one before on its contig, so nobody knows which copy goes on",
        "genotypes of a second phase set",
        "genotypes of a second phase set joined to the first in the order in which they are written",
        "Phase the file as a whole, or set phase_sets to 'drop-sites', 'drop-samples' or 'as-written'.",
    ),
}


class GenotypeScreen:
    """Settles the genotypes of one site after the other, and remembers which people are left out for theirs.

    >>> from dnagpt.haplotypes.selection import HaplotypeSelection
    >>> screen = GenotypeScreen(["HG1", "HG2"], HaplotypeSelection(missing="reference", unphased="drop-sites"))
    >>> screen.settle(np.array([[0, 1], [-1, -1]], np.int8), np.array([False, False]), "site 15:100").tolist()
    [0, 1, 0, 0]
    >>> screen.settle(np.array([[0, 1], [1, 0]], np.int8), np.array([True, False]), "site 15:101")
    'sites with unphased genotypes'
    >>> screen.left_out
    {'missing genotypes read as the reference allele': 1}
    """

    def __init__(self, people: Sequence[str], selection: HaplotypeSelection) -> None:
        self._people = people
        self._policies: dict[Trouble, str] = {
            "non_diploid": selection.non_diploid, "missing": selection.missing,
            "half_called": selection.half_called, "unphased": selection.unphased, "phase_sets": selection.phase_sets,
        }  # fmt: skip
        self._repaired: Counter[str] = Counter()
        self._dropped_for: dict[int, str] = {}
        self._dropped: Mask = np.zeros(len(people), dtype=np.bool_)
        self._seen_with_one: Mask = self._dropped.copy()
        self._seen_with_two: Mask = self._dropped.copy()

    def settle(
        self, calls_P2: Calls, unphased_P: Mask, where: str, more_than_two_P: Mask | None = None,
        other_phase_set_P: Mask | None = None,
    ) -> Alleles | str:  # fmt: skip
        """Give the (2 P) alleles of a site, 0 for a second copy that is absent, or the reason to leave the site out."""
        if other_phase_set_P is not None and not other_phase_set_P.any():
            other_phase_set_P = None
        if calls_P2.min() >= 0 and not unphased_P.any() and more_than_two_P is None and other_phase_set_P is None:
            self._seen_with_two[:] = True
            return calls_P2.astype(np.uint8).reshape(-1)
        repaired: Counter[str] = Counter()
        lost: dict[int, str] = {}
        for trouble, found in _troubles(calls_P2, unphased_P, more_than_two_P, other_phase_set_P).items():
            affected = [int(person) for person in np.flatnonzero(found & ~self._dropped) if person not in lost]
            policy = self._policies[trouble]
            one, many, read, advice = _WORDS[trouble]
            if not affected:
                continue
            if policy == "error" or (
                policy == "one-haplotype" and more_than_two_P is not None and more_than_two_P.any()
            ):
                raise InputError(f"{where}, sample {self._people[affected[0]]}: the genotype {one}. {advice}")
            if policy == "drop-sites":
                return f"sites with {many}"
            if policy == "drop-samples":
                lost |= dict.fromkeys(affected, f"people with {many}")
            else:
                repaired[read] += len(affected)
        self._repaired += repaired
        self._dropped_for |= lost
        self._dropped[list(lost)] = True
        first, second = calls_P2[:, 0], calls_P2[:, 1]
        self._seen_with_one |= (first >= 0) & (second == ABSENT)
        self._seen_with_two |= (first >= 0) & (second >= 0)
        return np.maximum(calls_P2, 0).astype(np.uint8).reshape(-1)

    def kept_copies(self, source: str) -> Mask:
        """Tell which of the 2 P copies are haplotypes: both of each person that is kept, or the only one.

        Raises InputError for a person with one copy at some sites and two at others.
        """
        mixed = np.flatnonzero(self._seen_with_one & self._seen_with_two & ~self._dropped)
        if len(mixed):
            raise InputError(
                f"{source}, sample {self._people[mixed[0]]}: one allele at some sites and two at others, as men "
                "have in and outside the pseudo-autosomal regions of X. Choose a region on one side."
            )
        return np.stack([~self._dropped, ~self._dropped & ~self._seen_with_one], axis=1).reshape(-1)

    def assemble(self, rows: list[Alleles], source: str) -> tuple[Alleles, list[str]]:
        """Give the (N, S) alleles of the copies that are kept and the person of each; the settled rows are used up."""
        copies = self.kept_copies(source)
        alleles_SN = np.stack(rows)
        rows.clear()
        if not copies.all():
            alleles_SN = alleles_SN[:, copies]
        return alleles_SN.T, [
            person for place, person in enumerate(np.repeat(self._people, 2).tolist()) if copies[place]
        ]

    @property
    def left_out(self) -> dict[str, int]:
        """How many people were left out and how many genotypes were filled in, by reason."""
        return {**Counter(self._dropped_for.values()), **self._repaired}


def _troubles(
    calls: Calls, unphased: Mask, more_than_two: Mask | None, other_phase_set: Mask | None
) -> dict[Trouble, Mask]:
    """What is wrong with whom; a lone `.` is a missing genotype, whatever the number of copies."""
    first, second = calls[:, 0], calls[:, 1]
    known = (first >= 0) | (second >= 0)
    one_copy = (second == ABSENT) & known
    return {
        "non_diploid": one_copy if more_than_two is None else one_copy | more_than_two,
        "missing": ~known,
        "half_called": known & ((first == UNKNOWN) | (second == UNKNOWN)),
        "unphased": unphased & (first >= 0) & (second >= 0) & (first != second),
        "phase_sets": np.zeros_like(unphased) if other_phase_set is None else other_phase_set & ~unphased,
    }
