"""Random substitutions in training sequences: a network that sees them anew each time cannot learn records by heart."""

import numpy as np


def substitute_letters(text: str, share: float, letters: str, generator: np.random.Generator) -> str:
    """Replace a share of the letters of a sequence by letters drawn at random (which may be the same ones).

    >>> changed = substitute_letters("A" * 1000, 0.2, "ACGT", np.random.default_rng(0))
    >>> len(changed), 820 < changed.count("A") < 880
    (1000, True)
    """
    codes = np.frombuffer(text.encode(), dtype=np.uint8).copy()
    hit = generator.random(len(codes)) < share
    codes[hit] = generator.choice(np.frombuffer(letters.encode(), dtype=np.uint8), size=int(hit.sum()))
    return codes.tobytes().decode()
