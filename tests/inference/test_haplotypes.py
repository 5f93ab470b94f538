from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.tasks.languages import a_task

import dnagpt.inference.haplotypes as haplotypes_module
from dnagpt.data.batches import collate
from dnagpt.errors import InputError
from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.haplotypes import GeneratedHaplotypes, generate_haplotypes, shared_out
from dnagpt.inference.sampling import Sampling
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig, PanelShape
from dnagpt.store.model import Model
from dnagpt.tasks import HaplotypeLanguage, Task
from dnagpt.tasks.pretraining import pretraining_task

SAMPLINGS = [Sampling(), Sampling(temperature=0.7, top_k=3), Sampling(top_p=0.8), Sampling(temperature=0)]


def a_model(
    task: Task, vocabulary: str = "dna-2mers", *, context: int = 64, spread: float = 0.3, **options: Any
) -> Model:
    """A network of random weights whose choices depend on all that stands before."""
    words, language = Vocabulary.preset(vocabulary), language_of(task)
    shape = PanelShape(places=len(language.tokens(words)), sites=words.k) if options.pop("panel", False) else None
    config = ModelConfig(vocabulary_size=words.size, context=context, layers=2, heads=2, width=16, panel=shape)
    network = DNAGPT(config)
    generator = torch.Generator().manual_seed(5)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=spread, generator=generator)
    return Model(network.eval(), words, {task.name: task})


def language_of(task: Task) -> HaplotypeLanguage:
    assert task.haplotypes is not None
    return task.haplotypes


def written(
    model: Model, count: int = 6, counts: Mapping[str | None, int] | None = None, **options: Any
) -> GeneratedHaplotypes:
    settings = {"sampling": Sampling(), "seed": 1, **options}
    return generate_haplotypes(model, model.tasks["panel"], counts=counts or {None: count}, **settings)


@pytest.mark.parametrize("panel", [False, True])
@pytest.mark.parametrize(
    ("vocabulary", "context", "tail"),
    [("dna-2mers", 64, 4), ("dna-3mers", 14, 6), ("released-6mers", 12, 6), ("released-1to6mers", 64, 0)],
)
def test_every_allele_is_one_of_its_site(vocabulary: str, context: int, tail: int, panel: bool) -> None:
    task = a_task(47, vocabulary=vocabulary, context=context, tail=tail)
    model = a_model(task, vocabulary, context=context, panel=panel)
    found = written(model, 9).haplotypes
    assert found.alleles.shape == (9, 47)
    assert set(np.unique(found.alleles)) == {0, 1}
    assert found.sites.same_alleles(language_of(task).sites)
    assert len({row.tobytes() for row in found.alleles}) == 9
    assert 0.0 < found.alleles.mean() < 1.0


@pytest.mark.parametrize("panel", [False, True])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_batch_size_changes_nothing(sampling: Sampling, panel: bool) -> None:
    model = a_model(a_task(33, context=14, tail=4), context=14, panel=panel)
    reference = written(model, 11, sampling=sampling, batch_size=64)
    for batch_size in (1, 4):
        again = written(model, 11, sampling=sampling, batch_size=batch_size)
        assert (again.haplotypes.alleles == reference.haplotypes.alleles).all()
        assert again.unconstrained_loss == pytest.approx(reference.unconstrained_loss)


@pytest.mark.parametrize("panel", [False, True])
def test_the_cache_changes_nothing(panel: bool) -> None:
    task = a_task(40)
    model, language = a_model(task, panel=panel), language_of(task)
    prompt = language.rows(model.vocabulary, task.template, "", None, 0, prompt_only=True)
    asked = [Continuation(prompt, number) for number in range(7)]
    legal = language.legal(model.vocabulary, 0)
    grammars = [Grammar(tuple(ids.tolist()), place=place) for place, ids in enumerate(legal.ids, start=1)]
    cached, plain = (
        np.stack(
            generate(
                model.network,
                asked,
                grammars,
                max_tokens=len(grammars),
                sampling=Sampling(),
                seed=1,
                use_cache=use_cache,
            )
        )
        for use_cache in (True, False)
    )
    assert (cached == plain).all()
    assert (legal.alleles(cached) == written(model, 7).haplotypes.alleles).all()


def test_a_haplotype_depends_on_the_seed_and_its_number_alone() -> None:
    model = a_model(a_task(30))
    more, fewer, other = (
        written(model, count, seed=seed).haplotypes.alleles for count, seed in ((8, 3), (5, 3), (8, 4))
    )
    assert (more[:5] == fewer).all()
    assert (more != other).any(axis=1).all()


