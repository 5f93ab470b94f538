"""Tables of a panel: each place of known sites has vectors of its own, and no other position is touched."""

import pytest
import torch

from dnagpt.model import DNAGPT, ModelConfig, PanelShape
from dnagpt.store.weights import empty_network, fill_network

PLACES, SITES, PATTERNS, WIDTH = 4, 3, 8, 8


def network(*, panel: bool = True) -> DNAGPT:
    shape = PanelShape(places=PLACES, sites=SITES) if panel else None
    config = ModelConfig(
        vocabulary_size=50, context=8, layers=2, heads=2, width=WIDTH, positions="learned", panel=shape
    )
    made = DNAGPT(config).eval()
    made.initialise(torch.Generator().manual_seed(1))
    if made.panel is not None:
        made.panel.set_tokens(tokens())
    return made


def tokens() -> torch.Tensor:
    """Place p writes pattern a as the token 10 + 8p + a; the last place has two sites, so four patterns."""
    found = torch.arange(PLACES * PATTERNS).view(PLACES, PATTERNS) + 10
    found[-1, 4:] = -1
    return found


IDS_BL = torch.tensor([[1, 10 + 5, 18 + 0, 26 + 7, 34 + 2], [1, 10 + 0, 18 + 6, 26 + 1, 34 + 3]])
PLACES_BL = torch.tensor([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])


def test_the_alleles_that_a_token_carries_are_added_up() -> None:
    panel = network().panel
    assert panel is not None
    found_BLD = panel.embedding(IDS_BL, PLACES_BL)
    sites_KSD = panel.alleles.weight.view(PLACES, SITES, WIDTH)
    assert not found_BLD[:, 0].any()  # the prompt is not on the panel
    torch.testing.assert_close(found_BLD[0, 1], sites_KSD[0, 0] + sites_KSD[0, 2])  # 5 = 101
    torch.testing.assert_close(found_BLD[0, 3], sites_KSD[2].sum(dim=0))  # 7 = 111
    torch.testing.assert_close(found_BLD[1, 2], sites_KSD[1, 0] + sites_KSD[1, 1])  # 6 = 110
    torch.testing.assert_close(found_BLD[0, 4], sites_KSD[3, 1])  # 2 = 10 of two sites, the last two of three


def test_a_token_that_its_place_does_not_allow_adds_nothing() -> None:
    panel = network().panel
    assert panel is not None
    assert not panel.embedding(torch.tensor([[18]]), torch.tensor([[1]])).any()


def test_each_place_scores_its_own_patterns_and_no_other_token() -> None:
    made = network()
    assert made.panel is not None
    hidden_BLD = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(2))
    next_BL = torch.tensor([[1, 2, 3, 4, 0], [2, 2, 0, 4, 4]])
    gained_BLV = made.token_logits(hidden_BLD, next_BL) - made.token_logits(hidden_BLD)
    outputs_KAD = made.panel.outputs.weight.view(PLACES, PATTERNS, WIDTH)
    for row in range(2):
        for column in range(5):
            place = int(next_BL[row, column])
            expected_V = torch.zeros(50)
            if place:
                legal = tokens()[place - 1] >= 0
                own_A = outputs_KAD[place - 1] @ made.panel.norm(hidden_BLD[row, column])
                own_A = own_A + made.panel.bias.weight[place - 1]
                expected_V[tokens()[place - 1][legal]] = own_A[legal]
            torch.testing.assert_close(gained_BLV[row, column], expected_V, atol=1e-6, rtol=1e-5)


def test_losses_among_the_tokens_of_a_place_are_those_of_its_logits() -> None:
    made = network()
    hidden_ND = torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(3))
    places_N = torch.tensor([1, 4, 2, 4, 3, 1])
    ids_N = tokens()[places_N - 1, torch.tensor([5, 0, 7, 3, 2, 5])]
    logits_NV = made.token_logits(hidden_ND, places_N)
    expected = [
        logits_V[tokens()[place - 1][tokens()[place - 1] >= 0]].logsumexp(0) - logits_V[right]
        for logits_V, place, right in zip(logits_NV, places_N, ids_N, strict=True)
    ]
    torch.testing.assert_close(made.choice_losses(hidden_ND, ids_N, places_N), torch.stack(expected))


def test_rows_off_the_panel_are_read_as_without_tables() -> None:
    made, plain = network(), network(panel=False)
    plain.load_state_dict({name: weight for name, weight in made.state_dict().items() if "panel" not in name})
    nowhere_BL = torch.zeros_like(PLACES_BL)
    torch.testing.assert_close(made(IDS_BL, places_BL=nowhere_BL), plain(IDS_BL))
    torch.testing.assert_close(made.token_logits(made(IDS_BL), nowhere_BL), plain.token_logits(plain(IDS_BL)))


def test_alleles_to_come_cannot_be_seen() -> None:
    made = network()
    changed_BL = IDS_BL.clone()
    changed_BL[0, 3] = 26
    before, after = (made(ids, places_BL=PLACES_BL) for ids in (IDS_BL, changed_BL))
    torch.testing.assert_close(before[0, :3], after[0, :3])
    assert not torch.allclose(before[0, 3:], after[0, 3:])


def test_tables_learn() -> None:
    made = network()
    hidden_BLD = made(IDS_BL[:, :-1], places_BL=PLACES_BL[:, :-1])
    logits_BLV = made.token_logits(hidden_BLD, PLACES_BL[:, 1:])
    torch.nn.functional.cross_entropy(logits_BLV.flatten(0, 1), IDS_BL[:, 1:].flatten()).backward()
    assert made.panel is not None
    for name, weight in made.panel.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.any(), name
    gradient = made.panel.outputs.weight.grad
    assert gradient is not None
    assert not gradient.view(PLACES, PATTERNS, WIDTH)[-1, 4:].any()  # no such pattern


def test_weights_put_into_an_empty_network_leave_the_tokens_to_be_told_anew() -> None:
    made = network()
    filled = empty_network(made.config)
    fill_network(filled, made.state_dict(), "memory")
    assert filled.panel is not None
    assert (filled.panel.tokens == -1).all()
    filled.panel.set_tokens(tokens())
    torch.testing.assert_close(filled(IDS_BL, places_BL=PLACES_BL), made(IDS_BL, places_BL=PLACES_BL))


@pytest.mark.parametrize("shape", [{"places": 0, "sites": 3}, {"places": 3, "sites": 0}, {"places": 3, "sites": 40}])
def test_a_panel_without_end_is_refused(shape: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Input should be"):
        PanelShape(**shape)
