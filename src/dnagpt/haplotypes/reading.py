"""Haplotypes from files of the field: VCF, BCF, `.hapt`, `.hap` with its legend, tree sequences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dnagpt.errors import InputError
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.text import read_hapt, read_impute
from dnagpt.haplotypes.trees import read_tree_sequence
from dnagpt.haplotypes.vcf import read_variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from dnagpt.haplotypes.values import Haplotypes

_READERS: dict[str, Callable[[Path, HaplotypeSelection], Haplotypes]] = {
    ".vcf": read_variants, ".vcf.gz": read_variants, ".vcf.bgz": read_variants, ".bcf": read_variants,
    ".hapt": read_hapt, ".hapt.gz": read_hapt, ".hapt.zip": read_hapt,
    ".hap": read_impute, ".hap.gz": read_impute,
    ".trees": read_tree_sequence,
}  # fmt: skip
_WITHOUT_PHASE = (".bed", ".bim", ".fam", ".ped", ".map")
_NEEDS_EXPORT = (".pgen", ".pvar", ".psam", ".bgen", ".haps")


def read_haplotypes(path: str | os.PathLike[str], selection: HaplotypeSelection | None = None) -> Haplotypes:
    r"""Read the haplotypes of many people at sites of two alleles; the ending of the file says its format.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "panel.legend").write_text("id position a0 a1\n15:100_C_A 100 C A\n15:150_T_G 150 T G\n")
    ...     _ = Path(folder, "panel.hapt").write_text("Real HG1_A 0 1\nReal HG1_B 1 1\n")
    ...     people = read_haplotypes(Path(folder, "panel.hapt"))
    >>> people.alleles.tolist(), people.individuals, people.sites.contigs
    ([[0, 1], [1, 1]], ['HG1', 'HG1'], ['15', '15'])

    - `.vcf`, `.vcf.gz`, `.bcf`: phased genotypes, two haplotypes a person;
    - `.hapt`, `.hapt.gz`, `.hapt.zip`: `label id 0 1 ...`, a line a haplotype, with the legend `id position a0 a1` that
      the selection names or that has the same name; without one, alleles A and T at positions 1 to S of `unknown`;
    - `.hap`, `.hap.gz`: a line a site, with its legend, and with a sample file if there is one (IMPUTE);
    - `.trees`: a tree sequence (tskit).

    The selection says what is taken and what is done with genotypes and sites that are not two phased, known alleles
    (`HaplotypeSelection`). What is left out is counted in `left_out` and logged. Positions are 1-based in all files
    but `.trees`. Memory is some three to five bytes an allele. Raises InputError that names file, site and person.
    """
    source = Path(path)
    ending = next(
        (known for known in sorted(_READERS, key=len, reverse=True) if source.name.lower().endswith(known)), None
    )
    if ending is None:
        raise _unknown(source)
    return _READERS[ending](source, selection or HaplotypeSelection())


def _unknown(path: Path) -> InputError:
    last = path.suffix.lower()
    if last in _WITHOUT_PHASE:
        return InputError(
            f"{path}: PLINK's genotypes do not say which allele lies on which chromosome copy, so there are no "
            "haplotypes to read. Phase them (SHAPEIT, Eagle, Beagle) and give the phased VCF or BCF."
        )
    if last in _NEEDS_EXPORT:
        return InputError(
            f"{path}: this format is not read. Convert it to VCF or BCF with its phase, as with "
            "`plink2 --export bcf` or `bcftools convert --hapsample2vcf`."
        )
    return InputError(f"{path} has no ending of a haplotype file. Known are {', '.join(_READERS)}.")
