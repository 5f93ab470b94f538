"""Published genomes, counted by others and read by pysam."""

import shutil
from pathlib import Path

import numpy as np
import pysam
import pytest
from tests.genome.twobit_writer import twobit_bytes

from dnagpt.genome.bases import decode_bases, gc_content
from dnagpt.genome.fasta import read_fasta, write_fasta
from dnagpt.genome.index import Genome, open_genome
from dnagpt.genome.intervals import Interval

# file -> (bases that are A, C, G or T; share of G and C among them)
GENOMES = {
    "human_chr1_1-3004950.hg19.fa.gz": (2_794_950, 0.543),
    "human_chr2_1-2333275.hg38.fa.gz": (2_323_275, 0.450),
    "celegans_1pct.fa.gz": (1_002_861, 0.359),
    "dmelanogaster_1pct.fa.gz": (1_357_505, 0.429),
}


@pytest.fixture(params=GENOMES)
def published(request: pytest.FixtureRequest, data_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(data_dir / "genomes" / request.param, tmp_path))


def text_of(genome: Genome) -> dict[str, str]:
    return {one.name: decode_bases(genome.slice(Interval(one.name, 0, one.length))) for one in genome.contigs}


def test_counts_are_the_published_ones(published: Path, tmp_path: Path) -> None:
    genome = open_genome(published, cache=tmp_path)
    known, gc = GENOMES[published.name]
    assert genome.total_bases - genome.bases["N"] == known
    assert round(gc_content(genome.codes), 3) == gc
    assert sum(genome.bases.values()) == genome.total_bases
    assert genome.soft_masked == np.count_nonzero(genome.codes & 0x80)


def test_every_base_is_the_one_that_pysam_reads(published: Path, tmp_path: Path) -> None:
    genome = open_genome(published, cache=tmp_path)
    with pysam.FastaFile(str(published)) as independent:
        expected = {name: independent.fetch(name) for name in independent.references}
    assert text_of(genome) == expected
    assert {record.name: record.sequence for record in read_fasta(published)} == expected


def test_all_ways_to_store_a_genome_give_the_same_codes(data_dir: Path, tmp_path: Path) -> None:
    published = data_dir / "genomes" / "celegans_1pct.fa.gz"
    genome = open_genome(published, cache=tmp_path)
    write_fasta(read_fasta(published), tmp_path / "plain.fa", width=71)
    (tmp_path / "genome.2bit").write_bytes(twobit_bytes(text_of(genome)))
    for name in ("plain.fa", "genome.2bit"):
        other = open_genome(tmp_path / name, cache=tmp_path)
        assert np.array_equal(other.codes, genome.codes)
        assert other.contigs == genome.contigs
