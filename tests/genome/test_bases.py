from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.genome.bases import decode_bases, encode_bases, gc_content, looks_like_protein, reverse_complement

letters = st.text(alphabet="ACGTNacgtn", max_size=300)


def encoded(text: str) -> np.ndarray:
    return encode_bases(text.encode(), "here")[0]


def test_codes_of_the_contract() -> None:
    assert encoded("NAGCT").tolist() == [0, 1, 2, 3, 4]
    assert encoded("nagct").tolist() == [0x80, 0x81, 0x82, 0x83, 0x84]


@given(letters)
def test_bases_come_back_as_they_were(text: str) -> None:
    assert decode_bases(encoded(text)) == text


@given(st.text(alphabet="ACGTUNRYSWKMBDHVacgtunryswkmbdhv", max_size=300))
def test_ambiguity_codes_become_n_and_every_one_is_counted(text: str) -> None:
    codes, ambiguous = encode_bases(text.encode(), "here")
    others = [letter for letter in text.upper() if letter not in "ACGTUN"]
    assert ambiguous == Counter(others)
    expected = "".join("N" if letter in "RYSWKMBDHV" else letter for letter in text.upper()).replace("U", "T")
    assert decode_bases(codes).upper() == expected
    assert ((codes & 0x80) > 0).tolist() == [letter.islower() for letter in text]


@given(letters)
def test_reverse_complement_pairs_letters_and_undoes_itself(text: str) -> None:
    there = reverse_complement(encoded(text))
    pairs = str.maketrans("ACGTacgt", "TGCAtgca")
    assert decode_bases(there) == text.translate(pairs)[::-1]
    assert np.array_equal(reverse_complement(there), encoded(text))


@given(letters)
def test_gc_content_counts_known_bases_only(text: str) -> None:
    known = [letter for letter in text.upper() if letter in "ACGT"]
    content = gc_content(encoded(text))
    if known:
        assert content == sum(letter in "GC" for letter in known) / len(known)
    else:
        assert np.isnan(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_sentence(text: bytes) -> None:
    allowed = set(b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv")
    if set(text) <= allowed:
        assert len(encode_bases(text, "here")[0]) == len(text)
    else:
        wrong = next(index for index, letter in enumerate(text) if letter not in allowed)
        with pytest.raises(InputError) as caught:
            encode_bases(text, "here")
        check_message(caught.value, f"here, position {wrong + 1}:")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"ACGTACGT-ACGT", ("position 9", "'-'", "gap", "ACGTACGT-ACGT")),
        (b"ACGTXACGT", ("position 5", "'X'", "RYSWKMBDHV")),
        (b"ACGT ACGT", ("position 5", "' '")),
        (b"ACGT\x00", ("position 5", r"'\x00'", "binary")),
        (b"ACGT\xe9", ("position 5", r"'\xe9'", "binary")),
        (b"MKVLAAGIVPLLLSAQRE*", ("position 4", "'L'", "looks like protein")),
        (b"MENSDLF", ("position 2", "'E'", "looks like protein")),
        (b"ACGTACGTACGTLACGTACGTACGT", ("position 13", "'L'", "Allowed are")),
        (b"<R>ACGT", ("position 1", "'<'")),
    ],
)
def test_what_is_no_base_is_named_with_its_place(text: bytes, parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        encode_bases(text, "genes.fa, record 'x'")
    check_message(caught.value, "genes.fa, record 'x'", *parts)


def test_positions_continue_from_the_first_one() -> None:
    with pytest.raises(InputError, match="position 1,005:"):
        encode_bases(b"ACGT?", "here", first_position=1001)


def test_one_typing_mistake_does_not_make_protein() -> None:
    assert not looks_like_protein(b"ACGT" * 20 + b"L")
    assert looks_like_protein(b"MSTNPKPQRKTKRNTNRRPQDVKFPGG")


def test_codes_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        encoded("ACGT")[0] = 1
