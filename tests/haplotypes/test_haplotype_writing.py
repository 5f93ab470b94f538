import tempfile
from collections.abc import Mapping
from pathlib import Path

import allel
import numpy as np
import pysam
import pysam.bcftools
import pytest
from cyvcf2 import VCF
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError, StorageError
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.values import Haplotypes, Sites
from dnagpt.haplotypes.writing import require_haplotype_ending, write_haplotypes

ENDINGS = [".vcf", ".vcf.gz", ".bcf", ".hapt", ".hapt.gz", ".hapt.zip"]
VARIANT_ENDINGS = ENDINGS[:3]
NOTES = {"template": "<R>{haplotype?:sequence}", "seed": "3", "command": 'dnagpt generate "x" -n 5, = ; % é'}


def panel(people: int = 3, count: int = 5, contigs: tuple[str, ...] = ("15", "X"), seed: int = 0) -> Haplotypes:
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.choice(10_000, (len(contigs), count), replace=False), axis=1).reshape(-1)
    names = [f"rs{place}" if place % 2 else "." for place in range(len(positions))]
    letters = [tuple(rng.permutation(list("ACGT"))[:2]) for _ in names]
    sites = Sites(
        [contig for contig in contigs for _ in range(count)], positions, names,
        [str(one) for one, _ in letters], [str(other) for _, other in letters],
    )  # fmt: skip
    alleles = rng.integers(0, 2, (2 * people, len(names)), dtype=np.uint8)
    return Haplotypes(alleles, sites, [f"HG{number // 2}" for number in range(2 * people)])


