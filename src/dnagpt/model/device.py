"""In which numbers a machine computes matrix products."""

from contextlib import AbstractContextManager

import torch

from dnagpt.errors import InputError

PRECISIONS = ("auto", "float32", "bfloat16")


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(torch.cpu.get_capabilities().get(feature, False) for feature in ("avx512_bf16", "amx_bf16"))


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Compute in bfloat16 where asked for, or where `auto` finds it fast; weights and losses stay float32.

    float32 is what answers are computed in by default. Probabilities in bfloat16 differ from it by up to about .01.
    """
    if precision not in PRECISIONS:
        raise InputError(f"There is no precision {precision!r}. Use one of {', '.join(PRECISIONS)}.")
    wanted = precision == "bfloat16" or (precision == "auto" and has_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def fastest_device() -> torch.device:
    """Name the device that a model is best asked on: the GPU where there is one.

    >>> fastest_device().type in ("cpu", "cuda")
    True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
