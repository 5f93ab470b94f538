import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.models import tiny_model
from tests.tasks.languages import PLAIN, PROMPTED, a_task, random_alleles, random_sites

from dnagpt.errors import InputError
from dnagpt.haplotypes.legend import legend_text, read_saved_legend
from dnagpt.haplotypes.values import Sites
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.tasks import HaplotypeLanguage, Task, task_files, tasks_from_toml

VOCABULARIES = ["dna-1mers", "dna-2mers", "dna-3mers", "dna-6mers", "released-1to6mers", "released-6mers"]


def language_of(task: Task) -> HaplotypeLanguage:
    assert task.haplotypes is not None
    return task.haplotypes


def test_alleles_are_written_as_their_bases_and_others_as_a_and_t() -> None:
    sites = Sites(["1"] * 4, np.arange(4), ["."] * 4, ["A", "g", "AC", "<CN1>"], ["G", "c", "A", "<CN2>"])
    language = HaplotypeLanguage.fit(PLAIN, sites, Vocabulary.preset("dna-2mers"), 10)
    assert language.letters(np.array([[0, 0, 0, 0], [1, 1, 1, 1]], dtype=np.uint8)) == ["AGAA", "GCTT"]


@given(
    vocabulary=st.sampled_from(VOCABULARIES), sites=st.integers(1, 60), context=st.integers(14, 40),
    tail=st.integers(0, 12), prompted=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_legal_tokens_spell_every_haplotype_and_lead_back(
    vocabulary: str, sites: int, context: int, tail: int, prompted: bool
) -> None:
    words = Vocabulary.preset(vocabulary)
    task = a_task(sites, vocabulary=vocabulary, context=context, tail=tail, populations=["A", "B"] if prompted else [])
    language = language_of(task)
    alleles = random_alleles(5, sites, seed=sites)
    for number, (start, stop) in enumerate(language.spans):
        legal = language.legal(words, number)
        rows = [
            language.rows(words, task.template, letters, "B" if prompted else None, number)
            for letters in language.letters(alleles)
        ]
        assert {len(row) for row in rows} == {len(rows[0])}
        assert len(rows[0]) <= context
        answered = np.array([row.ids[row.answer == 1] for row in rows], dtype=np.int64)
        assert (answered[:, -1] == words.end_id).all()
        for place, ids in enumerate(answered[:, :-1].T):
            assert set(ids.tolist()) <= set(legal.ids[place, : legal.counts[place]].tolist())
        assert (legal.alleles(answered[:, :-1]) == alleles[:, start:stop]).all()
    assert [start for start, _ in language.spans[1:]] == [stop for _, stop in language.spans[:-1]]
    assert language.spans[-1][1] == sites


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_legal_tokens_are_all_patterns_of_the_sites_and_no_others(vocabulary: str) -> None:
    words = Vocabulary.preset(vocabulary)
    task = a_task(8, vocabulary=vocabulary)
    language = language_of(task)
    legal = language.legal(words, 0)
    texts = language.letters(np.array(list(itertools.product([0, 1], repeat=8)), dtype=np.uint8))
    filling = "A" * (-8 % words.k) if words.shortest == words.k else ""
    wanted: list[set[str]] = [
        {(text + filling)[start : start + words.k] for text in texts} for start in range(0, 8, words.k)
    ]
    found = [
        [words.token(token) for token in row[:count]]
        for row, count in zip(legal.ids.tolist(), legal.counts, strict=True)
    ]
    assert [set(row) for row in found] == wanted
    assert [len(row) for row in found] == [len(row) for row in wanted]


def test_a_vocabulary_of_full_kmers_alone_fills_the_last_with_a() -> None:
    words = Vocabulary.preset("released-6mers")
    task = a_task(8, vocabulary="released-6mers")
    row = language_of(task).rows(words, PLAIN, "ACGTACGT", None, 0)
    assert [words.token(token) for token in row.ids.tolist()] == ["<R>", "ACGTAC", "GTAAAA", "<&>"]


def test_a_window_is_told_its_number_and_the_tail_of_the_one_before() -> None:
    words = Vocabulary.preset("dna-2mers")
    task = a_task(20, context=11, tail=4)
    language = language_of(task)
    assert (language.window, language.tail, language.spans) == (8, 4, ((0, 8), (8, 16), (16, 20)))
    row = language.rows(words, PLAIN, "AAAAAAAACCCCGGTTTTTT", None, 1)
    assert [words.token(token) for token in row.ids.tolist()] == [
        "<R>", "<0>", "<0>", "<1>", "AA", "AA", "CC", "CC", "GG", "TT", "<&>",
    ]  # fmt: skip
    assert row.answer.tolist() == [0] * 6 + [1] * 5
    prompt = language.rows(words, PLAIN, "AAAAAAAA", None, 1, prompt_only=True)
    assert prompt.ids.tolist() == row.ids[:6].tolist()
    first = language.rows(words, PLAIN, "", None, 0, prompt_only=True)
    assert [words.token(token) for token in first.ids.tolist()] == ["<R>", "<0>", "<0>", "<0>"]


def test_windows_are_of_one_size_but_the_last() -> None:
    language = language_of(a_task(1000, vocabulary="dna-6mers", context=100, tail=192))
    sizes = [stop - start for start, stop in language.spans]
    assert language.tail == 192
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) < 18


