"""Published haplotypes, read whole and compared with what other tools read in them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cyvcf2 import VCF

from dnagpt.haplotypes.legend import read_legend
from dnagpt.haplotypes.people import read_populations
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection


def test_the_805_sites_of_1000_genomes(data_dir: Path) -> None:
    folder = data_dir / "haplotypes"
    selection = HaplotypeSelection(legend=folder / "805_SNP.legend")
    real = read_haplotypes(folder / "805_SNP_1000G_real.hapt.zip", selection)
    assert real.alleles.shape == (5008, 805)
    assert real.left_out == {}
    assert real.individuals[:3] == ["HG00096", "HG00096", "HG00097"]
    assert len(set(real.individuals)) == 2504
    assert real.sites.contigs[0] == "1"
    assert (int(real.sites.positions[0]), real.sites.reference[0], real.sites.alternate[0]) == (1_243_895, "C", "T")
    assert list(dict.fromkeys(real.sites.contigs)) == [str(number) for number in range(1, 23)]
    of = read_populations(folder / "sample_populations.tsv", column="Superpopulation code")
    populations = real.with_populations(of).populations
    assert Counter(populations) == {"AFR": 1322, "EAS": 1008, "EUR": 1004, "SAS": 978, "AMR": 694, "EUR,AFR": 2}


def test_published_artificial_genomes(data_dir: Path) -> None:
    folder = data_dir / "haplotypes"
    for name in ("805_SNP_GAN_AG_20000epochs", "805_SNP_RBM_AG_800Epochs"):
        generated = read_haplotypes(folder / f"{name}.hapt.zip")
        assert generated.alleles.shape == (5000, 805)
        assert generated.individuals[-1] == "AG4999"
        assert generated.sites.contigs[0] == "unknown"


def test_the_legend_of_ten_thousand_sites(data_dir: Path) -> None:
    sites = read_legend(data_dir / "haplotypes" / "10k_SNP.legend")
    assert (len(sites), set(sites.contigs)) == (10_000, {"15"})
    assert (int(sites.positions[0]), int(sites.positions[-1])) == (27_379_577, 29_625_034)


def test_a_region_of_the_chromosome_15_block(data_dir: Path) -> None:
    path = data_dir / "haplotypes" / "kgp_chr15_66.2-66.5Mb.vcf.gz"
    panel = read_haplotypes(path, HaplotypeSelection(region="15:66,300,000-66,310,000", minimum_frequency=0.01))
    expected = [
        [allele for genotype in variant.genotypes for allele in genotype[:2]]
        for variant in VCF(str(path))("15:66300000-66310000")
        if variant.is_snp and len(variant.ALT) == 1 and min(variant.aaf, 1 - variant.aaf) >= 0.01
    ]
    assert np.array_equal(panel.alleles, np.array(expected).T)
    assert panel.alleles.shape[0] == 5008
    assert panel.alleles.shape[1] > 20


@pytest.mark.slow
def test_the_whole_chromosome_15_block(data_dir: Path) -> None:
    panel = read_haplotypes(data_dir / "haplotypes" / "kgp_chr15_66.2-66.5Mb.vcf.gz")
    assert panel.alleles.shape == (5008, 10_815)
    assert panel.left_out == {
        "sites that are no single-nucleotide variants": 383,
        "sites with more than two alleles": 53,
    }
    minor = np.minimum(panel.frequencies, 1 - panel.frequencies)
    assert int((minor > 0.05).sum()) == 852
    assert int((panel.alleles.sum(axis=0) == 1).sum()) > 4_000
