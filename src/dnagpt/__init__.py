"""DNA language models after DNAGPT (arXiv 2307.05628).

    FASTA / table -> record -> prompt -> ids + numbers -> batch -> DNAGPT -> token logits + numbers -> loss | answer

`dnagpt.load(folder)` opens a model; everything else has a room of its own, listed in docs/architecture.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dnagpt.inference.language_model import LanguageModel

__all__ = ["load"]


def load(folder: "str | Path", *, device: str = "cpu") -> "LanguageModel":
    """Open a model folder as an object that predicts and generates.

    InputError says what is missing or does not fit. torch is imported at the first call, not before.
    """
    from dnagpt.inference.language_model import load as open_model

    return open_model(folder, device=device)
