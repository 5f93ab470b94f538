import math
from typing import Literal, get_args

import pytest
import torch
from tests.model.networks import CONTEXT, random_rows, tiny_network
from torch.nn import functional as F

from dnagpt.model import DNAGPT, PRESETS, KeyValueCache, ModelConfig
from dnagpt.model.layers import Block

Positions = Literal["rotary", "learned"]
NumberEmbedding = Literal["magnitude", "released"]
every_kind = pytest.mark.parametrize("positions", get_args(Positions))
every_number_embedding = pytest.mark.parametrize("number_embedding", get_args(NumberEmbedding))


def answers(network: DNAGPT, rows: tuple[torch.Tensor, ...], cache: KeyValueCache | None = None) -> torch.Tensor:
    """Everything that a network says at each position: token scores and a number, (B, L, V + 1)."""
    with torch.no_grad():
        hidden = network(*rows, cache)
        return torch.cat((network.token_logits(hidden), network.number(hidden)[..., None]), dim=-1)


@every_kind
@every_number_embedding
@pytest.mark.parametrize("changed", [1, 7, 15])
def test_what_comes_later_changes_nothing_before(
    positions: Positions, number_embedding: NumberEmbedding, changed: int
) -> None:
    network = tiny_network(positions=positions, number_embedding=number_embedding)
    ids, numbers, is_number = random_rows(3, 16)
    other_ids, other_numbers, other_is_number = random_rows(3, 16, seed=1)
    before = answers(network, (ids, numbers, is_number))
    for row, other in ((ids, other_ids), (numbers, other_numbers), (is_number, other_is_number)):
        row[:, changed:] = other[:, changed:]
    after = answers(network, (ids, numbers, is_number))
    torch.testing.assert_close(after[:, :changed], before[:, :changed], atol=0, rtol=0)
    assert (after[:, changed:] - before[:, changed:]).abs().amax() > 1e-2


@every_kind
def test_every_earlier_position_is_read(positions: Positions) -> None:
    network = tiny_network(positions=positions)
    rows = random_rows(1, CONTEXT)
    last = answers(network, rows)[0, -1]
    for place in range(CONTEXT):
        ids, numbers, is_number = (row.clone() for row in rows)
        ids[0, place] = (ids[0, place] + 1) % network.config.vocabulary_size
        numbers[0, place] += 1000
        assert (answers(network, (ids, numbers, is_number))[0, -1] - last).abs().max() > 1e-5, place


@every_kind
@pytest.mark.parametrize("steps", [[1] * 20, [7] + [1] * 13, [3, 1, 5, 1, 10], [20]])
def test_cached_reading_equals_plain_reading(positions: Positions, steps: list[int]) -> None:
    network = tiny_network(positions=positions)
    rows = random_rows(3, 20)
    plain = answers(network, rows)
    cache = KeyValueCache(network.config, 3, 20, dtype=torch.float32)
    start = 0
    for step in steps:
        part = answers(network, tuple(row[:, start : start + step] for row in rows), cache)
        start += step
        assert cache.length == start
        torch.testing.assert_close(part, plain[:, start - step : start], atol=1e-5, rtol=1e-5)


def test_cache_goes_on_with_the_rows_that_are_kept_and_repeats_a_prompt() -> None:
    network = tiny_network()
    prompt, rest = random_rows(2, 6), random_rows(6, 5, seed=3)
    cache = KeyValueCache(network.config, 2, 11, dtype=torch.float32)
    answers(network, prompt, cache)
    cache.repeat(3)
    copies = tuple(
        torch.cat((one.repeat_interleave(3, dim=0), two), dim=1) for one, two in zip(prompt, rest, strict=True)
    )
    plain = answers(network, copies)
    kept = torch.tensor([0, 4, 5])
    first = answers(network, tuple(row[:, :2] for row in rest), cache)
    torch.testing.assert_close(first, plain[:, 6:8], atol=1e-5, rtol=1e-5)
    cache.keep(kept)
    second = answers(network, tuple(row[kept, 2:] for row in rest), cache)
    torch.testing.assert_close(second, plain[kept, 8:], atol=1e-5, rtol=1e-5)


