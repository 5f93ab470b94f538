import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from tests.files.messages import check_message
from tests.haplotypes.vcf_writer import record, write_variants

from dnagpt.errors import InputError
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection

ENDINGS = ["panel.vcf", "panel.vcf.gz", "panel.bcf"]


def refused(path: Path, *parts: str, **settings: object) -> None:
    with pytest.raises(InputError) as caught:
        read_haplotypes(path, HaplotypeSelection.model_validate(settings))
    check_message(caught.value, str(path.name), *parts)


@pytest.mark.parametrize("name", ENDINGS)
def test_alleles_sites_and_people_are_those_of_the_file(tmp_path: Path, name: str) -> None:
    records = [record(100, "0|1", "1|0", "1|1", name="rs1"), record(7, "0|0", "0|1", "1|0", contig="X", alternate="T")]
    panel = read_haplotypes(write_variants(tmp_path / name, records))
    assert panel.alleles.T.tolist() == [[0, 1, 1, 0, 1, 1], [0, 0, 0, 1, 1, 0]]
    assert panel.alleles.flags.c_contiguous
    assert panel.individuals == ["HG1", "HG1", "HG2", "HG2", "HG3", "HG3"]
    assert panel.sites.contigs == ["15", "X"]
    assert panel.sites.positions.tolist() == [99, 6]
    assert panel.sites.names == ["rs1", "."]
    assert (panel.sites.reference, panel.sites.alternate) == (["A", "A"], ["G", "T"])
    assert panel.left_out == {}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize(
    ("region", "positions"),
    [("15:100-200", [99, 199]), ("15", [98, 99, 199, 200]), ("15:1,00", [99]), ("15:200-", [199, 200]), ("X", [99])],
)
def test_a_region_has_both_ends_inside_with_and_without_an_index(
    tmp_path: Path, name: str, region: str, positions: list[int]
) -> None:
    records = [*(record(position) for position in (99, 100, 200, 201)), record(100, contig="X")]
    panel = read_haplotypes(write_variants(tmp_path / name, records), HaplotypeSelection(region=region))
    assert panel.sites.positions.tolist() == positions
    assert set(panel.sites.contigs) == {region.partition(":")[0]}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_region_without_sites_or_without_its_contig_is_refused(tmp_path: Path, name: str) -> None:
    path = write_variants(tmp_path / name, [record(100)])
    refused(path, "no site in 15:200-300", region="15:200-300")
    refused(path, "no contig 'chr15'", "Did you mean '15'?", region="chr15:1-1000")


@pytest.mark.parametrize("region", ["15:0-5", "15:10-9", ":1-2", ""])
def test_what_is_no_region_is_refused_at_once(region: str) -> None:
    with pytest.raises(InputError, match="is not a region"):
        HaplotypeSelection(region=region)


def test_samples_keep_the_order_of_the_file_and_must_be_there(tmp_path: Path) -> None:
    path = write_variants(
        tmp_path / "panel.vcf.gz", [record(100, "0|1", "0|0", "1|0"), record(101, "0|0", "./.", "0|1")]
    )
    panel = read_haplotypes(path, HaplotypeSelection(samples=("HG3", "HG1")))
    assert panel.individuals == ["HG1", "HG1", "HG3", "HG3"]
    assert panel.alleles.tolist() == [[0, 0], [1, 0], [1, 0], [0, 1]]
    refused(path, "no sample 'HG4'", "Did you mean 'HG3'", samples=("HG1", "HG4"))


# The genotypes of HG2 -> the setting, what its error says, and what the site and the person count as.
TROUBLES = {
    "0/1": ("unphased", "is not phased", "unphased genotypes"),
    ".|.": ("missing", "is not known", "missing genotypes"),
    "./.": ("missing", "is not known", "missing genotypes"),
    ".": ("missing", "is not known", "missing genotypes"),
    "0|.": ("half_called", "one known and one unknown", "half-called genotypes"),
    ".|1": ("half_called", "one known and one unknown", "half-called genotypes"),
    "1": ("non_diploid", "has not two alleles", "genotypes without two alleles"),
    "0|1|1": ("non_diploid", "has not two alleles", "genotypes without two alleles"),
}


