"""Rows that do not begin or end as the prompt of the task does are not answered."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.hf.test_models import one_with_numbers
from tests.inference.models import TASKS, tiny_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, pipeline

import dnagpt
from dnagpt.errors import InputError
from dnagpt.hf.reading import cache_of
from dnagpt.store.folder import save_model

SEQUENCES = ["ACGTA", "ACGGGTTTTANNTA"]
CUT = "does not end with <=><B>, as the prompt of the model's task does: truncation cut it"


@pytest.fixture(params=["signal", "site"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model of a yes-or-no question, and one of a choice."""
    save_model(tmp_path / "model", replace(tiny_model(), tasks={"one": TASKS[request.param]}))
    return tmp_path / "model"


def opened(folder: Path) -> tuple[Any, Any]:
    return AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_a_row_that_truncation_cut_is_refused_by_its_number(asked: Path, padding_side: str) -> None:
    model, tokenizer = opened(asked)
    prompts = [model.config.prompt.format(sequence=sequence) for sequence in SEQUENCES]
    settings = {"padding": True, "padding_side": padding_side, "return_tensors": "pt"}
    with torch.no_grad():
        model(**tokenizer(prompts, **settings))
        with pytest.raises(InputError, match=f"Row 2 {CUT}"):
            model(**tokenizer(prompts, truncation=True, max_length=6, **settings))
        tokenizer = AutoTokenizer.from_pretrained(asked, truncation_side="left")
        with pytest.raises(InputError, match="Row 2 does not start with <R>"):
            model(**tokenizer(prompts, truncation=True, max_length=6, **settings))


def test_a_pipeline_says_how_plain_dna_is_asked_and_answers_the_prompt(asked: Path) -> None:
    model, tokenizer = opened(asked)
    ask = pipeline("text-classification", model=model, tokenizer=tokenizer)
    with pytest.raises(InputError, match=r"write the prompt with model\.config\.prompt\.format\(sequence=\.\.\.\)"):
        ask(SEQUENCES)
    found = ask([model.config.prompt.format(sequence=one) for one in SEQUENCES], batch_size=2)
    expected = dnagpt.load(asked).predict(SEQUENCES)
    assert [one["label"] for one in found] == list(expected.iloc[:, 0])


def test_another_question_can_be_asked_on_purpose(folder: Path) -> None:
    model, tokenizer = opened(folder)
    plain = tokenizer(["<R>ACGTA<=>"], return_tensors="pt")
    with pytest.raises(InputError, match=r"model\.config\.prompt_end_ids to None"):
        model(**plain)
    model.config.prompt_end_ids = None
    assert model(**plain).logits.shape == (1, 2)
    other = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    assert other(**plain).logits.shape == (1, 3)


def test_a_prompt_may_be_read_in_two_parts(folder: Path) -> None:
    model, tokenizer = opened(folder)
    whole = tokenizer(["<R>ACGTA<=><B>", "<R>GGTTA<=><B>"], return_tensors="pt")
    with torch.no_grad():
        begun = AutoModelForCausalLM.from_pretrained(folder)(whole["input_ids"][:, :4], use_cache=True)
        found = model(whole["input_ids"][:, 4:], attention_mask=whole["attention_mask"], cache=cache_of(begun)).logits
        torch.testing.assert_close(found, model(**whole).logits, atol=1e-5, rtol=0)


def test_a_number_s_prompt_is_checked_too(tmp_path: Path) -> None:
    model, inputs = one_with_numbers()
    save_model(tmp_path / "model", model)
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    first = {name: row[:1, : int(inputs["attention_mask"][0].sum())] for name, row in inputs.items()}
    assert opened(**first).logits.shape == (1, 1)
    with pytest.raises(InputError, match=r"Row 1 does not end with \[14, 18\]"):
        opened(**{name: row[:, :-1] for name, row in first.items()})


def test_the_tokenizer_knows_how_much_the_model_reads(folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == 64
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    assert AutoTokenizer.from_pretrained(tmp_path / "tokenizer").model_max_length == 64
    model = opened(folder)[0]
    ask = pipeline("text-classification", model=model, tokenizer=tokenizer)
    with pytest.raises(InputError, match=f"Row 1 {CUT}"):
        ask([model.config.prompt.format(sequence="ACGT" * 60)], truncation=True)
