"""`dnagpt evaluate-haplotypes` as people call it: files of several formats, wrong ones too."""

import csv
import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.commands.calls import call, call_process, check_complaint, contents, done
from tests.evaluation.haplotypes.compared import generated_haplotypes, real_haplotypes

from dnagpt.haplotypes.values import Haplotypes
from dnagpt.haplotypes.writing import write_haplotypes
from dnagpt.runs.haplotype_evaluation import _morgans
from dnagpt.runs.haplotype_sets import at_common_sites, named_files, read_sets, set_files

BASELINES = ["independent sites", "Markov, 5 sites", "Markov, 10 sites", "Li-Stephens", "real halves"]


@pytest.fixture
def folder(here: Path) -> Path:
    """Real haplotypes as VCF, a good set as VCF, a poor one as .hapt with its legend, and tables of populations."""
    real, generated = real_haplotypes(), generated_haplotypes()
    write_haplotypes(real, Path("real.vcf.gz"), notes={})
    write_haplotypes(generated["good"], Path("good.vcf.gz"), notes={})
    write_haplotypes(generated["poor <&>"], Path("poor.hapt"), notes={})
    Path("poor.legend").rename("sites.legend")
    for name, one in (("real", real), ("good", generated["good"])):
        assert one.populations is not None
        people = dict(zip(one.individuals, one.populations, strict=True))
        Path(f"{name}.tsv").write_text("sample\tpopulation\n" + "".join(f"{who}\t{of}\n" for who, of in people.items()))
    Path("held_out.txt").write_text("".join(f"{one}\n" for one in sorted(set(real.individuals))[::4]))
    return here


