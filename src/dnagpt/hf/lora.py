"""LoRA (Hu et al. 2021, arXiv 2106.09685): small matrices beside the layers learn, and the weights stay as they are."""

from dataclasses import replace
from pathlib import Path

import torch

from dnagpt.files.folders import atomic_folder
from dnagpt.files.optional import needs_extra
from dnagpt.store.adapters import merge_lora
from dnagpt.store.model import Model
from dnagpt.store.weights import empty_network, fill_network
from dnagpt.tasks import task_files

with needs_extra("hf", "LoRA"):
    import peft

ADAPTED = ("attention.qkv", "attention.output", "mlp_in", "mlp_out")
"""The layers that get an adapter: all of every block."""


class Adapter:
    """An adapter in training, within a model's network; the rest of the network is frozen.

    The product of the two matrices of a layer, of which the second starts at zero, counts `alpha / rank` times.
    """

    def __init__(self, model: Model, *, rank: int, alpha: float, dropout: float, seed: int) -> None:
        network = empty_network(model.network.config, model.lacks)
        fill_network(network, model.network.state_dict(), "the model")
        self._model = replace(model, network=network)  # the same weights in the same memory, without the adapter
        settings = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(ADAPTED))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._adapted = peft.get_peft_model(model.network, settings)

    def save(self, folder: Path) -> Model:
        """Write the adapter as PEFT does, with the tasks beside it, and give the model with it merged."""
        with atomic_folder(folder) as temporary:
            self._adapted.save_pretrained(temporary, save_embedding_layers=False)
            for name, text in task_files(self._model.tasks.values()).items():
                (temporary / name).write_text(text, encoding="utf-8")
        return merge_lora(self._model, folder)
