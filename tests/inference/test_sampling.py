import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from dnagpt.errors import InputError
from dnagpt.inference.sampling import Sampling, choose, uniform_numbers

GRID = 400


def naive_set(logits: list[float], sampling: Sampling) -> set[int]:
    """The candidates that may be chosen: the k likeliest, then the fewest of them that reach top_p together."""
    order = sorted(range(len(logits)), key=lambda place: -logits[place])[: sampling.top_k or len(logits)]
    weights = np.exp([(logits[place] - max(logits)) / sampling.temperature for place in order])
    kept, reached = set(), 0.0
    for place, weight in zip(order, weights / weights.sum(), strict=True):
        kept.add(place)
        reached += weight
        if reached >= sampling.top_p:
            break
    return kept


def chosen_set(logits: list[float], sampling: Sampling) -> set[int]:
    """The candidates that come out for random numbers in small steps."""
    uniforms = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
    return set(choose(torch.tensor(logits).expand(GRID, -1), uniforms, sampling).tolist())


@given(
    logits=st.lists(st.integers(-20, 20), min_size=1, max_size=12, unique=True),
    top_k=st.integers(0, 14),
    top_p=st.sampled_from([0.05, 0.3, 0.5, 0.77, 0.9, 0.95, 1.0]),
    temperature=st.sampled_from([0.7, 1.0, 2.0]),
)
def test_candidates_are_exactly_those_of_the_definition(
    logits: list[int], top_k: int, top_p: float, temperature: float
) -> None:
    """Candidates of less than the grid's step may be missed, others never; none beyond the set ever comes."""
    scaled = [logit / 5 for logit in logits]
    sampling = Sampling(temperature, top_k, top_p)
    expected, found = naive_set(scaled, sampling), chosen_set(scaled, sampling)
    assert found <= expected
    weights = np.exp([scaled[place] / temperature for place in expected])
    frequent = {place for place, weight in zip(expected, weights / weights.sum(), strict=True) if weight > 2 / GRID}
    assert frequent <= found


@pytest.mark.parametrize(
    ("sampling", "chances"),
    [
        (Sampling(), [0.5, 0.25, 0.125, 0.125]),
        (Sampling(top_k=2), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(top_p=0.75), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(top_p=0.76), [4 / 7, 2 / 7, 1 / 7, 0]),
        (Sampling(temperature=0.5), [16 / 22, 4 / 22, 1 / 22, 1 / 22]),
    ],
)
def test_chances_worked_by_hand(sampling: Sampling, chances: list[float]) -> None:
    logits = torch.tensor([0.5, 0.25, 0.125, 0.1249999]).log()
    uniforms = torch.from_numpy(uniform_numbers(1, 0, 20_000))
    counts = np.bincount(choose(logits.expand(20_000, 4), uniforms, sampling).numpy(), minlength=4)
    possible = np.array(chances) > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 20_000 * np.array(chances)[possible]).pvalue > 1e-3


def test_the_likeliest_is_taken_without_chance() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [5.0, 3.0, 1.0]])
    for uniform in (0.0, 0.5, 0.999):
        uniforms = torch.full((2,), uniform)
        assert choose(logits, uniforms, Sampling(temperature=0)).tolist() == [1, 0]
        assert choose(logits, uniforms, Sampling(top_k=1)).tolist() == [1, 0]
        assert choose(logits, uniforms, Sampling(top_p=1e-9)).tolist() == [1, 0]


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(top_k=3), Sampling(top_p=0.9), Sampling(temperature=0)])
@pytest.mark.parametrize("uniform", [0.0, 0.3, 1 - 2**-53])
def test_a_forbidden_candidate_never_comes(sampling: Sampling, uniform: float) -> None:
    logits = torch.tensor([[float("-inf"), 2.0, float("-inf"), 1.0, float("-inf")]])
    assert choose(logits, torch.tensor([uniform], dtype=torch.float64), sampling).item() in {1, 3}


def test_random_numbers_depend_on_seed_and_sample_alone() -> None:
    assert uniform_numbers(1, 2, 5).tolist() == uniform_numbers(1, 2, 9)[:5].tolist()
    assert len({tuple(uniform_numbers(seed, sample, 3)) for seed in range(3) for sample in range(3)}) == 9


@pytest.mark.parametrize(
    "settings", [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.1}]
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(InputError, match="Sampling needs"):
        Sampling(**settings)