@pytest.mark.parametrize("genotype", TROUBLES)
@pytest.mark.parametrize("name", ["panel.vcf", "panel.bcf"])
def test_genotypes_that_are_not_two_phased_alleles_are_refused_or_left_out(
    tmp_path: Path, name: str, genotype: str
) -> None:
    setting, told, counted = TROUBLES[genotype]
    records = [record(100), record(200, "0|1", genotype, "1|1", name="rs2"), record(300)]
    path = write_variants(tmp_path / name, records)
    refused(path, told, "15:200 (rs2)", "sample HG2", setting)

    without_site = read_haplotypes(path, HaplotypeSelection.model_validate({setting: "drop-sites"}))
    assert without_site.sites.positions.tolist() == [99, 299]
    assert without_site.left_out == {f"sites with {counted}": 1}

    without_person = read_haplotypes(path, HaplotypeSelection.model_validate({setting: "drop-samples"}))
    assert without_person.individuals == ["HG1", "HG1", "HG3", "HG3"]
    assert without_person.alleles.tolist() == [[0] * 3, [1] * 3, [1] * 3, [1] * 3]
    assert without_person.left_out == {f"people with {counted}": 1}


@pytest.mark.parametrize(
    ("genotype", "setting", "choice", "alleles"),
    [
        ("1/0", "unphased", "as-written", [1, 0]),
        (".|.", "missing", "reference", [0, 0]),
        (".", "missing", "reference", [0, 0]),
        (".|1", "half_called", "reference", [0, 1]),
        ("1|.", "half_called", "reference", [1, 0]),
    ],
)
def test_a_policy_reads_such_genotypes_and_counts_them(
    tmp_path: Path, genotype: str, setting: str, choice: str, alleles: list[int]
) -> None:
    path = write_variants(tmp_path / "panel.vcf", [record(100, "0|1", genotype, "1|1"), record(200)])
    panel = read_haplotypes(path, HaplotypeSelection.model_validate({setting: choice}))
    assert panel.alleles[2:4, 0].tolist() == alleles
    assert list(panel.left_out.values()) == [1]
    assert setting.replace("_", "-").split("-")[0] in next(iter(panel.left_out)).replace("written", "unphased")


def test_homozygous_genotypes_need_no_phase(tmp_path: Path) -> None:
    path = write_variants(tmp_path / "panel.vcf", [record(100, "0/0", "1/1", "0|1")])
    assert read_haplotypes(path).alleles.T.tolist() == [[0, 0, 1, 1, 0, 1]]


def test_one_copy_of_x_is_one_haplotype_where_that_is_chosen(tmp_path: Path) -> None:
    records = [record(100, "0|1", "1", "0", contig="X"), record(200, "1|0", "0", ".", contig="X")]
    path = write_variants(tmp_path / "x.vcf", records)
    refused(path, "X:100", "sample HG2", "one-haplotype")
    panel = read_haplotypes(path, HaplotypeSelection(non_diploid="one-haplotype", missing="reference"))
    assert panel.individuals == ["HG1", "HG1", "HG2", "HG3"]
    assert panel.alleles.tolist() == [[0, 1], [1, 0], [1, 0], [0, 0]]
    assert panel.left_out == {
        "genotypes of one allele read as one haplotype": 3,
        "missing genotypes read as the reference allele": 1,
    }


def test_a_contig_that_everybody_has_once_is_read_too(tmp_path: Path) -> None:
    path = write_variants(tmp_path / "y.vcf", [record(100, "0", "1", "1", contig="X")])
    panel = read_haplotypes(path, HaplotypeSelection(non_diploid="one-haplotype"))
    assert (panel.individuals, panel.alleles.tolist()) == (["HG1", "HG2", "HG3"], [[0], [1], [1]])


def test_a_person_with_one_copy_here_and_two_there_is_refused(tmp_path: Path) -> None:
    records = [record(100, "0|1", "1|1", "0|0", contig="X"), record(200, "1|0", "0", "1|0", contig="X")]
    refused(write_variants(tmp_path / "x.vcf", records), "sample HG2", "pseudo-autosomal", non_diploid="one-haplotype")


