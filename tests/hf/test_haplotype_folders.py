from dataclasses import replace
from pathlib import Path

import pytest
from tests.inference.models import tiny_model
from tests.tasks.languages import a_task

from dnagpt.store.folder import load_model, save_model

pytest.importorskip("transformers")


def test_sites_of_haplotypes_pass_through_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    import dnagpt.hf  # noqa: F401

    model = tiny_model()
    save_model(tmp_path / "ours", replace(model, tasks={**model.tasks, "panel": a_task(20)}))
    AutoModelForCausalLM.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    for name in ("tasks.toml", "panel.legend"):
        assert (tmp_path / "theirs" / name).read_text() == (tmp_path / "ours" / name).read_text()
    mine, theirs = (load_model(tmp_path / name).tasks["panel"].haplotypes for name in ("ours", "theirs"))
    assert mine is not None
    assert theirs is not None
    assert theirs.sites.same_alleles(mine.sites)
