"""Attention of an answer, beside the whole matrix of attention worked out step by step."""

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import pytest
import torch
from tests.inference.models import TASKS, random_records, tiny_model

from dnagpt.errors import InputError
from dnagpt.inference import attention
from dnagpt.inference.attention import attention_profile
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.model.layers import Block
from dnagpt.store.model import Model
from dnagpt.tasks import Task

MODEL = tiny_model()
RECORDS = random_records(9)
CLASSES = ["signal" if place % 3 else "other" for place in range(len(RECORDS))]


def whole_attention(model: Model, task: Task, record: Mapping[str, object]) -> np.ndarray:
    """The attention of every position to every other, (layers, L, L), heads averaged; rotation by complex numbers."""
    rows = task.rows(model.vocabulary, record, prompt_only=True)
    network, length = model.network, len(rows.ids)
    found = []
    with torch.no_grad():
        x = network.token_embedding(torch.from_numpy(rows.ids.astype(np.int64)))
        numbers = network.number_embedding(torch.from_numpy(rows.numbers)[None])[0]
        x = torch.where(torch.from_numpy(rows.is_number)[:, None], numbers, x)
        if network.position_embedding is not None:
            x = x + network.position_embedding.weight[:length]
        x = x.double()
        for block in deepcopy(network.blocks).double():
            assert isinstance(block, Block)
            q, k, v = block.attention.qkv(block.attention_norm(x)).chunk(3, dim=-1)
            heads = network.config.heads
            q, k, v = (part.reshape(length, heads, -1).transpose(0, 1) for part in (q, k, v))
            if network.rotary is not None:
                q, k = rotated(q), rotated(k)
            scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
            weights = scores.masked_fill(~torch.ones(length, length, dtype=torch.bool).tril(), -torch.inf).softmax(-1)
            found.append(weights.mean(dim=0).numpy())
            x = x + block.attention.output((weights @ v).transpose(0, 1).reshape(length, -1))
            x = x + block.mlp_out(torch.nn.functional.gelu(block.mlp_in(block.mlp_norm(x)), approximate="tanh"))
    return np.stack(found)


