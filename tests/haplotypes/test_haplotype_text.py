import gzip
import zipfile
from pathlib import Path

import pytest
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.haplotypes.legend import read_legend
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection

HAPT = "Real HG1_A 0 1 1\nReal HG1_B 1 1 0\nReal HG2_A 0 0 0\n"
LEGEND = "id position a0 a1\n15:100_C_A 100 C A\n15:150_T_G 150 T G\n15:160_A_AT 160 A AT\n"
HAP = "0 1 1 0\n1 1 0 0\n0 0 0 1\n"
SAMPLE = "sample population group sex\nHG1 GBR EUR 1\nHG2 JPT EAS 2\n"


def hapt(folder: Path, text: str = HAPT, legend: str | None = LEGEND) -> Path:
    (folder / "panel.hapt").write_text(text)
    if legend is not None:
        (folder / "panel.legend").write_text(legend)
    return folder / "panel.hapt"


def impute(folder: Path, hap: str = HAP, legend: str | None = LEGEND, sample: str | None = SAMPLE) -> Path:
    for ending, text in ((".hap", hap), (".legend", legend), (".sample", sample)):
        if text is not None:
            (folder / f"panel{ending}").write_text(text)
    return folder / "panel.hap"


def refused_legend(path: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        read_legend(path)
    check_message(caught.value, *parts)


def refused(path: Path, *parts: str, **settings: object) -> None:
    with pytest.raises(InputError) as caught:
        read_haplotypes(path, HaplotypeSelection.model_validate(settings))
    check_message(caught.value, *parts)


def test_plain_gzipped_and_zipped_hapt_are_the_same(tmp_path: Path) -> None:
    plain = hapt(tmp_path)
    (tmp_path / "panel.hapt.gz").write_bytes(gzip.compress(HAPT.encode()))
    with zipfile.ZipFile(tmp_path / "panel.hapt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside/any.hapt", HAPT)
        archive.writestr("readme.txt", "hello")
    for path in (plain, tmp_path / "panel.hapt.gz", tmp_path / "panel.hapt.zip"):
        panel = read_haplotypes(path, HaplotypeSelection(non_snv="keep"))
        assert panel.alleles.tolist() == [[0, 1, 1], [1, 1, 0], [0, 0, 0]]
        assert panel.individuals == ["HG1", "HG1", "HG2_A"], "a single _A is part of the name"
        assert panel.sites.contigs == ["15"] * 3
        assert panel.sites.positions.tolist() == [99, 149, 159]
        assert panel.sites.alternate == ["A", "G", "AT"]


def test_the_selection_applies_to_hapt(tmp_path: Path) -> None:
    path = hapt(tmp_path)
    panel = read_haplotypes(path)
    assert panel.sites.positions.tolist() == [99, 149]
    assert panel.left_out == {"sites that are no single-nucleotide variants": 1}
    chosen = read_haplotypes(path, HaplotypeSelection(samples=("HG1",), region="15:101-150", minimum_frequency=0))
    assert (chosen.alleles.tolist(), chosen.individuals) == ([[1], [1]], ["HG1", "HG1"])
    refused(path, "nothing is left", samples=("HG1",), region="15:150", minimum_frequency=0.1)
    refused(path, "no contig '20'", region="20:1-100")
    refused(path, "no sample 'HG3'", samples=("HG3",))


def test_without_a_legend_sites_are_numbered_and_lettered(tmp_path: Path) -> None:
    panel = read_haplotypes(hapt(tmp_path, legend=None))
    assert panel.sites.contigs == ["unknown"] * 3
    assert panel.sites.positions.tolist() == [0, 1, 2]
    assert (panel.sites.reference, panel.sites.alternate) == (["A"] * 3, ["T"] * 3)
    assert read_haplotypes(tmp_path / "panel.hapt", HaplotypeSelection(region="unknown:2-3")).alleles.shape == (3, 2)


def test_a_named_legend_goes_before_the_one_beside_it(tmp_path: Path) -> None:
    other = tmp_path / "other.legend"
    other.write_text(LEGEND.replace("15:", "20:"))
    assert read_haplotypes(hapt(tmp_path), HaplotypeSelection(legend=other)).sites.contigs == ["20", "20"]
    refused(hapt(tmp_path), "does not exist", legend=tmp_path / "none.legend")


def test_unusual_spaces_and_line_ends_are_read(tmp_path: Path) -> None:
    path = hapt(tmp_path, "AG\tg1\t0\t1\t1\r\n\n  AG g2  0 1  0 \nAG g3 1 0 0", None)
    panel = read_haplotypes(path)
    assert panel.alleles.tolist() == [[0, 1, 1], [0, 1, 0], [1, 0, 0]]
    assert panel.individuals == ["g1", "g2", "g3"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        ("Real HG1_A\n", ["line 1", "label, an id"]),
        ("Real a 0 1 1\nReal b 0 2 1\n", ["line 2 (b)", "allele 2", "'2' is neither"]),
        ("Real a 0 1 1\nReal b 0 ? 1\n", ["line 2 (b)", "allele 2", "'?' is neither"]),
        ("Real a 0 1 1\nReal b 0 1\n", ["line 2", "2 alleles", "3 sites"]),
        ("Real a 0 1 1\nReal b 0 1 11\n", ["line 2 (b)", "allele 3", "'11'"]),
        ("Real a 0 1 1\nReal a 0 1 1\n", ["'a' comes more than once", "'a_A' and 'a_B'"]),
        ("Real a 0 1\n", ["2 alleles", "panel.legend", "3 sites"]),
    ],
)
def test_a_hapt_file_that_is_not_one_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    refused(hapt(tmp_path, text), "panel.hapt", *parts)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.hapt.zip", "w") as archive:
        archive.writestr("a.hapt", HAPT)
        archive.writestr("b.hapt", HAPT)
    refused(tmp_path / "two.hapt.zip", "2 .hapt files")
    with zipfile.ZipFile(tmp_path / "one.hapt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.hapt", HAPT * 50)
    stored = (tmp_path / "one.hapt.zip").read_bytes()
    (tmp_path / "cut.hapt.zip").write_bytes(stored[:-30])
    (tmp_path / "flipped.hapt.zip").write_bytes(stored[:50] + bytes([stored[50] ^ 255]) + stored[51:])
    (tmp_path / "cut.hapt.gz").write_bytes(gzip.compress(HAPT.encode())[:-10])
    (tmp_path / "bytes.hapt").write_bytes(b"\xff\xfe\x00 \xff\xfe 0 1\n")
    refused(tmp_path / "cut.hapt.zip", "cut.hapt.zip", "damaged")
    refused(tmp_path / "flipped.hapt.zip", "flipped.hapt.zip", "damaged")
    refused(tmp_path / "cut.hapt.gz", "cut short")
    refused(tmp_path / "bytes.hapt", "not UTF-8")
    refused(tmp_path / "none.hapt.zip", "does not exist")


