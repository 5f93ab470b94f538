import logging
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from dnagpt.errors import InputError
from dnagpt.hf import DNAGPTTokenizer
from dnagpt.language.tokenizer import decode, encode_prompt
from dnagpt.language.vocabulary import Vocabulary

NAMES = ["released-1to6mers", "released-6mers", "dna-3mers", "dna-6mers", "rna", "protein"]
STRAY = [
    "<r>",
    "<J>",
    "<>",
    "<",
    ">",
    "<R",
    "<<R>>",
    " ",
    "\n",
    "\t",
    "-",
    "*",
    "?",
    "1",
    "\0",
    "\u00e9",
    "\u017f",
    "\u0131",
    "\u96ea",
    "\uff41",
]


@cache
def tokenizer_of(name: str) -> DNAGPTTokenizer:
    path = Path(mkdtemp()) / "vocabulary.json"
    path.write_text(Vocabulary.preset(name).to_json())
    return DNAGPTTokenizer(str(path))


def outcome(encode: Callable[[str], list[int]], prompt: str) -> list[int] | str:
    """The ids, or the sentence that refuses the text."""
    try:
        return encode(prompt)
    except InputError as refusal:
        return str(refusal)


@st.composite
def prompts(draw: st.DrawFn, *, stray: bool) -> tuple[str, str]:
    """A vocabulary, and a prompt in either case, of letters, synonyms, ambiguity codes, runs and reserved tokens."""
    name = draw(st.sampled_from(NAMES))
    vocabulary = Vocabulary.preset(name)
    letters = (
        vocabulary.alphabet + vocabulary.unknown + vocabulary.ambiguous + "".join(s for s, _ in vocabulary.synonyms)
    )
    stretch = st.text(letters + letters.lower(), max_size=20)
    runs = st.integers(1, 15).map(lambda length: vocabulary.unknown * length)
    if vocabulary.shortest > 1 and not stray:
        whole = st.text(letters + letters.lower(), min_size=vocabulary.k, max_size=vocabulary.k)
        stretch = st.lists(whole, max_size=4).map("".join)
        runs = st.just(vocabulary.unknown * vocabulary.k)
    reserved = st.sampled_from([f"<{token}>" for token in vocabulary.reserved])
    parts = [stretch, runs, reserved, *([st.sampled_from(STRAY), st.text(max_size=4)] if stray else [])]
    return name, "".join(draw(st.lists(st.one_of(parts), max_size=8)))


@given(prompts(stray=False))
def test_ids_offsets_and_text_are_ours(case: tuple[str, str]) -> None:
    name, prompt = case
    vocabulary, tokenizer = Vocabulary.preset(name), tokenizer_of(name)
    ids = encode_prompt(vocabulary, prompt).ids.tolist()
    found = tokenizer(prompt, return_offsets_mapping=True)
    assert found["input_ids"] == ids
    ends = list(accumulate(len(vocabulary.token(token_id)) for token_id in ids))
    assert found["offset_mapping"] == list(zip([0, *ends], ends, strict=False))
    assert tokenizer.decode(ids) == decode(vocabulary, ids)
    assert tokenizer(tokenizer.decode(ids))["input_ids"] == ids


@given(prompts(stray=True))
def test_what_ours_refuses_is_refused_with_the_same_sentence(case: tuple[str, str]) -> None:
    name, prompt = case
    vocabulary, tokenizer = Vocabulary.preset(name), tokenizer_of(name)
    ours = outcome(lambda text: encode_prompt(vocabulary, text, where="text 1").ids.tolist(), prompt)
    assert outcome(lambda text: tokenizer(text)["input_ids"], prompt) == ours
    if isinstance(ours, str):
        with pytest.raises(Exception, match="UNK"):
            tokenizer.backend_tokenizer.encode(prompt)


@pytest.mark.parametrize("name", NAMES)
def test_every_token_has_our_id(name: str) -> None:
    vocabulary, tokenizer = Vocabulary.preset(name), tokenizer_of(name)
    assert len(tokenizer) == vocabulary.size
    assert tokenizer.get_vocab() == {vocabulary.token(token_id): token_id for token_id in range(vocabulary.size)}
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (vocabulary.pad_id, vocabulary.end_id)


def test_a_batch_is_filled_at_the_left_and_a_bad_text_is_named() -> None:
    tokenizer = tokenizer_of("dna-3mers")
    batch = tokenizer(["<R>ACG", "ACGTACGTA"], padding=True)
    assert batch["attention_mask"] == [[0, 1, 1], [1, 1, 1]]
    assert batch["input_ids"][0][0] == tokenizer.pad_token_id
    with pytest.raises(InputError, match=r"text 2, position 3: '-' cannot be read"):
        tokenizer(["ACG", "AC-"])


def test_ambiguity_codes_are_counted_and_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "vocabulary.json").write_text(Vocabulary.preset("dna-3mers").to_json())
    tokenizer = DNAGPTTokenizer(str(tmp_path / "vocabulary.json"))
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        for texts in (["ACG", "<R>acg"], ["<R>ACRrY", "<W>acg"], ["ACW"]):
            tokenizer(texts)
    assert [record.getMessage() for record in caplog.records] == [
        "3 ambiguity codes in 1 of 2 texts are read as N: R 2, Y 1. (Further ones are not reported.)"
    ]


def test_the_folder_s_tokenizer_is_found_saved_and_found_again(folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, DNAGPTTokenizer)
    tokenizer.save_pretrained(tmp_path)
    assert (tmp_path / "vocabulary.json").read_text() == (folder / "vocabulary.json").read_text()
    again = DNAGPTTokenizer.from_pretrained(tmp_path)
    assert again("<R>ACGTNNa<=>")["input_ids"] == tokenizer("<R>ACGTNNa<=>")["input_ids"]
