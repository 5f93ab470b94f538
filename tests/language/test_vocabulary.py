import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.errors import InputError
from dnagpt.language.presets import PRESETS
from dnagpt.language.vocabulary import MOST_TOKENS, Vocabulary

ALL = [pytest.param(Vocabulary.preset(name), id=name) for name in PRESETS]


def small(**changes: Any) -> Vocabulary:
    fields = {"name": "mine", "alphabet": "AGCT", "k": 2, "shortest": 1, "reserved": ("P", "&", "0", "1", "R")}
    return Vocabulary(**{**fields, **changes})


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("released-1to6mers", 34 + 19_530),
        ("released-6mers", 34 + 5**6),
        ("dna-1mers", 34 + 1 + 4),
        ("dna-4mers", 34 + 4 + 4 + 16 + 64 + 256),
        ("dna-6mers", 34 + 6 + 5460),
        ("rna", 34 + 19_530),
        ("protein", 34 + 1 + 20),
    ],
)
def test_sizes(name: str, size: int) -> None:
    assert Vocabulary.preset(name).size == size


@pytest.mark.parametrize("vocabulary", ALL)
def test_ids_run_reserved_then_unknown_runs_then_kmers_in_product_order(vocabulary: Vocabulary) -> None:
    lengths = range(vocabulary.shortest, vocabulary.k + 1)
    expected = [f"<{token}>" for token in vocabulary.reserved]
    if vocabulary.unknown not in vocabulary.alphabet:
        expected += [vocabulary.unknown * length for length in lengths]
    for length in lengths:
        expected += map("".join, itertools.product(vocabulary.alphabet, repeat=length))
    assert [vocabulary.token(token_id) for token_id in range(vocabulary.size)] == expected
    assert [vocabulary.id_of(token) for token in expected] == list(range(vocabulary.size))


@pytest.mark.parametrize("vocabulary", ALL)
def test_kmers_of_each_length_are_told_apart(vocabulary: Vocabulary) -> None:
    runs = vocabulary.unknown_run_ids()
    assert {vocabulary.token(token_id) for token_id in runs} <= {vocabulary.unknown * n for n in range(1, 7)}
    for length in range(vocabulary.shortest, vocabulary.k + 1):
        ids = vocabulary.kmer_ids(length)
        assert {len(vocabulary.token(token_id)) for token_id in (ids[0], ids[-1])} == {length}
        known = [token_id for token_id in ids if vocabulary.unknown not in vocabulary.token(token_id)]
        assert vocabulary.known_kmer_ids(length).tolist() == known


def test_released_ids() -> None:
    released, fixed = Vocabulary.preset("released-1to6mers"), Vocabulary.preset("released-6mers")
    assert (released.id_of("<+>"), released.id_of("<=>"), released.id_of("<M>"), released.id_of("<B>")) == (
        10,
        14,
        18,
        19,
    )
    assert (released.pad_id, released.id_of("<R>"), released.id_of("N"), released.id_of("A")) == (20, 21, 34, 35)
    assert (released.id_of("NNNNNN"), released.id_of("TTTTTT")) == (3939, 19_563)
    assert (fixed.id_of("NNNNNN"), fixed.id_of("TTTTTT")) == (34, 15_658)
    assert (released.true_id, released.false_id) == (34, 35)
    assert (fixed.true_id, fixed.false_id) == (1, 0)


def test_rna_keeps_the_released_ids_and_writes_u() -> None:
    rna, dna = Vocabulary.preset("rna"), Vocabulary.preset("released-1to6mers")
    assert [rna.token(n).replace("U", "T") for n in range(34, rna.size, 97)] == [
        dna.token(n) for n in range(34, rna.size, 97)
    ]


def test_choices_take_reserved_tokens_but_pad_and_end_and_then_kmers() -> None:
    vocabulary = small()
    assert vocabulary.choice_ids(3) == (2, 3, 4)
    kmers = vocabulary.size - vocabulary.first_kmer_id
    assert vocabulary.choice_ids(5)[3:] == (vocabulary.first_kmer_id, vocabulary.first_kmer_id + 1)
    assert vocabulary.choice_ids(3 + kmers)[-1] == vocabulary.size - 1
    for count in (0, 4 + kmers):
        with pytest.raises(InputError, match=f"has 3 reserved tokens and {kmers} k-mers .* Give 1 to {3 + kmers} "):
            vocabulary.choice_ids(count)


