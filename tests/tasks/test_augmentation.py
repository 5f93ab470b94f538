"""The views of a record: strands, frames, and what becomes of sequences that are too long."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases, encode_bases, reverse_complement
from dnagpt.language.template import Template, encode_template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task, Views, tasks_from_toml, tasks_to_toml
from dnagpt.tasks.augmentation import reverse_complement_of

VOCABULARY = Vocabulary.preset("dna-3mers")
TEMPLATE = Template.parse("<R>{sequence}<+><M>{level:number}<=><B>{label?:boolean}")
OTHERS = 6  # <R> <+> <M> a number <=> <B>, and the answer makes seven


def views_of(views: Views, sequence: str, context: int = 64) -> list[str]:
    record = {"sequence": sequence, "level": 0.5, "label": True}
    return [str(view["sequence"]) for view in views.of(record, TEMPLATE, VOCABULARY, context, "row 1")]


def test_usual_views_leave_the_record_alone() -> None:
    record = {"sequence": np.zeros(3, dtype=np.uint8), "level": 1, "label": True}
    assert Views().of(record, TEMPLATE, VOCABULARY, 8, "row 1") == [record]


def test_frames_leave_out_bases_at_the_left_on_each_strand() -> None:
    assert views_of(Views(frames=3), "AACGT") == ["AACGT", "ACGT", "CGT"]
    assert views_of(Views(frames=2, both_strands=True), "AACC") == ["AACC", "ACC", "GGTT", "GTT"]


@pytest.mark.parametrize("views", [Views(frames=3), Views(both_strands=True), Views(too_long="centre")])
@pytest.mark.parametrize("missing", ["", None, float("nan")])
def test_a_missing_sequence_is_told_of_as_it_is_without_views(views: Views, missing: object) -> None:
    record = {"sequence": missing, "level": 0.5, "label": True}
    with pytest.raises(InputError) as told:
        encode_template(VOCABULARY, TEMPLATE, record, where="row 1")
    with pytest.raises(InputError) as with_views:
        views.of(record, TEMPLATE, VOCABULARY, 64, "row 1")
    assert str(with_views.value) == str(told.value)
    assert "row 1: the field sequence is empty" in str(told.value)


def test_letters_as_bytes_are_read_in_views() -> None:
    assert [
        view["sequence"]
        for view in Views(frames=2).of({"sequence": b"ACG", "level": 0.5}, TEMPLATE, VOCABULARY, 64, "row 1")
    ] == ["ACG", "CG"]
    with pytest.raises(InputError, match=r"row 1, field sequence: 5 is no sequence\. Give letters\."):
        Views(frames=2).of({"sequence": 5, "level": 0.5}, TEMPLATE, VOCABULARY, 64, "row 1")


def test_a_sequence_shorter_than_the_frames_keeps_a_base() -> None:
    assert views_of(Views(frames=6), "AC") == ["AC", "C"]


@given(st.text("ACGTNacgtn", max_size=50))
def test_other_strand_is_that_of_the_codes(letters: str) -> None:
    assert reverse_complement_of(letters, "record") == decode_bases(
        reverse_complement(encode_bases(letters.encode(), "")[0])
    )


def test_centre_of_a_long_sequence_fills_the_context() -> None:
    sequence = "A" * 30 + "C" * 30 + "G" * 30
    (centre,) = views_of(Views(too_long="centre"), sequence, context=OTHERS + 1 + 10)
    assert centre == "C" * 30
    assert views_of(Views(too_long="centre"), "ACGT", context=OTHERS + 1 + 10) == ["ACGT"]


@given(st.integers(1, 200), st.integers(1, 9))
def test_tiles_cover_every_base_and_fit(length: int, room: int) -> None:
    sequence = "".join("ACGT"[i * i % 4] for i in range(length))
    context = OTHERS + 1 + room
    task = Task("t", TEMPLATE, views=Views(too_long="tiles"))
    tiles = views_of(task.views, sequence, context)
    assert len(tiles) == max(1, -(-length // (3 * room)))
    for tile in tiles:
        assert len(task.rows(VOCABULARY, {"sequence": tile, "level": 0.5, "label": True})) <= context
    assert sequence.startswith(tiles[0])
    assert sequence.endswith(tiles[-1])
    assert sum(map(len, tiles)) >= length


@pytest.mark.parametrize("policy", ["centre", "tiles"])
def test_pairs_of_sequences_have_no_centre(policy: str) -> None:
    template = Template.parse("<R>{left:sequence}<+>{right:sequence}<=><B>{label?:boolean}")
    record = {"left": "ACG", "right": "ACGT", "label": True}
    with pytest.raises(InputError, match="one given sequence"):
        Views.from_dict({"too_long": policy}).of(record, template, VOCABULARY, 64, "row 1")
    assert len(Views(both_strands=True).of(record, template, VOCABULARY, 64, "row 1")) == 2


def test_views_are_kept_in_the_model_folder() -> None:
    task = Task("t", TEMPLATE, views=Views(both_strands=True, frames=3, too_long="tiles"))
    assert tasks_from_toml(tasks_to_toml([task])) == {"t": task}
    assert "views" not in tasks_to_toml([Task("t", TEMPLATE)])


@pytest.mark.parametrize(
    "settings", [{"frames": 0}, {"frames": 65}, {"frames": True}, {"too_long": "cut"}, {"phase": 1}]
)
def test_views_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="views"):
        Views.from_dict(settings)
