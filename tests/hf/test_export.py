import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.commands.calls import call_process, done
from tests.hf.models import one_with_overlapping_kmers
from transformers import AutoModelForCausalLM

from dnagpt.errors import InputError, StorageError
from dnagpt.hf import export_hf
from dnagpt.language.tokenizer import encode_prompt
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model

PROMPTS = ["<R>ACGTA<=><B>", "<R>acgGGTTTTANNTr<=><B>"]
ELSEWHERE = """
import json, sys

class WithoutDnagpt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "dnagpt":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, WithoutDnagpt())
from safetensors.torch import save_file
from transformers import (
    AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer,
)

folder, prompts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
inputs = tokenizer(prompts, padding=True, return_tensors="pt")
written = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
found = written(**inputs)
written.save_pretrained(sys.argv[3])
hidden = AutoModel.from_pretrained(folder, trust_remote_code=True)(**inputs).last_hidden_state
classes = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)(**inputs).logits
try:
    tokenizer("<R>AC-")
except Exception as refusal:
    assert "UNK" in str(refusal), refusal
else:
    raise AssertionError("a stray letter was read")
save_file(
    {
        "ids": inputs["input_ids"], "mask": inputs["attention_mask"], "logits": found.logits.contiguous(),
        "numbers": found.numbers.contiguous(), "hidden": hidden.contiguous(), "classes": classes.contiguous(),
        "generated": written.generate(**inputs, max_new_tokens=8, do_sample=False),
    },
    sys.argv[3] + "/found.safetensors",
)
assert not any(name.partition(".")[0] == "dnagpt" for name in sys.modules)
"""


@pytest.fixture(scope="module")
def model() -> Model:
    """A model whose k-mers overlap, the harder one to take elsewhere."""
    return one_with_overlapping_kmers()


@pytest.fixture(scope="module")
def folder(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `save_model` writes of it."""
    path = tmp_path_factory.mktemp("overlapping") / "model"
    save_model(path, model)
    return path


@pytest.fixture(scope="module")
def elsewhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a process that cannot import dnagpt makes of the exported folder."""
    place = tmp_path_factory.mktemp("elsewhere")
    export_hf(folder, place / "exported")
    finished = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(place / "exported"), json.dumps(PROMPTS), str(place / "saved")],
        env={**os.environ, "HF_HOME": str(place / "home"), "HF_HUB_OFFLINE": "1"}, cwd=place, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return place


def test_logits_numbers_tokens_and_answers_agree_where_dnagpt_is_not_installed(model: Model, elsewhere: Path) -> None:
    found = load_file(elsewhere / "saved" / "found.safetensors")
    for place, prompt in enumerate(PROMPTS):
        ids = encode_prompt(model.vocabulary, prompt).ids.tolist()
        real = found["mask"][place].bool()
        assert found["ids"][place][real].tolist() == ids
        with torch.no_grad():
            hidden = model.network(torch.tensor([ids]))
            logits, numbers = model.network.token_logits(hidden)[0], model.network.number(hidden)[0]
        torch.testing.assert_close(found["hidden"][place][real], hidden[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(found["logits"][place][real], logits, atol=1e-5, rtol=0)
        torch.testing.assert_close(found["numbers"][place][real], numbers, atol=1e-5, rtol=0)
        answers = [model.vocabulary.false_id, model.vocabulary.true_id]
        torch.testing.assert_close(found["classes"][place], logits[-1, answers], atol=1e-5, rtol=0)
        text = list(ids)
        for _ in range(8):
            with torch.no_grad():
                text.append(int(model.network.token_logits(model.network(torch.tensor([text]))[:, -1]).argmax()))
            if text[-1] == model.vocabulary.end_id:
                break
        written = found["generated"][place, found["ids"].shape[1] :].tolist()
        assert written[: len(text) - len(ids)] == text[len(ids) :]


def test_dnagpt_opens_what_it_exported_and_what_was_saved_elsewhere(model: Model, elsewhere: Path) -> None:
    for name in ("exported", "saved"):
        again = load_model(elsewhere / name)
        assert (again.vocabulary, again.tasks, again.provenance) == (model.vocabulary, model.tasks, model.provenance)
        assert all(torch.equal(w, again.network.state_dict()[key]) for key, w in model.network.state_dict().items())


def test_the_exported_code_names_no_module_of_ours(elsewhere: Path) -> None:
    files = sorted((elsewhere / "exported").glob("*.py"))
    assert {file.name for file in files} >= {"hf_modeling.py", "model_network.py", "model_layers.py"}
    assert [
        file.name for file in files if "import dnagpt" in file.read_text() or "from dnagpt" in file.read_text()
    ] == []


def test_an_export_that_is_killed_leaves_no_folder_and_the_next_one_is_whole(folder: Path, tmp_path: Path) -> None:
    killed = call_process(
        "export", folder, "--to", "hf", "-o", tmp_path / "shared", folder=tmp_path,
        program="import os, transformers; "
        "transformers.PreTrainedTokenizerFast.save_pretrained = lambda *_, **__: os.kill(os.getpid(), 9)",
    )  # fmt: skip
    assert killed.code == -9, killed.err
    assert [path.name for path in tmp_path.iterdir()] == [".shared.new"]
    with pytest.raises(InputError, match="no such folder"):
        load_model(tmp_path / "shared")
    done("export", folder, "--to", "hf", "-o", tmp_path / "shared")
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]
    assert (tmp_path / "shared" / "tokenizer.json").is_file()
    load_model(tmp_path / "shared")


def test_weights_that_were_damaged_are_refused_by_transformers_too(model: Model, tmp_path: Path) -> None:
    save_model(tmp_path / "model", model)
    path = tmp_path / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="its weights are not those that were written"):
        AutoModelForCausalLM.from_pretrained(tmp_path / "model")


def test_a_place_that_cannot_be_written_is_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        export_hf(folder, tmp_path / "file" / "exported")
