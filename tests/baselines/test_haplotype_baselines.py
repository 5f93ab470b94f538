"""Baselines of artificial genomes: what each keeps of the haplotypes it is fitted on, and what it must lose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dnagpt.baselines.haplotypes import _chance_of_one, sample_independent, sample_markov_sites, sample_mosaics
from dnagpt.errors import InputError
from dnagpt.haplotypes.values import Haplotypes, Sites

GENERATOR = np.random.default_rng(0)


def haplotypes(alleles: np.ndarray, contigs: str = "1") -> Haplotypes:
    """Haplotypes at sites 100 bases apart; `contigs` has one letter a site, or one for all."""
    names = list(contigs) if len(contigs) > 1 else [contigs] * alleles.shape[1]
    count = alleles.shape[1]
    sites = Sites(names, np.arange(count) * 100, [f"rs{one}" for one in range(count)], ["A"] * count, ["G"] * count)
    return Haplotypes(alleles.astype(np.uint8), sites, [f"HG{row // 2}" for row in range(len(alleles))])


def linked(count: int, sites: int) -> Haplotypes:
    """Haplotypes along which an allele stays what it is in nine sites of ten, at frequencies of a half."""
    turns = GENERATOR.random((count, sites)) < 0.1
    turns[:, 0] = GENERATOR.random(count) < 0.5
    return haplotypes(turns.cumsum(axis=1) % 2)


REAL = linked(4000, 12)

DRAWS: dict[str, Callable[[Haplotypes, int, int], Haplotypes]] = {
    "independent": lambda real, count, seed: sample_independent(real, count, seed=seed),
    "markov": lambda real, count, seed: sample_markov_sites(real, count, order=3, seed=seed),
    "mosaics": lambda real, count, seed: sample_mosaics(
        real, count, morgans=np.arange(len(real.sites)) * 1e-2, seed=seed
    ),
}


def correlation_of_neighbours(one: Haplotypes, *, apart: int = 1) -> float:
    columns = one.alleles.astype(float)
    return float(np.corrcoef(columns[:, :-apart].ravel(), columns[:, apart:].ravel())[0, 1])


@pytest.mark.parametrize("name", DRAWS)
def test_allele_frequencies_are_those_of_the_training_set(name: str) -> None:
    real = haplotypes(GENERATOR.random((3000, 40)) < np.linspace(0.02, 0.98, 40))
    drawn = DRAWS[name](real, 4000, 1)
    error = np.sqrt(real.frequencies * (1 - real.frequencies) * (1 / 4000 + 1 / 3000))
    assert (np.abs(drawn.frequencies - real.frequencies) < 5 * error + 1e-3).all()


@pytest.mark.parametrize("name", DRAWS)
def test_the_seed_decides_and_people_have_two_haplotypes(name: str) -> None:
    one, same, other = (DRAWS[name](REAL, 5, seed) for seed in (1, 1, 2))
    assert (one.alleles == same.alleles).all()
    assert (one.alleles != other.alleles).any()
    assert one.labels[:3] == [f"{one.individuals[0]}_A", f"{one.individuals[0]}_B", f"{one.individuals[2]}_A"]
    assert one.sites is REAL.sites
    assert one.populations is None


def test_independent_sites_lose_linkage_and_chains_and_mosaics_keep_it() -> None:
    assert correlation_of_neighbours(REAL) == pytest.approx(0.8, abs=0.03)
    assert abs(correlation_of_neighbours(sample_independent(REAL, 4000, seed=1))) < 0.03
    assert correlation_of_neighbours(sample_markov_sites(REAL, 4000, order=1, seed=1)) == pytest.approx(0.8, abs=0.03)
    close = np.arange(12) * 1e-6
    assert correlation_of_neighbours(sample_mosaics(REAL, 4000, morgans=close, seed=1)) == pytest.approx(0.8, abs=0.03)


def test_a_chain_sees_as_far_as_its_order() -> None:
    """The third allele is that of the first, two sites back: a chain of one site cannot know, one of two can."""
    first, second = GENERATOR.integers(2, size=(2, 4000))
    real = haplotypes(np.stack([first, second, first], axis=1))
    blind = sample_markov_sites(real, 4000, order=1, seed=1)
    seeing = sample_markov_sites(real, 4000, order=2, seed=1)
    assert abs(correlation_of_neighbours(blind, apart=2)) < 0.06
    assert correlation_of_neighbours(seeing, apart=2) > 0.99


def test_the_table_of_a_site_is_the_interpolation_worked_by_hand() -> None:
    contexts, alleles = np.array([0b00, 0b00, 0b10, 0b01]), np.array([1, 0, 1, 1], dtype=np.uint8)
    nothing = (3 + 2 * 0.5) / (4 + 2)
    after_0, after_1 = (2 + 2 * nothing) / (3 + 2), (1 + 2 * nothing) / (1 + 2)
    by_hand = [(1 + 2 * after_0) / (2 + 2), (1 + 2 * after_1) / (1 + 2), (1 + 2 * after_0) / (1 + 2), after_1]
    assert _chance_of_one(contexts, alleles, 2, smoothing=2.0) == pytest.approx(by_hand)


def test_a_chain_of_the_highest_order_writes_what_it_knows() -> None:
    """With hardly any smoothing and contexts as long as haplotypes, only training haplotypes come out."""
    real = haplotypes(GENERATOR.integers(2, size=(20, 10)))
    drawn = sample_markov_sites(real, 200, order=16, seed=1, smoothing=1e-9)
    assert {row.tobytes() for row in drawn.alleles} == {row.tobytes() for row in real.alleles}


def test_mosaics_are_cut_as_often_as_the_map_says() -> None:
    count, sites, distance = 64, 30, 2e-5
    real = haplotypes((np.arange(count) // 32)[:, None].repeat(sites, axis=1))  # half carry 0 throughout, half 1
    drawn = sample_mosaics(real, 4000, morgans=np.arange(sites) * distance, seed=1).alleles
    cut = 1 - np.exp(-4 * 10_000 * distance / count)
    theta = 1 / sum(1 / n for n in range(1, count))
    flip = theta / (2 * (count + theta))
    unlike = cut / 2  # half of the donors of the next piece carry the other allele
    change = (1 - 2 * unlike) * 2 * flip * (1 - flip) + unlike
    assert (drawn[:, 1:] != drawn[:, :-1]).mean() == pytest.approx(change, rel=0.08)


def test_mosaics_begin_anew_with_every_contig() -> None:
    alleles = GENERATOR.integers(2, size=(500, 1)).repeat(4, axis=1)
    drawn = sample_mosaics(haplotypes(alleles, "1122"), 4000, morgans=np.zeros(4), seed=1).alleles
    same = (drawn[:, 1:] == drawn[:, :-1]).mean(axis=0)
    assert same[0] > 0.99
    assert same[1] == pytest.approx(0.5, abs=0.05)
    assert same[2] > 0.99


def test_mosaics_copy_within_one_population_and_are_of_it() -> None:
    alleles = np.arange(2).repeat(6).reshape(-1, 1).repeat(8, axis=1)
    people = replace(haplotypes(alleles), populations=["north"] * 6 + ["south"] * 6).take(np.arange(3, 12))
    drawn = sample_mosaics(people, 3000, morgans=np.arange(8) * 1e-2, seed=1)
    assert drawn.populations is not None
    north = np.array(drawn.populations) == "north"
    assert north.sum() == 1000
    assert drawn.alleles[north].mean() < 0.2
    assert drawn.alleles[~north].mean() > 0.8


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: sample_independent(REAL, 0, seed=1), "one haplotype or more, not 0"),
        (lambda: sample_markov_sites(REAL, 1, order=0, seed=1), "1 to 16 sites, not 0"),
        (lambda: sample_markov_sites(REAL, 1, order=17, seed=1), "1 to 16 sites, not 17"),
        (lambda: sample_markov_sites(REAL, 1, order=2, seed=1, smoothing=0), "above 0, not 0"),
        (lambda: sample_mosaics(REAL.take([0]), 1, morgans=np.zeros(12), seed=1), "two or more"),
        (lambda: sample_mosaics(REAL, 1, morgans=-np.arange(12), seed=1), r"Site 2 \(rs1\) lies before"),
        (lambda: sample_independent(REAL.take([]), 1, seed=1), "there are none"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw: Callable[[], Haplotypes], words: str) -> None:
    with pytest.raises(InputError, match=words):
        draw()
