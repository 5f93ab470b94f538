from pathlib import Path

import numpy as np
import pytest
from cyvcf2 import VCF
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.haplotypes.genetic_map import GeneticMap, read_genetic_map
from dnagpt.haplotypes.values import Sites

FORMS = {
    "shapeit.gmap": "pos chr cM\n101 20 1.0\n201 20 3.0\n401 20 3.0\n",
    "hapmap.txt": "Chromosome\tPosition(bp)\tRate(cM/Mb)\tMap(cM)\n20\t101\t1\t1.0\n20\t201\t1\t3.0\n20\t401\t0\t3.0\n",
    "impute.txt": "position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n101 1 1.0\n201 1 3.0\n401 0 3.0\n",
    "decode.map": "# a paper\nChr Begin End cMperMb cM\n20 0 101 1 1.0\n20 101 201 1 3.0\n20 201 401 0 3.0\n",
    "commented.gmap": "#pos chr cM\n101 20 1.0\n201 20 3.0\n# a gap\n401 20 3.0\n",
    "plink.map": "20 rs1 1.0 101\n20 rs2 3.0 201\n20 . 3.0 401\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_same_map(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORMS[name])
    found = read_genetic_map(tmp_path / name, contig="20" if name == "impute.txt" else None)
    morgans = found.morgans("20", np.array([100, 150, 200, 300, 400]))
    assert morgans == pytest.approx([0.01, 0.02, 0.03, 0.03, 0.03])


def test_outside_the_map_its_mean_rate_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.gmap").write_text(FORMS["shapeit.gmap"])
    morgans = read_genetic_map(tmp_path / "a.gmap").morgans("20", np.array([40, 100, 400, 460]))
    rate = 0.02 / 300
    assert np.diff(morgans) == pytest.approx([60 * rate, 0.02, 60 * rate])


def test_a_constant_rate_knows_every_contig() -> None:
    assert GeneticMap.constant().morgans("chrUn", np.array([0, 10**8])).tolist() == [0.0, 1.0]
    with pytest.raises(InputError, match="not above 0"):
        GeneticMap.constant(0)


def test_an_unknown_contig_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gmap").write_text(FORMS["shapeit.gmap"])
    with pytest.raises(InputError) as caught:
        read_genetic_map(tmp_path / "a.gmap").morgans("chr20", np.array([1]))
    check_message(caught.value, "a.gmap", "no contig 'chr20'", "Did you mean '20'?")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        ("position cM\n1 2\n3 4\n", ["of which contig", "`contig`"]),
        ("chr place cM\n1 2 3\n", ["none of the columns chr, place, cm", "position"]),
        ("chr pos rate\n1 2 3\n", ["none of the columns", "cm"]),
        ("chr pos cM\n1 2\n", ["line 2", "2 words", "3 columns"]),
        ("chr pos cM\n1 2 x\n", ["line 2", "'x'"]),
        ("chr pos cM\n1 2.5 1\n", ["line 2", "'2.5'"]),
        ("chr pos cM\n1 ² 1\n1 5 2\n", ["line 2", "not a position"]),
        ("chr pos cM\n1 5 1\n1 5 2\n", ["line 3", "go back"]),
        ("chr pos cM\n1 5 1\n1 6 0.5\n", ["line 3", "go back"]),
        ("chr pos cM\n1 5 1\n", ["contig '1'", "one place"]),
    ],
)
def test_what_is_no_map_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    (tmp_path / "a.gmap").write_text(text)
    with pytest.raises(InputError) as caught:
        read_genetic_map(tmp_path / "a.gmap")
    check_message(caught.value, "a.gmap", *parts)


def test_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gmap").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        read_genetic_map(tmp_path / "a.gmap")


def test_the_published_map_agrees_with_the_distances_in_the_panel(data_dir: Path) -> None:
    """The chromosome 20 panel bears centimorgans (CM) of its own, interpolated in another edition of the map."""
    found = read_genetic_map(data_dir / "haplotypes" / "chr20.b37.gmap.gz")
    panel = VCF(str(data_dir / "haplotypes" / "kgp_chr20_1-4Mb_eur300.vcf.gz"))
    sites = [(variant.POS - 1, variant.INFO["CM"]) for variant, _ in zip(panel, range(2000), strict=False)]
    positions, centimorgans = (np.array(column) for column in zip(*sites, strict=True))
    assert found.morgans("20", positions) * 100 == pytest.approx(centimorgans, abs=0.01)


@pytest.mark.parametrize("text", ["20 . 0 100\n20 . 0 200\n", "pos chr cM\n100 20 1.5\n200 20 1.5\n"])
def test_a_map_on_which_nothing_recombines_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "zero.map").write_text(text)
    with pytest.raises(InputError, match="nothing would ever recombine") as refusal:
        read_genetic_map(tmp_path / "zero.map")
    assert "zero.map: all 2 places of the contig '20'" in str(refusal.value)


def test_sites_outside_the_map_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.gmap").write_text(FORMS["shapeit.gmap"])
    found = read_genetic_map(tmp_path / "a.gmap")
    names = ["."] * 3
    found.morgans_of(Sites(["20"] * 3, np.array([100, 300, 400]), names, ["A"] * 3, ["C"] * 3))
    assert not caplog.records
    found.morgans_of(Sites(["20"] * 3, np.array([99, 300, 5000]), names, ["A"] * 3, ["C"] * 3))
    (warning,) = caplog.messages
    assert "covers 20:101-401; 2 of 3 sites lie outside" in warning
    assert "6.67e+03 cM per Mb" in warning


@pytest.mark.parametrize("position", ["99999999999999999999", "2147483648", "-5", "1e6"])
def test_positions_that_no_file_of_variants_can_hold_are_refused(tmp_path: Path, position: str) -> None:
    (tmp_path / "a.gmap").write_text(f"pos chr cM\n1 20 0.0\n{position} 20 3.0\n")
    with pytest.raises(InputError, match=r"line 3: .* are not a position"):
        read_genetic_map(tmp_path / "a.gmap")
