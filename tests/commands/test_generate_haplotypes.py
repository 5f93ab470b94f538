from pathlib import Path

import allel
import numpy as np
import pytest
import torch
from cyvcf2 import VCF
from tests.commands.calls import call, check_complaint, done
from tests.tasks.languages import a_task

import dnagpt
from dnagpt.haplotypes.people import read_populations
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.folder import save_model
from dnagpt.store.model import Model
from dnagpt.tasks import Task

SITES = 50


def a_folder(folder: Path, *tasks: Task) -> Path:
    vocabulary = Vocabulary.preset("dna-3mers")
    network = DNAGPT(ModelConfig(vocabulary_size=vocabulary.size, context=64, layers=1, heads=2, width=16))
    network.initialise(torch.Generator().manual_seed(1))
    save_model(folder, Model(network, vocabulary, {task.name: task for task in tasks}))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_folder(tmp_path_factory.mktemp("plain") / "model", a_task(SITES, vocabulary="dna-3mers"))


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = a_task(SITES, vocabulary="dna-3mers", populations=["AFR"] * 3 + ["EUR"])
    return a_folder(tmp_path_factory.mktemp("prompted") / "model", task)


def test_haplotypes_come_as_a_phased_vcf_that_others_read(plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.vcf.gz"
    finished = call("generate", plain, "-n", 20, "--seed", 3, "-o", target)
    assert finished.code == 0
    assert "Sampling without constraints would have lost 100.00 % (estimated on 20 haplotypes)" in finished.err
    assert target.with_name("new.vcf.gz.tbi").exists()
    found = dnagpt.load(plain).generate_haplotypes(20, seed=3)
    genotypes = allel.read_vcf(str(target), fields=["calldata/GT", "samples", "variants/POS"])
    assert genotypes["samples"].tolist() == [f"generated_{number}" for number in range(1, 11)]
    assert (genotypes["calldata/GT"].transpose(1, 2, 0).reshape(20, SITES) == found.haplotypes.alleles).all()
    vcf = VCF(str(target))
    assert vcf.seqnames == ["1", "X"]
    assert "##dnagpt_seed=3" in vcf.raw_header
    assert "##dnagpt_lost_by_unconstrained_sampling=100.00 % (estimated on 20 haplotypes)" in vcf.raw_header
    assert all(variant.gt_phases.all() for variant in VCF(str(target)))
    records = [(variant.CHROM, variant.start, variant.REF, *variant.ALT) for variant in vcf]
    sites = found.haplotypes.sites
    assert records == list(zip(sites.contigs, sites.positions.tolist(), sites.reference, sites.alternate, strict=True))
    assert not (tmp_path / "new.populations.tsv").exists()


def test_an_odd_number_is_for_hapt_files(plain: Path, tmp_path: Path) -> None:
    done("generate", plain, "-n", 7, "-o", tmp_path / "new.hapt", "--quiet")
    assert len(read_haplotypes(tmp_path / "new.hapt")) == 7
    complaint = call("generate", plain, "-n", 7, "-o", tmp_path / "new.vcf", "--quiet")
    check_complaint(complaint, "new.vcf holds two haplotypes a person", "even number")


def test_populations_come_as_trained_or_as_asked_for(prompted: Path, tmp_path: Path) -> None:
    done("generate", prompted, "-n", 16, "-o", tmp_path / "new.bcf", "--quiet")
    found = read_populations(tmp_path / "new.populations.tsv")
    assert sorted(found.values()) == ["AFR"] * 6 + ["EUR"] * 2
    assert set(found) == set(read_haplotypes(tmp_path / "new.bcf").individuals)
    done("generate", prompted, "--populations", "EUR=6, AFR=2", "-o", tmp_path / "more.vcf", "--quiet")
    found = read_populations(tmp_path / "more.populations.tsv")
    assert list(found.values()) == ["EUR"] * 3 + ["AFR"]


def test_the_seed_and_the_temperature_decide(plain: Path, tmp_path: Path) -> None:
    def alleles(name: str, *options: object) -> np.ndarray:
        done("generate", plain, "-n", 6, "-o", tmp_path / name, "--quiet", *options)
        return read_haplotypes(tmp_path / name).alleles

    first = alleles("a.hapt", "--seed", 1)
    assert (alleles("b.hapt", "--seed", 1, "--batch-size", 2) == first).all()
    assert (alleles("c.hapt", "--seed", 2) != first).any()
    assert len({row.tobytes() for row in alleles("d.hapt", "--temperature", 0)}) == 1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ("Without a template, haplotypes are generated", "-o genomes.vcf.gz")),
        (["-n", "4", "-o", "new.fa"], ("new.fa has no ending of a haplotype file", ".vcf.gz")),
        (["-o", "new.vcf"], ("Say how many haplotypes", "-n 5000")),
        (["-n", "0", "-o", "new.vcf"], ("Say how many haplotypes", "-n 5000")),
        (["-n", "4", "--task", "other", "-o", "new.vcf"], ("no task 'other'", "panel")),
        (["--populations", "EUR=4", "-o", "new.vcf"], ("the population 'EUR'", "no populations")),
        (["--populations", "EUR", "-o", "new.vcf"], ("--populations 'EUR'", "EUR=1000,AFR=1000")),
        (["--populations", "A=2,A=2", "-o", "new.vcf"], ("'A=2'", "each named once")),
        (["-n", "3", "--populations", "A=2", "-o", "new.vcf"], ("-n asks for 3", "--populations for 2")),
        (["-n", "4", "--any-kmer", "-o", "new.vcf"], ("--any-kmer go with a template",)),
        (["-n", "4", "--max-tokens", "9", "-o", "new.vcf"], ("--max-tokens",)),
        (["<R>{window?:sequence}", "--task", "panel"], ("--task and --populations are for haplotypes",)),
        (["-n", "4", "--temperature", "-1", "-o", "new.vcf"], ("temperature >= 0",)),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], parts: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    check_complaint(call("generate", plain, *arguments, "--quiet"), *parts)
    assert list(tmp_path.iterdir()) == []
