import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dnagpt.errors import InputError
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.released import our_name, read_released

RELEASED = {
    "token_embedding": "transformer.wte",
    "position_embedding": "transformer.wpe",
    "final_norm": "transformer.ln_f",
    "token_head": "mlm_head",
    "number_head": "num_regression",
    "attention.qkv": "attn.c_attn",
    "attention.output": "attn.c_proj",
    "mlp_in": "mlp.c_fc",
    "mlp_out": "mlp.c_proj",
    "attention_norm": "ln_1",
    "mlp_norm": "ln_2",
    "blocks.": "transformer.h.",
}


def released_name(name: str) -> str:
    for ours, theirs in RELEASED.items():
        name = name.replace(ours, theirs)
    return name


@pytest.fixture(scope="module")
def released() -> dict[str, torch.Tensor]:
    """A state dict of the release's layout with the fixed 6-mers, two narrow layers."""
    vocabulary = Vocabulary.preset("released-6mers")
    config = ModelConfig(
        vocabulary_size=vocabulary.size,
        context=8,
        layers=2,
        heads=2,
        width=4,
        number_embedding="released",
        positions="learned",
    )
    network = DNAGPT(config)
    network.initialise(torch.Generator().manual_seed(1))
    return {released_name(name): weight for name, weight in network.state_dict().items()}


@pytest.mark.parametrize("wrap", [lambda weights: weights, lambda weights: {"model": weights, "epoch": 3}])
def test_released_weights_are_read_bare_or_wrapped(
    released: dict[str, torch.Tensor], tmp_path: Path, wrap: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    path = tmp_path / "dna_gpt.pth"
    torch.save(wrap(released), path)
    model = read_released(path, heads=2)
    assert model.vocabulary.name == "released-6mers"
    found = model.network.state_dict()
    assert {our_name(name) for name in released} == set(found)
    assert all(torch.equal(weight, found[our_name(name) or ""]) for name, weight in released.items())


def replaced(name: str, weight: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    return lambda weights: {**weights, name: weight}


ZERO = torch.zeros(4)
RELEASED_REFUSALS: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str]] = {
    "strange names": (lambda weights: weights | {"lora.a": ZERO, "lora.b": ZERO}, r"lora\.a; lora\.b"),
    "our names": (replaced("token_embedding.weight", ZERO), r"does not have: token_embedding\.weight"),
    "a strange layer": (replaced("blocks.x.weight", ZERO), r"blocks\.x\.weight"),
    "a name that is no text": (lambda _: {7: ZERO}, "does not hold a state dict"),
    "a bias": (replaced("transformer.ln_f.bias", ZERO), r"final_norm\.bias is not a part of the network"),
    "a layer far off": (
        replaced("transformer.h.999999999.ln_1.weight", ZERO),
        r"blocks\.999999999\.attention_norm\.weight is not a part",
    ),
    "another shape": (
        replaced("transformer.ln_f.weight", torch.ones(5)),
        r"final_norm\.weight has shape \(5,\), not \(4,\)",
    ),
    "a tensor missing": (
        lambda weights: {name: weight for name, weight in weights.items() if name != "mlm_head.3.weight"},
        r"token_head\.3\.weight is missing",
    ),
    "another vocabulary": (
        replaced("transformer.wte.weight", torch.zeros(100, 4)),
        "vocabulary of 100 tokens is neither",
    ),
    "no embeddings": (lambda _: {"transformer.h.0.ln_1.weight": ZERO}, "is not a DNAGPT checkpoint"),
    "nothing": (lambda _: {}, "is not a DNAGPT checkpoint"),
    "a list": (lambda _: [1, 2], "does not hold a state dict"),
}


@pytest.mark.parametrize("kind", RELEASED_REFUSALS)
def test_weights_that_are_not_the_release_are_refused_by_name(
    released: dict[str, torch.Tensor], tmp_path: Path, kind: str
) -> None:
    change, part = RELEASED_REFUSALS[kind]
    torch.save(change(released), tmp_path / "weights.pth")
    with pytest.raises(InputError, match=part) as refusal:
        read_released(tmp_path / "weights.pth", heads=2)
    assert "weights.pth" in str(refusal.value)


def test_heads_must_be_told_for_a_shape_of_ones_own_and_must_fit(
    released: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(released, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="Say how many heads it has"):
        read_released(tmp_path / "weights.pth")
    with pytest.raises(InputError, match="does not divide into 3 heads"):
        read_released(tmp_path / "weights.pth", heads=3)


class Mischief:
    """Would make a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("legacy", [True, False])
def test_code_in_a_weights_file_is_not_executed(tmp_path: Path, legacy: bool) -> None:
    path, trap = tmp_path / "weights.pth", tmp_path / "trap"
    torch.save({"model": Mischief(trap)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(InputError, match="nothing in it was executed"):
        read_released(path)
    path.write_bytes(pickle.dumps(Mischief(trap)))
    with pytest.raises(InputError, match="nothing in it was executed"):
        read_released(path)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04" + bytes(40), b"\x80\x02}q\x00."])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.pth"):
        read_released(tmp_path / "weights.pth")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*none\.pth"):
        read_released(tmp_path / "none.pth")
