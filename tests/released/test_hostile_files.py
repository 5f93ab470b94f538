"""Files that claim to be released weights and are not: a sentence, nothing run, little memory taken."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.released.files import released_file, released_tensors

from dnagpt.errors import InputError
from dnagpt.released import read_released


class _Stored:
    """Stands for a storage while a list of tensors is pickled by hand."""


class _Claim:
    """Is unpickled as a tensor of any shape over a storage of four numbers."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __reduce__(self) -> tuple[Any, ...]:
        strides = (self.shape[1], 1)
        return torch._utils._rebuild_tensor_v2, (_Stored(), 0, self.shape, strides, False, {})


class _ListPickler(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return ("storage", torch.FloatStorage, "0", "cpu", 4) if isinstance(value, _Stored) else None


def pickled(content: object) -> bytes:
    buffer = io.BytesIO()
    _ListPickler(buffer, protocol=2).dump(content)
    return buffer.getvalue()


def with_list(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """Write an archive as torch.save does, but with a list of tensors of our own."""
    torch.save({"a": torch.ones(4)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, content if name.endswith("data.pkl") else data)


def call_of(name: bytes, argument: int) -> bytes:
    """Pickle the call `name(argument)`."""
    number = argument.to_bytes(8, "little")
    return b"\x80\x02c" + name + b"\n\x8a" + bytes([len(number)]) + number + b"\x85R."


def twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(next(name for name in archive.namelist() if name.endswith("data.pkl")), b"\x80\x02}.")


def not_finite(path: Path, value: float) -> None:
    weights = released_tensors()
    weights["transformer.ln_f.weight"][1] = value
    weights["transformer.wte.weight"][3, 2] = value
    torch.save(weights, path)


def of_type(path: Path, dtype: torch.dtype) -> None:
    weights = released_tensors()
    torch.save({**weights, "transformer.ln_f.weight": torch.ones(4, dtype=dtype)}, path)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


NOTHING_RUN = "nothing in it was executed"
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a terabyte asked for": (lambda p: with_list(p, call_of(b"builtins\nbytearray", 10**12)), "builtins bytearray"),
    "a tensor asked for": (lambda p: with_list(p, call_of(b"torch\nTensor", 10**11)), "torch Tensor"),
    "a shell": (lambda p: with_list(p, call_of(b"os\nsystem", 1)), "os system"),
    "a name with an escape": (lambda p: with_list(p, call_of(b"\x1b[2Jos\nsystem", 1)), r"\\x1b"),
    "code found on the stack": (lambda p: with_list(p, b"\x80\x04\x8c\x02os\x8c\x06system\x93."), "STACK_GLOBAL"),
    "a list cut short": (lambda p: with_list(p, b"\x80\x02}"), NOTHING_RUN),
    "a tensor beyond its storage": (
        lambda p: with_list(p, pickled({"transformer.wte.weight": _Claim(10**6, 10**5)})),
        NOTHING_RUN,
    ),
    "a packed list": (
        lambda p: with_list(p, b"\x80\x02}" + b"0" * 10**7, zipfile.ZIP_DEFLATED),
        "larger than the file",
    ),
    "a long list": (lambda p: with_list(p, b"\x80\x02" + b"}0" * (1 << 23) + b"}."), "list of tensors has"),
    "two lists": (twice, "2 lists of tensors"),
    "one number many times": (
        lambda p: torch.save({**released_tensors(), "transformer.wte.weight": torch.zeros(1).expand(15659, 4)}, p),
        "bytes of weights, but has",
    ),
    "cut short": (lambda p: os.truncate(p, p.stat().st_size // 2), NOTHING_RUN),
    "cut at the end": (lambda p: os.truncate(p, p.stat().st_size - 1), NOTHING_RUN),
    "nan": (lambda p: not_finite(p, float("nan")), r"no finite numbers, in .*final_norm\.weight"),
    "infinity": (lambda p: not_finite(p, float("-inf")), r"no finite numbers, in token_embedding\.weight"),
    "double precision": (lambda p: of_type(p, torch.float64), r"transformer\.ln_f\.weight is float64"),
    "whole numbers": (lambda p: of_type(p, torch.int8), r"transformer\.ln_f\.weight is int8"),
    "complex numbers": (lambda p: of_type(p, torch.complex64), r"transformer\.ln_f\.weight is complex64"),
    "a pipe": (fifo, "is not a file"),
    "a folder": (folder, "is not a file"),
    "a device": (lambda p: link(p, "/dev/zero"), "is not a file"),
    "a link to itself": (lambda p: link(p, p.name), "There is no file"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_with_what_is_wrong(tmp_path: Path, kind: str) -> None:
    harm, part = HOSTILE[kind]
    path = released_file(tmp_path / "weights.pth")
    harm(path)
    with pytest.raises(InputError, match=part) as refusal:
        read_released(path, heads=2)
    assert "weights.pth" in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    released_file(tmp_path / "blob")
    (tmp_path / "weights.pth").symlink_to("blob")
    assert read_released(tmp_path / "weights.pth", heads=2).vocabulary.name == "released-6mers"


MEMORY_BOUND = [kind for kind in HOSTILE if kind.split()[0] in ("a", "one")]
IN_LITTLE_MEMORY = """
import resource, sys
from dnagpt.store.folder import load_model
from dnagpt.errors import InputError
from dnagpt.released import read_released

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
for path in sys.argv[1:]:
    try:
        read_released(path, heads=2) if path.endswith(".pth") else load_model(path)
    except InputError as error:
        print("REFUSED", path, error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited on Linux alone")
def test_hostile_files_are_refused_in_a_quarter_of_a_gigabyte(tmp_path: Path) -> None:
    paths = []
    for number, kind in enumerate(MEMORY_BOUND):
        paths.append(released_file(tmp_path / f"{number}.pth"))
        HOSTILE[kind][0](paths[-1])
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("REFUSED") == len(paths) > 8, done.stdout