def naive(model: Model, letters: str, window: int, uniforms: np.ndarray, population: str | None = None) -> str:
    """One window by whole forward passes over all tokens, those that are not legal left out."""
    task, language = model.tasks["panel"], language_of(model.tasks["panel"])
    row = language.rows(model.vocabulary, task.template, letters, population, window, prompt_only=True)
    assert row.places is not None
    ids, places = row.ids.tolist(), row.places.tolist()
    legal = language.legal(model.vocabulary, window)
    first = language.spans[window][0] // model.vocabulary.k
    for place, uniform in enumerate(uniforms):
        with torch.no_grad():
            hidden = model.network(torch.tensor([ids]), places_BL=torch.tensor([places]))[:, -1]
            scores = model.network.token_logits(hidden, torch.tensor([first + place + 1]))[0].double()
        allowed = legal.ids[place, : legal.counts[place]]
        chances = scores[torch.from_numpy(allowed)].softmax(0).cumsum(0).numpy()
        ids.append(int(allowed[np.searchsorted(chances, uniform, side="right")]))
        places.append(first + place + 1)
    start, stop = language.spans[window]
    text = "".join(model.vocabulary.token(token) for token in ids[len(row) :])
    return letters[:start] + text[: stop - start]


@pytest.mark.parametrize("panel", [False, True])
def test_windows_continue_the_tail_of_the_one_before_as_a_naive_generator_does(panel: bool) -> None:
    task = a_task(33, context=14, tail=4)
    model, language = a_model(task, context=14, panel=panel), language_of(task)
    windows = len(language.spans)
    assert windows > 2
    found = language.letters(written(model, 4, seed=9).haplotypes.alleles)
    for sample, letters in enumerate(found):
        text = ""
        for window in range(windows):
            generator = np.random.Generator(np.random.Philox(key=[9, 2], counter=[0, 0, 0, sample * windows + window]))
            text = naive(model, text, window, generator.random(len(language.legal(model.vocabulary, window).ids)))
        assert text == letters


def taught(model: Model, alleles: np.ndarray, steps: int) -> Model:
    """The model after a second of learning haplotypes, all windows of them."""
    task, language = model.tasks["panel"], language_of(model.tasks["panel"])
    rows = [
        language.rows(model.vocabulary, task.template, letters, None, window)
        for letters in language.letters(alleles)
        for window in range(len(language.spans))
    ]
    batch = collate(rows, model.vocabulary.pad_id)
    ids, places, asked = torch.from_numpy(batch.ids_BL), torch.from_numpy(batch.places_BL), batch.answer_BL[:, 1:] > 0
    optimiser = torch.optim.Adam(model.network.parameters(), lr=0.01)
    for _ in range(steps):
        hidden = model.network(ids[:, :-1], places_BL=places[:, :-1])[torch.from_numpy(asked)]
        logits = model.network.token_logits(hidden, places[:, 1:][torch.from_numpy(asked)])
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, ids[:, 1:][torch.from_numpy(asked)]).backward()
        optimiser.step()
    model.network.eval()
    return model


def test_a_model_that_was_taught_to_go_on_as_the_window_before_does_so() -> None:
    task = a_task(24, context=12, tail=4)
    constant = np.repeat(np.array([[0], [1]], dtype=np.uint8), 24, axis=1)
    model = taught(a_model(task, context=12, spread=0.1), constant, 60)
    found = written(model, 60).haplotypes.alleles
    start = language_of(task).spans[1][0]
    first, second = found[:, start - 1], found[:, start]
    assert 0.2 < first.mean() < 0.8
    assert (first == second).mean() > 0.9


def test_populations_are_prompted_and_said() -> None:
    task = a_task(24, populations=["AFR", "EUR", "EUR"])
    model = a_model(task, spread=1.0)
    found = written(model, counts={"EUR": 40, "AFR": 40}).haplotypes
    assert found.populations == ["EUR"] * 40 + ["AFR"] * 40
    halves = found.alleles[:40].mean(axis=0), found.alleles[40:].mean(axis=0)
    same = written(model, counts={"EUR": 80}).haplotypes.alleles
    assert (same[:40] == found.alleles[:40]).all()
    assert (same[40:] != found.alleles[40:]).any()
    assert abs(halves[0] - halves[1]).max() > 0.3
    assert found.individuals == [f"generated_{number // 2 + 1}" for number in range(80)]


def test_a_person_is_of_one_population() -> None:
    model = a_model(a_task(6, populations=["AFR", "EUR"]))
    found = written(model, counts={"AFR": 3, "EUR": 2}).haplotypes
    assert found.individuals == ["generated_1", "generated_1", "generated_2", "generated_3", "generated_3"]


def test_haplotypes_are_shared_out_as_they_were_taught() -> None:
    language = language_of(a_task(6, populations=["AFR"] * 10 + ["EAS"] * 25 + ["EUR"] * 65))
    assert shared_out(language, 200) == {"AFR": 20, "EAS": 50, "EUR": 130}
    assert sum(shared_out(language, 33).values()) == 33
    assert [count % 2 for count in shared_out(language, 33).values()] == [0, 0, 1]
    assert shared_out(language_of(a_task(6)), 7) == {None: 7}


