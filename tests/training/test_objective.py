import math

import numpy as np
import pytest
import torch
from tests.training.examples import ANSWERS, part_of, random_batch, tiny_objective

from dnagpt.data.batches import Batch
from dnagpt.model import DNAGPT, ModelConfig, PanelShape
from dnagpt.training import AnswerLoss, Objective
from dnagpt.training.objective import answer_tally, to_tensors

CPU = torch.device("cpu")


class ScriptedNetwork(DNAGPT):
    """Says the same at every position: token 0 is twice as likely as each of the other two, and the number is 0.5."""

    def token_logits(self, hidden: torch.Tensor, next_places: torch.Tensor | None = None) -> torch.Tensor:
        del next_places
        return torch.tensor([math.log(2), 0.0, 0.0]).expand(*hidden.shape[:-1], 3)

    def number(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.full(hidden.shape[:-1], 0.5)


def test_loss_worked_by_hand() -> None:
    """The window 0, 1 costs ln 2 and ln 4, the number 2.0 costs (0.5 - 2)^2, the last token ln 4 at weight 3."""
    network = ScriptedNetwork(ModelConfig(vocabulary_size=3, context=8, layers=1, heads=1, width=4))
    answers = [AnswerLoss("window", False, 1.0), AnswerLoss("gc", True, 0.01), AnswerLoss("reversed", False, 3.0)]
    batch = Batch(
        ids_BL=np.array([[2, 0, 1, 2, 1]]),
        numbers_BL=np.array([[0, 0, 0, 2.0, 0]], dtype=np.float32),
        is_number_BL=np.array([[False, False, False, True, False]]),
        answer_BL=np.array([[0, 1, 1, 2, 3]], dtype=np.int8),
        places_BL=np.zeros((1, 5), dtype=np.int32),
    )
    objective = Objective(network, answers)
    loss, sums = objective(to_tensors(batch, CPU), answer_tally([batch], 3))
    assert sums.tolist() == pytest.approx([math.log(2) + math.log(4), 2.25, math.log(4)], abs=1e-6)
    assert loss.item() == pytest.approx(1.5 * math.log(2) + 0.01 * 2.25 + 3 * math.log(4), abs=1e-6)


def looped_losses(objective: Objective, batch: Batch) -> list[list[float]]:
    """Every supervised position in turn, from the definition alone."""
    network = objective.network
    losses: list[list[float]] = [[] for _ in ANSWERS]
    for row in range(len(batch.ids_BL)):
        rows = to_tensors(part_of(batch, slice(row, row + 1)), CPU)
        for place in range(1, batch.ids_BL.shape[1]):
            asked = int(batch.answer_BL[row, place])
            if not asked:
                continue
            before = network(rows.ids_BL[:, :place], rows.numbers_BL[:, :place], rows.is_number_BL[:, :place])[0, -1]
            if ANSWERS[asked - 1].is_number:
                loss = (float(network.number(before)) - float(batch.numbers_BL[row, place])) ** 2
            else:
                scores = network.token_logits(before).double()
                loss = float(torch.logsumexp(scores, 0) - scores[batch.ids_BL[row, place]])
            losses[asked - 1].append(loss)
    return losses


@torch.no_grad()
def test_loss_equals_plain_loops() -> None:
    objective, batch = tiny_objective().eval(), random_batch(4)
    losses = looped_losses(objective, batch)
    tally = answer_tally([batch], len(ANSWERS))
    loss, sums = objective(to_tensors(batch, CPU), tally)
    assert tally[0, 1:].tolist() == [len(one) for one in losses]
    assert sums.tolist() == pytest.approx([sum(one) for one in losses], rel=1e-5)
    shares = [(batch.answer_BL == number).any(axis=1).mean() for number in range(1, len(ANSWERS) + 1)]
    expected = sum(
        answer.weight * share * np.mean(one) for answer, share, one in zip(ANSWERS, shares, losses, strict=True)
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sizes", [[8], [4, 4], [5, 2, 1], [1] * 8])
def test_micro_batches_add_up_to_one_batch(sizes: list[int]) -> None:
    batch = random_batch(8)
    ends = np.cumsum(sizes).tolist()
    parts = [part_of(batch, slice(end - size, end)) for end, size in zip(ends, sizes, strict=True)]

    def gradients(group: list[Batch]) -> tuple[float, dict[str, torch.Tensor]]:
        objective, tally = tiny_objective(), answer_tally(group, len(ANSWERS))
        total = 0.0
        for one in group:
            loss, _ = objective(to_tensors(one, CPU), tally)
            loss.backward()
            total += loss.item()
        return total, {name: weight.grad for name, weight in objective.named_parameters() if weight.grad is not None}

    whole_loss, whole = gradients([batch])
    loss, added = gradients(parts)
    assert loss == pytest.approx(whole_loss, rel=1e-6)
    assert added.keys() == whole.keys()
    for name in whole:
        torch.testing.assert_close(added[name], whole[name], atol=1e-7, rtol=1e-4)


def test_every_parameter_has_a_gradient_even_where_a_batch_asks_for_no_number() -> None:
    batch = random_batch(2)
    batch.answer_BL[batch.answer_BL == 2] = 0
    objective = tiny_objective()
    objective(to_tensors(batch, CPU), answer_tally([batch], len(ANSWERS)))[0].backward()
    assert [name for name, weight in objective.named_parameters() if weight.grad is None] == []


def test_a_batch_that_asks_for_nothing_costs_nothing() -> None:
    batch = random_batch(2)
    batch.answer_BL[:] = 0
    loss, sums = tiny_objective()(to_tensors(batch, CPU), answer_tally([batch], len(ANSWERS)))
    assert loss.item() == 0.0
    assert sums.tolist() == [0.0, 0.0, 0.0]


@torch.no_grad()
def test_filling_costs_nothing() -> None:
    objective, batch = tiny_objective(), random_batch(3)
    filled = Batch(
        np.pad(batch.ids_BL, ((0, 0), (0, 4)), constant_values=20),
        np.pad(batch.numbers_BL, ((0, 0), (0, 4))),
        np.pad(batch.is_number_BL, ((0, 0), (0, 4))),
        np.pad(batch.answer_BL, ((0, 0), (0, 4))),
        np.pad(batch.places_BL, ((0, 0), (0, 4))),
    )
    tally = answer_tally([batch], len(ANSWERS))
    assert answer_tally([filled], len(ANSWERS)).tolist() == tally.tolist()
    plain, longer = (objective(to_tensors(one, CPU), tally)[0].item() for one in (batch, filled))
    assert longer == pytest.approx(plain, rel=1e-5)


def test_dropout_depends_on_the_seed_alone() -> None:
    objective, batch = tiny_objective(dropout=0.3).train(), random_batch(3)
    tally = answer_tally([batch], len(ANSWERS))

    def loss(seed: int) -> float:
        torch.manual_seed(seed)
        return float(objective(to_tensors(batch, CPU), tally)[0].detach())

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


def test_mixed_tasks_share_a_batch_by_their_rows() -> None:
    """Two rows answer token 1 and token 0 (ln 4 and ln 2), one row answers the number 2.0 (off by 1.5)."""
    network = ScriptedNetwork(ModelConfig(vocabulary_size=3, context=8, layers=1, heads=1, width=4))
    answers = [AnswerLoss("rich/label", False, 1.0), AnswerLoss("level/level", True, 0.5)]
    batch = Batch(
        ids_BL=np.array([[2, 0, 1], [2, 1, 0], [2, 0, 2]]),
        numbers_BL=np.array([[0, 0, 0], [0, 0, 0], [0, 0, 2.0]], dtype=np.float32),
        is_number_BL=np.array([[False, False, False], [False, False, False], [False, False, True]]),
        answer_BL=np.array([[0, 0, 1], [0, 0, 1], [0, 0, 2]], dtype=np.int8),
        places_BL=np.zeros((3, 3), dtype=np.int32),
    )
    loss, _ = Objective(network, answers)(to_tensors(batch, CPU), answer_tally([batch], 2))
    assert loss.item() == pytest.approx(2 / 3 * 1.5 * math.log(2) + 1 / 3 * 0.5 * 2.25, abs=1e-6)


def test_a_class_of_more_weight_costs_more() -> None:
    """Token 1 (ln 4) at weight 3 and token 0 (ln 2) at weight 1, over two rows."""
    network = ScriptedNetwork(ModelConfig(vocabulary_size=3, context=8, layers=1, heads=1, width=4))
    batch = Batch(
        ids_BL=np.array([[2, 1], [2, 0]]),
        numbers_BL=np.zeros((2, 2), dtype=np.float32),
        is_number_BL=np.zeros((2, 2), dtype=bool),
        answer_BL=np.array([[0, 1], [0, 1]], dtype=np.int8),
        places_BL=np.zeros((2, 2), dtype=np.int32),
    )
    objective = Objective(network, [AnswerLoss("label", False, 1.0, {1: 3.0})])
    loss, _ = objective(to_tensors(batch, CPU), answer_tally([batch], 1))
    assert loss.item() == pytest.approx((3 * math.log(4) + math.log(2)) / 2, abs=1e-6)


def panel_objective() -> tuple[Objective, Batch]:
    """Three places of four tokens each, behind a prompt and before an end token."""
    shape = PanelShape(places=3, sites=2)
    network = DNAGPT(ModelConfig(vocabulary_size=20, context=8, layers=1, heads=2, width=8, panel=shape))
    network.initialise(torch.Generator().manual_seed(1))
    assert network.panel is not None
    network.panel.set_tokens(torch.arange(12).view(3, 4) + 5)
    ids_BL = np.array([[1, 6, 9, 16, 2], [1, 5, 12, 13, 2]])
    answer_BL = np.array([[0, 1, 1, 1, 1]] * 2, dtype=np.int8)
    places_BL = np.array([[0, 1, 2, 3, 0]] * 2, dtype=np.int32)
    batch = Batch(ids_BL, np.zeros((2, 5), np.float32), np.zeros((2, 5), np.bool_), answer_BL, places_BL)
    return Objective(network, [AnswerLoss("haplotype", False, 1.0)]), batch


def test_on_a_panel_the_loss_of_training_is_that_of_all_tokens_in_the_mean() -> None:
    objective, batch = panel_objective()
    tally, tensors = answer_tally([batch], 1), to_tensors(batch, CPU)
    exact = objective.eval()(tensors, tally)[0].item()
    objective.train()
    losses = torch.tensor([objective(tensors, tally)[0].item() for _ in range(2000)])
    assert losses.std() > 0.01  # it is drawn
    assert losses.mean().item() == pytest.approx(exact, abs=4 * losses.std().item() / 2000**0.5)


def test_on_a_panel_all_positions_drawn_are_the_exact_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnagpt.training.objective._DRAWN", 1)
    objective, batch = panel_objective()
    gradients = []
    for one in (objective.eval(), objective.train()):
        one.zero_grad()
        one(to_tensors(batch, CPU), answer_tally([batch], 1))[0].backward()
        gradients.append({name: weight.grad for name, weight in one.named_parameters() if weight.grad is not None})
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)
