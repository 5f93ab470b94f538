"""The demo's files, written so that the same data always gives the same bytes."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path

from pysam import BGZFile

from demo_simulation.expression import ExpressionRow
from demo_simulation.genomes import SPECIES, SimulatedContig
from demo_simulation.haplotypes import SimulatedHaplotypes
from demo_simulation.signals import SignalRow

LINE = 60
MANIFEST = "manifest.json"


def write_genome(path: Path, contigs: list[SimulatedContig]) -> None:
    """Write one species as bgzipped FASTA, soft-masked, 60 bases a line."""
    text = io.BytesIO()
    for contig in contigs:
        text.write(f">{contig.name} simulated, {SPECIES[contig.species]}; not a real genome\n".encode())
        for start in range(0, len(contig.letters), LINE):
            text.write(contig.letters[start : start + LINE] + b"\n")
    _write_bgzip(path, text.getvalue())


def write_held_out(path: Path, contigs: list[SimulatedContig]) -> None:
    """Write the last contig of a species as BED: contigs of one number are related across species."""
    last = contigs[-1]
    path.write_text(f"{last.name}\t0\t{len(last.letters)}\n")


def write_features(path: Path, contigs: list[SimulatedContig]) -> None:
    """Write what was planted as BED with six columns, 0-based half-open."""
    lines = [
        f"{contig.name}\t{feature.start}\t{feature.end}\t{feature.name}\t0\t{feature.strand}\n"
        for contig in sorted(contigs, key=lambda contig: contig.name)
        for feature in contig.features
    ]
    _write_gzip(path, "".join(lines).encode())


def write_signals(path: Path, rows: list[SignalRow]) -> None:
    """Write the signal table as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "sequence", "label", "motif", "split"])
    table.writerows([row.id, row.sequence, row.label, row.motif, row.split] for row in rows)
    _write_gzip(path, text.getvalue().encode())


def write_expression(path: Path, rows: list[ExpressionRow]) -> None:
    """Write the expression table as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "sequence", "half_life", "utr_length", "expression", "split"])
    table.writerows(astuple(row) for row in rows)
    _write_gzip(path, text.getvalue().encode())


def write_haplotypes(path: Path, haplotypes: SimulatedHaplotypes) -> None:
    """Write phased genotypes as bgzipped VCF 4.3."""
    lines = [
        "##fileformat=VCFv4.3",
        "##source=dnagpt demo data: simulated, no real person",
        f"##contig=<ID={haplotypes.contig},length={haplotypes.contig_length}>",
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of the alternate allele">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Number of haplotypes">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *haplotypes.samples]),
    ]
    lines += [_variant_line(haplotypes, site) for site in range(len(haplotypes.positions_S))]
    _write_bgzip(path, ("\n".join(lines) + "\n").encode())


def write_populations(path: Path, haplotypes: SimulatedHaplotypes) -> None:
    """Write which population and which split each sample belongs to."""
    rows = zip(haplotypes.samples, haplotypes.populations, haplotypes.splits, strict=True)
    text = "sample\tpopulation\tsplit\n" + "".join("\t".join(row) + "\n" for row in rows)
    path.write_bytes(text.encode())


def write_manifest(folder: Path, seed: int, names: Iterable[str]) -> None:
    """Write the seed and the SHA-256 of each file's content after decompression."""
    digests = {name: content_digest(folder / name) for name in sorted(names)}
    manifest = {"simulated": True, "seed": seed, "made_by": "tools/make_demo_data.py", "content_sha256": digests}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def content_digest(path: Path) -> str:
    """SHA-256 of what a file says: compression is undone first, because libraries compress differently."""
    data = path.read_bytes()
    return hashlib.sha256(gzip.decompress(data) if path.suffix == ".gz" else data).hexdigest()


def _variant_line(haplotypes: SimulatedHaplotypes, site: int) -> str:
    alleles = haplotypes.alleles_SH[site]
    genotypes = [f"{first}|{second}" for first, second in alleles.reshape(-1, 2)]
    reference, alternate = haplotypes.references[site], haplotypes.alternates[site]
    info = f"AC={alleles.sum()};AN={len(alleles)}"
    place = [haplotypes.contig, str(haplotypes.positions_S[site] + 1), f"simulated_snp_{site:03d}"]
    return "\t".join([*place, reference, alternate, ".", "PASS", info, "GT", *genotypes])


def _write_bgzip(path: Path, data: bytes) -> None:
    with BGZFile(str(path), "wb", None) as out:
        out.write(data)


def _write_gzip(path: Path, data: bytes) -> None:
    path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))