def scores(path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with path.open(newline="") as handle:
        for row in csv.DictReader(handle):
            found.setdefault(row["set"], {})[row["metric"]] = row["value"]
    return found


def test_everything_beside_everything(folder: Path) -> None:
    out = done(
        "evaluate-haplotypes", "real.vcf.gz", "good.vcf.gz", "poor=poor.hapt", "--legend", "sites.legend",
        "--held-out", "held_out.txt", "--populations", "real.tsv", "--generated-populations", "good=good.tsv",
        "-o", "out", "--quiet",
    )  # fmt: skip
    assert [name for name in ("good", "poor", "independent", "Markov", "Li-Stephens") if name not in out] == []
    found = scores(folder / "out" / "scores.csv")
    assert list(found) == ["good", "poor", *BASELINES]
    assert float(found["good"]["ld_near_correlation"]) > 0.8 > float(found["poor"]["ld_near_correlation"])
    assert float(found["good"]["label_accuracy"]) > 0.8
    assert found["poor"]["label_accuracy"] == ""
    assert -1 < float(found["good"]["privacy_loss"]) < 1
    assert found["real halves"]["privacy_loss"] == ""
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert list(metrics["sets"]) == list(found)
    assert metrics["sets"]["good"]["kind"] == "generated"
    assert metrics["sets"]["good"]["accuracy"]["score"] == float(found["good"]["aats"])
    assert set(metrics["provenance"]["data"]) == {"real", "good", "poor", "held out"}
    page = (folder / "out" / "report.html").read_text()
    assert page.count("<svg") == 12
    assert "Fst between populations" in page


def test_without_baselines_the_same_seed_and_no_torch(folder: Path) -> None:
    program = "import sys, atexit; atexit.register(lambda: print('TORCH' if 'torch' in sys.modules else 'none'))"
    arguments = ("evaluate-haplotypes", "real.vcf.gz", "good.vcf.gz", "--no-baselines", "--seed", 5, "--quiet", "-o")
    done(*arguments, "one")
    finished = call_process(*arguments, "two", folder=folder, program=program)
    assert finished.code == 0, finished.err
    assert finished.out.rstrip().endswith("none")
    assert list(scores(folder / "one" / "scores.csv")) == ["good"]
    assert (folder / "one" / "scores.csv").read_bytes() == (folder / "two" / "scores.csv").read_bytes()


def test_sites_that_are_not_in_every_file_are_left_out_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_haplotypes(real_haplotypes().at(np.arange(2, 46)), Path("fewer.vcf.gz"), notes={})
    sets = read_sets(set_files(Path("real.vcf.gz"), ["good.vcf.gz", "fewer.vcf.gz"]))
    said = "4 of the 48 sites of real.vcf.gz are not in every file"
    assert [said in note for note in sets.notes] == [True, False]
    assert said in caplog.text
    assert {len(one.sites) for one in (sets.real, *sets.generated.values())} == {44}
    assert (sets.generated["fewer"].alleles == sets.real.alleles).all()


def test_region_and_frequency_choose_sites_by_the_real_haplotypes(folder: Path) -> None:
    files = set_files(Path("real.vcf.gz"), ["good.vcf.gz"], region="1:1-10,000", minimum_frequency=0.1)
    frequencies = real_haplotypes().frequencies[:10]
    wanted = np.flatnonzero(np.minimum(frequencies, 1 - frequencies) >= 0.1)
    assert 0 < len(wanted) < 10
    assert (read_sets(files).generated["good"].alleles == generated_haplotypes()["good"].alleles[:, wanted]).all()


def test_training_and_held_out_people_are_named_in_any_of_four_ways(folder: Path) -> None:
    """A list or a file, of either side: the other side is always the rest of the real people."""
    real = real_haplotypes()
    held_out = set(Path("held_out.txt").read_text().split())
    kept = [one for one in dict.fromkeys(real.individuals) if one not in held_out]
    Path("training.txt").write_text("".join(f"{one}\n" for one in kept))
    for name, there in (("held_out", True), ("training", False)):
        chosen = np.flatnonzero([(person in held_out) is there for person in real.individuals])
        write_haplotypes(real.take(chosen), Path(f"{name}.vcf.gz"), notes={})
    for ending in (".txt", ".vcf.gz"):
        for files in (
            set_files(Path("real.vcf.gz"), ["good.vcf.gz"], held_out=Path(f"held_out{ending}")),
            set_files(Path("real.vcf.gz"), ["good.vcf.gz"], training=Path(f"training{ending}")),
        ):
            sets = read_sets(files)
            assert sets.training is not None
            assert sets.held_out is not None
            assert list(dict.fromkeys(sets.training.individuals)) == kept
            assert set(sets.held_out.individuals) == held_out


def test_a_matrix_without_places_has_no_mosaics() -> None:
    sites = real_haplotypes().sites
    assert _morgans(replace(sites, contigs=["unknown"] * len(sites)), None)[0] is None
    morgans, notes = _morgans(sites, None)
    assert morgans is not None
    assert (morgans == sites.positions * 1e-8).all()
    assert notes == []


def test_policies_are_those_of_task_files(folder: Path) -> None:
    text = gzip.decompress(Path("real.vcf.gz").read_bytes()).decode()
    before, _, row = text.rstrip().rpartition("\n")
    Path("holes.vcf").write_text(f"{before}\n{row.removesuffix(row[-3:])}.|.\n")
    check_complaint(call("evaluate-haplotypes", "holes.vcf", "good.vcf.gz", "-o", "out"), "missing to 'drop-sites'")
    sets = read_sets(set_files(Path("holes.vcf"), ["good.vcf.gz"], settings=["missing=drop-sites"]))
    assert len(sets.real.sites) == len(sets.generated["good"].sites) == 47
    settings = ["population_names={south: north}", "samples=[HG000, HG001]"]
    sets = read_sets(set_files(Path("real.vcf.gz"), ["good.vcf.gz"], populations=Path("real.tsv"), settings=settings))
    assert set(sets.real.individuals) == {"HG000", "HG001"}
    assert len(set(sets.generated["good"].individuals)) > 2
    assert set(sets.real.populations or ()) == {"north"}


def test_a_set_is_read_with_its_own_legend_where_it_has_one(folder: Path) -> None:
    real = real_haplotypes()
    write_haplotypes(real, Path("real.hapt"))
    Path("real.legend").rename("named.legend")
    write_haplotypes(real.at(range(40)), Path("fewer.hapt"))
    sets = read_sets(set_files(Path("real.hapt"), ["fewer.hapt", "poor.hapt"], legend=Path("named.legend")))
    assert {len(one.sites) for one in (sets.real, *sets.generated.values())} == {40}


def test_linkage_of_all_sets_is_that_of_the_same_sites(folder: Path) -> None:
    good = generated_haplotypes()["good"]
    alleles = good.alleles.copy()
    alleles[:, 7] = 0
    write_haplotypes(replace(good, alleles=alleles), Path("lost.vcf.gz"))
    done("evaluate-haplotypes", "real.vcf.gz", "good.vcf.gz", "lost.vcf.gz", "-o", "out", "--quiet", "--no-baselines")
    found = json.loads((folder / "out" / "metrics.json").read_text())["sets"]
    assert found["good"]["linkage"]["sites"] == found["lost"]["linkage"]["sites"] == 46
    assert found["good"]["linkage"]["correlation"] == found["lost"]["linkage"]["correlation"]


def renamed(one: Haplotypes, contig: str) -> Haplotypes:
    return replace(one, sites=replace(one.sites, contigs=[contig + name for name in one.sites.contigs]))


COMPLAINTS: Mapping[str, tuple[list[str], tuple[str, ...]]] = {
    "missing": (["nothing.vcf.gz"], ("nothing.vcf.gz",)),
    "ending": (["good.xyz"], ("good.xyz", "ending")),
    "same_name": (["good.vcf.gz", "other/good.vcf"], ("'good'", "NAME=PATH")),
    "name_of_a_baseline": (["Li-Stephens=good.vcf.gz"], ("'Li-Stephens'", "NAME=PATH")),
    "name_without_a_file": (["good="], ("'good='", "NAME=PATH")),
    "no_legend": (["poor.hapt"], ("poor.hapt", "--legend")),
    "contigs_named_otherwise": (["chr.vcf.gz"], ("no site in common", "1:501 A to G", "chr1:501 A to G")),
    "region": (["good.vcf.gz", "--region", "1:9-2"], ("'1:9-2' is not a region",)),
    "frequency": (["good.vcf.gz", "--minimum-frequency", "0.7"], ("0.7", "equal to 0.5")),
    "stranger_held_out": (["good.vcf.gz", "--held-out", "strangers.txt"], ("strangers.txt, line 2", "'Anna'", "HG000")),
    "nobody_held_out": (["good.vcf.gz", "--held-out", "empty.txt"], ("empty.txt is an empty list",)),
    "held_out_in_another_code": (["good.vcf.gz", "--held-out", "latin.txt"], ("latin.txt is not UTF-8",)),
    "no_such_policy": (["good.vcf.gz", "--set", "mising=error"], ("mising", "missing")),
    "all_held_out": (["good.vcf.gz", "--held-out", "real.vcf.gz"], ("Nobody is trained on",)),
    "both_sides": (
        ["good.vcf.gz", "--held-out", "held_out.txt", "--training", "real.vcf.gz"], ("15 people are both", "HG000"),
    ),
    "population_of_nobody": (["good.vcf.gz", "--populations", "good.tsv"], ("60 of 60 people is not known", "HG000")),
    "population_column": (
        ["good.vcf.gz", "--populations", "real.tsv", "--population-column", "region"], ("real.tsv", "region"),
    ),
    "whose_populations": (
        ["good.vcf.gz", "chr.vcf.gz", "--generated-populations", "good.tsv"], ("'good.tsv'", "NAME=TABLE", "good, chr"),
    ),
    "genetic_map": (["good.vcf.gz", "--genetic-map", "nothing.gmap"], ("nothing.gmap",)),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPLAINTS)
def test_what_cannot_be_compared_is_said(name: str, folder: Path) -> None:
    arguments, parts = COMPLAINTS[name]
    write_haplotypes(renamed(real_haplotypes(), "chr"), Path("chr.vcf.gz"), notes={})
    Path("strangers.txt").write_text("HG000\nAnna\nBert\n")
    Path("empty.txt").write_text("\n")
    Path("latin.txt").write_bytes("M\u00fcller\n".encode("latin-1"))
    before = contents(folder)
    check_complaint(call("evaluate-haplotypes", "real.vcf.gz", *arguments, "-o", "out", "--quiet"), *parts)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("argument", "name"), [("a/b.vcf.gz", "b"), ("b.hapt.zip", "b"), ("x=b.bcf", "x"), ("v1.2.hap.gz", "v1.2")]
)
def test_sets_are_named_after_their_files(argument: str, name: str) -> None:
    assert list(named_files([argument])) == [name]


def test_sites_are_matched_by_place_and_alleles_not_by_order() -> None:
    real = real_haplotypes()
    shuffled = real.at(np.random.default_rng(1).permutation(len(real.sites)))
    (_, other), notes = at_common_sites([real, shuffled], ["real", "shuffled"])
    assert (other.alleles == real.alleles).all()
    assert notes == []


def test_other_letters_are_another_site() -> None:
    real = real_haplotypes()
    letters = ["G" if place == 3 else one for place, one in enumerate(real.sites.reference)]
    other = replace(real, sites=replace(real.sites, reference=letters))
    (one, two), notes = at_common_sites([real, other], ["real", "other"])
    assert len(one.sites) == len(two.sites) == len(real.sites) - 1
    assert ["1 of the 48 sites" in note for note in notes] == [True, True]
