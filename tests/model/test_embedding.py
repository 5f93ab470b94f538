"""The embedding in which overlapping k-mers share one table, held to its description on strings."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.networks import tiny_network

from dnagpt.language.tokenizer import encode_sequence
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import KeyValueCache, KmerTable, ModelConfig
from dnagpt.model.embedding import TokenEmbedding
from dnagpt.store.model import kmer_table

WIDTH = 8


def table_of(vocabulary: Vocabulary) -> KmerTable:
    return kmer_table(vocabulary)


def embedding_for(vocabulary: Vocabulary) -> TokenEmbedding:
    torch.manual_seed(5)
    return TokenEmbedding(vocabulary.size, WIDTH, table_of(vocabulary))


@given(st.text("ACGT", min_size=6, max_size=40), st.sampled_from(["dna-2mers", "dna-3mers", "released-6mers"]))
@settings(max_examples=40, deadline=None)
def test_a_kmer_is_read_with_all_kmers_that_end_within_it(letters: str, preset: str) -> None:
    vocabulary = Vocabulary.preset(preset)
    k = vocabulary.k
    letters = letters[: len(letters) // k * k]
    embedding = embedding_for(vocabulary)
    vectors = embedding(torch.from_numpy(encode_sequence(vocabulary, letters).ids.astype(np.int64))[None])[0]
    torch.testing.assert_close(vectors[0], embedding.weight[vocabulary.id_of(letters[:k])])
    for place, start in enumerate(range(k, len(letters), k), start=1):
        kmers = [
            vocabulary.id_of(letters[end - length : end])
            for end in range(start + 1, start + k + 1)
            for length in range(vocabulary.shortest, k + 1)
        ]
        expected = embedding.weight[kmers].sum(dim=0) / k**0.5
        torch.testing.assert_close(vectors[place], expected, atol=1e-5, rtol=1e-5)


def test_what_is_no_whole_kmer_is_read_by_itself() -> None:
    vocabulary = Vocabulary.preset("dna-3mers")
    embedding = embedding_for(vocabulary)
    tokens = ["<R>", "ACG", "TA", "ACG", "NNN", "ACG", "<=>"]
    ids = torch.tensor([[vocabulary.id_of(token) for token in tokens]])
    torch.testing.assert_close(embedding(ids)[0], embedding.weight[ids[0]], atol=0, rtol=0)


def test_gradients_reach_every_overlapping_kmer() -> None:
    vocabulary = Vocabulary.preset("dna-3mers")
    embedding = embedding_for(vocabulary)
    embedding(torch.from_numpy(encode_sequence(vocabulary, "ACGTAC").ids.astype(np.int64))[None]).sum().backward()
    assert embedding.weight.grad is not None
    touched = {vocabulary.token(int(place)) for place in embedding.weight.grad.abs().sum(dim=1).nonzero()}
    assert touched == {"ACG", "CGT", "GTA", "TAC", "GT", "TA", "AC", "T", "A", "C"}


@pytest.mark.parametrize("steps", [[1] * 12, [5, 1, 6], [12]])
def test_cached_reading_looks_at_the_token_before(steps: list[int]) -> None:
    network = tiny_network(overlapping=KmerTable(first_id=5, letters=2, shortest=4, length=4))
    ids = torch.randint(3, 41, (4, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain = network(ids)
        cache = KeyValueCache(network.config, 2, 12, dtype=torch.float32)
        start = 0
        cache.keep(torch.tensor([0, 1]))
        for step in steps:
            part = network(ids[:2, start : start + step], past=cache)
            torch.testing.assert_close(part, plain[:2, start : start + step], atol=1e-5, rtol=1e-5)
            start += step
        cache.repeat(2)
        assert cache.last_ids_B1 is not None
        assert cache.last_ids_B1.tolist() == [[row[-1]] for row in ids[[0, 0, 1, 1]].tolist()]


def test_later_tokens_change_no_earlier_vector() -> None:
    network = tiny_network(overlapping=KmerTable(first_id=5, letters=4, shortest=1, length=2))
    ids = torch.randint(9, 25, (1, 10), generator=torch.Generator().manual_seed(2))
    for changed, other in itertools.product((3, 9), (9, 24)):
        altered = ids.clone()
        altered[0, changed] = other
        with torch.no_grad():
            before, after = network(ids), network(altered)
        torch.testing.assert_close(after[:, :changed], before[:, :changed], atol=0, rtol=0)


def test_more_kmers_than_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="no more than 41 tokens"):
        ModelConfig(
            vocabulary_size=41,
            context=8,
            layers=1,
            heads=1,
            width=8,
            overlapping=KmerTable(first_id=5, letters=4, shortest=3, length=3),
        )
