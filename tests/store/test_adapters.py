"""Adapters as PEFT saves them, merged by plain arithmetic: the sum that PEFT itself makes."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.commands.calls import done
from tests.store.test_model_folder import make_model

from dnagpt.errors import InputError
from dnagpt.store.adapters import merge_lora
from dnagpt.store.folder import load_model, save_model

LAYER = "blocks.1.attention.qkv"


def write_adapter(
    folder: Path, tensors: dict[str, torch.Tensor], *, before: str = "base_model.model.", **settings: Any
) -> Path:
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "bias": "none", "init_lora_weights": True, **settings}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file({before + name: weight for name, weight in tensors.items()}, folder / "adapter_model.safetensors")
    return folder


def low_and_high(seed: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        f"{LAYER}.lora_A.weight": torch.randn(2, 8, generator=generator),
        f"{LAYER}.lora_B.weight": torch.randn(24, 2, generator=generator),
    }


@pytest.mark.parametrize(("settings", "scaling"), [({}, 4.0), ({"use_rslora": True}, 8 / 2**0.5)])
@pytest.mark.parametrize("before", ["base_model.model.", "base_model.model.network."])
def test_the_sum_of_weight_and_adapter_is_worked_out(
    tmp_path: Path, settings: dict[str, Any], scaling: float, before: str
) -> None:
    model, tensors = make_model(3), low_and_high()
    merged = merge_lora(model, write_adapter(tmp_path / "adapter", tensors, before=before, **settings))
    was, found = model.network.state_dict(), merged.network.state_dict()
    low, high = tensors.values()
    expected = was[f"{LAYER}.weight"] + scaling * torch.einsum("or,ri->oi", high, low)
    torch.testing.assert_close(found[f"{LAYER}.weight"], expected)
    assert all(torch.equal(was[name], found[name]) for name in was if name != f"{LAYER}.weight")
    ids = torch.tensor([[21, 40, 41]])
    with torch.no_grad():
        assert not torch.equal(model.network(ids), merged.network(ids))


def test_layers_that_were_trained_whole_replace_those_of_the_model(tmp_path: Path) -> None:
    whole = {"number_head.3.weight": torch.full((1, 8), 0.5)}
    merged = merge_lora(make_model(), write_adapter(tmp_path / "adapter", {**low_and_high(), **whole}))
    assert torch.equal(merged.network.state_dict()["number_head.3.weight"], whole["number_head.3.weight"])


def test_the_command_writes_a_model_folder_with_the_tasks_of_both(tmp_path: Path) -> None:
    save_model(tmp_path / "model", make_model(3))
    adapter = write_adapter(tmp_path / "adapter", low_and_high())
    (adapter / "tasks.toml").write_text('[pas]\ntemplate = "<R>{sequence}<=><B>{label?:boolean}"\n')
    done("export", tmp_path / "model", "--to", "dnagpt", "--merge-lora", adapter, "-o", tmp_path / "merged")
    merged = load_model(tmp_path / "merged")
    assert list(merged.tasks) == ["pretraining", "level", "pas"]
    assert len(merged.provenance["data"]) == 3
    expected = merge_lora(make_model(3), adapter).network.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in merged.network.state_dict().items())


def test_peft_s_own_merge_gives_the_same_weights(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model = make_model(3)
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=["qkv", "mlp_in"], init_lora_weights=False)
    with warnings.catch_warnings(action="ignore"):
        wrapped = peft.get_peft_model(torch.nn.ModuleDict({"network": make_model(3).network}), config)
        wrapped.save_pretrained(tmp_path / "adapter")
        merged = wrapped.merge_and_unload().state_dict()
    expected = {name.removeprefix("network."): weight for name, weight in merged.items()}
    found = merge_lora(model, tmp_path / "adapter").network.state_dict()
    assert found.keys() == expected.keys()
    assert not torch.equal(found["blocks.0.mlp_in.weight"], model.network.state_dict()["blocks.0.mlp_in.weight"])
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, rtol=0, atol=1e-6)


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def change_settings(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


A, B = (f"base_model.model.{LAYER}.lora_{letter}.weight" for letter in "AB")
REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another method": (lambda folder: change_settings(folder, peft_type="IA3"), r"no plain LoRA \(peft_type\)"),
    "directions and sizes apart": (
        lambda folder: change_settings(folder, use_dora=True),
        r"no plain LoRA \(use_dora\)",
    ),
    "changed at the start": (lambda folder: change_settings(folder, init_lora_weights="pissa"), "init_lora_weights"),
    "no rank": (lambda folder: change_settings(folder, r=0), "needs r, a whole number"),
    "a scaling that is no number": (lambda folder: change_settings(folder, lora_alpha=float("nan")), "lora_alpha"),
    "half a layer": (lambda folder: change_tensors(folder, lambda tensors: tensors.pop(B)), "no place for .*lora_A"),
    "the other half": (lambda folder: change_tensors(folder, lambda tensors: tensors.pop(A)), "no place for .*lora_B"),
    "another width": (
        lambda folder: change_tensors(folder, lambda tensors: tensors.update({A: torch.ones(2, 9)})),
        "no place for .*lora_A",
    ),
    "another model": (
        lambda folder: change_tensors(folder, lambda tensors: tensors.update({"h.0.c_attn.weight": torch.ones(2)})),
        r"no place for h\.0\.c_attn\.weight",
    ),
    "a head of another shape": (
        lambda folder: change_tensors(folder, lambda tensors: tensors.update({"number_head.3.weight": torch.ones(2)})),
        r"number_head\.3\.weight has shape \(2,\), not \(1, 8\)",
    ),
    "no finite numbers": (
        lambda folder: change_tensors(folder, lambda tensors: tensors[A].fill_(float("inf"))),
        "no finite numbers",
    ),
    "no weights": (lambda folder: (folder / "adapter_model.safetensors").unlink(), "not an adapter as PEFT saves it"),
    "damaged weights": (
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 64),
        "damaged or not a safetensors file",
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_adapter_that_does_not_fit_is_refused_with_the_reason(tmp_path: Path, kind: str) -> None:
    harm, part = REFUSALS[kind]
    folder = write_adapter(tmp_path / "adapter", low_and_high())
    harm(folder)
    with pytest.raises(InputError, match=part) as refusal:
        merge_lora(make_model(), folder)
    assert str(folder) in str(refusal.value)
