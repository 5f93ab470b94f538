import logging
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pytest
import torch
from tests.inference.models import tiny_model

from dnagpt.errors import InputError
from dnagpt.inference.generate import Continuation, Grammar, Ids, generate
from dnagpt.inference.sampling import Sampling
from dnagpt.inference.sequences import generate_sequences
from dnagpt.language.template import Rows, Template, encode_template
from dnagpt.model import DNAGPT
from dnagpt.store.weights import Absent

MODEL = tiny_model(context=40)
KMERS = tuple(MODEL.vocabulary.known_kmer_ids(2).tolist())
EVERY_KMER = Grammar(KMERS)
SAMPLINGS = [Sampling(), Sampling(temperature=0.8, top_k=5), Sampling(top_p=0.9), Sampling(temperature=0)]


def prompt(sequence: str, numbers: Sequence[float] = ()) -> Rows:
    template = "<R>{sequence}" + (f"<M>{{levels:number*{len(numbers)}}}" if numbers else "")
    record: dict[str, object] = {"sequence": sequence, "levels": list(numbers)}
    return encode_template(MODEL.vocabulary, Template.parse(template), record)


def continuations(count: int) -> list[Continuation]:
    """Prompts of four lengths, one of them with numbers, several samples each."""
    prompts = [prompt("AC"), prompt("ACGT"), prompt("GGTTAA"), prompt("GT", [0.3, 250.0])]
    return [Continuation(prompts[sample % 4], sample) for sample in range(count)]


def naive_choice(scores: dict[int, float], sampling: Sampling, uniform: float) -> int:
    """Choose by the running probability, in plain Python."""
    if sampling.temperature == 0:
        return max(scores, key=lambda token: scores[token])
    order = list(scores)
    if sampling.top_k or sampling.top_p < 1:
        order = sorted(order, key=lambda token: -scores[token])[: sampling.top_k or len(order)]
    weights = torch.tensor([scores[token] / sampling.temperature for token in order]).double().softmax(0).tolist()
    sums = list(accumulate(weights))
    kept = next((place + 1 for place, total in enumerate(sums) if total >= sampling.top_p), len(sums))
    return next(token for token, total in zip(order, sums, strict=True) if total > uniform * sums[kept - 1])


def naive(one: Continuation, grammar: Grammar, sampling: Sampling, seed: int, max_tokens: int) -> list[int]:
    """One token after the other by whole forward passes."""
    ids, numbers, is_number = one.prompt.ids.tolist(), one.prompt.numbers.tolist(), one.prompt.is_number.tolist()
    uniforms = np.random.Generator(np.random.Philox(key=[seed, 2], counter=[0, 0, 0, one.sample])).random(max_tokens)
    found: list[int] = []
    while len(found) < max_tokens and not (found and found[-1] in grammar.last):
        with torch.no_grad():
            hidden = MODEL.network(torch.tensor([ids]), torch.tensor([numbers]), torch.tensor([is_number]))
            scores = MODEL.network.token_logits(hidden[0, -1]).tolist()
        allowed = grammar.allowed if found or one.first is None else one.first
        token = naive_choice({token: scores[token] for token in allowed}, sampling, float(uniforms[len(found)]))
        found.append(token)
        ids, numbers, is_number = [*ids, token], [*numbers, 0.0], [*is_number, False]
    return found


def listed(found: Sequence[Ids]) -> list[list[int]]:
    return [ids.tolist() for ids in found]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_tokens_are_those_of_a_naive_generator(sampling: Sampling) -> None:
    asked = continuations(8)
    ending = Grammar(KMERS, frozenset(KMERS[:3]))
    found = generate(MODEL.network, asked, ending, max_tokens=12, sampling=sampling, seed=7)
    assert listed(found) == [naive(one, ending, sampling, 7, 12) for one in asked]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_batch_size_and_cache_change_nothing(sampling: Sampling) -> None:
    asked = continuations(70)
    reference = generate(MODEL.network, asked, EVERY_KMER, max_tokens=10, sampling=sampling, seed=3, batch_size=64)
    for batch_size, use_cache in ((1, True), (3, True), (64, False)):
        again = generate(
            MODEL.network, asked, EVERY_KMER, max_tokens=10, sampling=sampling, seed=3, batch_size=batch_size,
            use_cache=use_cache,
        )  # fmt: skip
        assert listed(again) == listed(reference)


def test_a_sample_depends_on_its_number_and_the_seed() -> None:
    one = prompt("ACGT")

    def found(seed: int, samples: Sequence[int]) -> list[list[int]]:
        asked = [Continuation(one, sample) for sample in samples]
        return listed(generate(MODEL.network, asked, EVERY_KMER, max_tokens=15, sampling=Sampling(), seed=seed))

    assert found(1, [4, 5, 6]) == [*found(1, [4]), *found(1, [5, 6])]
    assert len({tuple(ids) for ids in found(1, range(6)) + found(2, range(6))}) == 12


