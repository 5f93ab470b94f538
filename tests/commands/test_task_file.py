"""What holds where a task file says nothing, for every kind of network that it can be for."""

import json
from pathlib import Path

import pytest
from tests.commands.examples import GC_TEMPLATE

from dnagpt.commands.finetune_settings import FinetuneSettings
from dnagpt.commands.task_file import read_task_file


def shape(folder: Path, number_embedding: str) -> Path:
    """A model folder as far as its shape goes; the paper's networks have the released number embedding."""
    folder.mkdir()
    config = {
        "model_type": "dnagpt", "vocabulary_size": 100, "context": 64, "layers": 1, "heads": 2, "width": 16,
        "number_embedding": number_embedding,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def settings_for(base: Path | None, *overrides: str) -> FinetuneSettings:
    return read_task_file(None, base, overrides, table=Path("sites.csv"), template=GC_TEMPLATE)


@pytest.mark.parametrize(("epochs", "warmup"), [(10, 3.0), (2, 0.6)])
def test_a_network_of_the_papers_shape_warms_up_over_three_tenths_of_its_epochs(
    epochs: float, warmup: float, tmp_path: Path
) -> None:
    papers, ours = shape(tmp_path / "papers", "released"), shape(tmp_path / "ours", "magnitude")
    assert settings_for(papers, f"epochs={epochs}").warmup_epochs == pytest.approx(warmup)
    assert settings_for(papers, f"epochs={epochs}", "warmup_epochs=0.5").warmup_epochs == 0.5
    assert settings_for(ours, f"epochs={epochs}").warmup_epochs is None
