"""Sites that are kept or left out, by a selection, and haplotypes put together from those that are kept."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.suggestions import did_you_mean
from dnagpt.genome.intervals import Region, parse_region
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.values import Haplotypes, Sites

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from dnagpt.haplotypes.values import Alleles

_log = logging.getLogger(__name__)
_BASES = frozenset("ACGT")
ALLELE = re.compile(r"[ACGTN]+|\*|<[^<>\s]+>")
"""What can be written as an allele of a VCF file."""


def _upper_bases(letters: str) -> str:
    """Write bases in upper case; names of symbolic alleles and contigs in breakends stay as they are."""
    return letters.upper() if letters.isalpha() else letters


def is_snv(reference: str, alternate: str) -> bool:
    """Tell whether a site is the exchange of one base for another.

    >>> is_snv("A", "G"), is_snv("A", "AT"), is_snv("A", "<CN0>"), is_snv("N", "A")
    (True, False, False, False)
    """
    return reference in _BASES and alternate in _BASES and reference != alternate


class SiteScreen:
    """Decides about the sites of one source in turn, keeps those that a selection takes and counts the others.

    >>> screen = SiteScreen(HaplotypeSelection(region="15"), "panel.vcf")
    >>> screen.keep("15", 99, "rs1", "A", ["G"]), screen.keep("15", 120, "rs2", "A", ["AT"])
    (True, False)
    >>> screen.sites.names, dict(screen.left_out)
    (['rs1'], {'sites that are no single-nucleotide variants': 1})
    """

    def __init__(self, selection: HaplotypeSelection, source: str) -> None:
        self.selection = selection
        self.source = source
        self.region = None if selection.region is None else parse_region(selection.region)
        self.left_out: Counter[str] = Counter()
        self._contigs_seen: dict[str, None] = {}
        self._kept: list[tuple[str, int, str, str, str]] = []

    def know_contigs(self, contigs: Collection[str]) -> None:
        """Take the whole text of the region for a contig, where one is called so, such as `HLA-A*01:01`."""
        if self.selection.region is not None and self.selection.region.strip() in contigs:
            self.region = Region(self.selection.region.strip())

    def keep(
        self, contig: str, position: int, name: str, reference: str, alternates: Sequence[str], *,
        filtered: bool = False,
    ) -> bool:  # fmt: skip
        """Tell whether a site (0-based position) is taken; it is then the last of `sites`.

        `filtered` says that the file marks the site as one that has not passed its filters.
        """
        self._contigs_seen[contig] = None
        if self.region is not None and not self.region.holds(contig, position):
            return False
        reference, alternates = _upper_bases(reference), [_upper_bases(letters) for letters in alternates]
        where = shown_site(self.source, contig, position, name)
        reason = self._reason_against(reference, alternates, where) or self._filtered(where, filtered=filtered)
        if reason:
            self.left_out[reason] += 1
            return False
        self._kept.append((contig, position, name, reference, alternates[0]))
        return True

    def _filtered(self, where: str, *, filtered: bool) -> str:
        if not filtered:
            return ""
        if self.selection.filtered == "error":
            raise InputError(
                f"{where}: its FILTER is not PASS. Leave the site out, or set filtered to 'drop' or 'keep'."
            )
        if self.selection.filtered == "drop":
            return "sites whose FILTER is not PASS"
        self.left_out["sites kept though their FILTER is not PASS"] += 1
        return ""

    def take_back(self, reason: str) -> None:
        """Leave out the site that was kept last."""
        self._kept.pop()
        self.left_out[reason] += 1

    @property
    def where(self) -> str:
        """The site that was kept last, for a message."""
        return shown_site(self.source, *self._kept[-1][:3])

    @property
    def sites(self) -> Sites:
        """The sites that are kept so far."""
        contigs, positions, names, references, alternates = zip(*self._kept, strict=True) if self._kept else [()] * 5
        return Sites(
            list(contigs), np.array(positions, dtype=np.int64), list(names), list(references), list(alternates)
        )

    def finish(self, alleles_NS: Alleles, individuals: Sequence[str]) -> Haplotypes:
        """Put the alleles of the kept sites together: in order, none twice, none too rare, at least one of them."""
        self.require_sites()
        sites = self.sites
        places = self._in_order(sites)
        places = places[self._frequent(alleles_NS)[places]]
        places = self._distinct(sites, places)
        if not len(places) or not len(individuals):
            lost = "; ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
            raise InputError(f"{self.source}: nothing is left to read ({lost}). Change the selection.")
        if not np.array_equal(places, np.arange(len(sites))):
            sites, alleles_NS = sites.take(places), alleles_NS[:, places]
        for reason, count in self.left_out.items():
            _log.warning("%s: set aside or filled in: %s %s", self.source, f"{count:,}", reason)
        return Haplotypes(np.ascontiguousarray(alleles_NS), sites, list(individuals), left_out=dict(self.left_out))

    def require_sites(self) -> None:
        """Refuse a source of which no site is kept, saying why."""
        if self._kept:
            return
        if self.left_out:
            lost = "; ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
            raise InputError(f"{self.source}: no site can be used ({lost}). Change what the selection leaves out.")
        if self.region is not None:
            raise self.outside_region(self._contigs_seen)
        raise InputError(f"{self.source} holds no sites. Choose another file.")

    def outside_region(self, contigs: Collection[str]) -> InputError:
        """Say that no site lies in the region, and whether its contig is there at all."""
        assert self.region is not None
        if self.region.contig in contigs or not contigs:
            return InputError(f"{self.source} has no site in {self.region}. Choose another region.")
        known = ", ".join(list(contigs)[:10])
        hint = did_you_mean(self.region.contig, contigs) or " Choose another region."
        return InputError(f"{self.source} has no contig '{self.region.contig}'; it has {known}.{hint}")

    def _reason_against(self, reference: str, alternates: Sequence[str], where: str) -> str:
        if not alternates:
            return "sites without an alternate allele"
        if len(alternates) > 1:
            if self.selection.multi_allelic == "error":
                raise InputError(
                    f"{where}: the site has {len(alternates) + 1} alleles ({reference}, {', '.join(alternates)}), and "
                    "a haplotype here has one of two. Leave it out, or set multi_allelic to 'drop'."
                )
            return "sites with more than two alleles"
        if self.selection.non_snv != "keep" and not is_snv(reference, alternates[0]):
            if self.selection.non_snv == "error":
                raise InputError(
                    f"{where}: {reference[:20]} > {alternates[0][:20]} does not exchange one base for another. Leave "
                    "the site out, or set non_snv to 'drop' or 'keep'."
                )
            return "sites that are no single-nucleotide variants"
        wrong = next((letters for letters in (reference, *alternates) if not ALLELE.fullmatch(letters)), None)
        if wrong is not None:
            raise InputError(
                f"{where}: the allele {wrong[:20]} is neither bases nor a name in angle brackets, and could not be "
                "written again. Set non_snv to 'drop'."
            )
        return ""

    def _in_order(self, sites: Sites) -> npt.NDArray[np.int64]:
        wrong = sites.out_of_order
        if not len(wrong):
            return np.arange(len(sites))
        if self.selection.unsorted == "error":
            raise InputError(
                f"{_shown_place(self.source, sites, int(wrong[0]))} stands behind "
                f"{_shown_place('', sites, int(wrong[0]) - 1)}. Sort the file, or set unsorted to 'sort'."
            )
        self.left_out["sites out of order, sorted"] += len(wrong)
        return np.lexsort((sites.positions, sites.contig_ranks)).astype(np.int64)

    def _frequent(self, alleles_NS: Alleles) -> npt.NDArray[np.bool_]:
        least = self.selection.minimum_frequency
        if not least or not len(alleles_NS):
            return np.ones(alleles_NS.shape[1], dtype=np.bool_)
        counts = alleles_NS.sum(axis=0, dtype=np.int64)
        frequent: npt.NDArray[np.bool_] = np.minimum(counts, len(alleles_NS) - counts) >= least * len(alleles_NS) - 1e-9
        if not frequent.all():
            self.left_out[f"sites with a minor allele frequency below {least:g}"] += int((~frequent).sum())
        return frequent

    def _distinct(self, sites: Sites, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        chosen = sites.take(places)
        keys = list(zip(chosen.contigs, chosen.positions.tolist(), strict=True))
        times = Counter(keys)
        if len(times) == len(keys) or self.selection.duplicated == "keep":
            return places
        second = next(place for place in range(1, len(keys)) if keys[place] == keys[place - 1])
        if self.selection.duplicated == "error":
            raise InputError(
                f"{_shown_place(self.source, chosen, second)} stands at the position of the site before it, "
                f"{chosen.names[second - 1]}. Leave one of them out, or set duplicated to 'first', 'drop' or 'keep'."
            )
        if self.selection.duplicated == "first":
            kept = np.array([place == 0 or keys[place] != keys[place - 1] for place in range(len(keys))])
        else:
            kept = np.array([times[key] == 1 for key in keys])
        self.left_out["sites at a position that comes more than once"] += int((~kept).sum())
        return places[kept]


def shown_site(source: str, contig: str, position: int, name: str) -> str:
    """Name a site for a message, as files count: from 1.

    >>> shown_site("panel.vcf", "15", 99, "rs1")
    'panel.vcf, site 15:100 (rs1)'
    """
    return f"{source}, site {contig}:{position + 1}{f' ({name})' if name not in {'', '.'} else ''}"


def _shown_place(source: str, sites: Sites, place: int) -> str:
    return shown_site(source, sites.contigs[place], int(sites.positions[place]), sites.names[place]).removeprefix(", ")


def choose_people(people: Sequence[str], wanted: Sequence[str], source: str) -> npt.NDArray[np.int64]:
    """Give the places of those that are wanted, all where nobody is named; InputError for a name that is not there.

    >>> choose_people(["HG1", "HG1", "HG2"], ["HG1"], "panel.hapt").tolist()
    [0, 1]
    """
    missing = sorted(set(wanted) - set(people))
    if missing:
        others = f" and {len(missing) - 1:,} others that are named" if len(missing) > 1 else ""
        there = list(dict.fromkeys(people))
        raise InputError(
            f"{source} has no sample '{missing[0]}'{others}; it has {len(there):,}, such as {', '.join(there[:3])}."
            f"{did_you_mean(missing[0], there) or ' Correct the names.'}"
        )
    chosen = set(wanted)
    return np.flatnonzero([not chosen or person in chosen for person in people])
