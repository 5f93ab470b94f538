"""Rows that are to be answered, checked for a prompt that is whole.

Shapes: B rows, L positions, N tokens at one end of the prompt.
"""

import torch

from dnagpt.errors import InputError
from dnagpt.hf.configuration import DNAGPTConfig


def real_positions(
    ids_BL: torch.Tensor, mask_BL: torch.Tensor | None, is_number_BL: torch.Tensor | None, pad_id: int | None
) -> torch.Tensor:
    """Tell which positions are not padding, (B, L): as the mask says, or else every token but the fill token."""
    if mask_BL is not None:
        return mask_BL[:, -ids_BL.shape[1] :] != 0  # a mask counts what a cache holds too
    real_BL = torch.ones_like(ids_BL, dtype=torch.bool) if pad_id is None else ids_BL != pad_id
    return real_BL if is_number_BL is None else real_BL | is_number_BL


def last_places(real_BL: torch.Tensor) -> torch.Tensor:
    """Return the last position of each row that is not padding, (B,), whichever side is padded.

    >>> last_places(torch.tensor([[False, True, True], [True, False, False]])).tolist()
    [2, 0]
    """
    return (torch.arange(real_BL.shape[1], device=real_BL.device) * real_BL).argmax(dim=-1)


def refuse_cut_prompts(config: DNAGPTConfig, ids_BL: torch.Tensor, real_BL: torch.Tensor) -> None:
    """Raise an InputError where a row does not begin or end as the prompt of the model's task does.

    Truncation cuts off the question at the end (or, at the left, the beginning), and plain DNA asks nothing; the model
    would answer all the same.
    """
    if not config.asks_own_task():
        return
    before, after = (config.prompt or "").partition("{")[0], (config.prompt or "").rpartition("}")[2]
    starts_B = real_BL.byte().argmax(dim=-1)
    _refuse_other_tokens(ids_BL, starts_B, config.prompt_start_ids or [], before, "start")
    ends = config.prompt_end_ids or []
    _refuse_other_tokens(ids_BL, last_places(real_BL) - len(ends) + 1, ends, after, "end")


def _refuse_other_tokens(ids_BL: torch.Tensor, first_B: torch.Tensor, ids: list[int], text: str, where: str) -> None:
    places_BN = first_B[:, None] + torch.arange(len(ids), device=ids_BL.device)
    inside_BN = (places_BN >= 0) & (places_BN < ids_BL.shape[1])
    found_BN = ids_BL.gather(1, places_BN.clamp(0, ids_BL.shape[1] - 1))
    wrong_B = (~inside_BN | (found_BN != torch.tensor(ids, dtype=ids_BL.dtype, device=ids_BL.device))).any(dim=1)
    if bool(wrong_B.any()):
        raise InputError(
            f"Row {int(wrong_B.nonzero()[0, 0]) + 1} does not {where} with {text or ids}, as the prompt of the model's "
            "task does: truncation cut it, or it is a sequence without the prompt. Shorten the sequence itself, and "
            "write the prompt with model.config.prompt.format(sequence=...). To ask in another way, set "
            f"model.config.prompt_{where}_ids to None."
        )
