import itertools
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.errors import InputError
from dnagpt.language import tokenizer
from dnagpt.language.presets import PRESETS
from dnagpt.language.tokenizer import (
    decode,
    decode_sequence,
    encode_batch,
    encode_codes,
    encode_prompt,
    encode_sequence,
)
from dnagpt.language.vocabulary import Vocabulary

VOCABULARIES = {name: Vocabulary.preset(name) for name in PRESETS}
DNA = [name for name in PRESETS if name != "protein"]
WIDE = Vocabulary(
    name="wide", alphabet="AGCT", k=8, shortest=1, reserved=("P", "&", "0", "1"), true="1", false="0", synonyms=()
)
FULL_COMPACT = Vocabulary(
    name="full", alphabet="AGCT", k=3, shortest=3, reserved=("P", "&", "0", "1"), true="1", false="0"
)


@cache
def dictionary(vocabulary: Vocabulary) -> dict[str, int]:
    lengths = range(vocabulary.shortest, vocabulary.k + 1)
    runs = [vocabulary.unknown * n for n in lengths] if vocabulary.unknown not in vocabulary.alphabet else []
    kmers = ["".join(kmer) for n in lengths for kmer in itertools.product(vocabulary.alphabet, repeat=n)]
    return {kmer: place for place, kmer in enumerate([*runs, *kmers], start=len(vocabulary.reserved))}


def normal(vocabulary: Vocabulary, sequence: str) -> str:
    """The letters as they are read."""
    table = dict(vocabulary.synonyms) | dict.fromkeys(vocabulary.ambiguous, vocabulary.unknown)
    return "".join(table.get(letter, letter) for letter in sequence.upper())


def naive_ids(vocabulary: Vocabulary, sequence: str) -> list[int]:
    text, unknown = normal(vocabulary, sequence), vocabulary.unknown
    chunks = [text[start : start + vocabulary.k] for start in range(0, len(text), vocabulary.k)]
    if unknown not in vocabulary.alphabet:
        chunks = [piece for chunk in chunks for piece in re.findall(f"{unknown}+|[^{unknown}]+", chunk)]
    return [dictionary(vocabulary)[chunk] for chunk in chunks]


def ambiguous_letters(vocabulary: Vocabulary, sequence: str) -> dict[str, int]:
    return dict(Counter(letter for letter in sequence.upper() if letter in vocabulary.ambiguous))


def letters_of(vocabulary: Vocabulary) -> str:
    extra = vocabulary.unknown + vocabulary.ambiguous + "".join(letter for letter, _ in vocabulary.synonyms)
    return vocabulary.alphabet * 4 + extra + vocabulary.alphabet.lower() + extra.lower()


