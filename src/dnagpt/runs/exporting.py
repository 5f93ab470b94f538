"""A model folder in the layout of others, or with an adapter merged into its weights."""

from dataclasses import replace
from pathlib import Path

from dnagpt.errors import InputError
from dnagpt.files.compressed import file_sha256
from dnagpt.released import write_released
from dnagpt.runs.importing import describe, refuse_existing_folder
from dnagpt.runs.outputs import provenance
from dnagpt.store.adapters import ADAPTER_FILES, merge_lora
from dnagpt.store.folder import load_model, save_model


def export(folder: Path, target: Path, *, to: str, adapter: Path | None) -> str:
    """Write a model as `released` weights, as a `hf` folder, or with an adapter merged as a `dnagpt` folder."""
    if (to == "dnagpt") != (adapter is not None):
        raise InputError(
            "--merge-lora and --to dnagpt go together: they write a model folder with the adapter merged, which can "
            "be exported to another layout afterwards."
        )
    if adapter is not None:
        return _export_merged(folder, target, adapter)
    return _export_released(folder, target) if to == "released" else _export_hf(folder, target)


def _export_released(folder: Path, target: Path) -> str:
    model = load_model(folder, dtype=None)
    write_released(target, model)
    left = f" Tasks have no place in it: {', '.join(model.tasks)}." if model.tasks else ""
    return f"{target}: {model.network.parameter_count:,} weights in the released layout.{left}"


def _export_hf(folder: Path, target: Path) -> str:
    from dnagpt.hf import export_hf

    refuse_existing_folder(target)
    export_hf(folder, target)
    return f"{target}: a Hugging Face folder."


def _export_merged(folder: Path, target: Path, adapter: Path) -> str:
    refuse_existing_folder(target)
    merged = merge_lora(load_model(folder, dtype=None), adapter)
    settings = {"model": str(folder), "adapter": str(adapter)}
    files = [folder / "model.safetensors", *(adapter / name for name in ADAPTER_FILES)]
    digests = {str(path): file_sha256(path) for path in files}
    save_model(target, replace(merged, provenance=provenance("export", settings, digests)))
    return describe(merged, target)
