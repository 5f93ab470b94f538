"""Haplotypes: which of two alleles each chromosome copy carries at each site.

Shapes: N haplotypes, S sites.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError

Alleles = npt.NDArray[np.uint8]
"""(N, S) 0 where a haplotype carries the reference allele of a site, 1 where it carries the other one."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Places in a genome at which two alleles are known, in order along each contig.

    >>> sites = Sites(["15", "15"], np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> len(sites), sites.take([1]).names
    (2, ['rs2'])
    """

    contigs: Sequence[str]
    """(S,) the contig of each site."""
    positions: npt.NDArray[np.int64]
    """(S,) 0-based positions (files of the field count from 1)."""
    names: Sequence[str]
    """(S,) what each site is called; `.` where it has no name."""
    reference: Sequence[str]
    """(S,) the letters of allele 0."""
    alternate: Sequence[str]
    """(S,) the letters of allele 1."""

    def __post_init__(self) -> None:
        columns = (self.contigs, self.names, self.reference, self.alternate)
        assert {len(column) for column in columns} == {len(self.positions)}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def contig_ranks(self) -> npt.NDArray[np.int64]:
        """(S,) the number of each site's contig, in the order in which the contigs first come."""
        ranks = {contig: rank for rank, contig in enumerate(dict.fromkeys(self.contigs))}
        return np.array([ranks[contig] for contig in self.contigs], dtype=np.int64)

    @property
    def out_of_order(self) -> npt.NDArray[np.int64]:
        """The places of sites that stand before the one above them, or on a contig that had ended there.

        >>> Sites(["1", "2", "2", "1"], np.array([9, 7, 5, 8]), ["."] * 4, ["A"] * 4, ["T"] * 4).out_of_order.tolist()
        [2, 3]
        """
        steps = np.diff(self.contig_ranks)
        return np.flatnonzero((steps < 0) | ((steps == 0) & (np.diff(self.positions) < 0))) + 1

    def take(self, places: Sequence[int] | npt.NDArray[np.int64]) -> Self:
        """Give these sites alone, in this order."""
        columns = (self.contigs, self.names, self.reference, self.alternate)
        contigs, names, reference, alternate = ([column[place] for place in places] for column in columns)
        return replace(
            self, contigs=contigs, positions=self.positions[np.asarray(places, dtype=np.int64)], names=names,
            reference=reference, alternate=alternate,
        )  # fmt: skip

    def same_alleles(self, other: "Sites") -> bool:
        """Tell whether both are the same places with the same letters, whatever they are called."""
        mine, theirs = ((s.contigs, s.positions.tolist(), s.reference, s.alternate) for s in (self, other))
        return all(list(one) == list(two) for one, two in zip(mine, theirs, strict=True))


@dataclass(frozen=True, eq=False)
class Haplotypes:
    """The alleles of many chromosome copies, and whose they are.

    >>> sites = Sites(["15", "15"], np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> people = Haplotypes(np.array([[0, 1], [0, 0]], dtype=np.uint8), sites, ["HG1", "HG1"])
    >>> people.frequencies.tolist(), people.labels
    ([0.0, 0.5], ['HG1_A', 'HG1_B'])
    """

    alleles: Alleles
    """(N, S) 0 or 1."""
    sites: Sites
    """The S columns."""
    individuals: Sequence[str]
    """(N,) the person that each haplotype is of; two a person, side by side, where the source is diploid."""
    populations: Sequence[str] | None = None
    """(N,) the population of each haplotype, where it is known."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many sites or samples of the source were left out, by reason, in words."""

    def __post_init__(self) -> None:
        assert self.alleles.dtype == np.uint8
        assert self.alleles.shape == (len(self.individuals), len(self.sites))
        assert self.populations is None or len(self.populations) == len(self.individuals)

    def __len__(self) -> int:
        return len(self.individuals)

    @property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """(S,) the share of haplotypes that carry allele 1."""
        return self.alleles.mean(axis=0, dtype=np.float64)

    @property
    def labels(self) -> list[str]:
        """(N,) a name for each haplotype: the person's, with A, B ... behind it."""
        seen: dict[str, int] = {}
        result = []
        for person in self.individuals:
            seen[person] = seen.get(person, -1) + 1
            result.append(f"{person}_{_letters(seen[person])}")
        return result

    def take(self, places: Sequence[int] | npt.NDArray[np.int64]) -> Self:
        """Give these haplotypes alone, in this order."""
        chosen = np.asarray(places, dtype=np.int64)
        populations = self.populations
        return replace(
            self, alleles=self.alleles[chosen], individuals=[self.individuals[place] for place in chosen],
            populations=None if populations is None else [populations[place] for place in chosen],
        )  # fmt: skip

    def at(self, places: Sequence[int] | npt.NDArray[np.int64]) -> Self:
        """Give all haplotypes at these sites alone."""
        chosen = np.asarray(places, dtype=np.int64)
        return replace(self, alleles=np.ascontiguousarray(self.alleles[:, chosen]), sites=self.sites.take(chosen))

    def with_populations(self, of: Mapping[str, str]) -> Self:
        """Say which population each person is of; InputError names those of whom it is not known."""
        missing = sorted(set(self.individuals) - of.keys())
        if missing:
            raise InputError(
                f"The population of {len(missing):,} of {len(set(self.individuals)):,} people is not known, such as "
                f"{', '.join(missing[:3])}. Add them to the table, or leave them out."
            )
        return replace(self, populations=[of[person] for person in self.individuals])


def _letters(number: int) -> str:
    """Count A, B ... Z, AA, AB ...

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + last)
