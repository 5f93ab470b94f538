import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.data.batches import collate, similar_lengths
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
