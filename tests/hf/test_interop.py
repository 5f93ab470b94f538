"""The examples of docs/interop.md run, one after the other, and leave models that dnagpt opens."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.commands.calls import done
from tests.conftest import PROJECT

import dnagpt
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model

PAGE = PROJECT / "docs" / "interop.md"


def assert_same_weights(one: str, other: str) -> None:
    first, second = (load_model(folder).network.state_dict() for folder in (one, other))
    for name, weight in first.items():
        torch.testing.assert_close(weight, second[name], atol=1e-6, rtol=1e-5)


@pytest.mark.filterwarnings("default")  # an example's warnings are for its reader
def test_the_examples_of_the_page_run(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(Path("model"), replace(model, provenance={}))
    generator = np.random.default_rng(4)
    sequences = ["".join(generator.choice(list("ACGT"), 40)) for _ in range(60)]
    pd.DataFrame({"sequence": sequences, "label": [0, 1] * 30}).to_csv("promoters.csv", index=False)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    commands = re.findall(r"^dnagpt .*", PAGE.read_text().partition("\n## Released weights\n")[0], re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        done(
            *shlex.split(command)[1:],
            *(["--quiet", "--set", "epochs=1", "--set", "beside=[gc]"] if " finetune " in command else []),
        )
    assert_same_weights("merged", "merged-too")
    assert_same_weights("run/model", "merged-again")
    for folder in ("copy", "trained", "merged", "shared-model", "shared-model-too"):
        assert dnagpt.load(folder).predict(sequences[:2])["probability_true"].between(0, 1).all()
