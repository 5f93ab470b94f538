"""Haplotypes under attack: VCF, BCF, .hapt, .hap with legend and sample file, tree sequences, genetic maps."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import tskit
from tests.fuzz.subject import Subject
from tests.haplotypes.vcf_writer import record, write_variants

from dnagpt.haplotypes.genetic_map import read_genetic_map
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.values import Haplotypes

_RECORDS = [
    record(100, "0|1", "0|0", "1|1", name="rs1"),
    record(150, "0|0", "0|1", "1|0", reference="T", alternate="C"),
    record(200, "1|0", "1|1", "0|0", name="rs3"),
    record(120, "0|1", "0|1", "0|0", contig="X", reference="G", alternate="A"),
]
_VCF_TOKENS = (
    b"0|1 0/1 .|. 1 0|2 | 0|1|1 /0|1 <DEL> A,C N GT GT:DP PASS 15 #CHROM ##contig=<ID=15> -1 2147483648 HG1 chrZ "
    b"]15:5]A *"
).split()


def _values(panel: Haplotypes) -> object:
    sites = panel.sites
    columns = (sites.contigs, sites.positions.tolist(), sites.reference, sites.alternate)
    return list(panel.individuals), [tuple(site) for site in zip(*columns, strict=True)], panel.alleles.tolist()


def _read(name: str) -> Callable[[Path], object]:
    return lambda folder: _values(read_haplotypes(folder / name))


def _read_matrix(name: str) -> Callable[[Path], object]:
    """Without contigs, which a legend does not name in so many words."""

    def read(folder: Path) -> object:
        panel = read_haplotypes(folder / name)
        sites = zip(panel.sites.positions.tolist(), panel.sites.reference, panel.sites.alternate, strict=True)
        return list(panel.individuals), list(sites), panel.alleles.tolist()

    return read


def _vcf_by_columns(folder: Path) -> object:
    """VCF by its rules, of sites with two single letters: ten columns and a genotype a person."""
    lines = (folder / "panel.vcf").read_bytes().decode().splitlines()
    people: list[str] = []
    sites, rows = [], []
    for line in lines:
        words = line.split("\t")
        if line.startswith("##"):
            continue
        if line.startswith("#CHROM"):
            people = words[9:]
            continue
        contig, position, _, reference, alternate = words[:5]
        if not {reference.upper(), alternate.upper()} <= set("ACGT") or reference.upper() == alternate.upper():
            continue
        genotypes = [word.split(":")[words[8].split(":").index("GT")] for word in words[9:]]
        assert len(genotypes) == len(people)
        sites.append((contig, int(position) - 1, reference.upper(), alternate.upper()))
        rows.append([int(call) for genotype in genotypes for call in genotype.removeprefix("|").split("|")])
    return [person for person in people for _ in range(2)], sites, np.array(rows).T.tolist()


def _by_htslib(name: str) -> Callable[[Path], object]:
    def reread(folder: Path) -> object:
        sites, rows = [], []
        with pysam.VariantFile(str(folder / name)) as file:
            people = list(file.header.samples)
            for line in file:
                letters = [(allele or "").upper() for allele in line.alleles or ()]
                if len(letters) != 2 or len(set(letters)) < 2 or not set(letters) <= set("ACGT"):
                    continue
                sites.append((line.contig, line.pos - 1, *letters))
                rows.append([call for person in people for call in line.samples[person]["GT"]])
        return [person for person in people for _ in range(2)], sites, np.array(rows).T.tolist()

    return reread


def _write_plain_bcf(folder: Path) -> None:
    """BCF that is not compressed, so that damage reaches its records."""
    compressed = write_variants(folder / "compressed.bcf", _RECORDS)
    (folder / "panel.bcf").write_bytes(gzip.decompress(compressed.read_bytes()))
    for name in ("compressed.bcf", "compressed.bcf.csi", "compressed.plain"):
        (folder / name).unlink()


_LEGEND = b"id position a0 a1\n15:100_C_A 100 C A\n15:150:T:G 150 T G\n15:200_A_G 200 A G\n"
_HAPT = b"Real HG1_A 0 1 0\nReal HG1_B 1 1 0\nReal HG2_A 0 0 1\nReal HG2_B 0 1 1\n"
_HAP = b"0 1 0 0\n1 1 0 1\n0 0 1 1\n"
_SAMPLE = b"sample population group sex\nHG1 GBR EUR 1\nHG2 FIN EUR 2\n"


def _write_hapt(folder: Path) -> None:
    (folder / "panel.legend").write_bytes(_LEGEND)
    (folder / "panel.hapt").write_bytes(_HAPT)


def _write_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "panel.hapt.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("panel.hapt", (2020, 1, 1, 0, 0, 0)), _HAPT)


def _write_hap(folder: Path) -> None:
    (folder / "panel.legend").write_bytes(_LEGEND)
    (folder / "panel.hap").write_bytes(_HAP)
    (folder / "panel.sample").write_bytes(_SAMPLE)


def _rows(content: bytes) -> list[list[str]]:
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [[word.decode("utf-8", errors="surrogateescape") for word in line.split()] for line in lines if line.strip()]


def _sites(path: Path) -> list[tuple[int, str, str]]:
    header, *rows = _rows(path.read_bytes())
    names = [name.lower() for name in header]
    position, *letters = (names.index(name) for name in ("position", "a0", "a1"))
    return [(int(row[position]) - 1, *(row[place].upper() for place in letters)) for row in rows]  # type: ignore[misc]


def _snvs(sites: list[tuple[int, str, str]]) -> list[int]:
    return [place for place, (_, one, other) in enumerate(sites) if one != other and {one, other} <= set("ACGT")]


def _hapt_by_words(folder: Path, rows: list[list[str]] | None = None) -> object:
    rows = _rows((folder / "panel.hapt").read_bytes()) if rows is None else rows
    legend = folder / "panel.legend"
    sites = _sites(legend) if legend.exists() else [(place, "A", "T") for place in range(len(rows[0]) - 2)]
    kept = _snvs(sites)
    names = [row[1] for row in rows]
    paired = {name[:-2] for name in names if {f"{name[:-2]}_A", f"{name[:-2]}_B"} <= set(names)} - set(names)
    people = [name[:-2] if name[-2:] in ("_A", "_B") and name[:-2] in paired else name for name in names]
    order = sorted(range(len(rows)), key=lambda place: (people.index(people[place]), names[place]))
    assert {len(row) for row in rows} == {len(sites) + 2}
    return (
        [people[place] for place in order],
        [sites[place] for place in kept],
        [[int(rows[place][2 + site]) for site in kept] for place in order],
    )


def _zip_by_words(folder: Path) -> object:
    with zipfile.ZipFile(folder / "panel.hapt.zip") as archive:
        (name,) = [name for name in archive.namelist() if name.lower().endswith(".hapt")]
        return _hapt_by_words(folder, _rows(archive.read(name)))


def _hap_by_words(folder: Path) -> object:
    sites = _sites(folder / "panel.legend")
    kept = _snvs(sites)
    header, *people = _rows((folder / "panel.sample").read_bytes())
    if people and set(people[0]) <= set("0BCDP"):
        people = people[1:]
    names = [name.lower() for name in header]
    column = next(names.index(name) for name in ("sample", "id_2", "id") if name in names)
    rows = [[int(word) for word in row] for row in _rows((folder / "panel.hap").read_bytes())]
    assert len(rows) == len(sites)
    assert {len(row) for row in rows} == {2 * len(people)}
    return (
        [row[column] for row in people for _ in range(2)],
        [sites[place] for place in kept],
        np.array([rows[place] for place in kept]).T.tolist(),
    )


def _write_trees(folder: Path) -> None:
    tables = tskit.TableCollection(sequence_length=10)
    for _ in range(2):
        tables.individuals.add_row()
    root = tables.nodes.add_row(time=1)
    leaves = [tables.nodes.add_row(flags=tskit.NODE_IS_SAMPLE, time=0, individual=number // 2) for number in range(4)]
    for leaf in leaves:
        tables.edges.add_row(0, 10, root, leaf)
    for position, letters, leaf in ((2, "CG", 0), (5, "CT", 3), (7, "01", 2)):
        site = tables.sites.add_row(position, letters[0])
        tables.mutations.add_row(site=site, node=leaves[leaf], derived_state=letters[1])
    tables.sort()
    tables.tree_sequence().dump(folder / "panel.trees")


def _by_tskit(folder: Path) -> object:
    trees = tskit.load(folder / "panel.trees")
    sites, rows = [], []
    for variant in trees.variants():
        letters = [{"0": "A", "1": "T"}.get(allele, allele) for allele in variant.alleles]
        if len(letters) == 2 and set(letters) <= set("ACGT"):
            sites.append(("1", int(variant.site.position), *letters))
            rows.append(variant.genotypes.tolist())
    return [f"tsk_{owner}" for owner in trees.nodes_individual[trees.samples()]], sites, np.array(rows).T.tolist()


_MAP = b"pos chr cM\n1 20 0.0\n101 20 50.0\n500 20 60.5\n10 21 0.25\n20 21 1e1\n"
_PLACES = np.array([0, 50, 300, 1000])
_POSITIONS = ("pos", "position", "position(bp)", "bp")


def _read_map(folder: Path) -> object:
    found = read_genetic_map(folder / "chr.gmap")
    return {contig: found.morgans(contig, _PLACES).round(9).tolist() for contig in found.contigs}


def _map_by_pandas(folder: Path) -> object:
    header, *rest = (folder / "chr.gmap").read_text(encoding="utf-8-sig").splitlines()
    text = "\n".join([header, *(line for line in rest if not line.lstrip().startswith("#"))])
    frame = pd.read_csv(io.StringIO(text), sep=r"\s+", dtype=str, na_filter=False)
    frame.columns = pd.Index([column.lower() for column in frame.columns])
    result = {}
    for contig, part in frame.groupby("chr", sort=False):
        bases, morgans = (
            part[next(name for name in _POSITIONS if name in part)].astype(float).to_numpy() - 1,
            part["cm"].astype(float).to_numpy() / 100,
        )
        rate = (morgans[-1] - morgans[0]) / (bases[-1] - bases[0])
        outside = np.minimum(_PLACES - bases[0], 0) + np.maximum(_PLACES - bases[-1], 0)
        result[contig] = (np.interp(_PLACES, bases, morgans) + outside * rate).round(9).tolist()
    return result


_MATRIX_TOKENS = (b"0 1", *b"1 0 ? - 1* HG1_A HG2 id position a0 C rs1:100:C:A <DEL> sample".split())

HAPLOTYPES = {
    "vcf": Subject(
        lambda folder: write_variants(folder / "panel.vcf", _RECORDS),
        _read("panel.vcf"),
        _vcf_by_columns,
        tokens=_VCF_TOKENS,
        may_refuse=True,
    ),
    "vcf-bgzip": Subject(
        lambda folder: write_variants(folder / "panel.vcf.gz", _RECORDS),
        _read("panel.vcf.gz"),
        _by_htslib("panel.vcf.gz"),
        damaged=("*.gz",),
        may_refuse=True,
    ),
    "bcf": Subject(
        lambda folder: write_variants(folder / "panel.bcf", _RECORDS),
        _read("panel.bcf"),
        _by_htslib("panel.bcf"),
        damaged=("*.bcf",),
        may_refuse=True,
    ),
    "bcf-plain": Subject(_write_plain_bcf, _read("panel.bcf"), _by_htslib("panel.bcf"), may_refuse=True),
    "hapt": Subject(_write_hapt, _read_matrix("panel.hapt"), _hapt_by_words, tokens=_MATRIX_TOKENS),
    "hapt-zip": Subject(_write_zip, _read_matrix("panel.hapt.zip"), _zip_by_words),
    "hap": Subject(_write_hap, _read_matrix("panel.hap"), _hap_by_words, tokens=_MATRIX_TOKENS, may_refuse=True),
    "trees": Subject(_write_trees, _read("panel.trees"), _by_tskit, may_refuse=True),
    "genetic-map": Subject(
        lambda folder: (folder / "chr.gmap").write_bytes(_MAP),
        _read_map,
        _map_by_pandas,
        tokens=b"pos chr cM 20 # position(bp) rate -1 1e308".split(),
    ),
}
