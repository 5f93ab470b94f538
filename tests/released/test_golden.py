"""The released numbers: our network, given the released layout, gives what the released code gave."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.sampling import Sampling
from dnagpt.language.template import Rows
from dnagpt.released import read_released
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model

TOLERANCE = 1e-5


@pytest.fixture(params=["dynamic", "fixed"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cases(golden_dir: Path, kind: str) -> dict:
    return json.loads((golden_dir / f"cases_{kind}.json").read_text())


@pytest.fixture
def expected(golden_dir: Path, kind: str) -> dict[str, torch.Tensor]:
    return load_file(golden_dir / f"expected_{kind}.safetensors")


@pytest.fixture
def model(golden_dir: Path, kind: str) -> Model:
    return read_released(golden_dir / f"model_{kind}.pth", heads=4)


def _prompt(ids: list[int]) -> Rows:
    length = len(ids)
    return Rows(np.array(ids), np.zeros(length, np.float32), np.zeros(length, bool), np.zeros(length, np.int8))


def test_logits_are_the_released_ones(model: Model, cases: dict, expected: dict[str, torch.Tensor]) -> None:
    assert cases["sequences"]
    for place, case in enumerate(cases["sequences"]):
        with torch.no_grad():
            logits = model.network.token_logits(model.network(torch.tensor([case["ids"]])))[0, -3:]
        torch.testing.assert_close(logits, expected[f"logits.{place}"].reshape(logits.shape), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_tokens_are_the_released_ones(
    model: Model, cases: dict, expected: dict[str, torch.Tensor], use_cache: bool
) -> None:
    every = Grammar(tuple(range(model.vocabulary.size)))
    for place, case in enumerate(cases["sequences"]):
        ids = generate(
            model.network, [Continuation(_prompt(case["ids"]), 0)], every,
            max_tokens=24, sampling=Sampling(temperature=0), seed=0, use_cache=use_cache, slide=True,
        )[0]  # fmt: skip
        assert ids.tolist() == expected[f"greedy.{place}"].flatten().tolist()[-24:]


def test_numbers_are_the_released_ones(model: Model, cases: dict, expected: dict[str, torch.Tensor]) -> None:
    assert cases["regression"]
    for place, case in enumerate(cases["regression"]):
        sequence = case["prompt"].removeprefix("<R>").removesuffix("<+><M><=><M>")
        record = {"sequence": sequence, "half_life": case["numbers"]}
        rows = model.task("regression").rows(model.vocabulary, record, prompt_only=True)
        assert len(rows) == case["number_of_positions"]
        ids = torch.from_numpy(rows.ids.astype(np.int64))[None]
        values, is_number = torch.from_numpy(rows.numbers)[None], torch.from_numpy(rows.is_number)[None]
        with torch.no_grad():
            hidden = model.network(ids, values, is_number)
            number, logits = model.network.number(hidden)[0, -1], model.network.token_logits(hidden)[0, -3:]
        torch.testing.assert_close(number, expected[f"number.{place}"].reshape(()), atol=TOLERANCE, rtol=0)
        torch.testing.assert_close(
            logits, expected[f"number_logits.{place}"].reshape(logits.shape), atol=TOLERANCE, rtol=0
        )


def test_a_model_folder_keeps_every_bit(model: Model, tmp_path: Path) -> None:
    save_model(tmp_path / "model", model)
    again = load_model(tmp_path / "model")
    assert again.vocabulary == model.vocabulary
    assert again.network.config == model.network.config
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name]), name