def test_the_legend_says_the_contig_in_a_column_or_in_the_id(tmp_path: Path) -> None:
    path = tmp_path / "x.legend.gz"

    def contigs(*lines: str) -> list[str]:
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
        return list(read_legend(path).contigs)

    plain = "id position a0 a1"
    assert contigs(plain, "15:5_C_A 5 C A", "chr2:6:C:A 6 C A", "X:7 7 C A") == ["15", "chr2", "X"]
    assert contigs(plain, "rs5 5 C A", "rs148:6:C:A 6 C A", "15:8_C_A 7 C A", "15:77 7 C A") == ["unknown"] * 4
    assert contigs(f"{plain} TYPE chr", "15:5_C_A 5 C A SNP 3") == ["3"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["holds no sites"]),
        ("id position a0 a1\n", ["holds no sites"]),
        ("rs1 100 C A\nrs2 200 C A\n", ["the first line", "id position a0 a1"]),
        ("id position a0 a1\nrs1 100 C\n", ["line 2", "3 words", "4 columns"]),
        ("id position a0 a1\nrs1 1e5 C A\n", ["line 2", "'1e5' is not a position"]),
        ("id position a0 a1\nrs1 0 C A\n", ["line 2", "'0' is not a position"]),
    ],
)
def test_a_legend_that_is_not_one_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    refused(hapt(tmp_path, legend=text), "panel.legend", *parts)


def test_hap_has_a_site_a_line_and_two_haplotypes_a_person(tmp_path: Path) -> None:
    panel = read_haplotypes(impute(tmp_path), HaplotypeSelection(non_snv="keep"))
    assert panel.alleles.T.tolist() == [[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]]
    assert panel.individuals == ["HG1", "HG1", "HG2", "HG2"]
    assert read_haplotypes(tmp_path / "panel.hap", HaplotypeSelection(samples=("HG2",))).alleles.tolist() == [
        [1, 0],
        [0, 0],
    ]


def test_names_of_people_come_from_either_kind_of_sample_file_or_are_numbers(tmp_path: Path) -> None:
    oxford = "ID_1 ID_2 missing sex\n0 0 0 D\nF1 HG1 0 1\nF2 HG2 0 2\n"
    assert read_haplotypes(impute(tmp_path, sample=oxford)).individuals == ["HG1", "HG1", "HG2", "HG2"]
    (tmp_path / "panel.sample").unlink()
    numbered = read_haplotypes(tmp_path / "panel.hap").individuals
    assert numbered == ["sample_1", "sample_1", "sample_2", "sample_2"]
    refused(impute(tmp_path, sample="sample\nHG1\n"), "4 alleles a line", "1 people")
    refused(impute(tmp_path, sample="sample\nHG1\nHG1\n"), "panel.sample", "one of another person")
    refused(impute(tmp_path, sample="name\nHG1\nHG2\n"), "panel.sample", "none of the columns")


