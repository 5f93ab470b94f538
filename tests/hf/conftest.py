"""A model folder as `dnagpt` writes it, opened with the classes of transformers."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported: no test asks a server for anything
pytest.importorskip("transformers", reason="the extra dnagpt[hf] is not installed")

from tests.inference.models import TASKS, tiny_model

from dnagpt.store.folder import save_model
from dnagpt.store.model import Model


@pytest.fixture(scope="session")
def model() -> Model:
    """A tiny model that was taught one boolean task."""
    return replace(tiny_model(), tasks={"signal": TASKS["signal"]})


@pytest.fixture(scope="session")
def folder(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `save_model` writes of it."""
    path = tmp_path_factory.mktemp("hf") / "model"
    save_model(path, model)
    return path