def test_sites_of_other_kinds_are_left_out_counted_kept_or_refused(tmp_path: Path) -> None:
    records = [
        record(100, name="rs1"),
        record(101, "0|1", "0|2", "1|1", alternate="G,T"),
        record(102, reference="AT", name="indel"),
        record(103, alternate="<CN0>"),
        record(104, alternate="*"),
        record(105, "0|0", "0|0", "0|0", alternate="."),
        record(106, reference="N"),
        record(107, reference="a", alternate="c"),
    ]
    path = write_variants(tmp_path / "panel.vcf", records)
    panel = read_haplotypes(path)
    assert panel.sites.positions.tolist() == [99, 106]
    assert (panel.sites.reference, panel.sites.alternate) == (["A", "A"], ["G", "C"])
    assert panel.left_out == {
        "sites with more than two alleles": 1,
        "sites that are no single-nucleotide variants": 4,
        "sites without an alternate allele": 1,
    }
    kept = read_haplotypes(path, HaplotypeSelection(non_snv="keep"))
    assert kept.sites.positions.tolist() == [99, 101, 102, 103, 105, 106]
    assert kept.sites.alternate == ["G", "G", "<CN0>", "*", "G", "C"]
    refused(path, "15:101", "3 alleles (A, G, T)", multi_allelic="error")
    refused(path, "15:102 (indel)", "AT > G", non_snv="error", multi_allelic="drop")


def test_sites_at_one_position_are_refused_or_chosen(tmp_path: Path) -> None:
    records = [record(100, name="rs1"), record(100, "0|0", "0|1", "0|0", name="rs2", alternate="T"), record(101)]
    path = write_variants(tmp_path / "panel.vcf", records)
    refused(path, "15:100 (rs2)", "rs1", "duplicated")
    counted = "sites at a position that comes more than once"
    for choice, names, count in (("first", ["rs1", "."], 1), ("drop", ["."], 2), ("keep", ["rs1", "rs2", "."], 0)):
        panel = read_haplotypes(path, HaplotypeSelection.model_validate({"duplicated": choice}))
        assert panel.sites.names == names
        assert panel.left_out.get(counted, 0) == count


def test_sites_out_of_order_are_refused_or_sorted(tmp_path: Path) -> None:
    records = [record(200, name="c"), record(100, "1|1", "0|0", "0|0", name="b"), record(50, contig="X", name="d")]
    path = write_variants(tmp_path / "panel.vcf", [*records, record(50, "0|0", "0|0", "0|1", name="a")])
    refused(path, "15:100 (b)", "stands behind", "15:200 (c)", "unsorted")
    panel = read_haplotypes(path, HaplotypeSelection(unsorted="sort"))
    assert panel.sites.names == ["a", "b", "c", "d"]
    assert panel.alleles[:, 0].tolist() == [0, 0, 0, 0, 0, 1]
    assert panel.alleles[:, 1].tolist() == [1, 1, 0, 0, 0, 0]


def test_the_frequency_is_that_of_the_rarer_allele_among_the_people_read(tmp_path: Path) -> None:
    records = [
        record(1, "0|0", "0|0", "0|1"),
        record(2, "1|1", "1|1", "1|0"),
        record(3),
        record(4, "0|0", "0|0", "0|0"),
    ]
    path = write_variants(tmp_path / "panel.vcf", records)
    assert len(read_haplotypes(path).sites) == 4
    panel = read_haplotypes(path, HaplotypeSelection(minimum_frequency=1 / 6))
    assert panel.sites.positions.tolist() == [0, 1, 2]
    assert panel.left_out == {"sites with a minor allele frequency below 0.166667": 1}
    two = read_haplotypes(path, HaplotypeSelection(minimum_frequency=0.25, samples=("HG1", "HG2")))
    assert two.sites.positions.tolist() == [2]
    refused(path, "nothing is left", "minor allele frequency below 0.5", minimum_frequency=0.5, samples=("HG1", "HG2"))


def test_a_file_of_which_everybody_is_left_out_is_refused(tmp_path: Path) -> None:
    path = write_variants(tmp_path / "panel.vcf", [record(1, "0/1", "0/1", "0/1")])
    refused(path, "nothing is left", "3 people with unphased", unphased="drop-samples")
    refused(path, "no site can be used", "1 sites with unphased", unphased="drop-sites")


@pytest.mark.parametrize("name", ENDINGS)
def test_a_file_without_sites_without_people_or_without_genotypes_is_refused(tmp_path: Path, name: str) -> None:
    refused(write_variants(tmp_path / name, []), "holds no sites")
    nobody = tmp_path / f"nobody_{name}"
    write_variants(nobody, [record(1).rsplit("\tGT", 1)[0] + "\n"], people=())
    refused(nobody, "no genotypes of anybody")
    depths = write_variants(tmp_path / f"depths_{name}", [record(1, "3", "1", "2").replace("GT", "DP")])
    refused(depths, "15:1", "no genotypes")