def test_populations_get_digits_then_letters_that_the_template_leaves_free() -> None:
    names = [f"P{number:02}" for number in range(12)]
    language = language_of(a_task(4, populations=reversed(names)))
    assert list(language.populations.values()) == [*"0123456789", "B", "I"]
    words = Vocabulary.preset("dna-2mers")
    row = language.rows(words, PROMPTED, "ACGT", "P11", 0, prompt_only=True)
    assert [words.token(token) for token in row.ids.tolist()] == ["<R>", "<I>", "<=>"]
    assert language_of(a_task(4)).populations == {}


@pytest.mark.parametrize(
    ("population", "part"), [("XXX", "row 3: the population 'XXX' is unknown"), (None, "no population is given")]
)
def test_a_population_that_was_not_taught_is_refused(population: str | None, part: str) -> None:
    task = a_task(4, populations=["EUR", "AFR"])
    with pytest.raises(InputError, match=f"{part}. The task has AFR, EUR"):
        language_of(task).rows(Vocabulary.preset("dna-2mers"), PROMPTED, "ACGT", population, 0, where="row 3")


@pytest.mark.parametrize(
    ("template", "arguments", "part"),
    [
        ("<R>{sequence}<=><B>{label?:boolean}", {}, "is no template of haplotypes"),
        ("<R>{haplotype?:sequence}<=>", {}, "is no template of haplotypes"),
        ("<{species}>{haplotype?:sequence}", {}, "is no template of haplotypes"),
        ("<R>{haplotype?:sequence}", {"sites": 0}, "0 sites cannot be learned"),
        ("<R>{haplotype?:sequence}", {"context": 8}, "A context of 8 tokens does not hold 40 sites"),
        (
            "<R>{haplotype?:sequence}",
            {"vocabulary": "rna", "context": 64},
            "the vocabulary rna has the letters",
        ),
        ("<R><{population}>{haplotype?:sequence}", {}, "asks for a population, and 0 are known"),
        (
            "<R><{population}>{haplotype?:sequence}",
            {"populations": [str(number) for number in range(99)]},
            "99 are known, of which the vocabulary dna-2mers has tokens for 1 to 24",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(template: str, arguments: dict[str, Any], part: str) -> None:
    chosen = {"sites": 40, "context": 20, "vocabulary": "dna-2mers", "populations": (), **arguments}
    with pytest.raises(InputError, match=part):
        HaplotypeLanguage.fit(
            Template.parse(template), random_sites(chosen["sites"]), Vocabulary.preset(chosen["vocabulary"]),
            chosen["context"], tail=8, populations=chosen["populations"],
        )  # fmt: skip


def test_a_task_has_the_haplotypes_of_its_template() -> None:
    language = language_of(a_task(4))
    for template in ("<R>{other?:sequence}", "<R><{population}>{haplotype?:sequence}"):
        with pytest.raises(InputError, match=r"which .* is not"):
            Task("panel", Template.parse(template), haplotypes=language)
    with pytest.raises(InputError, match="names the file of its sites"):
        Task("../panel", PLAIN, haplotypes=language)


def test_sites_come_back_from_a_legend() -> None:
    sites = random_sites(50)
    found = read_saved_legend(legend_text(sites, "a.legend"), "a.legend")
    assert found.same_alleles(sites)
    assert list(found.names) == list(sites.names)


def with_haplotypes() -> Model:
    model = tiny_model()
    task = a_task(70, context=32, tail=4, populations=["EUR", "AFR", "EUR"])
    return replace(model, tasks={**model.tasks, "panel": task})


def test_a_folder_keeps_the_language_of_its_haplotypes(tmp_path: Path) -> None:
    model = with_haplotypes()
    save_model(tmp_path / "model", model)
    found = load_model(tmp_path / "model")
    save_model(tmp_path / "again", found)
    for name in ("tasks.toml", "panel.legend"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()
    mine, theirs = language_of(model.tasks["panel"]), language_of(found.tasks["panel"])
    assert theirs.sites.same_alleles(mine.sites)
    assert theirs.counts == {"AFR": 1, "EUR": 2}
    assert (theirs.field, theirs.populations, theirs.window, theirs.tail) == (
        "haplotype",
        {"AFR": "0", "EUR": "1"},
        36,
        4,
    )
    assert all(found.tasks[name].haplotypes is None for name in found.tasks if name != "panel")


def legend_line(number: int, text: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        lines = (folder / "panel.legend").read_text().splitlines()
        lines[number] = text
        (folder / "panel.legend").write_text("\n".join(lines) + "\n")

    return change


def setting(**changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        files = task_files(with_haplotypes().tasks.values())
        tasks = tasks_from_toml(files["tasks.toml"], beside=files.__getitem__)
        entry = {**language_of(tasks["panel"]).as_dict(), **changes}
        document = {"panel": {"template": str(PROMPTED), "haplotypes": entry}}
        (folder / "tasks.toml").write_text(tomli_w.dumps(document))

    return change


def rename_task(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / "tasks.toml").read_text().replace("[panel.", f'["{name}".').replace("[panel]", f'["{name}"]')
        (folder / "tasks.toml").write_text(text)

    return change


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no legend": (lambda folder: (folder / "panel.legend").unlink(), "panel.legend is missing"),
    "an empty legend": (lambda folder: (folder / "panel.legend").write_text(""), "panel.legend is not a legend"),
    "a binary legend": (lambda folder: (folder / "panel.legend").write_bytes(b"\xff\x00"), "cannot be read"),
    "no header": (legend_line(0, "rs1 1 A G 15"), "panel.legend is not a legend"),
    "a column too few": (legend_line(3, "rs1 1 A G"), "panel.legend, line 4: 'rs1 1 A G' is not a site"),
    "control characters": (legend_line(3, "rs1 1 A\x1b[2J G 15"), "line 4: .* is not a site"),
    "a position that is no number": (legend_line(3, "rs1 x1 A G 15"), "line 4: 'x1' is not a position"),
    "a position of many digits": (legend_line(3, f"rs1 {'9' * 5000} A G 15"), "line 4: '999.* is not a position"),
    "a position before the first": (legend_line(3, "rs1 0 A G 15"), "line 4: '0' is not a position"),
    "a position out of order": (legend_line(1, "rs0 999999 A G 1"), "line 3: the site stands before the one above it"),
    "a contig in two pieces": (legend_line(3, "rs2 5 A G 22"), "line 5: the site stands before"),
    "another allele": (legend_line(1, "rs0 1 A G 1"), "is not the legend that the model was saved with"),
    "a legend without end": (
        lambda folder: os.truncate(folder / "panel.legend", 1 << 35),
        "panel.legend has 34,359,738,368 bytes",
    ),
    "a file elsewhere": (rename_task("../../etc/passwd"), "names the file of its sites"),
    "a strange setting": (setting(colour="red"), "haplotypes.colour is missing, strange or of another kind"),
    "a window of text": (setting(window="36"), "haplotypes.window is missing, strange"),
    "no window": (setting(window=0), "haplotypes.window and haplotypes.tail are no numbers of sites"),
    "a window that cuts k-mers": (setting(window=35), "Windows of 35 sites behind 4 are not whole k-mers"),
    "a tail that cuts k-mers": (setting(tail=3), "Windows of 36 sites behind 3 are not whole k-mers"),
    "a window without end": (setting(window=10**18), "are no numbers of sites"),
    "another answer": (setting(field="text"), "The haplotypes are the answer 'text'"),
    "a population that is no text": (setting(populations={"AFR": 1, "EUR": "2"}), "are not a token and a count"),
    "a count of nothing": (setting(counts={"AFR": 1, "EUR": 0}), "are not a token and a count"),
    "a population without a count": (setting(counts={"AFR": 1}), "are not a token and a count"),
    "a token that is none": (setting(populations={"AFR": "1", "EUR": "EUR"}), "<EUR> is not a reserved token"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_garbled_legend_ends_in_a_sentence(tmp_path: Path, kind: str) -> None:
    save_model(tmp_path / "model", with_haplotypes())
    harm, part = REFUSALS[kind]
    harm(tmp_path / "model")
    with pytest.raises(InputError, match=part) as refusal:
        load_model(tmp_path / "model")
    assert str(tmp_path / "model") in str(refusal.value)
