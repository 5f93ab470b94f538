"""VCF and BCF, plain or compressed, read through htslib (cyvcf2). Positions are 1-based in the files.

Shapes: N haplotypes, S sites, P people.
"""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.compressed import BGZIP_END, GZIP_SIGNATURE, StoredBytes
from dnagpt.files.optional import needs_extra
from dnagpt.haplotypes.genotype_filter import ABSENT, GenotypeScreen
from dnagpt.haplotypes.site_filter import SiteScreen, choose_people
from dnagpt.haplotypes.vcf_index import is_index_of
from dnagpt.haplotypes.vcf_records import safe_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dnagpt.haplotypes.selection import HaplotypeSelection
    from dnagpt.haplotypes.values import Alleles, Haplotypes

_log = logging.getLogger(__name__)
_BGZIP_SUBFIELD = b"BC\x02\x00"
_INDEX_ENDINGS = (".tbi", ".csi")
_HTSLIB_SILENT, _HTSLIB_WARNINGS = 0, 3
_NO_PHASE_SET = np.iinfo(np.int32).min
"""What htslib gives where there is no phase set; one above it is the end of a vector, which is none either."""
_PHASE_SET_KEYS = ("PS", "PSL")


def read_variants(path: Path, selection: HaplotypeSelection) -> Haplotypes:
    """Read the haplotypes of a phased VCF or BCF file; a region of an indexed file is found through its index.

    Memory is some three bytes a kept allele. Raises InputError as `read_haplotypes` says.
    """
    screen = SiteScreen(selection, str(path))
    _require_end(path)
    with safe_to_read(path) as safe, _opened(safe, path, selection) as variants:
        people = list(variants.samples)
        screen.know_contigs(variants.seqnames)
        if not people:
            raise InputError(f"{path} has sites but no genotypes of anybody. Choose a file with samples.")
        genotypes = GenotypeScreen(people, selection)
        keys = [key for key in _PHASE_SET_KEYS if variants.contains(key)]
        phases = _PhaseSets(len(people), keys) if keys else None
        rows = list(_rows(variants, screen, genotypes, phases, indexed=safe == path))
        if not rows and screen.region is not None and not screen.left_out:
            raise screen.outside_region(variants.seqnames)
    screen.require_sites()
    screen.left_out.update(genotypes.left_out)
    return screen.finish(*genotypes.assemble(rows, str(path)))