def test_damaged_and_foreign_files_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_variants(tmp_path / "panel.vcf.gz", [record(place) for place in range(1, 5000)])
    stored = path.read_bytes()
    plain = gzip.decompress(stored)
    cases: dict[str, tuple[bytes, str]] = {
        "half.vcf.gz": (stored[: len(stored) // 2], "cut short"),
        "end.vcf.gz": (stored[:-28], "cut short"),
        "flipped.vcf.gz": (bytes([*stored[:500], stored[500] ^ 255, *stored[501:]]), "damaged"),
        "gzip.vcf.gz": (gzip.compress(plain)[:-200], "cut short"),
        "empty.vcf": (b"", "is empty"),
        "text.vcf": (b"hello\nworld\n", "is not VCF"),
        "columns.vcf": (plain[:-4], "record 4,998"),
        "letters.vcf": (plain.replace(b"0|1", b"0|x"), "record 0"),
        "number.vcf": (
            plain.replace(b"0|1", b"0|3"),
            "site 15:1: a genotype has an allele that the site does not name",
        ),
        "bytes.bcf": (b"BCF\x02\x02" + bytes(100), "is not VCF or BCF"),
    }
    for name, (content, told) in cases.items():
        damaged = tmp_path / name
        damaged.write_bytes(content)
        refused(damaged, told)
    assert capfd.readouterr().err == "", "htslib's complaints are not for the terminal"


def test_a_missing_file_and_unknown_endings_are_refused(tmp_path: Path) -> None:
    path = write_variants(tmp_path / "panel.vcf", [record(1)])
    refused(tmp_path / "pannel.vcf", "does not exist", "panel.vcf")
    for name, part in {
        "a.bed": "PLINK",
        "a.fam": "PLINK",
        "a.pgen": "plink2",
        "a.haps": "Convert",
        "a.csv": ".vcf.gz",
    }.items():
        refused(path.rename(tmp_path / name), part)
        path = tmp_path / name


def test_a_damaged_index_is_named_and_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_variants(tmp_path / "panel.vcf.gz", [record(1)])
    Path(f"{path}.tbi").write_bytes(b"no index")
    assert len(read_haplotypes(path, HaplotypeSelection(region="15:1-5")).sites) == 1
    assert "panel.vcf.gz.tbi is not the index of" in caplog.text


def test_an_index_older_than_its_file_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_variants(tmp_path / "panel.vcf.gz", [record(1)])
    stale = Path(f"{path}.tbi").read_bytes()
    write_variants(path, [record(place) for place in range(1, 90_001, 3)])
    Path(f"{path}.tbi").write_bytes(stale)
    os.utime(f"{path}.tbi", (1, 1))
    panel = read_haplotypes(path, HaplotypeSelection(region="15:60000-60010"))
    assert panel.sites.positions.tolist() == [60_000, 60_003, 60_006, 60_009]
    assert "older than the file" in caplog.text


def test_a_missing_package_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = write_variants(tmp_path / "panel.vcf", [record(1)])
    program = (
        "import sys; sys.modules['cyvcf2'] = None\n"
        "from dnagpt.errors import InputError\n"
        "from dnagpt.haplotypes.reading import read_haplotypes\n"
        "try: read_haplotypes(sys.argv[1])\n"
        "except InputError as error: sys.stdout.write(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("Run `pip install 'dnagpt[popgen]'`."), done.stdout


def test_thousands_of_random_genotypes_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    alleles = rng.integers(0, 2, (6, 3000), dtype=np.uint8)
    records = [
        record(place + 1, *(f"{one}|{other}" for one, other in column.reshape(3, 2)))
        for place, column in enumerate(alleles.T)
    ]
    assert np.array_equal(read_haplotypes(write_variants(tmp_path / "panel.vcf.gz", records)).alleles, alleles)


HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=15>\n##contig=<ID=HLA-A*01:01>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="G">\n'
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP0\tP1\n"
RECORD = "15\t100\trs0\tA\tC\t.\tPASS\t.\tGT\t0|0\t0|1\n"


def refused_text(folder: Path, text: str | bytes, *parts: str, **settings: object) -> None:
    (folder / "a.vcf").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_haplotypes(folder / "a.vcf", HaplotypeSelection.model_validate(settings))
    check_message(caught.value, "a.vcf", *parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HEAD + COLUMNS + RECORD + "\n", ["line 7 has 1 columns", "names 11"]),
        (HEAD + COLUMNS + RECORD + "15 200 rs1 A C . . . GT 0|0 0|1\n", ["line 7 has 1 columns"]),
        (HEAD + COLUMNS + RECORD.replace("\t0|1\n", "\n"), ["line 6 has 10 columns", "names 11"]),
        (HEAD + COLUMNS + RECORD.replace("\n", "\t1|1\n"), ["line 6 has 12 columns", "names 11"]),
        (HEAD + COLUMNS + RECORD.replace("100", "2147483648"), ["line 6", "'2147483648' is not a position"]),
        (HEAD + COLUMNS + RECORD.replace("100", "-1"), ["line 6", "'-1' is not a position"]),
        (HEAD + COLUMNS + RECORD.replace("0|1", "4294967296|0"), ["line 6", "more than 5 digits"]),
        (HEAD + COLUMNS.replace("P1", "P0") + RECORD, ["line 5", "the sample 'P0' is named 2 times"]),
        (HEAD + COLUMNS.replace("P1", "Ren\xe9") + RECORD, ["line 5", "not UTF-8"]),
        (HEAD + COLUMNS + RECORD.replace("rs0", "r\xe9"), ["line 6", "not UTF-8"]),
        (HEAD + RECORD, ["not VCF or BCF", "#CHROM"]),
    ],
)
def test_text_that_htslib_dies_of_or_reads_as_something_else(tmp_path: Path, text: str, parts: list[str]) -> None:
    refused_text(tmp_path, text.encode("latin-1"), *parts)


def test_bcf_whose_parts_do_not_fit_together_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(HEAD + COLUMNS + RECORD)
    with (
        pysam.VariantFile(str(tmp_path / "a.vcf")) as read,
        pysam.VariantFile(str(tmp_path / "a.bcf"), "wb", header=read.header) as written,
    ):
        for variant in read:
            written.write(variant)
    plain = gzip.decompress((tmp_path / "a.bcf").read_bytes())
    assert read_haplotypes(tmp_path / "a.bcf").alleles.tolist() == [[0], [0], [0], [1]]
    spoilt = plain.replace(b"\x21\x03\x03\x03\x05", b"\xf1\x03\x03\x03\x05")  # genotypes that claim to be many
    assert spoilt != plain
    with pysam.BGZFile(str(tmp_path / "b.bcf"), "wb", None) as out:
        out.write(spoilt)
    with pytest.raises(InputError):
        read_haplotypes(tmp_path / "b.bcf")


PHASE_SETS = (
    HEAD + '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">\n' + COLUMNS
    + "15\t100\t.\tA\tC\t.\tPASS\t.\tGT:PS\t0|1:100\t0|0:.\n"
    + "15\t200\t.\tA\tC\t.\tPASS\t.\tGT:PS\t1|0:100\t1|0:200\n"
    + "15\t300\t.\tA\tC\t.\tPASS\t.\tGT:PS\t1|1:300\t0|1:200\n"
    + "15\t400\t.\tA\tC\t.\tPASS\t.\tGT:PS\t{}\t0|1:200\n"
)  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "alleles"),
    [
        ("drop-sites", [[0, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1]]),
        ("drop-samples", [[0, 1, 0, 0], [0, 0, 1, 1]]),
        ("as-written", [[0, 1, 1, 0], [1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1]]),
    ],
)
def test_a_second_phase_set_follows_its_policy(tmp_path: Path, policy: str, alleles: list[list[int]]) -> None:
    text = PHASE_SETS.format("0|1:400")
    refused_text(tmp_path, text, "15:400", "sample P0", "another phase set (PS)", "phase_sets")
    found = read_haplotypes(tmp_path / "a.vcf", HaplotypeSelection.model_validate({"phase_sets": policy}))
    assert found.alleles.tolist() == alleles
    assert sum(found.left_out.values()) == 1


