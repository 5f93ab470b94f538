import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from dnagpt.model.cache import causal_attention
from dnagpt.model.layers import LARGEST_MAGNITUDE, MagnitudeNumberEmbedding, ReleasedNumberEmbedding, RotaryPositions


def test_turned_products_depend_on_distance_alone() -> None:
    rotary = RotaryPositions(8, 64)
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 8, generator=generator)

    def product(query_place: int, key_place: int) -> float:
        turned_query = rotary(query.view(1, 1, 1, 8), slice(query_place, query_place + 1))
        return float((turned_query * rotary(key.view(1, 1, 1, 8), torch.tensor([[key_place]]))).sum())

    for distance in (0, 1, 5, 20):
        products = [product(start + distance, start) for start in (0, 3, 17, 40)]
        assert products == pytest.approx([products[0]] * 4, abs=1e-5)
    assert product(0, 0) == pytest.approx(float(query @ key), abs=1e-6)
    assert abs(product(5, 0) - product(0, 0)) > 1e-2


def test_turning_is_a_rotation_of_channel_pairs_worked_by_hand() -> None:
    turned = RotaryPositions(4, 8)(torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4), slice(3, 4)).flatten()
    slow = 3 * 10_000 ** (-2 / 4)
    expected = [math.cos(3), math.cos(slow), math.sin(3), math.sin(slow)]
    assert turned.tolist() == pytest.approx(expected, abs=1e-6)


def test_turning_keeps_the_number_type() -> None:
    assert RotaryPositions(4, 8)(torch.ones(1, 1, 2, 4, dtype=torch.bfloat16), slice(2)).dtype == torch.bfloat16


@pytest.mark.parametrize(("length", "seen"), [(5, 0), (1, 4), (3, 4), (1, 0)])
def test_attention_equals_plain_loops(length: int, seen: int) -> None:
    generator = torch.Generator().manual_seed(2)
    q = torch.randn(1, 1, length, 4, generator=generator)
    k, v = torch.randn(2, 1, 1, seen + length, 4, generator=generator)
    found = causal_attention(q, k, v, seen)[0, 0]
    for place in range(length):
        visible = seen + place + 1
        weights = np.exp([float(q[0, 0, place] @ k[0, 0, other]) / math.sqrt(4) for other in range(visible)])
        expected = (weights / weights.sum()) @ v[0, 0, :visible].numpy()
        assert found[place].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.fixture
def numbers() -> torch.Tensor:
    """Both signs, evenly over seven decades."""
    magnitudes = torch.logspace(-3, 4, 400)
    return torch.cat((-magnitudes, magnitudes))


def started(embedding: torch.nn.Module, seed: int) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for weight in embedding.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.02, generator=generator)
    return embedding


def read_out(embedding: torch.nn.Module, numbers: torch.Tensor, wanted: torch.Tensor) -> float:
    """Fit a linear read-out on every second number and give its r2 on the others."""
    with torch.no_grad():
        vectors = embedding(numbers[None])[0].double().numpy()
    vectors = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-12)
    targets = wanted.double().numpy()
    predicted = Ridge(alpha=1e-3).fit(vectors[::2], targets[::2]).predict(vectors[1::2])
    return float(r2_score(targets[1::2], predicted))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_magnitude_embedding_tells_sign_and_size_where_the_released_one_cannot(
    numbers: torch.Tensor, seed: int
) -> None:
    ours, released = started(MagnitudeNumberEmbedding(64), seed), started(ReleasedNumberEmbedding(64), seed)
    size = numbers.abs().log10()
    kept = read_out(ours, numbers, size)
    assert kept > 0.99
    assert 1 - read_out(released, numbers, size) > 20 * (1 - kept)
    assert read_out(ours, numbers, numbers.sign()) > 0.99


def test_features_are_a_ruler_worked_by_hand() -> None:
    features = MagnitudeNumberEmbedding.features(torch.tensor([[0.0, LARGEST_MAGNITUDE, -LARGEST_MAGNITUDE, 1e30]]))[0]
    bumps = MagnitudeNumberEmbedding.BUMPS
    # 0 lies in the middle, between the two central bumps.
    assert features[0, bumps // 2 - 1].item() == features[0, bumps // 2].item() == 0.75
    assert features[0, -1].item() == 0.0
    assert features[1].nonzero().flatten().tolist() == [bumps - 2, bumps - 1, bumps]
    assert features[2].nonzero().flatten().tolist() == [0, 1, bumps]
    torch.testing.assert_close(features[3], features[1])


def test_every_number_falls_on_bumps_that_add_up_to_two(numbers: torch.Tensor) -> None:
    """Inside the ruler the heights add up to a constant, so no size is louder than another."""
    heights = MagnitudeNumberEmbedding.features(numbers)[:, :-1]
    torch.testing.assert_close(heights.sum(dim=-1), torch.full((len(numbers),), 2.0), atol=1e-4, rtol=0)


def test_extreme_numbers_stay_finite() -> None:
    extremes = torch.tensor([[0.0, 1e-38, -1e-38, 3e38, -3e38]])
    assert MagnitudeNumberEmbedding(16)(extremes).isfinite().all()
