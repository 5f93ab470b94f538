"""Haplotypes as records: people and relatives on one side, gametes that recombine as the map says."""

from pathlib import Path

import numpy as np
import pytest

from dnagpt.data.haplotypes import read_haplotype_records
from dnagpt.data.records.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.haplotypes.gametes import crossover_chances, gamete
from dnagpt.haplotypes.genetic_map import GeneticMap
from dnagpt.haplotypes.values import Sites
from dnagpt.language.template import Template
from dnagpt.tasks import Task

PLAIN = Task("panel", Template.parse("<R>{haplotype?:sequence}"))
PROMPTED = Task("panel", Template.parse("<R><{population}><=>{haplotype?:sequence}"))


def write_panel(folder: Path, people: int = 20, sites: int = 8) -> Path:
    alleles = np.random.default_rng(1).integers(0, 2, (2 * people, sites))
    lines = [f"Real P{row // 2:02}_{'AB'[row % 2]} {' '.join(map(str, alleles[row]))}" for row in range(2 * people)]
    (folder / "panel.hapt").write_text("\n".join([*lines, ""]))
    legend = [f"s{site} {100 * (site + 1)} A C" for site in range(sites)]
    (folder / "panel.legend").write_text("\n".join(["id position a0 a1", *legend, ""]))
    table = ["sample\tpopulation", *[f"P{person:02}\t{'EUR' if person % 4 else 'AFR'}" for person in range(people)]]
    (folder / "people.tsv").write_text("\n".join([*table, ""]))
    return folder / "panel.hapt"


def config(folder: Path, **source: object) -> DataConfig:
    named = {"file": folder / "panel.hapt", **source}
    return DataConfig.model_validate({"haplotypes": named, "fractions": (0.6, 0.2, 0.2), "seed": 3})


def test_both_haplotypes_of_a_person_stay_on_one_side(tmp_path: Path) -> None:
    write_panel(tmp_path)
    found = read_haplotype_records(config(tmp_path), PLAIN)
    assert found.haplotypes is not None
    sides = [{found.haplotypes.individuals[place] for place in places} for places in found.parts.values()]
    assert [len(places) for places in found.parts.values()] == [24, 8, 8]
    assert len(set.union(*sides)) == sum(map(len, sides)) == 20


def test_relatives_stay_on_one_side(tmp_path: Path) -> None:
    write_panel(tmp_path)
    pairs = [f"P{person:02},P{person + 1:02}" for person in range(0, 18, 2)]
    (tmp_path / "pairs.csv").write_text("\n".join(["sample1,sample2", *pairs, ""]))
    found = read_haplotype_records(config(tmp_path, relatives=tmp_path / "pairs.csv"), PLAIN)
    side = {found.names[place].rpartition(" ")[2][:3]: part for part, places in found.parts.items() for place in places}
    assert all(side[one] == side[other] for one, other in (pair.split(",") for pair in pairs))
    assert len(set(side.values())) == 3


def test_populations_are_alike_in_all_parts(tmp_path: Path) -> None:
    write_panel(tmp_path, people=100)
    found = read_haplotype_records(config(tmp_path, populations=tmp_path / "people.tsv"), PROMPTED)
    for places in found.parts.values():
        share = np.mean([found.records[place]["population"] == "AFR" for place in places])
        assert 0.15 < share < 0.35


def test_a_template_that_asks_for_populations_needs_their_table(tmp_path: Path) -> None:
    write_panel(tmp_path)
    with pytest.raises(InputError, match=r"data\.haplotypes\.populations"):
        read_haplotype_records(config(tmp_path), PROMPTED)


def test_people_who_are_not_in_the_table_are_named(tmp_path: Path) -> None:
    write_panel(tmp_path)
    (tmp_path / "people.tsv").write_text("sample\tpopulation\nP00\tEUR\n")
    with pytest.raises(InputError, match=r"19 of 20 people .* P01"):
        read_haplotype_records(config(tmp_path, populations=tmp_path / "people.tsv"), PROMPTED)


def test_haplotypes_are_only_divided_by_person(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="divided by person"):
        DataConfig.model_validate({"haplotypes": {"file": tmp_path / "panel.hapt"}, "split": "random"})


def test_two_sources_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exactly one of"):
        DataConfig.model_validate({"haplotypes": {"file": tmp_path / "panel.hapt"}, "table": tmp_path / "a.csv"})


def test_gametes_change_haplotypes_as_often_as_the_map_says() -> None:
    sites = Sites(["1"] * 3 + ["2"], np.array([0, 1_000_000, 31_000_000, 5]), ["."] * 4, ["A"] * 4, ["C"] * 4)
    chances = crossover_chances(sites, GeneticMap.constant(1e-8))
    generator = np.random.default_rng(0)
    pair = np.array([[0] * 4, [1] * 4], dtype=np.uint8)
    drawn = np.stack([gamete(pair, chances, generator) for _ in range(20_000)])
    changed = (np.diff(drawn, axis=1) != 0).mean(axis=0)
    haldane = [(1 - np.exp(-2 * 0.01)) / 2, (1 - np.exp(-2 * 0.3)) / 2, 0.5]
    np.testing.assert_allclose(changed, haldane, atol=0.01)
    np.testing.assert_allclose(drawn[:, 0].mean(), 0.5, atol=0.01)


def test_a_gamete_carries_at_each_site_an_allele_of_its_person() -> None:
    generator = np.random.default_rng(0)
    pair = generator.integers(0, 2, (2, 50)).astype(np.uint8)
    for _ in range(20):
        found = gamete(pair, np.full(50, 0.5), generator)
        assert ((found == pair[0]) | (found == pair[1])).all()


def test_a_person_with_one_haplotype_hands_on_that_one() -> None:
    only = np.array([[0, 1, 1, 0]], dtype=np.uint8)
    assert gamete(only, np.full(4, 0.5), np.random.default_rng(0)).tolist() == [0, 1, 1, 0]


def test_relatives_of_other_people_are_a_mistake(tmp_path: Path) -> None:
    write_panel(tmp_path)
    (tmp_path / "pairs.csv").write_text("sample1,sample2\nNA1,NA2\n")
    with pytest.raises(InputError, match=r"names nobody of .*'NA1' there, 'P00' here"):
        read_haplotype_records(config(tmp_path, relatives=tmp_path / "pairs.csv"), PLAIN)


def test_settings_that_do_nothing_for_haplotypes_are_refused(tmp_path: Path) -> None:
    source = {"haplotypes": {"file": tmp_path / "panel.hapt"}, "group": "population", "duplicates": "drop"}
    with pytest.raises(ValueError, match="duplicates, group does nothing where haplotypes are given"):
        DataConfig.model_validate(source)


def test_a_map_that_is_flat_between_the_sites_is_told(caplog: pytest.LogCaptureFixture) -> None:
    sites = Sites(["1"] * 3, np.array([10, 20, 30]), ["."] * 3, ["A"] * 3, ["C"] * 3)
    flat = GeneticMap({"1": (np.array([0, 100, 200]), np.array([0.5, 0.5, 1.0]))}, source="flat.map")
    assert crossover_chances(sites, flat).tolist() == [0.5, 0, 0]
    assert "flat.map has no distance between any two sites of contig 1" in caplog.text