@pytest.mark.parametrize("kind", ["String", "Integer"])
@pytest.mark.parametrize("key", ["PS", "PSL"])
def test_phase_sets_may_be_names(tmp_path: Path, kind: str, key: str) -> None:
    text = PHASE_SETS.format("0|1:400").replace("Number=1,Type=Integer", f"Number=1,Type={kind}")
    text = text.replace("ID=PS,", f"ID={key},").replace("GT:PS", f"GT:{key}")
    refused_text(tmp_path, text, "15:400", "sample P0", "another phase set (PS)")


@pytest.mark.parametrize("genotype", ["0|1:100", "0|1:.", "0|1", "1|1:400"])
def test_one_phase_set_or_none_is_no_trouble(tmp_path: Path, genotype: str) -> None:
    (tmp_path / "a.vcf").write_text(PHASE_SETS.format(genotype))
    assert read_haplotypes(tmp_path / "a.vcf").left_out == {}


def test_phase_prefixes_of_vcf_4_4_are_read(tmp_path: Path) -> None:
    text = (
        HEAD + COLUMNS + "15\t100\t.\tA\tC\t.\tPASS\t.\tGT\t|0|1\t1|0\n15\t200\t.\tA\tC\t.\tPASS\t.\tGT\t{}0|1\t|1|1\n"
    )
    for prefix in "|/":
        (tmp_path / "a.vcf").write_text(text.format(prefix))
        assert read_haplotypes(tmp_path / "a.vcf").alleles.tolist() == [[0, 0], [1, 1], [1, 1], [0, 1]]