def rotated(vectors: torch.Tensor) -> torch.Tensor:
    half = vectors.shape[-1] // 2
    angles = torch.outer(torch.arange(vectors.shape[1]).double(), 10_000.0 ** (-torch.arange(half).double() / half))
    turned = torch.complex(vectors[..., :half], vectors[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((turned.real, turned.imag), dim=-1)


def on_bases(model: Model, weights: np.ndarray, sequence: str) -> list[float]:
    """Spread the attention of the k-mers, which stand behind one reserved token, over their bases."""
    k = model.vocabulary.k
    kmers = [sequence[start : start + k] for start in range(0, len(sequence), k)]
    return [weights[1 + place] / len(kmer) for place, kmer in enumerate(kmers) for _ in kmer]


def learned_positions() -> Model:
    config = ModelConfig(
        vocabulary_size=MODEL.vocabulary.size, context=64, layers=3, heads=2, width=16,
        positions="learned", number_embedding="released",
    )  # fmt: skip
    network = DNAGPT(config)
    generator = torch.Generator().manual_seed(1)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.4, generator=generator)
    return Model(network.eval(), MODEL.vocabulary, TASKS, {})


@pytest.mark.parametrize("model", [MODEL, learned_positions()], ids=["rotary", "learned"])
@pytest.mark.parametrize(("name", "layer"), [("signal", -1), ("signal", 0), ("level", None)])
def test_equals_the_last_row_of_the_whole_matrix(model: Model, name: str, layer: int | None) -> None:
    task = TASKS[name]
    found = attention_profile(model, task, RECORDS, CLASSES, layer=layer)
    longest = max(len(str(record["sequence"])) for record in RECORDS)
    rows: dict[str, list[list[float]]] = {"signal": [], "other": []}
    for record, label in zip(RECORDS, CLASSES, strict=True):
        matrices = whole_attention(model, task, record)
        weights = matrices.mean(axis=0)[-1] if layer is None else matrices[layer][-1]
        rows[label].append(on_bases(model, weights, str(record["sequence"])))
    for label, profiles in rows.items():
        filled = np.array([profile + [np.nan] * (longest - len(profile)) for profile in profiles])
        reached = ~np.isnan(filled).all(axis=0)
        np.testing.assert_allclose(
            found.attention[label][reached], np.nanmean(filled[:, reached], axis=0), rtol=2e-4, atol=1e-7
        )
        assert np.isnan(found.attention[label][~reached]).all()
        assert found.elsewhere[label] == pytest.approx(1 - np.nansum(filled) / len(profiles), rel=1e-4)
        assert found.counts[label] == len(profiles)


def test_a_network_that_looks_nowhere_looks_everywhere_alike() -> None:
    """By hand: <R> AC GT A <=> <B> are six positions, each a sixth; AC's sixth is shared by its two bases."""
    model = tiny_model()
    for block in model.network.blocks:
        assert isinstance(block, Block)
        torch.nn.init.zeros_(block.attention.qkv.weight)
    found = attention_profile(model, TASKS["signal"], [{"sequence": "ACGTA"}], ["x"])
    assert found.field == "sequence"
    assert found.attention["x"] == pytest.approx([1 / 12] * 4 + [1 / 6])
    assert found.elsewhere["x"] == pytest.approx(0.5)


def test_batches_do_not_change_it_and_progress_counts_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    together = attention_profile(MODEL, TASKS["level"], RECORDS, CLASSES, done=counted.append)
    assert sum(counted) == len(RECORDS)
    monkeypatch.setattr(attention, "TOKENS_AT_ONCE", 1)
    alone = attention_profile(MODEL, TASKS["level"], RECORDS, CLASSES)
    for label, profile in together.attention.items():
        np.testing.assert_allclose(profile, alone.attention[label], rtol=1e-4, atol=1e-7)


def test_of_a_pair_the_named_sequence_is_looked_at() -> None:
    task = Task("pair", Template.parse("<R>{one:sequence}<+>{two:sequence}<=><B>{label?:boolean}"))
    records = [{"one": "ACGT", "two": "GGGTTTA"}]
    first, second = (attention_profile(MODEL, task, records, ["x"], field=name) for name in (None, "two"))
    assert (first.field, second.field) == ("one", "two")
    weights = whole_attention(MODEL, task, records[0])[-1][-1]  # <R> AC GT <+> GG GT TT A <=> <B>
    assert first.attention["x"] == pytest.approx(np.repeat(weights[1:3], 2) / 2, rel=1e-4)
    assert second.attention["x"] == pytest.approx([*np.repeat(weights[4:7] / 2, 2), weights[7]], rel=1e-4)


@pytest.mark.parametrize("name", ["dna-3mers", "released-1to6mers", "released-6mers"])
def test_bases_of_tokens_are_the_letters_they_are_written_with(name: str) -> None:
    vocabulary = Vocabulary.preset(name)
    written = [len(vocabulary.token(number)) for number in range(len(vocabulary.reserved), vocabulary.size)]
    found = attention._bases_of_tokens(vocabulary)
    assert found[len(vocabulary.reserved) :].tolist() == written
    assert not found[: len(vocabulary.reserved)].any()


def test_the_network_is_left_as_it_was() -> None:
    model = tiny_model()
    model.network.train()
    attention_profile(model, TASKS["signal"], RECORDS[:2], ["x", "y"], layer=None)
    assert model.network.training
    assert not any(module._forward_pre_hooks for module in model.network.modules())


def test_no_records_give_no_profile() -> None:
    assert attention_profile(MODEL, TASKS["signal"], [], []).attention == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": 2}, "no layer 2: the model has 2, 0 to 1"),
        ({"classes": ["x"]}, "2 records need as many classes, got 1"),
        ({"field": "half_life"}, "is given no sequence called half_life; it has sequence"),
        ({"task": TASKS["pretraining"]}, "is given no sequence; it has none"),
        ({"records": [{"sequence": "ACGT"}, {"sequence": "ACGT" * 50}]}, "record 2: 103 tokens are more"),
    ],
)
def test_what_cannot_be_looked_at_is_said(change: dict, words: str) -> None:
    asked = {"task": TASKS["signal"], "records": RECORDS[:2], "classes": ["x", "y"], **change}
    with pytest.raises(InputError, match=words):
        attention_profile(MODEL, **asked)
