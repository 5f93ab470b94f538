"""Tree sequences (tskit): simulated or inferred genealogies with their sites. Positions are 0-based in the files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from dnagpt.errors import InputError
from dnagpt.files.compressed import StoredBytes
from dnagpt.files.optional import needs_extra
from dnagpt.haplotypes.genotype_filter import GenotypeScreen
from dnagpt.haplotypes.site_filter import SiteScreen, choose_people

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from dnagpt.haplotypes.selection import HaplotypeSelection
    from dnagpt.haplotypes.values import Haplotypes

CONTIG = "1"
"""A tree sequence does not name its contig; tskit calls it so when it writes VCF."""
_LETTERS_OF_NUMBERS = {"0": "A", "1": "T"}


def read_tree_sequence(path: Path, selection: HaplotypeSelection) -> Haplotypes:
    """Read the haplotypes of the samples of a tree sequence; the ancestral allele is allele 0.

    People are called `tsk_0`, `tsk_1` ... as in the VCF that tskit writes; samples without an individual are people
    with one haplotype. The alleles 0 and 1 of a model without letters are written A and T. Raises InputError as
    `read_haplotypes` says, and for positions that are not whole.
    """
    trees = _load(path)
    screen = SiteScreen(selection, str(path))
    nodes, people = _samples(trees, str(path))
    chosen = choose_people(people, selection.samples, str(path))
    individuals = [people[place] for place in chosen]
    genotypes = GenotypeScreen(individuals, selection)
    phased = np.zeros(len(chosen), dtype=np.bool_)
    rows = []
    for variant in trees.variants(samples=nodes[chosen], isolated_as_missing=True):
        alleles = [_LETTERS_OF_NUMBERS.get(letters, letters) for letters in variant.alleles if letters is not None]
        if not screen.keep(CONTIG, _whole_position(variant.site, str(path)), ".", alleles[0], alleles[1:]):
            continue
        settled = genotypes.settle(np.stack([variant.genotypes] * 2, axis=1), phased, screen.where)
        if isinstance(settled, str):
            screen.take_back(settled)
        else:
            rows.append(settled[::2])
    screen.require_sites()
    screen.left_out.update(genotypes.left_out)
    kept = genotypes.kept_copies(str(path))[::2]
    dropped = {person for person, is_kept in zip(individuals, kept, strict=True) if not is_kept}
    places = [place for place, person in enumerate(individuals) if person not in dropped]
    return screen.finish(np.stack(rows)[:, places].T, [individuals[place] for place in places])


def _load(path: Path) -> Any:
    with needs_extra("popgen", f"Reading {path}"):
        import tskit
    with StoredBytes(path) as stored:  # a path that cannot be opened is told as everywhere
        if not stored.read(1):
            raise InputError(f"{path} is empty. Choose another file.")
    try:
        return tskit.load(path)
    except (tskit.exceptions.TskitException, tskit.FileFormatError, OSError, EOFError) as error:
        raise InputError(f"{path} is no tree sequence of tskit, or is cut short or damaged. Write it again.") from error


def _samples(trees: Any, source: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    """The sample nodes, those of a person side by side, and the person of each."""
    nodes = trees.samples()
    owners = trees.nodes_individual[nodes]
    together = np.argsort(np.where(owners < 0, len(owners) + trees.num_individuals, owners), kind="stable")
    nodes, owners = nodes[together], owners[together]
    people = [f"tsk_{owner}" if owner >= 0 else f"node_{node}" for node, owner in zip(nodes, owners, strict=True)]
    person, count = Counter(people).most_common(1)[0]
    if count > 2:
        raise InputError(f"{source}, sample {person}: {count} chromosome copies, and a person here has two at most.")
    return nodes, people


def _whole_position(site: Any, source: str) -> int:
    if not float(site.position).is_integer():
        raise InputError(
            f"{source}, site {site.id}: the position {site.position} lies between two bases. Simulate with "
            "whole positions (msprime: discrete_genome=True)."
        )
    return int(site.position)
