"""`dnagpt import` and `dnagpt export`: nothing is lost on the way there and back, nothing is written over."""

import json
from pathlib import Path

import pytest
import torch
from tests.commands.calls import call, check_complaint, contents, done
from tests.released.files import released_file, released_tensors

from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.released import read_released, write_released
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model


@pytest.mark.parametrize("vocabulary", ["released-6mers", "released-1to6mers"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_import_export_import_keeps_every_bit(tmp_path: Path, vocabulary: str, dtype: torch.dtype) -> None:
    original = {name: weight.to(dtype) for name, weight in released_tensors(vocabulary).items()}
    torch.save({"model": original, "epoch": 3}, tmp_path / "first.pth")
    said = done("import", tmp_path / "first.pth", "--heads", 2, "-o", tmp_path / "first")
    assert f"weights ({str(dtype).removeprefix('torch.')}), vocabulary {vocabulary}" in said
    said = done("export", tmp_path / "first", "--to", "released", "-o", tmp_path / "second.pth")
    assert "Tasks have no place in it: classification, regression." in said
    done("import", tmp_path / "second.pth", "--heads", 2, "-o", tmp_path / "second")
    exported = torch.load(tmp_path / "second.pth", weights_only=True)
    assert exported.keys() == original.keys()
    for name, weight in original.items():
        assert exported[name].dtype == dtype
        assert torch.equal(exported[name], weight), name
    before, after = contents(tmp_path / "first"), contents(tmp_path / "second")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"provenance.json"}
    assert load_model(tmp_path / "second").vocabulary == Vocabulary.preset(vocabulary)


def test_an_export_is_the_same_file_each_time(tmp_path: Path) -> None:
    model = read_released(released_file(tmp_path / "weights.pth"), heads=2, dtype=None)
    for name in ("one.pth", "two.pth", "of another name.pth"):
        write_released(tmp_path / name, model)
        assert (tmp_path / name).read_bytes() == (tmp_path / "one.pth").read_bytes()


def test_half_precision_weights_are_computed_with_in_float32(tmp_path: Path) -> None:
    weights = {name: weight.bfloat16() for name, weight in released_tensors().items()}
    torch.save(weights, tmp_path / "half.pth")
    done("import", tmp_path / "half.pth", "--heads", 2, "-o", tmp_path / "model")
    stored = load_model(tmp_path / "model", dtype=None).network.state_dict()
    computed = load_model(tmp_path / "model").network.state_dict()
    assert {weight.dtype for weight in stored.values()} == {torch.bfloat16}
    assert {weight.dtype for weight in computed.values()} == {torch.float32}
    assert all(torch.equal(stored[name].float(), computed[name]) for name in stored)


def test_a_model_folder_says_where_its_weights_come_from(tmp_path: Path) -> None:
    file = released_file(tmp_path / "dna_gpt.pth")
    done("import", file, "--heads", 2, "-o", tmp_path / "model")
    story = json.loads((tmp_path / "model" / "provenance.json").read_text())
    assert story["data"] == {str(file): contents(tmp_path)["dna_gpt.pth"]}
    assert story["settings"] == {"file": "dna_gpt.pth", "source": "dna_gpt.pth", "variant": None, "heads": 2}
    assert story["versions"]["dnagpt"]


def test_what_the_release_cannot_express_is_not_exported(tmp_path: Path) -> None:
    vocabulary = Vocabulary.preset("dna-2mers")
    network = DNAGPT(ModelConfig(vocabulary_size=vocabulary.size, context=8, layers=1, heads=1, width=4))
    network.initialise(torch.Generator().manual_seed(1))
    save_model(tmp_path / "model", Model(network, vocabulary, {}))
    check_complaint(
        call("export", tmp_path / "model", "--to", "released", "-o", tmp_path / "new.pth"),
        "its positions are rotary", "its number embedding is magnitude", "its vocabulary dna-2mers is none of",
    )  # fmt: skip
    assert not (tmp_path / "new.pth").exists()


def test_a_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    file = released_file(tmp_path / "dna_gpt.pth")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("important")
    before = contents(tmp_path)
    check_complaint(call("import", file, "--heads", 2, "-o", tmp_path / "mine"), "mine exists and is not empty")
    assert contents(tmp_path) == before


def test_an_adapter_and_a_model_folder_go_together(tmp_path: Path) -> None:
    for arguments in (["--to", "dnagpt"], ["--to", "released", "--merge-lora", tmp_path]):
        check_complaint(
            call("export", tmp_path, *arguments, "-o", tmp_path / "new"), "--merge-lora and --to dnagpt go together"
        )


def test_a_base_model_was_taught_no_task(tmp_path: Path) -> None:
    model = load_imported(tmp_path)
    save_model(tmp_path / "plain", Model(model.network, model.vocabulary, {}))
    (tmp_path / "new.csv").write_text("sequence\nACGTAC\n")
    check_complaint(
        call("predict", tmp_path / "plain", tmp_path / "new.csv", "--quiet"), "it was taught none", "dnagpt finetune"
    )


def load_imported(folder: Path) -> Model:
    done("import", released_file(folder / "dna_gpt.pth"), "--heads", 2, "-o", folder / "model")
    return load_model(folder / "model")
