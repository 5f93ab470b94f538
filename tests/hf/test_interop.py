"""The examples of docs/interop.md run, one after the other, and leave models that dnagpt opens."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.conftest import PROJECT

import dnagpt
from dnagpt.checkpoint import Model, save_model

PAGE = PROJECT / "docs" / "interop.md"


@pytest.mark.filterwarnings("default")  # an example's warnings are for its reader
def test_the_examples_of_the_page_run(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(Path("model"), replace(model, provenance={}))
    generator = np.random.default_rng(4)
    sequences = ["".join(generator.choice(list("ACGT"), 40)) for _ in range(16)]
    pd.DataFrame({"sequence": sequences, "label": [0, 1] * 8}).to_csv("promoters.csv", index=False)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    for folder in ("copy", "trained", "merged", "shared-model"):
        assert dnagpt.load(folder).predict(sequences[:2])["probability_true"].between(0, 1).all()
