"""The network: tensors in, tensors out; it knows no genome, no language and no task."""

from dnagpt.model.cache import KeyValueCache
from dnagpt.model.config import PRESETS, KmerTable, ModelConfig, PanelShape
from dnagpt.model.device import autocast, fastest_device, has_bfloat16
from dnagpt.model.layers import RotaryPositions
from dnagpt.model.network import DNAGPT

__all__ = [
    "DNAGPT",
    "PRESETS",
    "KeyValueCache",
    "KmerTable",
    "ModelConfig",
    "PanelShape",
    "RotaryPositions",
    "autocast",
    "fastest_device",
    "has_bfloat16",
]
