"""Small VCF files for tests, as text, bgzipped with an index, or BCF."""

from collections.abc import Sequence
from pathlib import Path

import pysam

PEOPLE = ("HG1", "HG2", "HG3")
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=15>\n##contig=<ID=X>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
)


def record(
    position: int, *genotypes: str, contig: str = "15", name: str = ".", reference: str = "A", alternate: str = "G"
) -> str:
    """Give one line of a VCF with the genotypes of three people, `0|1 0|0 1|1` where none is named."""
    columns = (
        contig,
        str(position),
        name,
        reference,
        alternate,
        ".",
        ".",
        ".",
        "GT",
        *(genotypes or ("0|1", "0|0", "1|1")),
    )
    return "\t".join(columns) + "\n"


def write_variants(path: Path, records: Sequence[str], people: Sequence[str] = PEOPLE) -> Path:
    """Write a VCF or BCF as its ending says, the compressed ones with an index."""
    columns = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(("FORMAT", *people) if people else ()))
    text = HEADER + "\t".join(columns) + "\n" + "".join(records)
    if path.name.endswith(".vcf.gz"):
        with pysam.BGZFile(str(path), "wb", None) as file:
            file.write(text.encode())
        pysam.tabix_index(str(path), preset="vcf", force=True)
    elif path.name.endswith(".bcf"):
        plain = path.with_suffix(".plain")
        plain.write_text(text)
        with pysam.VariantFile(str(plain)) as source, pysam.VariantFile(str(path), "wb", header=source.header) as sink:
            for line in source:
                sink.write(line)
        pysam.tabix_index(str(path), preset="vcf", force=True, csi=True)
    else:
        path.write_text(text)
    return path
