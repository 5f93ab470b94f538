"""A run is resumed with its own data, checkpoints and model, or not at all."""

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.commands.calls import call, check_complaint, contents, done, small
from tests.commands.examples import GC_TEMPLATE, fasta_text, gc_rows, random_bases, table_text

from dnagpt.store.folder import load_model, save_model

ROWS = gc_rows(20)


def genome_text(seed: int) -> str:
    return fasta_text({"chr1": random_bases(4000, seed=seed), "chr2": random_bases(2000, seed=seed + 10)})


@pytest.fixture
def begun(here: Path, pretrained: Path) -> dict[str, list[object]]:
    """Runs of each kind, and the calls that resume them."""
    (here / "sites.csv").write_text(table_text(ROWS))
    (here / "other.csv").write_text(table_text(gc_rows(10, seed=3)))
    (here / "genome.fa").write_text(genome_text(1))
    (here / "held_out.bed").write_text("chr1\t0\t2000\n")
    shutil.copytree(pretrained, here / "base")
    places = "".join(f"chr1,{60 * n},{60 * n + 50},{'yes' if n % 2 else 'no'}\n" for n in range(20))
    (here / "places.csv").write_text(f"chrom,start,end,rich\n{places}")
    finetune = ["finetune", "--template", GC_TEMPLATE, "--quiet", "--resume", "--set", "beside=[]"]
    short = ["--set", "training.steps=2"]
    species = "{letter: K, path: genome.fa, held_out: held_out.bed}"
    calls: dict[str, list[object]] = {
        "table": [
            *finetune,
            "--table",
            "sites.csv",
            "-o",
            "table",
            *small(),
            "--set",
            "tests={more: {table: other.csv}}",
        ],
        "base": [*finetune, "--table", "sites.csv", "--model", "base", "-o", "based", *short],
        "places": [*finetune, "--table", "places.csv", "-o", "places", *small(), "--set", "data.genome=genome.fa"],
        "genome": ["pretrain", "-o", "genome", "--quiet", "--resume", *small(), "--set", f"corpus.species=[{species}]"],
    }
    return calls


def rewritten(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


FLIPPED = table_text([{**row, "rich": "no" if row["rich"] == "yes" else "yes"} for row in ROWS])
CHANGES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "labels": ("table", "sites.csv", rewritten("sites.csv", FLIPPED)),
    "further test data": ("table", "other.csv", rewritten("other.csv", table_text(gc_rows(10, seed=4)))),
    "base weights": ("base", "base/model.safetensors", lambda folder: _change_weights(folder / "base")),
    "genome of places": ("places", "genome.fa", rewritten("genome.fa", genome_text(2))),
    "genome": ("genome", "genome.fa", rewritten("genome.fa", genome_text(2))),
    "held-out intervals": ("genome", "held_out.bed", rewritten("held_out.bed", "chr2\t0\t1000\n")),
}


