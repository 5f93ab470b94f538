"""How fast text becomes ids: bases a second on one core, beside a plain Python loop.

OMP_NUM_THREADS=1 python benchmarks/tokenizer.py
"""

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dnagpt.language.tokenizer import decode, encode_batch, encode_codes, encode_sequence
from dnagpt.language.vocabulary import Vocabulary

LONG = 120_000_000
BATCH, LENGTH = 100_000, 600
PRESETS = ("released-1to6mers", "released-6mers", "dna-6mers", "dna-5mers", "dna-4mers", "dna-1mers")


def loop_encode(vocabulary: Vocabulary, sequence: str) -> list[int]:
    """Encode as a textbook would: a dictionary and one k-mer at a time."""
    ids = {vocabulary.token(token_id): token_id for token_id in range(vocabulary.size)}
    return [ids[sequence[start : start + vocabulary.k]] for start in range(0, len(sequence), vocabulary.k)]


def encode_windows(vocabulary: Vocabulary, window: npt.NDArray[np.uint8], count: int = 1000) -> None:
    """Encode one short window after the other, as random sampling does."""
    for _ in range(count):
        encode_codes(vocabulary, window)


def report(what: str, bases: int, work: Callable[[], object], *, repeats: int = 3) -> None:
    """Print the best of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    print(f"{what:<44}{bases / best / 1e6:>10,.0f} million bases/s", flush=True)


def main() -> None:
    """Measure long sequences, batches, windows of base codes, awkward input and the plain loop."""
    rng = np.random.default_rng(1)
    letters = np.frombuffer(b"AGCT", np.uint8)[rng.integers(0, 4, LONG, dtype=np.uint8)].tobytes()
    codes = rng.integers(1, 5, LONG, dtype=np.uint8)
    text = letters.decode()
    equal = [text[start : start + LENGTH] for start in range(0, BATCH * LENGTH, LENGTH)]
    bounds = np.cumsum(rng.integers(1, 2 * LENGTH, BATCH))
    ragged = [text[start:end] for start, end in pairwise(bounds)]
    for name in PRESETS:
        vocabulary = Vocabulary.preset(name)
        report(f"{name}: long, bytes", LONG, partial(encode_sequence, vocabulary, letters))
        report(f"{name}: long, str", LONG, partial(encode_sequence, vocabulary, text))
        report(f"{name}: base codes", LONG, partial(encode_codes, vocabulary, codes))
        report(f"{name}: batch of {BATCH} x {LENGTH}", BATCH * LENGTH, partial(encode_batch, vocabulary, equal))
        if vocabulary.shortest == 1:
            report(f"{name}: ragged batch", sum(map(len, ragged)), partial(encode_batch, vocabulary, ragged))
    vocabulary = Vocabulary.preset("dna-6mers")
    noisy = bytearray(letters)
    for place in rng.integers(0, LONG, LONG // 100_000):
        noisy[place] = ord("N")
    report("dna-6mers: long, one N in 100 kb", LONG, lambda: encode_sequence(vocabulary, bytes(noisy)), repeats=1)
    report("dna-6mers: only N", LONG // 10, lambda: encode_sequence(vocabulary, "N" * (LONG // 10)), repeats=1)
    window = codes[: 511 * 6]
    report("dna-6mers: windows of 3,066 codes", 3066 * 1000, lambda: encode_windows(vocabulary, window))
    report("dna-6mers: plain loop", LONG // 60, lambda: loop_encode(vocabulary, text[: LONG // 60]), repeats=1)
    ids = encode_sequence(vocabulary, letters[: LONG // 10]).ids
    report("dna-6mers: decode", LONG // 10, lambda: decode(vocabulary, ids), repeats=1)


if __name__ == "__main__":
    main()
