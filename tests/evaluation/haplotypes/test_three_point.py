import itertools

import numpy as np
import pytest
from tests.evaluation.haplotypes.simulated import random_alleles, simulated

from dnagpt.evaluation.haplotypes.three_point import compare_three_points, three_point_correlation
from dnagpt.haplotypes.values import Alleles


def eight_correlations(alleles: Alleles, places: list[int]) -> list[float]:
    """f_abc - f_ab f_c - f_bc f_a - f_ac f_b + 2 f_a f_b f_c of each combination of alleles, counted."""
    result = []
    for a, b, c in itertools.product((0, 1), repeat=3):
        x, y, z = (alleles[:, place] == allele for place, allele in zip(places, (a, b, c), strict=True))
        result.append(
            (x & y & z).mean()
            - (x & y).mean() * z.mean()
            - (y & z).mean() * x.mean()
            - (x & z).mean() * y.mean()
            + 2 * x.mean() * y.mean() * z.mean()
        )
    return [float(value) for value in result]


def test_all_combinations_of_alleles_have_one_number_with_either_sign() -> None:
    alleles = simulated().alleles[:, ::7]
    value = three_point_correlation(alleles, np.array([[3, 8, 20]]))[0]
    signs = [(-1) ** (3 - sum(which)) for which in itertools.product((0, 1), repeat=3)]
    assert eight_correlations(alleles, [3, 8, 20]) == pytest.approx([sign * value for sign in signs])


def test_correlation_worked_by_hand() -> None:
    # Allele 1 at all three sites in one of two haplotypes: 1/2 - 3 * 1/4 + 2 / 8 = 0; with one of four, 3/32.
    assert three_point_correlation(np.array([[1, 1, 1], [0, 0, 0]], dtype=np.uint8), np.array([[0, 1, 2]]))[0] == 0
    alleles = np.array([[1, 1, 1]] + [[0, 0, 0]] * 3, dtype=np.uint8)
    assert three_point_correlation(alleles, np.array([[0, 1, 2]]))[0] == pytest.approx(3 / 32)


def test_agreement_is_pearson_over_triplets_and_combinations() -> None:
    people = simulated().alleles
    real, generated = people[::2, :9], people[1::2, :9]
    agreement = compare_three_points(real, generated, triplets=2000)
    assert agreement is not None
    # Of gap 4 nine sites have the triplet 0, 4, 8 alone.
    assert agreement.gaps == (1, 4, None)
    one, two = eight_correlations(real, [0, 4, 8]), eight_correlations(generated, [0, 4, 8])
    assert agreement.real[1] == pytest.approx(np.full(2000, one[-1]))
    assert agreement.correlations[1] == pytest.approx(np.corrcoef(one, two)[0, 1])
    assert agreement.mean_correlation == pytest.approx(agreement.correlations.mean())


def test_sets_of_one_population_agree_and_independent_sites_do_not() -> None:
    people = simulated().alleles
    agreement = compare_three_points(people[::2], people[1::2])
    assert agreement is not None
    assert agreement.correlations[0] > 0.8
    generator = np.random.default_rng(0)
    shuffled = generator.permuted(people, axis=0)
    independent = compare_three_points(people, shuffled)
    assert independent is not None
    assert abs(independent.correlations[0]) < 0.2


def test_two_sites_make_no_triplet() -> None:
    assert compare_three_points(random_alleles(5, 2, 0), random_alleles(5, 2, 1)) is None
