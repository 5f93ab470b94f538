"""What the release looks like: which of its tensors is which of ours, its variants, and what they were taught.

The names and shapes are facts of the published checkpoints (arXiv 2307.05628 and its release).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dnagpt.language.template import Template
from dnagpt.model import PRESETS, ModelConfig
from dnagpt.tasks import Task

_NAMES = {
    "transformer.wte.": "token_embedding.",
    "transformer.wpe.": "position_embedding.",
    "transformer.ln_f.": "final_norm.",
    "number_embedding.": "number_embedding.",
    "mlm_head.": "token_head.",
    "num_regression.": "number_head.",
}
_BLOCK_NAMES = {
    "attn.c_attn.": "attention.qkv.",
    "attn.c_proj.": "attention.output.",
    "mlp.c_fc.": "mlp_in.",
    "mlp.c_proj.": "mlp_out.",
    "ln_1.": "attention_norm.",
    "ln_2.": "mlp_norm.",
}
_BLOCK = re.compile(r"transformer\.h\.([0-9]{1,9})\.(.+)", re.DOTALL)
_OUR_BLOCK = re.compile(r"blocks\.([0-9]{1,9})\.(.+)", re.DOTALL)

VOCABULARIES = ("released-1to6mers", "released-6mers")
CLASSIFICATION = Task("classification", Template.parse("<R>{sequence}<=><R>{label?:boolean}"))
REGRESSION = Task(
    "regression", Template.parse("<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}")
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One of the released files."""

    config: ModelConfig
    """The shape of its network."""
    task: Task | None = None
    """What it was fine-tuned for; None for the pre-trained ones."""


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "0.1b_h": Variant(PRESETS["dnagpt-h"]),
        "0.1b_m": Variant(PRESETS["dnagpt-s-512"]),
        "3b_m": Variant(PRESETS["dnagpt-b-512"]),
        "classification": Variant(PRESETS["dnagpt-s-512"], CLASSIFICATION),
        "regression": Variant(PRESETS["dnagpt-h"], REGRESSION),
    }
)
"""The five released files by name: dna_gpt0.1b_h, dna_gpt0.1b_m, dna_gpt3b_m, classification and regression."""


def our_name(released_name: str) -> str | None:
    """Translate a tensor's name; None for one that the release does not have.

    >>> our_name("transformer.h.3.attn.c_attn.weight")
    'blocks.3.attention.qkv.weight'
    """
    block = _BLOCK.fullmatch(released_name)
    names, rest, start = (_BLOCK_NAMES, block[2], f"blocks.{block[1]}.") if block else (_NAMES, released_name, "")
    for theirs, ours in names.items():
        if rest.startswith(theirs):
            return start + ours + rest.removeprefix(theirs)
    return None


def released_name(our_name: str) -> str:
    """Translate a tensor's name back into that of the release.

    >>> released_name("blocks.3.attention.qkv.weight")
    'transformer.h.3.attn.c_attn.weight'
    """
    block = _OUR_BLOCK.fullmatch(our_name)
    names, rest, start = (_BLOCK_NAMES, block[2], f"transformer.h.{block[1]}.") if block else (_NAMES, our_name, "")
    theirs, ours = next((theirs, ours) for theirs, ours in names.items() if rest.startswith(ours))
    return start + theirs + rest.removeprefix(ours)
