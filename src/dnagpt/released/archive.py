"""A `.pth` file opened with care: a zip archive of plain tensors, whose list is checked before it is followed."""

import pickle
import pickletools
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from dnagpt.errors import InputError
from dnagpt.files.compressed import read_error
from dnagpt.store.weights import listed, shown

_MOST_LIST = 1 << 24
"""The most bytes that the list of tensors may have; that of the 3-billion-parameter weights has 60,000."""
_NEEDED = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)|torch (\w+Storage|Size|device)"
)
_CALLED_BY_OTHER_WAYS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
_TYPES = {torch.float32, torch.float16, torch.bfloat16}
_DAMAGED = (
    pickle.UnpicklingError, RuntimeError, ValueError, OSError, EOFError, TypeError, AttributeError, LookupError,
    AssertionError, ArithmeticError, MemoryError, struct.error,
)  # fmt: skip


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Open a state dict, bare or under the key `model`; its weights stay in the file until they are used.

    InputError where the file holds anything but plain weights, or claims more of them than it has bytes.
    """
    size = _size(path)
    _refuse_code(path, _tensor_list(path, size))
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except _DAMAGED as error:
        raise _no_weights(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    weights = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(weight, torch.Tensor) for name, weight in weights.items()
    ):
        raise InputError(f"{path} does not hold a state dict (names and tensors), bare or under the key `model`.")
    _refuse_strange_tensors(path, weights, size)
    return {name: weight.detach() for name, weight in weights.items()}


def _size(path: Path) -> int:
    if not path.exists():
        raise InputError(f"There is no file {path}. Check the path.")
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give the `.pth` file with the weights.")
    return path.stat().st_size


def _no_weights(path: Path, reason: str) -> InputError:
    told = (reason if reason.isprintable() else repr(reason))[:300].rstrip(".")
    return InputError(f"{path} is not a file of plain weights, and nothing in it was executed: {told}.")


def _tensor_list(path: Path, size: int) -> bytes:
    """Read the pickled list of tensors, refusing an archive whose parts would grow when they are unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            lists = [part for part in parts if part.filename.lower().endswith("data.pkl")]
            if len(lists) != 1:
                raise _no_weights(path, f"it has {len(lists)} lists of tensors, not 1")
            packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
            if packed or sum(part.file_size for part in parts) > size:
                raise _no_weights(path, "its parts are larger than the file, which torch.save never writes")
            if lists[0].file_size > _MOST_LIST:
                raise _no_weights(path, f"its list of tensors has {lists[0].file_size:,} bytes")
            if damaged := archive.testzip():  # torch.load maps the parts into memory and checks none of them
                raise _no_weights(path, f"its part {shown(damaged)} is damaged, as its checksum says")
            return archive.read(lists[0])
    except PermissionError as error:
        raise read_error(path, error) from None
    except (zipfile.BadZipFile, NotImplementedError, *_DAMAGED) as error:
        raise _no_weights(path, f"it is no archive as torch.save writes it ({error})") from None


def _refuse_code(path: Path, pickled: bytes) -> None:
    """Refuse a list that would call anything but what plain tensors are rebuilt with.

    `weights_only=True` executes none of it either, but lets a list ask for memory without end, as bytearray(10**12).
    """
    try:
        called = {_called(code.name, argument) for code, argument, _ in pickletools.genops(pickled)}
    except _DAMAGED as error:
        raise _no_weights(path, f"its list of tensors cannot be read ({error})") from None
    strangers = sorted(shown(name) for name in called if name is not None and not _NEEDED.fullmatch(name))
    if strangers:
        raise _no_weights(path, f"it asks to call {listed(strangers)}")


def _called(code: str, argument: object) -> str | None:
    """Name what an instruction of a pickle would call; None for those that only hold data."""
    return str(argument) if code == "GLOBAL" else code if code in _CALLED_BY_OTHER_WAYS else None


def _refuse_strange_tensors(path: Path, weights: dict[str, torch.Tensor], size: int) -> None:
    types = [
        f"{shown(name)} is {str(weight.dtype).removeprefix('torch.')}"
        for name, weight in weights.items()
        if weight.dtype not in _TYPES
    ]
    if types:
        raise InputError(f"{path} holds numbers that are no weights (float32, float16, bfloat16): {listed(types)}.")
    claimed = sum(weight.numel() * weight.element_size() for weight in weights.values())
    if claimed > size:
        raise InputError(
            f"{path} claims {claimed:,} bytes of weights, but has {size:,}. It was changed or cut short; take the "
            "original file."
        )