def unconstrained(model: Model, count: int, sampling: Sampling) -> float:
    """The share of sequences that are lost when all tokens may come, the end too."""
    task, language = model.tasks["panel"], language_of(model.tasks["panel"])
    legal = language.legal(model.vocabulary, 0)
    prompt = language.rows(model.vocabulary, task.template, "", None, 0, prompt_only=True)
    size = len(legal.ids)
    every = tuple(range(model.vocabulary.size))
    grammars = [Grammar(every, place=place if place <= size else 0) for place in range(1, size + 2)]
    asked = [Continuation(prompt, number) for number in range(count)]
    found = np.stack(
        generate(model.network, asked, grammars, max_tokens=size + 1, sampling=sampling, seed=77, batch_size=2000)
    )
    kept = found[:, -1] == model.vocabulary.end_id
    for place in range(size):
        kept &= np.isin(found[:, place], legal.ids[place, : legal.counts[place]])
    return float(1 - kept.mean())


@pytest.mark.parametrize(("panel", "sampling"), [(False, Sampling()), (True, Sampling(temperature=1.3))])
def test_the_loss_is_that_of_sampling_freely(sampling: Sampling, panel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    task = a_task(3, vocabulary="dna-1mers", context=8)
    alleles = np.random.default_rng(0).integers(0, 2, (16, 3), dtype=np.uint8)
    model = taught(a_model(task, "dna-1mers", context=8, spread=0.1, panel=panel), alleles, 15)
    monkeypatch.setattr("dnagpt.inference.haplotypes.MOST_MEASURED", 200)
    expected = unconstrained(model, 4_000, sampling)
    estimate = written(model, 200, sampling=sampling)
    assert estimate.measured == 200
    assert 0.05 < expected < 0.95
    error = np.sqrt(expected * (1 - expected)) * (4_000**-0.5 + 200**-0.5 / 4)
    assert estimate.unconstrained_loss == pytest.approx(expected, abs=4 * error)


def test_what_was_learned_by_heart_loses_nothing_and_what_was_not_learned_everything() -> None:
    task = a_task(6)
    assert written(a_model(task)).unconstrained_loss > 0.99
    alleles = np.random.default_rng(0).integers(0, 2, (2, 6), dtype=np.uint8)
    assert written(taught(a_model(task, spread=0.1), alleles, 100)).unconstrained_loss < 0.2


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        ({None: 4}, "Haplotypes of no population are asked for, but the task 'panel' has AFR, EUR"),
        ({"XXX": 4}, "Haplotypes of the population 'XXX' are asked for"),
        ({"EUR": 0}, "Ask for at least one haplotype"),
        ({"EUR": 3, "AFR": -1}, "no fewer than none"),
        ({}, "Ask for at least one haplotype"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(counts: dict[str | None, int], part: str) -> None:
    model = a_model(a_task(6, populations=["AFR", "EUR"]))
    with pytest.raises(InputError, match=part):
        generate_haplotypes(model, model.tasks["panel"], counts=counts, sampling=Sampling(), seed=0)


def test_populations_of_a_task_without_are_refused() -> None:
    with pytest.raises(InputError, match="the population 'EUR' are asked for, but the task 'panel' has no populations"):
        written(a_model(a_task(6)), counts={"EUR": 2})


def test_another_task_is_refused() -> None:
    model = a_model(a_task(6))
    with pytest.raises(InputError, match="was not taught on haplotypes"):
        generate_haplotypes(model, pretraining_task(), counts={None: 2}, sampling=Sampling(), seed=0)


def test_a_network_with_too_short_a_context_is_refused() -> None:
    model = a_model(a_task(40))
    short = DNAGPT(model.network.config.model_copy(update={"context": 8}))
    with pytest.raises(InputError, match="do not fit the model's context of 8"):
        written(replace(model, network=short))


def test_the_loss_of_unconstrained_sampling_is_that_of_all_populations(monkeypatch: pytest.MonkeyPatch) -> None:
    task = a_task(20, populations=("AFR", "EUR"))
    model = a_model(task)
    measured: list[int] = []
    real = haplotypes_module._legal_share

    def spied(model: Model, rows: Any, *rest: Any) -> Any:
        measured.extend(row.ids[1] for row in rows)
        return real(model, rows, *rest)

    monkeypatch.setattr(haplotypes_module, "_legal_share", spied)
    found = written(model, counts={"AFR": 120, "EUR": 120})
    assert found.measured == 100
    assert sorted(measured.count(token) for token in set(measured)) == [50, 50]