@pytest.mark.parametrize("allele", ["G]chr2:500]", "[chr2:5[G", "R"])
def test_alleles_that_could_not_be_written_are_refused_when_kept(tmp_path: Path, allele: str) -> None:
    text = HEAD + COLUMNS + RECORD.replace("\tC\t", f"\t{allele}\t")
    refused_text(tmp_path, text, "15:100", allele, "non_snv", non_snv="keep")


def test_names_of_symbolic_alleles_keep_their_case(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(HEAD + COLUMNS + RECORD.replace("\tC\t", "\t<Del:x>\t").replace("\tA\t", "\ta\t"))
    sites = read_haplotypes(tmp_path / "a.vcf", HaplotypeSelection(non_snv="keep")).sites
    assert (sites.reference, sites.alternate) == (["A"], ["<Del:x>"])


def test_sites_that_did_not_pass_are_counted_or_left_out(tmp_path: Path) -> None:
    text = HEAD + '##FILTER=<ID=q10,Description="q">\n' + COLUMNS + RECORD
    text += RECORD.replace("100", "200").replace("PASS", "q10") + RECORD.replace("100", "300").replace("PASS", ".")
    (tmp_path / "a.vcf").write_text(text)
    kept = read_haplotypes(tmp_path / "a.vcf")
    assert (len(kept.sites), kept.left_out) == (3, {"sites kept though their FILTER is not PASS": 1})
    passed = read_haplotypes(tmp_path / "a.vcf", HaplotypeSelection(filtered="drop"))
    assert passed.sites.positions.tolist() == [99, 299]
    assert passed.left_out == {"sites whose FILTER is not PASS": 1}
    refused_text(tmp_path, text, "15:200", "FILTER is not PASS", filtered="error")


def test_a_region_may_be_a_contig_with_colons_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(HEAD + COLUMNS + RECORD + RECORD.replace("15\t", "HLA-A*01:01\t", 1))
    found = read_haplotypes(tmp_path / "a.vcf", HaplotypeSelection(region="HLA-A*01:01"))
    assert found.sites.contigs == ["HLA-A*01:01"]
    pysam.tabix_index(str(tmp_path / "a.vcf"), preset="vcf", keep_original=True)
    for region in ("HLA-A*01:01", "HLA-A*01:01:50-150"):
        assert len(read_haplotypes(tmp_path / "a.vcf.gz", HaplotypeSelection(region=region)).sites) == 1


@pytest.mark.parametrize("name", ["panel.vcf.gz", "panel.bcf"])
@pytest.mark.parametrize("csi", [True, False])
def test_an_index_of_another_file_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, csi: bool
) -> None:
    few, many = tmp_path / "few" / name, tmp_path / "many" / name
    for path, positions in ((few, range(100, 110)), (many, range(100, 3000, 7))):
        path.parent.mkdir()
        write_variants(path, [record(position) for position in positions])
        for old in path.parent.glob("*.[ct][sb]i"):
            old.unlink()
        preset: Any = "bcf" if name.endswith("bcf") else "vcf"  # pysam's types lack the first
        pysam.tabix_index(str(path), preset=preset, csi=csi, force=True)
    region = HaplotypeSelection(region="15")
    assert len(read_haplotypes(many, region).sites) == 415
    assert not caplog.records
    for index in few.parent.glob("*.[ct][sb]i"):
        index.replace(many.parent / index.name)
        os.utime(many.parent / index.name)
    assert len(read_haplotypes(many, region).sites) == 415
    assert "is not the index of" in caplog.text