@pytest.mark.parametrize("vocabulary", ALL)
def test_json_gives_the_same_vocabulary(vocabulary: Vocabulary) -> None:
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("<J>", "<J> is not a reserved token .* It has <0> <1>"),
        ("ACGTACG", "'ACGTACG' is not"),
        ("", "''"),
        ("acgt", "'acgt' is not"),
    ],
)
def test_unknown_token_is_refused(token: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Vocabulary.preset("released-1to6mers").id_of(token)


def test_ids_and_lengths_outside_are_refused() -> None:
    vocabulary = Vocabulary.preset("dna-4mers")
    for token_id in (-1, 378):
        with pytest.raises(InputError, match=f"{token_id} is not an id .* 0 to 377"):
            vocabulary.token(token_id)
    for length in (0, 5):
        with pytest.raises(InputError, match=f"no k-mers of {length} letters"):
            vocabulary.kmer_ids(length)
    with pytest.raises(InputError, match=r"no vocabulary 'dna-7mers'.*dna-6mers"):
        Vocabulary.preset("dna-7mers")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alphabet": "AGCA"}, "the letter A stands twice"),
        ({"alphabet": "AGCt"}, "'t' cannot be a letter"),
        ({"alphabet": "A"}, "two letters or more"),
        ({"alphabet": "AGCTN", "unknown": "CT"}, "'CT' cannot be a letter"),
        ({"unknown": ""}, "'' cannot be a letter"),
        ({"ambiguous": "RA"}, "the letter A stands twice"),
        ({"synonyms": (("U", "Z"),)}, "U is read as Z, which is not in the alphabet"),
        ({"synonyms": (("N", "A"),)}, "the letter N stands twice"),
        ({"k": 0}, "k-mers of 1 to 0 letters"),
        ({"shortest": 0}, "k-mers of 0 to 2 letters"),
        ({"k": 12}, "more than 10,000,000 tokens"),
        ({"k": 10**9, "shortest": 10**9}, "more than 10,000,000 tokens"),
        ({"reserved": ("P", "&", "P", "0", "1")}, "<P> stands twice"),
        ({"reserved": ("P", "&", "a b", "0", "1")}, "'a b' cannot be a reserved token"),
        ({"reserved": ("P", "&", "<R>", "0", "1")}, "'<R>' cannot be a reserved token"),
        ({"reserved": ("P", "&", "", "0", "1")}, "'' cannot be a reserved token"),
        ({"pad": "Q"}, "the pad token <Q> is not among the reserved tokens"),
        ({"end": "Q"}, "the end token <Q>"),
        ({"end": "P"}, "'P' cannot have two of the roles"),
        ({"shortest": 2}, "the true token 'N' is neither reserved nor one of its k-mers of 2 letters"),
        ({"true": "A"}, "'A' cannot have two of the roles"),
    ],
)
def test_inconsistent_vocabulary_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"Vocabulary 'mine': .*{message}"):
        small(**changes)


def test_largest_vocabulary_is_bounded() -> None:
    assert small(k=11).size < MOST_TOKENS
    assert small(k=11).token(small(k=11).size - 1) == "T" * 11


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "'colour' is not known"),
        ({"k": None}, "k is 'None', but should be a whole number"),
        ({"k": True}, "k is 'True'"),
        ({"k": 3}, "size is 27, but .* make 92 tokens"),
        ({"size": 28}, "size is 28"),
        ({"size": "many"}, "size is many"),
        ({"format": 2}, "format is not known"),
        ({"reserved": "P&01R"}, "reserved is 'P&01R', but should be a list of texts"),
        ({"reserved": [1, 2]}, "should be a list of texts"),
        ({"synonyms": [["U"]]}, "should be a list of pairs"),
        ({"alphabet": "A" * 1001}, "at most 1,000 characters"),
        ({"name": 7}, "name is '7'"),
    ],
)
def test_changed_json_is_refused(changes: dict[str, Any], message: str) -> None:
    content = json.loads(small().to_json()) | changes
    with pytest.raises(InputError, match=message):
        Vocabulary.from_json(json.dumps(content), where="here.json")


@pytest.mark.parametrize("key", ["k", "size", "format", "unknown"])
def test_missing_key_is_refused(key: str) -> None:
    content = json.loads(small().to_json())
    del content[key]
    with pytest.raises(InputError, match=f"here.json: the key '{key}' is missing"):
        Vocabulary.from_json(json.dumps(content), where="here.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[]", "does not hold a JSON object"),
        ("[" * 100_000, "is not JSON"),
        ('{"k": 1, "k": 2}', "'k' stands twice"),
        ('{"k": ' + "9" * 5000 + "}", "is not JSON"),
    ],
)
def test_text_that_is_no_vocabulary_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Vocabulary.from_json(text)


@given(st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_vocabulary_or_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        Vocabulary.from_json(text)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"k": 200_000}, "k = 200,000 makes more than 10,000,000 tokens"),
        ({"k": 10**18, "shortest": 10**18}, "makes more than 10,000,000 tokens"),
        ({"true": "A" * 1000, "k": 10**9}, "makes more than 10,000,000 tokens"),
        ({"synonyms": [["U", "T"]] * 200_000}, "the letter U stands twice"),
        ({"ambiguous": "R" * 1000}, "the letter R stands twice"),
        ({"reserved": ["P", "&", *map(str, range(300_000)), "7"]}, "the reserved token <7> stands twice"),
    ],
)
def test_claims_without_end_are_refused_before_anything_is_counted_out(changes: dict[str, Any], part: str) -> None:
    content = {**json.loads(small().to_json()), **changes}
    with pytest.raises(InputError, match=part):
        Vocabulary.from_json(json.dumps(content))
