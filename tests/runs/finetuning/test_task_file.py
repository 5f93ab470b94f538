"""What holds where a task file says nothing, for every kind of network that it can be for."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.commands.calls import call, check_complaint, contents, done, dotted
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.runs.finetuning.defaults import read_task_file
from dnagpt.runs.finetuning.settings import FinetuneSettings
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.store.weights import Absent

TABLE = ["--table", "sites.csv", "--template", GC_TEMPLATE]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of the paper's kind, if not of its size."""
    vocabulary = Vocabulary.preset("dna-3mers")
    network = DNAGPT(
        ModelConfig(
            vocabulary_size=vocabulary.size, context=64, layers=1, heads=2, width=16,
            number_embedding="released", positions="learned",
        )
    )  # fmt: skip
    network.initialise(torch.Generator().manual_seed(1))
    folder = tmp_path_factory.mktemp("papers") / "model"
    save_model(folder, Model(network, vocabulary, {}))
    return folder


def settings_for(base: Path | None, *overrides: str) -> FinetuneSettings:
    return read_task_file(None, base, overrides, table=Path("sites.csv"), template=GC_TEMPLATE)


def config_of(run: Path) -> Any:
    return tomllib.loads((run / "config.toml").read_text())


def test_a_twin_is_taught_as_a_network_from_random_weights_where_nobody_said_otherwise(
    papers: Path, pretrained: Path
) -> None:
    new = settings_for(None).training
    for base in (papers, pretrained):
        twin = settings_for(base).twin
        assert twin.embedding_decay == new.embedding_decay == 1.0
    twin = settings_for(papers).twin
    assert (twin.learning_rate, twin.batch_size, twin.average, twin.patience) == (1e-3, 32, 0.998, 5)
    told = settings_for(papers, "training.learning_rate=1e-4", "training.embedding_decay=0", "training.seed=4")
    assert {"learning_rate", "embedding_decay", "seed"} & told.twin.model_fields_set == set()
    alone = settings_for(papers, "training.learning_rate=1e-4", "twin.learning_rate=2e-4")
    assert (alone.training.learning_rate, alone.twin.learning_rate) == (1e-4, 2e-4)


def test_the_papers_network_and_its_twin_each_learn_in_their_own_way(papers: Path, here: Path) -> None:
    """200 training records: 25 batches of 8 or 6 of 32 an epoch, and a warm-up of three tenths or of one."""
    (here / "sites.csv").write_text(table_text(gc_rows(250)))
    asked = ["--model", papers, "--quiet", *dotted({"epochs": 2, "beside": "[random weights]", "language_epochs": 0.2})]
    done("finetune", *TABLE, "-o", "run", *asked)
    config = config_of(here / "run")
    ours, twin = config["training"], config["twin"]
    assert (ours["learning_rate"], ours["batch_size"], ours["steps"], ours["warmup_steps"]) == (3e-5, 8, 50, 15)
    assert (twin["learning_rate"], twin["batch_size"], twin["steps"], twin["warmup_steps"]) == (1e-3, 32, 12, 1)
    page = (here / "run" / "report.html").read_text()
    assert "learning_rate 0.001 (3e-05), batch_size 32 (8), warmup_steps 1 (15)" in page
    assert "did not read the sequences as language first" in page
    shutil.copy(here / "run" / "config.toml", "again.toml")
    done("finetune", "again.toml", "-o", "again", *asked)
    before, after = contents(here / "run"), contents(here / "again")
    for name in ("config.toml", "model/model.safetensors", "random_weights/model/model.safetensors", "metrics.json"):
        assert after[name] == before[name], name


def test_a_run_without_a_twin_says_nothing_of_one(papers: Path, here: Path) -> None:
    (here / "sites.csv").write_text(table_text(gc_rows(40)))
    done("finetune", *TABLE, "-o", "run", "--model", papers, "--quiet", *dotted({"epochs": 1, "beside": "[]"}))
    assert "twin" not in config_of(here / "run")


def test_a_network_of_the_papers_shape_warms_up_as_long_as_it_is_told(papers: Path) -> None:
    assert settings_for(papers, "epochs=2").warmup_epochs is None
    assert settings_for(papers, "epochs=2", "warmup_epochs=0.5").warmup_epochs == 0.5


def test_a_part_that_the_weights_lack_is_drawn_anew_and_learns(
    papers: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_model(papers)
    for part in ("number_embedding", "number_head"):
        setattr(model.network, part, Absent(part))
    save_model(here / "lacking", model)
    (here / "sites.csv").write_text(table_text([{**row, "level": n} for n, row in enumerate(gc_rows(40))]))
    template = ["--template", "<K>{sequence}<=><M>{level?:number}", "--table", "sites.csv", "--quiet"]
    asked = ["finetune", *template, "--model", "lacking", *dotted({"epochs": 1, "beside": "[]"})]
    adapter = call(*asked, "-o", "adapter", "--set", "training.lora.rank=2")
    check_complaint(adapter, "lacking have no number embedding and no number head", "Leave training.lora out")
    done(*asked, "-o", "run")
    assert "have no number embedding and no number head: drawn anew (seed 0)" in caplog.text
    assert load_model(here / "run" / "model").lacks == ()
    done(*asked, "-o", "again")
    weights = [(here / run / "model" / "model.safetensors").read_bytes() for run in ("run", "again")]
    assert weights[0] == weights[1]
    done("predict", "run/model", "sites.csv", "-o", "answers.csv", "--quiet")