@every_kind
def test_filling_and_neighbours_and_order_change_nothing(positions: Positions) -> None:
    network = tiny_network(positions=positions)
    rows = random_rows(5, 12)
    together = answers(network, rows)
    order = torch.tensor([3, 0, 4, 2, 1])
    filled = tuple(
        torch.cat((row, torch.full((5, 8), filler, dtype=row.dtype)), dim=1)
        for row, filler in zip(rows, (20, 0, 0), strict=True)
    )
    alone = torch.cat([answers(network, tuple(row[place : place + 1] for row in rows)) for place in range(5)])
    for other in (
        alone,
        answers(network, filled)[:, :12],
        answers(network, tuple(row[order] for row in rows))[order.argsort()],
    ):
        torch.testing.assert_close(other, together, atol=1e-5, rtol=1e-5)


def wanted_some(rows: int, length: int, most: int, seed: int = 0) -> torch.Tensor:
    """Up to `most` positions in each row, none in the first, (B, L)."""
    generator = torch.Generator().manual_seed(seed)
    wanted_BL = torch.zeros(rows, length, dtype=torch.bool)
    for row in range(1, rows):
        count = int(torch.randint(1, most + 1, (), generator=generator))
        wanted_BL[row, torch.randperm(length, generator=generator)[:count]] = True
    return wanted_BL


@every_kind
@every_number_embedding
@pytest.mark.parametrize(("layers", "most"), [(1, 1), (1, 6), (3, 1), (3, 6), (2, 10), (2, 20)])
def test_wanted_positions_are_those_of_the_plain_reading(
    positions: Positions, number_embedding: NumberEmbedding, layers: int, most: int
) -> None:
    network = tiny_network(positions=positions, number_embedding=number_embedding, layers=layers)
    rows, wanted = random_rows(6, 20), wanted_some(6, 20, most)
    with torch.no_grad():
        found = network(*rows, wanted_BL=wanted)
        plain = network(*rows)[wanted]
    assert found.shape == (int(wanted.sum()), network.config.width)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)


@every_kind
def test_wanted_positions_are_found_behind_a_cache_and_before_filling(positions: Positions) -> None:
    network = tiny_network(positions=positions)
    rows, wanted = random_rows(4, 20), torch.zeros(4, 14, dtype=torch.bool)
    wanted[torch.arange(4), torch.tensor([0, 5, 9, 13])] = True
    cache = KeyValueCache(network.config, 4, 20, dtype=torch.float32)
    with torch.no_grad():
        plain = network(*rows)[:, 6:][wanted]
        network(*(row[:, :6] for row in rows), cache)
        found = network(*(row[:, 6:] for row in rows), cache, wanted_BL=wanted)
        filled = tuple(F.pad(row, (0, 3)) for row in rows)
        padded = network(*filled, wanted_BL=F.pad(wanted, (6, 3)))
    assert cache.length == 20
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded, plain, atol=1e-5, rtol=1e-5)


@every_kind
def test_wanted_positions_teach_what_the_plain_reading_teaches(positions: Positions) -> None:
    network, rows, wanted = tiny_network(positions=positions), random_rows(6, 20), wanted_some(6, 20, 3)
    gradients = []
    for hidden in (network(*rows, wanted_BL=wanted), network(*rows)[wanted]):
        network.zero_grad()
        network.number(hidden).square().mean().backward()
        gradients.append({name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None})
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-4)


def test_the_last_block_computes_only_what_is_wanted() -> None:
    network, rows = tiny_network(), random_rows(3, 20)
    widened: list[int] = []
    for block in network.blocks:
        assert isinstance(block, Block)
        block.mlp_in.register_forward_hook(lambda _module, _given, out: widened.append(out[..., 0].numel()))
    wanted = torch.zeros(3, 20, dtype=torch.bool)
    wanted[:, -2] = True
    with torch.no_grad():
        network(*rows, wanted_BL=wanted)
        network(*rows, wanted_BL=torch.ones_like(wanted))
    assert widened == [60, 3, 60, 60]