def whole(vocabulary: Vocabulary, sequence: str) -> str:
    """Cut to what the vocabulary can write."""
    return sequence[: len(sequence) // vocabulary.k * vocabulary.k] if vocabulary.shortest > 1 else sequence


@st.composite
def vocabulary_and_sequence(draw: st.DrawFn) -> tuple[Vocabulary, str]:
    vocabulary = VOCABULARIES[draw(st.sampled_from(sorted(PRESETS)))]
    return vocabulary, whole(vocabulary, draw(st.text(letters_of(vocabulary), max_size=60)))


def random_sequence(rng: np.random.Generator, vocabulary: Vocabulary, length: int, *, odd: float) -> str:
    """Random letters, and the share `odd` of unknown and ambiguous ones in runs of up to ten."""
    letters = rng.choice(list(vocabulary.alphabet.replace(vocabulary.unknown, "")), size=length)
    for start in rng.integers(0, max(length, 1), size=int(length * odd / 5)):
        letters[start : start + rng.integers(1, 11)] = rng.choice(list(vocabulary.unknown * 6 + vocabulary.ambiguous))
    return "".join(letters)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that short texts cross their borders many times."""
    monkeypatch.setattr(tokenizer, "_BLOCKS", (120, 20))
    monkeypatch.setattr(tokenizer, "_BATCH_LETTERS", 1000)


@pytest.mark.parametrize(
    ("file", "preset"), [("tokenizer_dynamic.json", "released-1to6mers"), ("tokenizer_fixed.json", "released-6mers")]
)
def test_released_tokenizer_gives_the_same_ids(golden_dir: Path, file: str, preset: str) -> None:
    golden = json.loads((golden_dir / file).read_text())
    vocabulary = Vocabulary.preset(preset)
    assert (vocabulary.size, vocabulary.pad_id) == (golden["vocab_size"], golden["pad_id"])
    strict = 0
    for case in golden["cases"]:
        fallback = encode_prompt(vocabulary, case["prompt"], fallback_id=golden["unknown_id"])
        assert fallback.ids.tolist() == case["ids"]
        if all(
            len(piece) == vocabulary.k or piece[0] == "<" or preset == "released-1to6mers" for piece in case["pieces"]
        ):
            assert encode_prompt(vocabulary, case["prompt"]).ids.tolist() == case["ids"]
            assert decode(vocabulary, case["ids"]) == case["prompt"]
            strict += 1
        else:
            assert sum(fallback.ambiguous.values()) == case["ids"].count(0)
            with pytest.raises(InputError, match="too short to be a token of released-6mers"):
                encode_prompt(vocabulary, case["prompt"])
    assert strict >= 4


@given(vocabulary_and_sequence())
def test_decoding_undoes_encoding(case: tuple[Vocabulary, str]) -> None:
    vocabulary, sequence = case
    ids = encode_sequence(vocabulary, sequence).ids
    assert decode(vocabulary, ids) == decode_sequence(vocabulary, ids) == normal(vocabulary, sequence)


@given(vocabulary_and_sequence())
def test_sequence_equals_the_naive_encoder(case: tuple[Vocabulary, str]) -> None:
    vocabulary, sequence = case
    encoded = encode_sequence(vocabulary, sequence)
    assert encoded.ids.tolist() == naive_ids(vocabulary, sequence)
    assert encoded.ids.dtype == np.uint16
    assert dict(encoded.ambiguous) == ambiguous_letters(vocabulary, sequence)
    assert encode_sequence(vocabulary, sequence.encode()).ids.tolist() == encoded.ids.tolist()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("odd", [0.0, 0.01, 0.3])
@pytest.mark.usefixtures("small_blocks")
def test_long_sequence_equals_the_naive_encoder(name: str, odd: float) -> None:
    vocabulary = VOCABULARIES[name]
    text = whole(vocabulary, random_sequence(np.random.default_rng(3), vocabulary, 1500 * vocabulary.k + 2, odd=odd))
    encoded = encode_sequence(vocabulary, text)
    assert encoded.ids.tolist() == naive_ids(vocabulary, text)
    assert dict(encoded.ambiguous) == ambiguous_letters(vocabulary, text)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("odd", [0.0, 0.01, 0.3])
@pytest.mark.usefixtures("small_blocks")
def test_ragged_batch_equals_the_naive_encoder(name: str, odd: float) -> None:
    vocabulary, rng = VOCABULARIES[name], np.random.default_rng(4)
    sequences: list[str | bytes] = []
    for place, length in enumerate([0, *rng.integers(0, 40, size=300).tolist(), 3000, 0, 2000, 5, 0]):
        text = whole(vocabulary, random_sequence(rng, vocabulary, length, odd=odd))
        sequences.append(text.encode() if place % 7 == 0 else text)
    texts = [text.decode() if isinstance(text, bytes) else text for text in sequences]
    ids, offsets, ambiguous = encode_batch(vocabulary, sequences)
    expected = [naive_ids(vocabulary, text) for text in texts]
    assert offsets.dtype == np.int64
    assert np.diff(offsets).tolist() == list(map(len, expected))
    assert ids.tolist() == [token_id for row in expected for token_id in row]
    assert dict(ambiguous) == ambiguous_letters(vocabulary, "".join(texts))
    as_bytes = encode_batch(vocabulary, [text.encode() for text in texts])
    assert np.array_equal(as_bytes.ids, ids)


def test_empty_batch_and_empty_sequence() -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    assert encode_batch(vocabulary, []).offsets.tolist() == [0]
    assert encode_batch(vocabulary, ["", ""]).offsets.tolist() == [0, 0, 0]
    assert encode_sequence(vocabulary, "").ids.dtype == encode_batch(vocabulary, []).ids.dtype == np.uint16


@pytest.mark.parametrize("name", DNA)
@pytest.mark.parametrize("unknown", [0.0, 0.2])
@pytest.mark.parametrize("length", [0, 1, 12, 600, 3072, 10_003])
def test_base_codes_equal_their_letters(name: str, unknown: float, length: int) -> None:
    vocabulary, rng = VOCABULARIES[name], np.random.default_rng(5)
    length = length // 6 * 6 if vocabulary.shortest > 1 else length
    codes = rng.integers(1, 5, size=length, dtype=np.uint8)
    codes[rng.random(length) < unknown] = 0
    text = "".join("NAGCT"[code] for code in codes)
    codes[rng.random(length) < 0.5] |= 0x80
    assert encode_codes(vocabulary, codes).tolist() == encode_sequence(vocabulary, text).ids.tolist()
    assert encode_codes(vocabulary, codes[::-1]).tolist() == encode_sequence(vocabulary, text[::-1]).ids.tolist()


def test_wide_vocabulary_has_32_bit_ids() -> None:
    text = random_sequence(np.random.default_rng(6), WIDE, 10_001, odd=0.01)
    ids = encode_sequence(WIDE, text).ids
    assert ids.dtype == encode_batch(WIDE, [text]).ids.dtype == encode_prompt(WIDE, text).ids.dtype == np.uint32
    assert ids.tolist() == naive_ids(WIDE, text)


def test_unknown_runs_keep_the_frame() -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    ids = encode_sequence(vocabulary, "ANNGTTTTNNNNNC").ids
    assert [vocabulary.token(token_id) for token_id in ids] == ["A", "NN", "G", "TTTT", "NNNN", "N", "C"]


def test_case_and_synonyms_are_not_reported_but_ambiguity_is() -> None:
    vocabulary = VOCABULARIES["released-1to6mers"]
    encoded = encode_sequence(vocabulary, "acguRrYn")
    assert decode(vocabulary, encoded.ids) == "ACGTNNNN"
    assert encoded.ambiguous == {"R": 2, "Y": 1}
    prompt = encode_prompt(vocabulary, "<R>ACr<+>RS")
    assert decode(vocabulary, prompt.ids) == "<R>ACN<+>NN"
    assert prompt.ambiguous == {"R": 2, "S": 1}


def test_rna_and_protein() -> None:
    assert decode(VOCABULARIES["rna"], encode_sequence(VOCABULARIES["rna"], "ACGTacgu").ids) == "ACGUACGU"
    protein = encode_sequence(VOCABULARIES["protein"], "MKBXZW")
    assert decode(VOCABULARIES["protein"], protein.ids) == "MKXXXW"
    assert protein.ambiguous == {"B": 1, "Z": 1}


@given(st.lists(st.sampled_from(["<R>", "<=>", "<0>", "ACGTACGTA", "NNN", "T"]), max_size=12))
def test_prompt_is_the_naive_encoding_of_each_stretch(parts: list[str]) -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    prompt = "".join(parts)
    expected: list[int] = []
    for part in re.findall(r"<.>|[^<>]+", prompt):
        expected += [vocabulary.id_of(part)] if part[0] == "<" else naive_ids(vocabulary, part)
    assert encode_prompt(vocabulary, prompt).ids.tolist() == expected
    assert decode(vocabulary, expected) == prompt


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("<R>ACGT<J>", r"p, position 8: <J> is not a reserved token .* It has <0> <1>"),
        ("<R>ACGT<>", "p, position 8: <> is not a reserved token"),
        ("<R>ACGT<r>", "p, position 8: <r> is not a reserved token"),
        ("<R>ACGT<=", "p, position 8: the bracket '<' has no partner"),
        ("<R>ACGT>", "p, position 8: the bracket '>' has no partner"),
        ("<R>ACGT AC", "p, position 8: ' ' cannot be read"),
        ("<R>ACGT\n", r"p, position 8: '\\n' cannot be read"),
        ("<R>AC*", r"p, position 6: '\*' cannot be read. The vocabulary dna-4mers reads AGCTN, U as T"),
        ("<R>ACé", "p, position 6: 'é' cannot be read"),
        ("<R>AC雪", "p, position 6: '雪' is not a letter"),
        ("<R>AC\0", r"p, position 6: '\\x00' cannot be read"),
    ],
)
def test_bad_prompt_names_position_and_text(prompt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode_prompt(VOCABULARIES["dna-4mers"], prompt, where="p")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("position", [0, 1, 119, 120, 719, 720, 899])
@pytest.mark.usefixtures("small_blocks")
def test_bad_letter_is_found_anywhere(name: str, position: int) -> None:
    vocabulary = VOCABULARIES[name]
    letters = bytearray(vocabulary.alphabet[1:2].encode() * 900)
    letters[position] = ord("?")
    message = f"chr1, position {position + 1}: '\\?' cannot be read"
    with pytest.raises(InputError, match=message):
        encode_sequence(vocabulary, bytes(letters), where="chr1")
    batch = [letters[:6].replace(b"?", b"A").decode(), letters.decode()]
    with pytest.raises(InputError, match=message.replace("chr1", "sequence 2")):
        encode_batch(vocabulary, batch)
    with pytest.raises(InputError, match=message):
        encode_batch(vocabulary, batch, names=["chr0", "chr1"])


def test_bad_letter_in_a_batch_names_its_sequence() -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    for bad, shown in (("AC-", "'-' cannot be read"), ("AC雪", "'雪' is not a letter")):
        with pytest.raises(InputError, match=f"t.csv, row 3, position 3: {shown}"):
            encode_batch(vocabulary, ["ACG", "", bad, "ACGT"], where="t.csv, row")


def test_tail_that_cannot_be_written_names_place_and_remedy() -> None:
    vocabulary = VOCABULARIES["released-6mers"]
    remedy = "Cut or pad the sequence to a multiple of 6 letters"
    with pytest.raises(InputError, match=f"s, position 13: the piece 'GT' is too short .*{remedy}"):
        encode_sequence(vocabulary, "ACGTAC" * 2 + "GT", where="s")
    with pytest.raises(InputError, match=f"sequence 2, position 7: the piece 'A' is too short .*{remedy}"):
        encode_batch(vocabulary, ["ACGTAC", "ACGTACA"])
    with pytest.raises(InputError, match="window, position 1: the piece 'NA'"):
        encode_codes(vocabulary, np.array([0, 1], dtype=np.uint8))
    with pytest.raises(InputError, match="sequence, position 4: the piece 'A' is too short to be a token of full"):
        encode_sequence(FULL_COMPACT, "ACGANN")
    assert encode_sequence(FULL_COMPACT, "ACGNNN").ids.tolist() == [5 + 8 + 1, 4]


def test_bad_codes_are_refused() -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    with pytest.raises(InputError, match="w, position 3: 5 is not a base code"):
        encode_codes(vocabulary, np.array([1, 2, 5], dtype=np.uint8), where="w")
    for codes in (np.array([1, 2]), np.zeros((2, 2), dtype=np.uint8)):
        with pytest.raises(InputError, match="one row of uint8"):
            encode_codes(vocabulary, codes)
    with pytest.raises(InputError, match=r"protein .* need a DNA or RNA vocabulary"):
        encode_codes(VOCABULARIES["protein"], np.array([1], dtype=np.uint8))


def test_fallback_is_exact_and_counted() -> None:
    encoded = encode_prompt(VOCABULARIES["released-1to6mers"], "<R>acgtacACGTAC<=>acg", fallback_id=0)
    assert encoded.ids.tolist() == [21, 0, 9297, 14, 0]
    assert encoded.ambiguous == {"acgtac": 1, "acg": 1}


def test_decoding_refuses_what_is_no_id_or_no_sequence() -> None:
    vocabulary = VOCABULARIES["dna-4mers"]
    with pytest.raises(InputError, match="378 is not an id"):
        decode(vocabulary, [0, 378])
    with pytest.raises(InputError, match="Token 2 of 3 is <=>, which is no part of a sequence"):
        decode_sequence(vocabulary, [40, 14, 40])
    assert decode(vocabulary, []) == ""
