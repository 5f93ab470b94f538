"""The simulated data that ships in the package: whole, readable, balanced, and what tools/make_demo_data.py makes."""

import csv
import gzip
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

DEMO_DATA = Path(str(files("dnagpt"))) / "demo_data"
MAKER = Path(__file__).resolve().parent.parent / "tools" / "make_demo_data.py"
SPECIES = ("R", "S", "O", "K")
SITE_LENGTH, HEXAMER = 240, slice(120, 126)
COMPLEMENT = str.maketrans("ACGTacgtN", "TGCAtgcaN")


def read_text(name: str) -> str:
    return gzip.decompress((DEMO_DATA / name).read_bytes()).decode()


@pytest.fixture(scope="module")
def contigs() -> dict[str, str]:
    found = {}
    for species in SPECIES:
        for record in read_text(f"simulated_{species}.fa.gz").split(">")[1:]:
            header, _, body = record.partition("\n")
            found[header.split()[0]] = body.replace("\n", "")
    return found


@pytest.fixture(scope="module")
def signals() -> list[dict[str, str]]:
    return list(csv.DictReader(read_text("signals.csv.gz").splitlines()))


@pytest.fixture(scope="module")
def variants() -> list[list[str]]:
    return [line.split("\t") for line in read_text("haplotypes.vcf.gz").splitlines() if not line.startswith("##")]


def share_of_gc(sequence: str) -> float:
    counts = Counter(sequence.upper())
    return (counts["G"] + counts["C"]) / (len(sequence) - counts["N"])


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in DEMO_DATA.iterdir()) < 1_500_000
    assert (DEMO_DATA / "haplotypes.vcf.gz").stat().st_size < 150_000


def test_files_say_what_the_manifest_says() -> None:
    manifest = json.loads((DEMO_DATA / "manifest.json").read_text())
    assert manifest["simulated"] is True
    kept = {path.name for path in DEMO_DATA.iterdir() if path.suffix != ".toml"} - {"manifest.json", "README.md"}
    assert kept == set(manifest["content_sha256"])
    for name, digest in manifest["content_sha256"].items():
        data = (DEMO_DATA / name).read_bytes()
        content = gzip.decompress(data) if name.endswith(".gz") else data
        assert hashlib.sha256(content).hexdigest() == digest, name


def test_genomes_are_four_species_of_three_contigs(contigs: dict[str, str]) -> None:
    assert list(contigs) == [f"simulated_{species}_{number}" for species in SPECIES for number in (1, 2, 3)]
    for species in SPECIES:
        own = "".join(sequence for name, sequence in contigs.items() if f"_{species}_" in name)
        assert 150_000 <= len(own) <= 250_000
        assert set(own) == set("ACGTNacgt")
        assert 0.001 < own.count("N") / len(own) < 0.02
        assert 0.02 < sum(map(str.islower, own)) / len(own) < 0.10


def test_gc_content_varies_along_a_genome(contigs: dict[str, str]) -> None:
    windows = [
        share_of_gc(window)
        for sequence in contigs.values()
        for window in re.findall("[ACGTacgt]{600}", sequence)
        if window
    ]
    assert min(windows) > 0.15
    assert max(windows) < 0.75
    assert np.std(windows) > 0.1


def test_cpg_is_depleted_and_gpc_is_not(contigs: dict[str, str]) -> None:
    text = "".join(contigs.values()).upper()
    bases, pairs = Counter(text), {pair: text.count(pair) for pair in ("CG", "GC")}
    expected = bases["C"] * bases["G"] / len(text)
    assert pairs["CG"] / expected < 0.4
    assert pairs["GC"] / expected > 0.8


def test_relatives_share_more_than_strangers(contigs: dict[str, str]) -> None:
    def words(species: str) -> set[str]:
        text = contigs[f"simulated_{species}_3"].upper()
        return {text[start : start + 16] for start in range(len(text) - 15)}

    human, mouse, fly = words("R"), words("S"), words("O")
    assert len(human & mouse) > 2 * len(human & fly)


def test_planted_hexamers_lie_where_the_features_say(contigs: dict[str, str]) -> None:
    rows = [line.split("\t") for line in read_text("simulated_features.bed.gz").splitlines()]
    assert {row[3] for row in rows} >= {"gene", "coding_exon", "intron", "old_repeat", "young_repeat"}
    hexamers = []
    for contig, start, end, name, _, strand in rows:
        found = contigs[contig][int(start) : int(end)]
        assert len(found) == int(end) - int(start)
        if name.endswith("repeat"):
            assert found.islower()
        if name == "polyadenylation_hexamer":
            hexamers.append(found if strand == "+" else found.translate(COMPLEMENT)[::-1])
    kept = sum(hexamer in {"AATAAA", "ATTAAA"} for hexamer in hexamers)
    assert kept / len(hexamers) > 0.8