def _change_weights(folder: Path) -> None:
    """Put another network of the same shape in place of the one that the run was begun with."""
    model = load_model(folder)
    model.network.initialise(torch.Generator().manual_seed(1234))
    save_model(folder, model)


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_is_not_resumed_on_other_data(change: str, here: Path, begun: dict[str, list[object]]) -> None:
    run, name, make = CHANGES[change]
    done(*begun[run])
    done(*begun[run])
    make(here)
    before = contents(here)
    check_complaint(call(*begun[run]), f"{name} has changed since the run", "begin a new run in another folder")
    assert contents(here) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a genome and two finished runs of it, `run` and `other`, which differ in the seed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "genome.fa").write_text(genome_text(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done(*PRETRAIN, "-o", "run")
        done(*PRETRAIN, "-o", "other", "--set", "training.seed=5")
    return folder


PRETRAIN = ["pretrain", "--fasta", "K=genome.fa", "--quiet", *small(training__checkpoint_every=5)]


@pytest.fixture
def copied(finished: Path, here: Path) -> Path:
    shutil.copytree(finished, here, dirs_exist_ok=True)
    shutil.copy2(finished / "genome.fa", here / "genome.fa")
    return here / "run"


def test_purged_checkpoints_are_told_and_nothing_is_overwritten(copied: Path) -> None:
    shutil.rmtree(copied / "checkpoints")
    before = contents(copied)
    check_complaint(call(*PRETRAIN, "-o", "run", "--resume"), "checkpoints holds no checkpoint", "not mounted")
    (copied / "checkpoints").symlink_to("/nowhere/checkpoints")
    check_complaint(call(*PRETRAIN, "-o", "run", "--resume"), "a link to '/nowhere/checkpoints'", "Mount the disk")
    (copied / "checkpoints").unlink()
    assert contents(copied) == before


def test_a_new_run_takes_up_no_old_checkpoints(copied: Path) -> None:
    (copied / "config.toml").unlink()
    check_complaint(call(*PRETRAIN, "-o", "run", "--set", "training.seed=7"), "checkpoints, metrics.jsonl, model of")


def test_a_checkpoint_of_another_run_is_refused(copied: Path) -> None:
    shutil.rmtree(copied / "checkpoints")
    shutil.copytree(copied.parent / "other" / "checkpoints", copied / "checkpoints")
    check_complaint(call(*PRETRAIN, "-o", "run", "--resume"), "step-00000010 belongs to another run")


def test_a_finished_run_without_its_model_says_so(copied: Path) -> None:
    shutil.rmtree(copied / "model")
    check_complaint(call(*PRETRAIN, "-o", "run", "--resume"), "run/model is gone, though the run has saved it")


class Evil:
    """Runs a program where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch code-was-run",)


def forge(checkpoint: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of a checkpoint, and its digest with it."""
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest.pop("sha256")
    change(manifest)
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("progress", [[], {"step": "ten"}, {"step": -1}, {"step": 10, "best": [1]}, {"stale": None}])
def test_a_checkpoint_that_does_not_say_how_far_it_is(progress: object, copied: Path) -> None:
    forge(copied / "checkpoints" / "step-00000010", lambda manifest: manifest.update(progress=progress))
    finished = call(*PRETRAIN, "-o", "run", "--resume")
    check_complaint(finished, "step-00000010 does not say how far the run had come")


@pytest.mark.parametrize("name", [".metadata", "shard-00001-model-00001-of-00001.safetensors"])
def test_nothing_in_a_checkpoint_is_executed(name: str, copied: Path) -> None:
    """The manifest is made to fit, as somebody would who gives a run folder away."""
    newest = copied / "checkpoints" / "step-00000010"
    raw = pickle.dumps(Evil())
    (newest / name).write_bytes(raw)
    sealed = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    forge(newest, lambda manifest: manifest["files"].update({name: sealed}))
    finished = call(*PRETRAIN, "-o", "run", "--resume")
    if finished.code:
        check_complaint(finished, "step-00000010 does not hold the weights of this network")
    assert not Path("code-was-run").exists()
    assert finished.code == (0 if name == ".metadata" else 2)


def test_a_model_folder_that_is_a_link_is_written_where_it_leads(copied: Path, finished: Path) -> None:
    shutil.rmtree(copied)
    copied.mkdir()
    (copied.parent / "disk").mkdir()
    (copied / "model").symlink_to(copied.parent / "disk")
    done(*PRETRAIN, "-o", "run")
    assert (copied / "model").is_symlink()
    weights = (copied.parent / "disk" / "model.safetensors").read_bytes()
    assert weights == (finished / "run" / "model" / "model.safetensors").read_bytes()
    assert not [path for path in copied.parent.iterdir() if path.name.startswith(".")]


def test_what_a_kill_left_of_saving_a_model_is_removed(copied: Path) -> None:
    (copied / "model").rename(copied / ".model.old")
    (copied / ".model.new").mkdir()
    done(*PRETRAIN, "-o", "run", "--resume")
    assert (copied / "model" / "config.json").exists()
    assert not [path.name for path in copied.iterdir() if path.name.startswith(".")]