@every_number_embedding
def test_a_number_counts_only_where_one_stands(number_embedding: NumberEmbedding) -> None:
    network = tiny_network(number_embedding=number_embedding)
    ids, numbers, is_number = random_rows(2, 16)
    expected = answers(network, (ids, numbers, is_number))
    hidden_ids = torch.where(is_number, (ids + 5) % network.config.vocabulary_size, ids)
    hidden_numbers = torch.where(is_number, numbers, 123.0)
    torch.testing.assert_close(answers(network, (hidden_ids, hidden_numbers, is_number)), expected, atol=0, rtol=0)
    assert (answers(network, (ids, torch.where(is_number, -numbers, 0.0), is_number)) - expected).abs().max() > 1e-3


def test_rows_without_numbers_need_no_number_rows() -> None:
    network = tiny_network()
    ids, numbers, is_number = random_rows(2, 16)
    nothing = torch.zeros_like(numbers), torch.zeros_like(is_number)
    with torch.no_grad():
        torch.testing.assert_close(network(ids), network(ids, *nothing), atol=0, rtol=0)


@every_kind
@every_number_embedding
def test_gradient_reaches_every_parameter(positions: Positions, number_embedding: NumberEmbedding) -> None:
    network = tiny_network(positions=positions, number_embedding=number_embedding)
    hidden = network(*random_rows(8, CONTEXT))
    (network.token_logits(hidden).square().mean() + network.number(hidden).square().mean()).backward()
    silent = [
        name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("preset", "millions"),
    [("dnagpt-h", 113.9), ("dnagpt-m", 113.9), ("dnagpt-s-512", 117.2), ("dnagpt-b-512", 3113.9)],
)
def test_presets_have_the_papers_sizes(preset: str, millions: float) -> None:
    """Both heads and the number embedding counted (arXiv 2307.05628, table 1)."""
    with torch.device("meta"):
        network = DNAGPT(PRESETS[preset])
    assert round(network.parameter_count / 1e6, 1) == millions
    assert sum(weight.ndim == 1 for weight in network.parameters()) == 2 * network.config.layers + 4
    assert not any("bias" in name for name in network.state_dict())


def test_presets_have_the_released_number_of_tensors() -> None:
    for preset, tensors in (("dnagpt-h", 84), ("dnagpt-b-512", 372)):
        with torch.device("meta"):
            assert len(DNAGPT(PRESETS[preset]).state_dict()) == tensors


def test_weights_start_with_the_papers_spread() -> None:
    network = DNAGPT(ModelConfig(vocabulary_size=400, context=64, layers=8, heads=4, width=128, positions="learned"))
    network.initialise(torch.Generator().manual_seed(3))
    for name, weight in network.named_parameters():
        if weight.ndim == 1:
            assert (weight == 1).all(), name
            continue
        residual = name.endswith(("attention.output.weight", "mlp_out.weight"))
        expected = 0.02 / math.sqrt(2 * 8) if residual else 0.02
        few = 3 / math.sqrt(2 * weight.numel())  # three standard errors of a standard deviation
        assert weight.std().item() == pytest.approx(expected, rel=few + 0.01), name
        assert abs(weight.mean().item()) < 4 * expected / math.sqrt(weight.numel()), name


def test_start_depends_on_the_generator_alone() -> None:
    def start(seed: int) -> dict[str, torch.Tensor]:
        network = tiny_network()
        network.initialise(torch.Generator().manual_seed(seed))
        return network.state_dict()

    first, again, other = start(1), start(1), start(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_dropout_is_off_in_evaluation_and_depends_on_the_seed_in_training() -> None:
    network, rows = tiny_network(dropout=0.5), random_rows(2, 16)
    torch.testing.assert_close(answers(network, rows), answers(tiny_network(), rows), atol=0, rtol=0)
    network.train()

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return answers(network, rows)

    torch.testing.assert_close(drawn(1), drawn(1), atol=0, rtol=0)
    assert (drawn(1) - drawn(2)).abs().max() > 1e-2


@pytest.mark.parametrize(("width", "heads"), [(10, 4), (6, 2)])
def test_heads_that_do_not_divide_the_width_are_refused(width: int, heads: int) -> None:
    with pytest.raises(ValueError, match="does not divide"):
        ModelConfig(vocabulary_size=40, context=16, layers=1, heads=heads, width=width)