def test_genotypes_of_hap_follow_the_same_policies(tmp_path: Path) -> None:
    path = impute(tmp_path, "0 1 ? ?\n1* 0* 0 0\n0 - 1 1\n")
    refused(path, "15:100", "sample HG2", "is not known", "missing")
    refused(path, "15:150", "sample HG1", "is not phased", missing="reference")
    settings = {"missing": "drop-samples", "unphased": "as-written"}
    assert read_haplotypes(path, HaplotypeSelection.model_validate(settings)).alleles.tolist() == [[0, 1], [1, 0]]
    male = impute(tmp_path, "0 - 1 1\n1 - 0 1\n0 0 0 0\n")
    panel = read_haplotypes(male, HaplotypeSelection(non_diploid="one-haplotype"))
    assert (panel.individuals, panel.alleles.tolist()) == (["HG1", "HG2", "HG2"], [[0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("hap", "parts"),
    [
        ("0 1 1 0\n", ["1 lines", "3 sites"]),
        ("0 1 1\n0 1 1\n0 1 1\n", ["3 alleles cannot be two a person"]),
        ("0 1 1 0\n0 1 1\n0 0 0 0\n", ["line 2", "3 alleles", "4 are needed"]),
        ("0 1 1 0\n0 1 2 0\n0 0 0 0\n", ["line 2", "column 3", "'2'"]),
        ("", ["0 lines"]),
    ],
)
def test_a_hap_file_that_is_not_one_is_refused(tmp_path: Path, hap: str, parts: list[str]) -> None:
    refused(impute(tmp_path, hap), "panel.hap", *parts)


def test_a_hap_file_without_a_legend_is_refused(tmp_path: Path) -> None:
    refused(impute(tmp_path, legend=None), "panel.hap", "no legend")


def test_the_haplotypes_of_a_person_are_found_wherever_they_stand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "panel.hapt").write_text("R P1_B 0 1\nR P2_A 1 1\nR P3_A 1 0\nR P1_A 0 0\nR P2_B 0 1\n")
    panel = read_haplotypes(tmp_path / "panel.hapt")
    assert panel.individuals == ["P1", "P1", "P2", "P2", "P3_A"]
    assert panel.alleles.tolist() == [[0, 0], [0, 1], [1, 1], [0, 1], [1, 0]]
    assert "do not stand side by side" in caplog.text


def test_a_person_beside_a_pair_of_the_same_name_is_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "panel.hapt").write_text("R P1 0 1\nR P1_A 1 1\nR P1_B 1 0\n")
    assert read_haplotypes(tmp_path / "panel.hapt").individuals == ["P1", "P1_A", "P1_B"]


@pytest.mark.parametrize("first", ["rs11:60343:G:A", "rs11", "."])
def test_ids_that_name_no_contig_are_of_the_one_that_others_name(tmp_path: Path, first: str) -> None:
    path = tmp_path / "impute.legend"
    path.write_text(f"id position a0 a1\n{first} 60343 G A\n20:60419:A:G 60419 A G\nrs13:60795:G:C 60795 G C\n")
    assert read_legend(path).contigs == ["20", "20", "20"]


def test_ids_that_name_no_contig_among_several_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "impute.legend"
    path.write_text("id position a0 a1\n20:5:A:G 5 A G\nrs1:7:A:G 7 A G\n21:9:A:G 9 A G\n")
    refused_legend(path, "line 3", "'rs1:7:A:G'", "20, 21", "Add a column `contig`")


@pytest.mark.parametrize("position", ["99999999999999999999", "2147483648", "0"])
def test_positions_that_no_file_of_variants_can_hold_are_refused(tmp_path: Path, position: str) -> None:
    path = tmp_path / "huge.legend"
    path.write_text(f"id position a0 a1\nrs1 {position} A C\n")
    refused_legend(path, "line 2", repr(position), "2,147,483,647")


@pytest.mark.parametrize("ends", ["AB", "12"])
def test_haplotypes_of_a_person_end_in_letters_or_numbers(tmp_path: Path, ends: str) -> None:
    (tmp_path / "a.hapt").write_text(f"x p_{ends[0]} 0 1\nx q 1 1\nx p_{ends[1]} 1 0\n")
    found = read_haplotypes(tmp_path / "a.hapt")
    assert found.individuals == ["p", "p", "q"]
    assert found.alleles.tolist() == [[0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize("control", ["\x1c", "\x00", "\x07"])
def test_names_with_control_characters_are_refused(tmp_path: Path, control: str) -> None:
    (tmp_path / "a.hapt").write_text(f"x p{control} 0 1\n")
    refused(tmp_path / "a.hapt", "line 1", "control character")
    (tmp_path / "b.hap").write_text("0 1\n")
    (tmp_path / "b.legend").write_text("id position a0 a1\nrs1 7 A C\n")
    (tmp_path / "b.sample").write_text(f"sample\np{control}q\n")
    refused(tmp_path / "b.hap", "b.sample, line 2", "control character")


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    line, path = b"x p_A " + b"0 " * 500_000 + b"\n", tmp_path / "big.hapt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("big.hapt", "w") as member:
        for _ in range(300):
            member.write(line)
    with pytest.raises(InputError, match="DNAGPT_MOST_UNPACKED"):
        read_haplotypes(path)
