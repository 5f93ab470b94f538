import json
import math

import numpy as np
import pytest
from tests.evaluation.haplotypes.simulated import people, random_alleles, simulated, sites_at

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes import quality as haplotype_quality
from dnagpt.evaluation.haplotypes.quality import measure_haplotypes


def test_everything_is_measured_where_everything_is_given() -> None:
    everybody = simulated()
    real, generated = everybody.take(range(0, 400, 2)), everybody.take(range(1, 400, 2))
    quality = measure_haplotypes(real, generated, training=real.take(range(100)), held_out=real.take(range(100, 200)))
    numbers = quality.headline()
    assert not [name for name, value in numbers.items() if math.isnan(value)]
    assert numbers["frequency_correlation"] > 0.95
    assert numbers["ld_full_correlation"] > 0.9
    assert quality.notes == ()
    assert (quality.real_count, quality.generated_count, quality.site_count) == (200, 200, len(everybody.sites))


def test_what_cannot_be_measured_is_said() -> None:
    alleles = random_alleles(8, 2, 0)
    quality = measure_haplotypes(people(alleles), people(alleles))
    assert (quality.privacy, quality.three_point, quality.homozygosity) == (None, None, None)
    assert math.isnan(quality.headline()["three_point_correlation"])
    assert "3-point correlation was not measured, as there are fewer than three sites." in quality.notes
    assert "Haplotype homozygosity was not measured, as no contig has 20 sites." in quality.notes


def test_sites_that_never_vary_are_measured_as_far_as_possible() -> None:
    alleles = np.zeros((8, 30), dtype=np.uint8)
    quality = measure_haplotypes(people(alleles), people(alleles))
    assert (quality.components, quality.linkage) == (None, None)
    assert math.isnan(quality.frequencies.correlation)
    assert quality.distances.copies == 8
    json.dumps(quality.as_dict(), allow_nan=False)


def test_json_is_plain_and_leaves_plots_out() -> None:
    everybody = simulated()
    quality = measure_haplotypes(everybody, everybody)
    plain = json.loads(json.dumps(quality.as_dict(), allow_nan=False))
    assert plain["frequencies"]["correlation"] == pytest.approx(1)
    assert "real_matrix" not in plain["linkage"]
    assert len(plain["linkage"]["decay"]["real"]) == 50
    assert plain["privacy"] is None
    assert plain["three_point"]["gaps"][-1] is None
    assert plain["populations"]["fst_by_population"].keys() == {"one", "two"}


def test_other_sites_or_alleles_are_refused_with_the_first_that_differs() -> None:
    alleles = random_alleles(4, 2, 0)
    real = people(alleles, sites_at([10, 20]))
    with pytest.raises(
        InputError, match=r"generated haplotypes \(2 sites.*first that differs is 1:21 A>G against 1:31"
    ):
        measure_haplotypes(real, people(alleles, sites_at([10, 30])))
    with pytest.raises(InputError, match=r"held-out haplotypes \(1 sites"):
        measure_haplotypes(real, real, training=real, held_out=people(alleles[:, :1], sites_at([10])))


def test_empty_sets_are_refused() -> None:
    real = people(random_alleles(4, 2, 0))
    with pytest.raises(InputError, match="There are 1 generated haplotypes"):
        measure_haplotypes(real, real.take([0]))
    with pytest.raises(InputError, match="have no site"):
        measure_haplotypes(real.at([]), real.at([]))


def test_large_sets_are_thinned_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haplotype_quality, "MOST_HAPLOTYPES", 10)
    real = people(random_alleles(30, 12, 0))
    quality = measure_haplotypes(real, people(random_alleles(8, 12, 1)))
    assert quality.accuracy.size == 8
    assert quality.distances.between.counts.sum() == 80
    assert quality.notes[0] == (
        "Distances, AATS and privacy were measured on 10 of the 30 real haplotypes, drawn at random."
    )


def test_the_same_seed_gives_the_same_numbers() -> None:
    everybody = simulated()
    sets = everybody.take(range(0, 400, 2)), everybody.take(range(1, 400, 2))
    first, again = (measure_haplotypes(*sets, seed=3).headline() for _ in range(2))
    assert json.dumps(dict(first)) == json.dumps(dict(again))
