import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dnagpt.errors import InputError, StorageError
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.folder import load_model, save_model
from dnagpt.store.model import Model
from dnagpt.tasks import Task, Transform, pretraining_task


def make_model(seed: int = 0, **changes: Any) -> Model:
    vocabulary = Vocabulary.preset("dna-2mers")
    sizes: dict[str, Any] = {"context": 32, "layers": 2, "heads": 2, "width": 8, **changes}
    network = DNAGPT(ModelConfig(vocabulary_size=vocabulary.size, **sizes))
    network.initialise(torch.Generator().manual_seed(seed))
    several = Task(
        "level",
        Template.parse("<R>{sequence}<=><M>{level?:number*2}"),
        {"level": Transform(mean=(1.0, 0.1), deviation=(2.0, 3.0))},
    )
    tasks = {task.name: task for task in (pretraining_task(), several)}
    return Model(network.eval(), vocabulary, tasks, {"seed": seed, "settings": {"steps": 3}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", make_model())
    return tmp_path / "model"


@pytest.mark.parametrize("positions", ["rotary", "learned"])
@pytest.mark.parametrize("number_embedding", ["magnitude", "released"])
def test_a_model_comes_back_bit_for_bit(tmp_path: Path, positions: str, number_embedding: str) -> None:
    model = make_model(3, positions=positions, number_embedding=number_embedding, dropout=0.25)
    save_model(tmp_path / "model", model)
    found = load_model(tmp_path / "model")
    weights, other = model.network.state_dict(), found.network.state_dict()
    assert weights.keys() == other.keys()
    assert all(torch.equal(weights[name], other[name]) for name in weights)
    assert found.network.config == model.network.config
    assert (found.vocabulary, found.tasks, found.provenance) == (model.vocabulary, model.tasks, model.provenance)
    ids = torch.tensor([[21, 40, 41, 45]])
    numbers, is_number = torch.tensor([[0.0, 2.5, 0.0, 0.0]]), torch.tensor([[False, True, False, False]])
    with torch.no_grad():
        assert torch.equal(model.network(ids, numbers, is_number), found.network(ids, numbers, is_number))
    assert not found.network.training
    assert all(weight.requires_grad for weight in found.network.parameters())


def test_a_model_saved_again_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "again", load_model(folder))
    for name in ("config.json", "model.safetensors", "vocabulary.json", "tasks.toml", "provenance.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_half_precision_weights_are_read_exactly(folder: Path) -> None:
    weights = {name: weight.bfloat16() for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    found = load_model(folder).network.state_dict()
    assert all(found[name].dtype == torch.float32 for name in weights)
    assert all(torch.equal(found[name], weights[name].float()) for name in weights)


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def drop_two(weights: dict[str, torch.Tensor]) -> None:
    del weights["blocks.1.mlp_in.weight"], weights["final_norm.weight"]


def add_two(weights: dict[str, torch.Tensor]) -> None:
    weights["blocks.2.mlp_in.weight"], weights["lm_head.weight"] = torch.zeros(2), torch.zeros(3)


def reshape_one(weights: dict[str, torch.Tensor]) -> None:
    weights["blocks.0.mlp_in.weight"] = torch.zeros(32, 9)


def count_instead(weights: dict[str, torch.Tensor]) -> None:
    weights["final_norm.weight"] = torch.ones(8, dtype=torch.int64)


def change_vocabulary(folder: Path, **changes: Any) -> None:
    path = folder / "vocabulary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}


def write_header(folder: Path, header: dict[str, Any]) -> None:
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))


def link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def without_number_head(folder: Path) -> None:
    change_config(folder, lacks=["number_head"])
    change_weights(folder, lambda weights: [weights.pop(f"number_head.{place}.weight") for place in (0, 2, 3)])


REFUSALS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing tensors": (
        lambda folder: change_weights(folder, drop_two),
        ("blocks.1.mlp_in.weight is missing", "final_norm.weight is missing"),
    ),
    "strange tensors": (
        lambda folder: change_weights(folder, add_two),
        ("blocks.2.mlp_in.weight is not a part of the network", "lm_head.weight is not a part of the network"),
    ),
    "another shape": (
        lambda folder: change_weights(folder, reshape_one),
        ("blocks.0.mlp_in.weight has shape (32, 9), not (32, 8)",),
    ),
    "whole numbers": (lambda folder: change_weights(folder, count_instead), ("holds numbers of type I64",)),
    "another width": (lambda folder: change_config(folder, width=16), ("has shape (8,), not (16,)", "and ")),
    "more layers": (lambda folder: change_config(folder, layers=3), ("blocks.2.attention.qkv.weight is missing",)),
    "far more layers": (lambda folder: change_config(folder, layers=900), ("too few for the 900 layers",)),
    "no number of layers": (lambda folder: change_config(folder, layers=10**9), ("layers",)),
    "a huge width": (lambda folder: change_config(folder, width=100_000), ("has shape",)),
    "a strange setting": (lambda folder: change_config(folder, bias=True), ("bias",)),
    "another kind of model": (
        lambda folder: change_config(folder, model_type="gpt2"),
        ("does not describe a dnagpt model",),
    ),
    "another vocabulary": (
        lambda folder: (folder / "vocabulary.json").write_text(Vocabulary.preset("dna-3mers").to_json()),
        ("the weights know 56 tokens, but vocabulary.json holds 121",),
    ),
    "truncated weights": (
        lambda folder: os.truncate(folder / "model.safetensors", 2000),
        ("model.safetensors is damaged or not a safetensors file",),
    ),
    "empty weights": (lambda folder: os.truncate(folder / "model.safetensors", 0), ("model.safetensors is damaged",)),
    "a pickle": (
        lambda folder: torch.save({"final_norm.weight": torch.ones(8)}, folder / "model.safetensors"),
        ("model.safetensors is damaged",),
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), ("model.safetensors",)),
    "no vocabulary": (lambda folder: (folder / "vocabulary.json").unlink(), ("vocabulary.json is missing",)),
    "no settings": (lambda folder: (folder / "config.json").unlink(), ("config.json is missing",)),
    "no tasks": (lambda folder: (folder / "tasks.toml").unlink(), ("tasks.toml is missing",)),
    "binary settings": (
        lambda folder: (folder / "config.json").write_bytes(b"\xff\x00"),
        ("config.json cannot be read",),
    ),
    "damaged settings": (lambda folder: (folder / "config.json").write_text("{"), ("config.json is not JSON",)),
    "settings of another kind": (
        lambda folder: (folder / "config.json").write_text("[]"),
        ("does not hold a JSON object",),
    ),
    "damaged tasks": (lambda folder: (folder / "tasks.toml").write_text("[a"), ("tasks.toml is not TOML",)),
    "a foreign folder": (
        lambda folder: [path.rename(folder / "notes.txt") for path in folder.iterdir()],
        ("is not a whole model folder",),
    ),
    "no folder": (shutil.rmtree, ("there is no such folder",)),
    "weights that are not numbers": (
        lambda folder: change_weights(folder, lambda weights: weights["final_norm.weight"].fill_(float("nan"))),
        ("model.safetensors holds weights that are no finite numbers, in final_norm.weight",),
    ),
    "double precision": (
        lambda folder: change_weights(
            folder, lambda weights: weights.update({"final_norm.weight": torch.ones(8, dtype=torch.float64)})
        ),
        ("holds numbers of type F64",),
    ),
    "a list of tensors without end": (
        lambda folder: (folder / "model.safetensors").write_bytes((1 << 40).to_bytes(8, "little") + b"{}"),
        ("its list of tensors would have 1,099,511,627,776 bytes",),
    ),
    "tensors beyond the file": (
        lambda folder: write_header(folder, {"a": tensor(shape=[10**6, 10**6], data_offsets=[0, 4 * 10**12])}),
        ("model.safetensors is damaged",),
    ),
    "a tensor whose name is no text to show": (
        lambda folder: change_weights(folder, lambda weights: weights.update({"\x1b[2J" + "x" * 999: torch.ones(1)})),
        ("'\\x1b[2Jxxx", "is not a part of the network"),
    ),
    "rotary positions without end": (
        lambda folder: change_config(folder, context=1_000_000, heads=1, width=1024),
        ("rotary positions of a context of 1,000,000",),
    ),
    "deep settings": (
        lambda folder: (folder / "config.json").write_text("[" * 200_000),
        ("config.json is not JSON",),
    ),
    "a number of many digits": (
        lambda folder: (folder / "config.json").write_text('{"layers": ' + "9" * 9_999 + "}"),
        ("config.json is not JSON",),
    ),
    "settings without end": (
        lambda folder: os.truncate(folder / "config.json", 1 << 35),
        ("config.json has 34,359,738,368 bytes",),
    ),
    "a device for settings": (
        lambda folder: link(folder / "config.json", "/dev/zero"),
        ("config.json is not a plain file",),
    ),
    "a pipe for weights": (
        lambda folder: pipe(folder / "model.safetensors"),
        ("model.safetensors is not a plain file",),
    ),
    "a folder for weights": (
        folder_for_weights,
        ("model.safetensors is not a plain file",),
    ),
    "a link to itself": (lambda folder: link(folder / "tasks.toml", "tasks.toml"), ("tasks.toml is missing",)),
    "a vocabulary with a token twice": (
        lambda folder: change_vocabulary(folder, reserved=["R", "R", "P", "&"]),
        ("<R> stands twice",),
    ),
    "a vocabulary with a path": (
        lambda folder: change_vocabulary(folder, name="../../.ssh/id"),
        ("vocabulary.json: ../../.ssh/id looks like the path of a file",),
    ),
    "a vocabulary with a path as a token": (
        lambda folder: change_vocabulary(folder, reserved=[*Vocabulary.preset("dna-2mers").reserved[:-1], "/etc/x"]),
        ("vocabulary.json: /etc/x looks like the path of a file",),
    ),
    "a vocabulary with a file": (
        lambda folder: change_vocabulary(folder, file="/etc/passwd"),
        ("the key 'file' is not known",),
    ),
    "another vocabulary of the same size": (
        lambda folder: change_vocabulary(folder, alphabet="ACGT"),
        ("is not the vocabulary that the weights were saved with, though it is as large",),
    ),
    "deep tasks": (
        lambda folder: (folder / "tasks.toml").write_text("a = " + "[" * 100_000),
        ("tasks.toml is not TOML",),
    ),
    "a task with a token of another vocabulary": (
        lambda folder: (folder / "tasks.toml").write_text('[a]\ntemplate = "<R9>{sequence}<=><B>{x?:boolean}"\n'),
        ("tasks.toml, [a]: <R9> is not a reserved token",),
    ),
    "a task with too many choices": (
        lambda folder: (folder / "tasks.toml").write_text(
            '[a]\ntemplate = "<R>{sequence}<=><B>{x?:choice(' + ",".join(f"c{n}" for n in range(99)) + ')}"\n'
        ),
        ("tasks.toml, [a]: A choice of 99 cannot be written",),
    ),
    "a part that no network has": (
        lambda folder: change_config(folder, lacks=["lm_head"]),
        ("lacks is to be a list of number_embedding, token_head, number_head",),
    ),
    "a task whose part is lacking": (
        without_number_head,
        ("The task 'pretraining'", "needs a number head, which the weights lack"),
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_folder_that_is_not_whole_is_refused_with_what_is_wrong(folder: Path, kind: str) -> None:
    harm, parts = REFUSALS[kind]
    harm(folder)
    with pytest.raises(InputError) as refusal:
        load_model(folder)
    assert str(folder) in str(refusal.value)
    for part in parts:
        assert part in str(refusal.value)


def test_links_to_files_are_followed_as_caches_need_it(folder: Path, tmp_path: Path) -> None:
    for path in list(folder.iterdir()):
        blob = tmp_path / f"blob-{path.name}"
        path.rename(blob)
        path.symlink_to(blob)
    assert load_model(folder).provenance["seed"] == 0


def test_a_folder_that_names_no_digest_of_its_vocabulary_is_read(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["vocabulary_sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load_model(folder).vocabulary.name == "dna-2mers"


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("weights")
    with pytest.raises(InputError, match="is not a model folder"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("operation", ["fsync", "rename", "mkdir", "write"])
def test_a_save_that_fails_leaves_the_old_model(folder: Path, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if operation == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(Path, {"write": "write_text"}.get(operation, operation), full)
        with pytest.raises(StorageError, match="could not be written: the disk is full"):
            save_model(folder, make_model(9))
    assert load_model(folder).provenance["seed"] == 0
    save_model(folder, make_model(9))
    assert load_model(folder).provenance["seed"] == 9
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_save_that_fails_between_the_renames_puts_the_old_model_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def second_fails(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(StorageError, match="input/output error"):
        save_model(folder, make_model(9))
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert load_model(folder).provenance["seed"] == 0


def test_a_folder_that_is_a_link_is_written_where_it_leads(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    for seed in (8, 9):
        save_model(tmp_path / "link", make_model(seed))
        assert load_model(tmp_path / "link").provenance["seed"] == load_model(folder).provenance["seed"] == seed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "model"]


def test_the_task_to_be_asked_is_found_by_name_or_by_being_the_only_one() -> None:
    model = make_model()
    assert model.task().name == "level"
    assert model.task("pretraining").name == "pretraining"
    with pytest.raises(InputError, match=r"no task 'pas' in this model; it has pretraining, level"):
        model.task("pas")
    two = replace(model, tasks={**model.tasks, "other": replace(model.tasks["level"], name="other")})
    with pytest.raises(InputError, match="No task was named"):
        two.task()