def test_the_first_token_can_be_constrained_row_by_row() -> None:
    firsts: list[tuple[int, ...] | None] = [KMERS[:2], None, KMERS[5:6]]
    asked = [Continuation(prompt("ACGT"), sample, firsts[sample % 3]) for sample in range(30)]
    found = generate(MODEL.network, asked, EVERY_KMER, max_tokens=3, sampling=Sampling(), seed=0)
    assert {int(ids[0]) for ids in found[::3]} == set(KMERS[:2])
    assert len({int(ids[0]) for ids in found[1::3]}) > 3
    assert {int(ids[0]) for ids in found[2::3]} == {KMERS[5]}


def test_only_allowed_tokens_come_and_nothing_after_the_last() -> None:
    ending = Grammar(tuple(sorted([*KMERS[:6], MODEL.vocabulary.end_id])), frozenset([MODEL.vocabulary.end_id]))
    found = generate(MODEL.network, continuations(40), ending, max_tokens=20, sampling=Sampling(), seed=1)
    ended = [MODEL.vocabulary.end_id in ids for ids in found]
    assert any(ended)
    for ids, has_end in zip(found, ended, strict=True):
        assert set(ids.tolist()) <= set(ending.allowed)
        assert ids.tolist().index(MODEL.vocabulary.end_id) == len(ids) - 1 if has_end else len(ids) == 20


def test_the_context_is_a_limit_and_can_be_slid() -> None:
    asked = [Continuation(prompt("AC" * 10), 0)]
    assert len(asked[0].prompt.ids) == 11
    full = generate(MODEL.network, asked, EVERY_KMER, max_tokens=30, sampling=Sampling(), seed=0)
    assert len(full[0]) == 30
    with pytest.raises(InputError, match="11 tokens and 31 more do not fit the model's context of 40"):
        generate(MODEL.network, asked, EVERY_KMER, max_tokens=31, sampling=Sampling(), seed=0)
    slid, uncached = (
        generate(
            MODEL.network,
            asked,
            EVERY_KMER,
            max_tokens=60,
            sampling=Sampling(),
            seed=0,
            slide=True,
            use_cache=use_cache,
        )
        for use_cache in (True, False)
    )
    assert slid[0][:30].tolist() == full[0].tolist()
    assert slid[0].tolist() == uncached[0].tolist()


def sequences(template: str, **options: int) -> list[str]:
    settings = {"count": 4, "max_tokens": 6, "seed": 1, **options}
    return generate_sequences(
        MODEL,
        template,
        count=settings["count"],
        max_tokens=settings["max_tokens"],
        sampling=Sampling(),
        seed=settings["seed"],
    )


def test_sequences_continue_the_letters_of_the_template() -> None:
    for letters in ("ACGT", "ACG", "acg"):
        found = sequences(f"<R>{letters}{{continuation?:sequence}}", count=20)
        assert all(sequence.startswith(letters.upper()) for sequence in found)
        assert {len(sequence) for sequence in found} == {2 * (len(letters) // 2) + 12}
        assert len(set(found)) == 20


def test_only_known_bases_are_written() -> None:
    assert set("".join(sequences("<R>{window?:sequence}", count=50))) == set("ACGT")


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("<R>{sequence}<=>{window?:sequence}", "gives no value for sequence"),
        ("<{species}>{window?:sequence}", "gives no value for species"),
        ("<R>ACGT<=><B>{label?:boolean}", "does not answer one sequence first"),
        ("{window?:sequence}", "nothing to predict it from"),
        ("{window?:sequence}<=>", "nothing to predict it from"),
        ("A{window?:sequence}", "nothing to predict it from"),
    ],
)
def test_templates_that_cannot_be_continued_are_refused(template: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        sequences(template)


@pytest.mark.parametrize("options", [{"count": 0}, {"max_tokens": 0}])
def test_nothing_is_not_generated(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least one"):
        sequences("<R>{window?:sequence}", **options)


def test_weights_without_a_token_head_are_refused() -> None:
    network = DNAGPT(MODEL.network.config)
    network.token_head = Absent("token_head")
    with pytest.raises(InputError, match="These weights have no token head"):
        generate(network, continuations(1), EVERY_KMER, max_tokens=2, sampling=Sampling(), seed=0)


def test_ambiguity_codes_of_a_prompt_are_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        generate_sequences(
            MODEL, "<R>ACRyGT{rest?:sequence}", count=2, max_tokens=2, sampling=Sampling(), seed=0
        )  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == [
        "2 ambiguity codes in 1 of 1 prompts are read as N: R 1, Y 1."
    ]
