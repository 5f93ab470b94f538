"""Which sites and people are taken from a file of haplotypes, and what happens to those that cannot be used."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dnagpt.genome.intervals import parse_region


class HaplotypeSelection(BaseModel):
    """What is taken from a file of haplotypes, and what is done with genotypes that are not two phased, known alleles.

    >>> HaplotypeSelection(region="15:66,200,000-66,300,000", minimum_frequency=0.01).non_snv
    'drop'

    Whatever is left out or filled in is counted, by reason, in `Haplotypes.left_out`. A setting that a format has no
    use for (a legend for VCF) does nothing there, so that one selection fits files of several formats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    legend: Path | None = None
    """The legend (id position a0 a1) of a .hapt or .hap file; else the file of the same name that ends .legend."""
    sample_file: Path | None = None
    """The names of the people of a .hap file; else the file of the same name that ends .sample or .samples."""
    region: str | None = None
    """The only stretch that is read, 1-based with both ends inside, as in bcftools: `15:66,200,000-66,300,000`."""
    samples: tuple[str, ...] = ()
    """The only people that are read, in the order of the file; all of them where none is named."""
    minimum_frequency: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The least frequency of the rarer allele, among the people that are read, at which a site is kept."""
    unphased: Literal["error", "drop-sites", "drop-samples", "as-written"] = "error"
    """What is done with a genotype of two different alleles whose phase is unknown (`0/1`)."""
    phase_sets: Literal["error", "drop-sites", "drop-samples", "as-written"] = "error"
    """What is done with a phased genotype that belongs to another phase set (`PS`) than the first one of that person on
    the contig: phasing by reads does not know how the sets are to be joined."""
    filtered: Literal["keep", "drop", "error"] = "keep"
    """What is done with a site of a VCF file whose FILTER is neither PASS nor `.`."""
    missing: Literal["error", "drop-sites", "drop-samples", "reference"] = "error"
    """What is done with a genotype that is not known (`.|.`); `reference` reads it as the reference allele."""
    half_called: Literal["error", "drop-sites", "drop-samples", "reference"] = "error"
    """What is done with a genotype of which one allele is not known (`0|.`)."""
    non_diploid: Literal["error", "drop-sites", "drop-samples", "one-haplotype"] = "error"
    """What is done with a genotype that has not two alleles; `one-haplotype` takes people with one copy of the contig,
    such as men on X, as one haplotype."""
    multi_allelic: Literal["drop", "error"] = "drop"
    """What is done with a site of more than two alleles."""
    non_snv: Literal["drop", "keep", "error"] = "drop"
    """What is done with a site that is no exchange of one base for another: an insertion, a deletion, a copy number."""
    duplicated: Literal["error", "first", "drop", "keep"] = "error"
    """What is done with sites at the same position; `first` keeps the first of them, `drop` none."""
    unsorted: Literal["error", "sort"] = "error"
    """What is done where sites are not in order along each contig."""

    @field_validator("region")
    @classmethod
    def _is_region(cls, text: str | None) -> str | None:
        if text is not None:
            parse_region(text)
        return text
