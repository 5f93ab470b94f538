import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.data.batches import MOST_PADDING, collate, padding_share, similar_lengths
from dnagpt.language.template import Template, encode_template
from dnagpt.language.vocabulary import Vocabulary

VOCABULARY = Vocabulary.preset("dna-3mers")


def test_shorter_rows_are_filled_at_the_right() -> None:
    template = Template.parse("<R>{sequence}<M>{level?:number}")
    rows = [
        encode_template(VOCABULARY, template, {"sequence": sequence, "level": level})
        for sequence, level in (("ACG", 0.5), ("ACGACGACG", 2.0))
    ]
    batch = collate(rows, VOCABULARY.pad_id)
    pad = VOCABULARY.pad_id
    acg = rows[0].ids[1]
    assert batch.ids_BL.tolist() == [[21, acg, 18, pad, pad, pad], [21, acg, acg, acg, 18, pad]]
    assert batch.numbers_BL.tolist() == [[0, 0, 0, 0.5, 0, 0], [0, 0, 0, 0, 0, 2.0]]
    assert batch.is_number_BL.tolist() == [[False] * 3 + [True] + [False] * 2, [False] * 5 + [True]]
    assert batch.answer_BL.tolist() == [[0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert batch.tokens == 12
    assert batch.ids_BL.dtype == np.int64
    assert batch.numbers_BL.dtype == np.float32


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200))
def test_groups_hold_everything_once_and_no_more_than_fits(lengths: list[int], tokens: int) -> None:
    groups = list(similar_lengths(lengths, tokens))
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        longest = max(lengths[place] for place in group)
        assert len(group) == 1 or len(group) * longest <= tokens
        assert padding_share([[lengths[place] for place in group]]) <= MOST_PADDING + 1e-9


@pytest.mark.parametrize(("shortest", "longest"), [(50, 600), (140, 250)])
def test_groups_of_many_mixed_lengths_are_full_and_hardly_filled_up(shortest: int, longest: int) -> None:
    lengths = np.random.default_rng(0).integers(shortest, longest + 1, 3000).tolist()
    groups = list(similar_lengths(lengths, 8192))
    assert padding_share([lengths[place] for place in group] for group in groups) < 0.02
    assert len(groups) < 1.05 * sum(lengths) / 8192 + 1


def test_padding_is_counted_against_all_positions() -> None:
    assert padding_share([[10, 5], [5, 5]]) == pytest.approx(5 / 30)
    assert padding_share([[3], [4, 4]]) == padding_share([]) == 0
