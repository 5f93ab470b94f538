import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.training.examples import tiny_objective
from torch import nn

from dnagpt.training import TrainingConfig
from dnagpt.training.optimiser import learning_rate, make_optimiser


def test_only_linear_weights_decay() -> None:
    objective = tiny_objective()
    optimiser = make_optimiser(objective, TrainingConfig(weight_decay=0.2, betas=(0.8, 0.95)))
    decayed, embeddings, norms = optimiser.param_groups
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.2, 0.0, 0.0]
    assert {tuple(group["betas"]) for group in optimiser.param_groups} == {(0.8, 0.95)}
    linear = {id(module.weight) for module in objective.modules() if isinstance(module, nn.Linear)}
    others = {id(module.weight) for module in objective.modules() if isinstance(module, nn.LayerNorm | nn.Embedding)}
    assert {id(weight) for weight in decayed["params"]} == linear
    assert {id(weight) for group in (embeddings, norms) for weight in group["params"]} == others
    assert linear | others == {id(weight) for weight in objective.parameters()}


def test_an_update_equals_adamw_written_out() -> None:
    """Loshchilov and Hutter 2019, algorithm 2, with decay times learning rate."""
    layer = nn.Linear(3, 2, bias=False)
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.5, betas=(0.9, 0.98))
    optimiser = make_optimiser(layer, config)
    weight = layer.weight.detach().clone().double()
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for step in range(1, 4):
        layer.zero_grad()
        (layer.weight * torch.arange(6.0).view(2, 3) * step).sum().backward()
        optimiser.step()
        gradient = torch.arange(6.0).view(2, 3).double() * step
        mean, square = 0.9 * mean + 0.1 * gradient, 0.98 * square + 0.02 * gradient**2
        moved = (mean / (1 - 0.9**step)) / ((square / (1 - 0.98**step)).sqrt() + 1e-8)
        weight = weight * (1 - 0.1 * 0.5) - 0.1 * moved
    torch.testing.assert_close(layer.weight.detach(), weight.float(), atol=1e-6, rtol=1e-5)


@given(steps=st.integers(1, 500), warmup=st.integers(0, 600), final_rate=st.floats(0, 1), top=st.floats(1e-6, 1))
def test_learning_rate_rises_in_a_line_then_falls_as_half_a_cosine(
    steps: int, warmup: int, final_rate: float, top: float
) -> None:
    config = TrainingConfig(steps=steps, warmup_steps=warmup, final_rate=final_rate, learning_rate=top)
    rates = [learning_rate(step, config) for step in range(steps)]
    rising = min(warmup, steps)
    assert rates[:rising] == pytest.approx([top * (step + 1) / warmup for step in range(rising)])
    falling = rates[rising:]
    assert all(late <= early + 1e-12 for early, late in pairwise(falling))
    assert all(0 < rate <= top * (1 + 1e-12) or final_rate == 0 for rate in rates)
    if warmup < steps:
        assert falling[0] == pytest.approx(top)
        halfway = warmup + (steps - warmup) / 2
        expected = top * (final_rate + (1 - final_rate) * 0.5)
        assert learning_rate(math.floor(halfway), config) >= expected - 1e-12
        assert learning_rate(steps, config) == pytest.approx(top * final_rate)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0},
        {"clip": 0},
        {"final_rate": 1.1},
        {"seed": -1},
        {"lr": 1},
        {"seed": 2**64},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TrainingConfig(**settings)  # type: ignore[arg-type]


def test_embeddings_decay_where_asked_for() -> None:
    optimiser = make_optimiser(tiny_objective(), TrainingConfig(weight_decay=0.2, embedding_decay=0.7))
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.2, 0.7, 0.0]


def test_running_mean_of_the_weights_equals_the_loop_written_out() -> None:
    layer, plain = nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)
    plain.load_state_dict(layer.state_dict())
    averaging = make_optimiser(layer, TrainingConfig(learning_rate=0.1, average=0.5))
    without = make_optimiser(plain, TrainingConfig(learning_rate=0.1))
    mean = torch.zeros(2, 3)
    for step in range(1, 30):
        for one, optimiser in ((layer, averaging), (plain, without)):
            optimiser.zero_grad()
            (one.weight.square() * torch.arange(6.0).view(2, 3)).sum().backward()
            optimiser.step()
        keep = min(0.5, step / (9 + step)) if step > 1 else 0.0
        mean = keep * mean + (1 - keep) * layer.weight.detach()
    torch.testing.assert_close(layer.weight, plain.weight, atol=0, rtol=0)
    before = layer.weight.detach().clone()
    with averaging.averaged():
        torch.testing.assert_close(layer.weight.detach(), mean)
    torch.testing.assert_close(layer.weight.detach(), before, atol=0, rtol=0)