def refused(haplotypes: Haplotypes, path: Path, *parts: str, notes: Mapping[str, str] | None = None) -> None:
    with pytest.raises(InputError) as caught:
        write_haplotypes(haplotypes, path, notes=notes)
    check_message(caught.value, path.name, *parts)
    assert list(path.parent.iterdir()) == [], "nothing is left behind"


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 700), st.integers(0, 99), st.sampled_from(ENDINGS))
def test_what_is_written_comes_back(people: int, count: int, seed: int, ending: str) -> None:
    written = panel(people, count, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.b{ending}"
        write_haplotypes(written, path, notes=NOTES)
        again = read_haplotypes(path)
    assert np.array_equal(again.alleles, written.alleles)
    assert again.individuals == written.individuals
    assert again.sites.same_alleles(written.sites)
    assert again.sites.names == written.sites.names


@pytest.mark.parametrize("ending", VARIANT_ENDINGS)
def test_other_readers_of_the_field_agree(tmp_path: Path, ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    haplotypes = panel()
    path = tmp_path / f"out{ending}"
    write_haplotypes(haplotypes, path, notes=NOTES)
    expected = haplotypes.alleles.T.reshape(10, 3, 2)

    read = VCF(str(path))
    assert read.samples == ["HG0", "HG1", "HG2"]
    assert read.seqnames == ["15", "X"]
    calls = [(variant.POS, variant.genotype.array()) for variant in read]
    assert [position for position, _ in calls] == (haplotypes.sites.positions + 1).tolist()
    assert np.array_equal([genotype[:, :2] for _, genotype in calls], expected)
    assert all(genotype[:, 2].all() for _, genotype in calls), "phased"

    with pysam.VariantFile(str(path)) as file:
        records = list(file)
        assert [record.info["AC"][0] for record in records] == haplotypes.alleles.sum(axis=0).tolist()
        assert {record.info["AN"] for record in records} == {6}
        assert {tuple(record.filter.keys()) for record in records} == {("PASS",)}
    header = pysam.bcftools.view("-h", str(path))
    assert "##dnagpt_seed=3\n" in header
    assert NOTES["command"] in header
    assert NOTES["template"] in header
    assert str(pysam.bcftools.view("-H", str(path))).count("\n") == 10
    assert capfd.readouterr().err == "", "bcftools has nothing to complain of"

    if ending != ".bcf":
        arrays = allel.read_vcf(str(path))
        assert np.array_equal(arrays["calldata/GT"], expected)
        assert arrays["variants/POS"].tolist() == (haplotypes.sites.positions + 1).tolist()


@pytest.mark.parametrize(("ending", "index"), [(".vcf.gz", ".tbi"), (".bcf", ".csi")])
def test_the_index_finds_a_region(tmp_path: Path, ending: str, index: str) -> None:
    haplotypes = panel()
    path = tmp_path / f"out{ending}"
    write_haplotypes(haplotypes, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"out{ending}", f"out{ending}{index}"]
    second = int(haplotypes.sites.positions[6]) + 1
    with pysam.VariantFile(str(path)) as file:
        assert [record.pos for record in file.fetch("X", second - 1, second)] == [second]
    assert Path(f"{path}{index}").stat().st_mtime >= path.stat().st_mtime


def test_contigs_beyond_the_reach_of_tabix_get_the_other_index(tmp_path: Path) -> None:
    sites = Sites(["wheat_1A"] * 2, np.array([5, 600_000_000]), [".", "."], ["A", "C"], ["G", "T"])
    write_haplotypes(Haplotypes(np.ones((2, 2), dtype=np.uint8), sites, ["a", "a"]), tmp_path / "out.vcf.gz")
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["out.vcf.gz", "out.vcf.gz.csi"]
    found = read_haplotypes(tmp_path / "out.vcf.gz", HaplotypeSelection(region="wheat_1A:600,000,001"))
    assert found.sites.positions.tolist() == [600_000_000]


@pytest.mark.parametrize("ending", VARIANT_ENDINGS)
def test_alleles_that_are_no_bases_can_be_written(tmp_path: Path, ending: str) -> None:
    sites = Sites(["1"] * 3, np.array([5, 6, 7]), ["."] * 3, ["AT", "A", "G"], ["A", "<CN0>", "*"])
    written = Haplotypes(np.array([[0, 1, 0], [1, 1, 0]], dtype=np.uint8), sites, ["a", "a"])
    write_haplotypes(written, tmp_path / f"out{ending}")
    again = read_haplotypes(tmp_path / f"out{ending}", HaplotypeSelection(non_snv="keep"))
    assert again.sites.same_alleles(sites)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_haplotypes_are_the_same_bytes(tmp_path: Path, ending: str) -> None:
    for folder in ("one", "two"):
        write_haplotypes(panel(), tmp_path / folder / f"out{ending}", notes=NOTES)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_hapt_lines_and_what_lies_beside_them(tmp_path: Path) -> None:
    sites = Sites(["15", "15"], np.array([99, 149]), ["rs1", "."], ["C", "T"], ["A", "G"])
    alleles = np.array([[0, 1], [1, 1], [1, 0]], dtype=np.uint8)
    write_haplotypes(Haplotypes(alleles, sites, ["HG1", "HG1", "HG2"]), tmp_path / "out.hapt", notes={"seed": "3"})
    assert (tmp_path / "out.hapt").read_text() == "AG HG1_A 0 1\nAG HG1_B 1 1\nAG HG2 1 0\n"
    assert (tmp_path / "out.legend").read_text() == "id position a0 a1 contig\nrs1 100 C A 15\n. 150 T G 15\n"
    assert (tmp_path / "out.notes.txt").read_text() == "seed: 3\n"
    assert read_haplotypes(tmp_path / "out.hapt").individuals == ["HG1", "HG1", "HG2"]
    write_haplotypes(Haplotypes(alleles, sites, ["HG1", "HG1", "HG2"]), tmp_path / "real.hapt", label="Real")
    assert (tmp_path / "real.hapt").read_text().startswith("Real HG1_A 0 1\n")
    assert not (tmp_path / "real.notes.txt").exists()


@pytest.mark.parametrize("ending", VARIANT_ENDINGS)
def test_a_vcf_needs_two_haplotypes_a_person_side_by_side(tmp_path: Path, ending: str) -> None:
    haplotypes = panel()
    refused(haplotypes.take([0, 1, 2]), tmp_path / f"out{ending}", "'HG1' has 1 haplotype", ".hapt")
    refused(haplotypes.take([0, 1, 0]), tmp_path / f"out{ending}", "'HG0' has 3 haplotypes")
    refused(haplotypes.take([0, 2, 1, 3]), tmp_path / f"out{ending}", "side by side")


def test_what_the_formats_cannot_hold_is_refused(tmp_path: Path) -> None:
    alleles = np.zeros((2, 2), dtype=np.uint8)

    def made(**columns: list[str]) -> Haplotypes:
        of = {"contigs": ["1", "1"], "names": [".", "."], "reference": ["A", "A"], "alternate": ["G", "G"], **columns}
        sites = Sites(of["contigs"], np.array([5, 9]), of["names"], of["reference"], of["alternate"])
        return Haplotypes(alleles, sites, of.get("people", ["a", "a"]))

    refused(made(alternate=["G", "-"]), tmp_path / "out.vcf", "site 1:10", "'-'")
    refused(made(contigs=["1", "chr 2"]), tmp_path / "out.vcf.gz", "'chr 2'")
    refused(made(names=[".", "rs 1"]), tmp_path / "out.bcf", "'rs 1'")
    refused(made(people=["a\tb", "a\tb"]), tmp_path / "out.vcf", "'a\\tb'")
    with pytest.raises(InputError, match=r"out\.legend: .*'rs 1'.* white space"):
        write_haplotypes(made(names=[".", "rs 1"]), tmp_path / "out.hapt")
    refused(made(people=["a b", "a b"]), tmp_path / "out.hapt", "'a b_A'")
    refused(made(), tmp_path / "out.vcf", "'two words'", notes={"two words": "x"})
    refused(made(), tmp_path / "out.vcf", "'lines'", notes={"lines": "x\ny"})
    refused(panel().at([1, 0]), tmp_path / "out.vcf.gz", "stands behind")
    refused(panel().at([0, 5, 1]), tmp_path / "out.hapt", "stands behind")
    refused(panel().at([]), tmp_path / "out.vcf", "no haplotypes")
    refused(panel().take([]), tmp_path / "out.hapt", "no haplotypes")
    refused(panel(), tmp_path / "out.txt", "no ending", ".vcf.gz")
    with pytest.raises(InputError, match="no ending"):
        require_haplotype_ending("out.vcf.zip")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failing_write_leaves_the_old_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    write_haplotypes(panel(), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InputError):
        write_haplotypes(panel().at([1, 0]), path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="not a folder"):
        write_haplotypes(panel(), tmp_path / "file" / f"out{ending}")
