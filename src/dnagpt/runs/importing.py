"""Released weights into a model folder."""

from dataclasses import replace
from pathlib import Path

from dnagpt.errors import InputError
from dnagpt.files.compressed import file_sha256
from dnagpt.released import read_released
from dnagpt.runs.outputs import provenance
from dnagpt.store.folder import save_model
from dnagpt.store.model import Model
from dnagpt.store.weights import PARTS


def import_weights(source: Path, output: Path, *, variant: str | None, heads: int | None) -> str:
    """Write a model folder from a released file, its weights bit for bit; says what it holds."""
    refuse_existing_folder(output)
    model = read_released(source, variant=variant, heads=heads, dtype=None)
    settings = {"file": source.name, **model.provenance, "heads": model.network.config.heads}
    digests = {str(source): file_sha256(source)}
    save_model(output, replace(model, provenance=provenance("import", settings, digests)))
    return describe(model, output)


def refuse_existing_folder(folder: Path) -> None:
    """Refuse to write a model folder over anything that is there already."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty. Choose another name, or remove it.")


def describe(model: Model, folder: Path) -> str:
    """Say in two lines what a model folder holds."""
    config = model.network.config
    types = sorted({str(weight.dtype).removeprefix("torch.") for weight in model.network.parameters()})
    tasks = ", ".join(model.tasks) or "none; fine-tune it with `dnagpt finetune`"
    lacks = f" Its weights have no {' and no '.join(PARTS[part] for part in model.lacks)}." if model.lacks else ""
    return (
        f"{folder}: {model.network.parameter_count:,} weights ({', '.join(types)}), vocabulary "
        f"{model.vocabulary.name}, context {config.context:,} tokens.\nTasks: {tasks}.{lacks}"
    )
