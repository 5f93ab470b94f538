"""Weights and tasks that were damaged after they were written, and folders that were changed on purpose."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.released.files import released_file
from tests.store.test_model_folder import change_config, make_model

from dnagpt.errors import InputError
from dnagpt.released import read_released
from dnagpt.store.folder import load_model, save_model

FLIPS = 150


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", make_model(heads=4))
    return tmp_path / "model"


def accepted_after_a_flip(path: Path, read: Callable[[], dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
    """Flip single bits of a file, one at a time and drawn at random, and give what is read of those not refused."""
    whole, generator, found = path.read_bytes(), np.random.default_rng(8), []
    for place, bit in zip(generator.integers(0, len(whole), FLIPS), generator.integers(0, 8, FLIPS), strict=True):
        harmed = bytearray(whole)
        harmed[place] ^= 1 << bit
        path.write_bytes(harmed)
        try:
            found.append(read())
        except InputError as refusal:
            assert path.name in str(refusal)  # noqa: PT017
    path.write_bytes(whole)
    return found


def assert_none_differs(found: list[dict[str, torch.Tensor]], whole: dict[str, torch.Tensor]) -> None:
    for one in found:
        assert all(torch.equal(one[name], weight) for name, weight in whole.items())
    assert len(found) < FLIPS / 4, "most flips are refused"


def test_a_flipped_bit_of_the_weights_changes_no_answer(folder: Path) -> None:
    def read() -> dict[str, torch.Tensor]:
        return load_model(folder).network.state_dict()

    assert_none_differs(accepted_after_a_flip(folder / "model.safetensors", read), read())


def test_a_flipped_bit_of_released_weights_is_not_imported(tmp_path: Path) -> None:
    path = released_file(tmp_path / "weights.pth")

    def read() -> dict[str, torch.Tensor]:
        return {name: weight.clone() for name, weight in read_released(path, heads=2).network.state_dict().items()}

    assert_none_differs(accepted_after_a_flip(path, read), read())


def test_another_number_of_heads_is_refused(folder: Path) -> None:
    change_config(folder, heads=2)
    with pytest.raises(InputError, match=r"was saved with another config\.json: heads is 2, not 4"):
        load_model(folder)


def test_what_does_not_change_an_answer_may_be_changed(folder: Path) -> None:
    change_config(folder, dropout=0.5, context=16, transformers_version="9")
    assert load_model(folder).network.config.context == 16


def test_a_task_that_was_changed_is_refused_and_one_that_was_added_is_not(folder: Path) -> None:
    tasks = folder / "tasks.toml"
    taught = tasks.read_text()
    tasks.write_text(f'# mine\n{taught}\n[mine]\ntemplate = "<R>{{sequence}}<=><M>{{gc?:number}}"\n')
    assert "mine" in load_model(folder).tasks
    assert "3.0" in taught
    tasks.write_text(taught.replace("3.0", "3.5"))
    with pytest.raises(InputError, match=r"the task level is not the one .* remove tasks_sha256 from config\.json"):
        load_model(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["tasks_sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load_model(folder).tasks["level"].transforms["level"].deviation == (2.0, 3.5)


def test_weights_without_a_digest_are_read(folder: Path) -> None:
    """As earlier versions and transformers write them."""
    weights = load_file(folder / "model.safetensors")
    weights["final_norm.weight"] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert torch.equal(load_model(folder).network.final_norm.weight, weights["final_norm.weight"])


def test_equal_models_are_equal_files_whose_header_says_what_they_are(folder: Path, tmp_path: Path) -> None:
    for place in range(4):  # the library would draw another order of the header each time
        save_model(tmp_path / str(place), make_model(heads=4))
        assert (tmp_path / str(place) / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        notes = weights.metadata()
    assert (notes["format"], json.loads(notes["network"])["heads"], len(notes["sha256"])) == ("pt", 4, 64)