def test_signals_are_balanced_in_every_split(signals: list[dict[str, str]]) -> None:
    assert list(signals[0]) == ["id", "sequence", "label", "motif", "split"]
    assert Counter(row["split"] for row in signals) == {"train": 4000, "validation": 500, "test": 1000}
    counts = Counter((row["split"], row["motif"], row["label"]) for row in signals)
    for split, motif, _ in counts:
        assert counts[split, motif, "0"] == counts[split, motif, "1"]


def test_signals_have_one_length_one_place_and_no_duplicates(signals: list[dict[str, str]]) -> None:
    for row in signals:
        assert re.fullmatch(f"[ACGT]{{{SITE_LENGTH}}}", row["sequence"])
        assert row["sequence"][HEXAMER] == row["motif"]
        assert row["motif"] in {"AATAAA", "ATTAAA"}
    assert len({row["sequence"] for row in signals}) == len({row["id"] for row in signals}) == len(signals)


def test_signal_splits_share_no_long_stretch(signals: list[dict[str, str]]) -> None:
    def words(split: str) -> set[str]:
        rows = [row["sequence"] for row in signals if row["split"] == split]
        return {row[start : start + 40] for row in rows for start in range(SITE_LENGTH - 39)}

    assert not words("train") & words("test")


def test_gc_content_hardly_tells_sites_from_decoys(signals: list[dict[str, str]]) -> None:
    gc = {label: [share_of_gc(row["sequence"]) for row in signals if row["label"] == label] for label in "01"}
    assert abs(np.mean(gc["0"]) - np.mean(gc["1"])) < 0.015


def test_sites_differ_from_decoys_by_place(signals: list[dict[str, str]]) -> None:
    """T is commoner right after the hexamer in sites, and far after it in decoys."""

    def t_share(label: str, start: int, end: int) -> float:
        rows = [row["sequence"][start:end] for row in signals if row["label"] == label]
        return sum(row.count("T") for row in rows) / sum(map(len, rows))

    assert t_share("1", 150, 180) > t_share("0", 150, 180) + 0.1
    assert t_share("0", 200, 230) > t_share("1", 200, 230) + 0.02


def test_expression_is_positive_and_its_splits_share_no_promoter() -> None:
    rows = list(csv.DictReader(read_text("expression.csv.gz").splitlines()))
    assert list(rows[0]) == ["id", "sequence", "half_life", "utr_length", "expression", "split"]
    assert Counter(row["split"] for row in rows) == {"train": 3200, "validation": 400, "test": 800}
    assert all(re.fullmatch("[ACGT]{120}", row["sequence"]) for row in rows)
    assert len({row["sequence"] for row in rows}) == len(rows)
    assert min(float(row[name]) for row in rows for name in ("half_life", "utr_length", "expression")) > 0


def test_expression_follows_from_the_sequence_and_from_both_numbers() -> None:
    """Motifs and the logarithms of half-life and UTR length explain most of the variance; neither does alone."""
    rows = list(csv.DictReader(read_text("expression.csv.gz").splitlines()))
    motifs = ("TATAAAAG", "CCAATCAG", "GCTGACTC")
    sequence = np.array([[row["sequence"].count(motif) for motif in motifs] for row in rows], dtype=float)
    numbers = np.log10([[float(row["half_life"]), float(row["utr_length"])] for row in rows])
    expression = np.log10([float(row["expression"]) for row in rows])

    def explained(features: np.ndarray) -> float:
        matrix = np.column_stack([features, np.ones(len(rows))])
        residual = expression - matrix @ np.linalg.lstsq(matrix, expression, rcond=None)[0]
        return float(1 - residual.var() / expression.var())

    assert 0.5 < explained(sequence) < 0.8
    assert 0.1 < explained(numbers) < 0.4
    assert explained(np.column_stack([sequence, numbers])) > 0.85


def test_haplotypes_are_phased_biallelic_and_on_the_genome(variants: list[list[str]], contigs: dict[str, str]) -> None:
    header, *rows = variants
    assert (len(rows), len(header) - 9) == (200, 500)
    positions = [int(row[1]) for row in rows]
    assert positions == sorted(set(positions))
    for row in rows:
        assert contigs[row[0]][int(row[1]) - 1].upper() == row[3]
        assert row[4] in set("ACGT") - {row[3]}
        alleles = [allele for genotype in row[9:] for allele in genotype.split("|")]
        assert set(alleles) == {"0", "1"}
        assert row[7] == f"AC={alleles.count('1')};AN=1000"


def test_every_sample_has_a_population(variants: list[list[str]]) -> None:
    lines = [line.split("\t") for line in (DEMO_DATA / "populations.tsv").read_text().splitlines()]
    assert lines[0] == ["sample", "population", "split"]
    assert [line[0] for line in lines[1:]] == variants[0][9:]
    assert Counter(line[1] for line in lines[1:]) == {"P1": 170, "P2": 170, "P3": 160}
    assert Counter(line[2] for line in lines[1:]) == {"train": 400, "test": 100}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("msprime") is None, reason="msprime is not installed: it makes the data")
def test_a_rebuild_gives_the_shipped_files() -> None:
    done = subprocess.run([sys.executable, MAKER, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