class _PhaseSets:
    """Remembers in which phase set each person was first met on a contig; the order of another set is unknown."""

    def __init__(self, people: int, keys: Sequence[str]) -> None:
        self._keys = keys
        self._numbers: dict[str, int] = {}
        self._contig = ""
        self._first_P = np.full(people, _NO_PHASE_SET, dtype=np.int64)

    def of(self, variant: Any) -> NDArray[np.int64] | None:
        """Return the number of the phase set of each person at a record, or None where it has none."""
        found = [values for key in self._keys if (values := variant.format(key)) is not None]
        if not found:
            return None
        if np.issubdtype(found[0].dtype, np.integer):
            return found[0][:, 0].astype(np.int64)
        names = [str(name) for name in np.asarray(found[0]).reshape(len(self._first_P), -1)[:, 0]]
        return np.array([self._number(name) for name in names], dtype=np.int64)

    def _number(self, name: str) -> int:
        return _NO_PHASE_SET if name.strip(".,*") == "" else self._numbers.setdefault(name, len(self._numbers))

    def others(self, contig: str, sets_P: NDArray[np.int64], heterozygous_P: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whose genotypes belong to another set than the first of theirs."""
        if contig != self._contig:
            self._contig = contig
            self._first_P[:] = _NO_PHASE_SET
        known_P = heterozygous_P & (sets_P > _NO_PHASE_SET)
        unseen_P = known_P & (self._first_P == _NO_PHASE_SET)
        self._first_P[unseen_P] = sets_P[unseen_P]
        return known_P & (sets_P != self._first_P)


def _rows(
    variants: Any, screen: SiteScreen, genotypes: GenotypeScreen, phases: _PhaseSets | None, *, indexed: bool
) -> Iterator[Alleles]:
    """The (2 P) alleles of each site that is kept."""
    for variant in _records(variants, screen, indexed=indexed):
        filtered = variant.FILTER is not None
        name, contig = variant.ID or ".", variant.CHROM
        if not screen.keep(contig, variant.POS - 1, name, variant.REF, variant.ALT, filtered=filtered):
            continue
        settled = _settled(variant, genotypes, screen.where, phases)
        if isinstance(settled, str):
            screen.take_back(settled)
        else:
            yield settled


def _settled(variant: Any, genotypes: GenotypeScreen, where: str, phases: _PhaseSets | None) -> Alleles | str:
    try:
        called = variant.genotype.array()  # (P, copies + 1); the last column tells whether the genotype is phased
    except Exception as error:  # cyvcf2 raises nothing more precise
        raise InputError(f"{where}: there are no genotypes (GT). Choose a file that has them.") from error
    calls, unphased = called[:, :-1], called[:, -1] == 0
    if calls.max() > 1 or calls.min() < ABSENT or (calls[:, 0] == ABSENT).any():
        raise InputError(f"{where}: a genotype has an allele that the site does not name. The file is damaged.")
    if calls.shape[1] == 1:
        calls = np.concatenate([calls, np.full_like(calls, ABSENT)], axis=1)
    more_than_two = (calls[:, 2:] != ABSENT).any(axis=1) if calls.shape[1] > 2 else None
    calls = calls[:, :2]
    sets = None if phases is None else phases.of(variant)
    other_set = None
    if phases is not None and sets is not None:
        heterozygous = (calls >= 0).all(axis=1) & (calls[:, 0] != calls[:, 1])
        other_set = phases.others(variant.CHROM, sets, heterozygous)
    return genotypes.settle(calls, unphased, where, more_than_two, other_set)


def _records(variants: Any, screen: SiteScreen, *, indexed: bool) -> Iterator[Any]:
    """The records of the region, or all of them; `indexed` allows to look for them in the index of the file."""
    indexed = indexed and screen.region is not None and _has_current_index(Path(screen.source))
    count = 0
    try:
        for variant in variants(str(screen.region)) if indexed else variants:
            count += 1
            yield variant
    except UnicodeDecodeError as error:
        raise InputError(
            f"{screen.source}, record {count:,}: a name in it is not UTF-8. Convert the file, or fetch it again."
        ) from error
    except Exception as error:  # cyvcf2 raises nothing more precise
        index = " (or its index is damaged or of another file)" if indexed else ""
        raise InputError(
            f"{screen.source} cannot be read behind its record {count:,}: it is damaged, cut short, or what follows "
            f"is no VCF record{index}. Check it with `bcftools view`, or fetch it again."
        ) from error


@contextmanager
def _opened(safe: Path, path: Path, selection: HaplotypeSelection) -> Iterator[Any]:
    with needs_extra("popgen", f"Reading {path}"):
        import cyvcf2
        from cyvcf2.cyvcf2 import set_htslib_log_level
    set_htslib_log_level(_HTSLIB_SILENT)  # its complaints would go to standard error; ours say what is needed
    try:
        variants = cyvcf2.VCF(os.fspath(safe), lazy=True)
        list(variants.samples), variants.seqnames
    except Exception as error:  # cyvcf2 raises nothing more precise
        set_htslib_log_level(_HTSLIB_WARNINGS)
        raise InputError(
            f"{path} is not VCF or BCF, or its header is damaged. Check it with `bcftools head`."
        ) from error
    try:
        if selection.samples:
            choose_people(variants.samples, selection.samples, str(path))  # refuses names that are not there
            variants.set_samples(list(selection.samples))
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # of a region without sites, which is told where sites are counted
            yield variants
    finally:
        variants.close()
        set_htslib_log_level(_HTSLIB_WARNINGS)


def _has_current_index(path: Path) -> bool:
    """Return whether there is an index of this very file; an older one, or another file's, would hide sites."""
    indices = [index for ending in _INDEX_ENDINGS if (index := Path(f"{path}{ending}")).exists()]
    current = [index for index in indices if index.stat().st_mtime >= path.stat().st_mtime]
    if indices and not current:
        _log.warning("%s: the index is older than the file, so the whole file is read", path)
    foreign = [index for index in current if not is_index_of(index, path)]
    if foreign:
        _log.warning("%s is not the index of %s, so the whole file is read", foreign[0], path)
    return bool(current) and not foreign


def _require_end(path: Path) -> None:
    """A bgzip file cut between two blocks reads as a shorter file; only its missing end block tells."""
    with StoredBytes(path) as stored:
        head = stored.read(16) or b""
    if head[:2] == GZIP_SIGNATURE and head[12:16] == _BGZIP_SUBFIELD:
        with path.open("rb") as file:
            file.seek(-min(len(BGZIP_END), path.stat().st_size), os.SEEK_END)
            if file.read() != BGZIP_END:
                raise InputError(f"{path} is cut short: the end block of bgzip is missing. Fetch the file again.")
    if not head:
        raise InputError(f"{path} is empty. Choose another file.")
