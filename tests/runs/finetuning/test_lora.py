"""Fine-tuning an adapter in place of the weights, by the command line."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.commands.calls import call, check_complaint, done
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

from dnagpt.store.folder import load_model

pytest.importorskip("peft", reason="the extra dnagpt[hf] is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # PEFT calls what torch and transformers deprecate

SETTINGS = ["--set", "epochs=6", "--set", "training.learning_rate=1e-2", "--set", "training.batch_size=16",
            "--set", "training.keep=9", "--set", "training.lora.rank=8", "--set", "training.lora.dropout=0.1",
            "--set", "beside=[gc]", "--set", "training.log_every=1"]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lora") / "sites.csv"
    path.write_text(table_text(gc_rows(120)))
    return path


@pytest.fixture(scope="module")
def run(pretrained: Path, table: Path) -> Path:
    folder = table.parent / "run"
    asked = ["--model", pretrained, "--table", table, "--template", GC_TEMPLATE, "-o", folder, "--quiet"]
    done("finetune", *asked, *SETTINGS)
    return folder


def test_only_the_adapter_learns_and_the_model_is_the_weights_with_it_merged(pretrained: Path, run: Path) -> None:
    before, after = (load_file(folder / "model.safetensors") for folder in (pretrained, run / "model"))
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    layers = ("attention.qkv", "attention.output", "mlp_in", "mlp_out")
    assert changed == {f"blocks.0.{layer}.weight" for layer in layers}
    difference = after["blocks.0.mlp_in.weight"] - before["blocks.0.mlp_in.weight"]
    assert int(torch.linalg.matrix_rank(difference, rtol=1e-4)) <= 8
    losses = [values["validation/loss"] for values in metrics(run) if "validation/loss" in values]
    assert min(losses) < losses[0]


def test_export_merges_the_adapter_to_the_very_same_model(pretrained: Path, run: Path, tmp_path: Path) -> None:
    done("export", pretrained, "--to", "dnagpt", "--merge-lora", run / "adapter", "-o", tmp_path / "merged")
    for name in ("model.safetensors", "config.json", "tasks.toml"):
        assert (tmp_path / "merged" / name).read_bytes() == (run / "model" / name).read_bytes()


def test_peft_reads_the_adapter_and_merges_it_alike(pretrained: Path, run: Path) -> None:
    from peft import PeftModel

    found = PeftModel.from_pretrained(load_model(pretrained).network, str(run / "adapter"))
    for name, weight in found.merge_and_unload().state_dict().items():
        torch.testing.assert_close(weight, load_model(run / "model").network.state_dict()[name], atol=1e-6, rtol=1e-5)


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "tokens_per_second"} for line in lines]


def test_a_resumed_run_ends_in_the_same_bits(pretrained: Path, table: Path, run: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    shutil.copytree(run, again)
    checkpoints = sorted((again / "checkpoints").iterdir())
    assert len(checkpoints) > 3
    for checkpoint in checkpoints[2:]:
        shutil.rmtree(checkpoint)
    asked = ["--model", pretrained, "--table", table, "--template", GC_TEMPLATE, "-o", again, "--quiet", "--resume"]
    done("finetune", *asked, *SETTINGS)
    assert metrics(again) == metrics(run)
    for name in ("model/model.safetensors", "adapter/adapter_model.safetensors"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set", "language_epochs=1"], "language_epochs"),
        ([], "name the model"),
        (["--set", "training.lora.rank=0"], "training.lora.rank"),
    ],
    ids=["language", "no model", "rank 0"],
)
def test_an_adapter_that_cannot_be_is_refused(
    pretrained: Path, table: Path, tmp_path: Path, more: list[str], words: str
) -> None:
    base = ["--model", pretrained] if more else []
    asked = ["--table", table, "--template", GC_TEMPLATE, "-o", tmp_path / "run", "--quiet"]
    check_complaint(call("finetune", *base, *asked, *SETTINGS, *more), words)
