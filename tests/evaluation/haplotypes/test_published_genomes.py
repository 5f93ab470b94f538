"""The published GAN and RBM genomes of 805 SNPs, measured as their authors and we measured them before."""

from pathlib import Path

import numpy as np
import pytest

from dnagpt.evaluation.haplotypes.frequencies import compare_frequencies
from dnagpt.evaluation.haplotypes.linkage import compare_linkage
from dnagpt.evaluation.haplotypes.privacy import adversarial_accuracy
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.values import Haplotypes

PUBLISHED = {
    "805_SNP_GAN_AG_20000epochs": (0.982, 0.924, 0.600),
    "805_SNP_RBM_AG_800Epochs": (0.994, 0.977, 0.517),
}
"""Correlation of allele frequencies, of r2 over all pairs of sites, AATS."""


def read(data_dir: Path, name: str) -> Haplotypes:
    folder = data_dir / "haplotypes"
    return read_haplotypes(folder / f"{name}.hapt.zip", HaplotypeSelection(legend=folder / "805_SNP.legend"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_genomes_measure_as_published(data_dir: Path, name: str) -> None:
    real, generated = read(data_dir, "805_SNP_1000G_real"), read(data_dir, name)
    frequency, linkage, accuracy = PUBLISHED[name]
    assert compare_frequencies(real.alleles, generated.alleles).correlation == pytest.approx(frequency, abs=5e-4)
    found = compare_linkage(real.alleles, generated.alleles, real.sites)
    assert found is not None
    assert found.full_correlation == pytest.approx(linkage, abs=5e-4)
    assert found.correlation == pytest.approx(linkage, abs=0.015)  # of 10,000 random pairs
    assert adversarial_accuracy(real.alleles, generated.alleles).score == pytest.approx(accuracy, abs=2e-3)


def test_halves_of_real_people_are_the_limit(data_dir: Path) -> None:
    real = read(data_dir, "805_SNP_1000G_real")
    generator = np.random.default_rng(0)
    chosen = set(generator.permutation(sorted(set(real.individuals)))[:1252])
    first = np.array([person in chosen for person in real.individuals])
    halves = real.take(np.flatnonzero(first)), real.take(np.flatnonzero(~first))
    sets = halves[0].alleles, halves[1].alleles
    assert compare_frequencies(*sets).correlation == pytest.approx(0.998, abs=2e-3)
    found = compare_linkage(*sets, real.sites)
    assert found is not None
    assert found.full_correlation == pytest.approx(0.988, abs=2e-3)
    assert adversarial_accuracy(*sets).score == pytest.approx(0.473, abs=0.01)
