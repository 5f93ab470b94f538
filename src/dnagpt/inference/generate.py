"""New sequences, token by token, many at a time and each independent of the others.

Shapes: B rows, L positions, V vocabulary, C candidates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch

from dnagpt.errors import InputError
from dnagpt.inference.sampling import Sampling, choose, uniform_numbers
from dnagpt.language.template import Rows
from dnagpt.model import DNAGPT, KeyValueCache, autocast

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Continuation:
    """One prompt to be continued once: sample number `sample` of the run."""

    prompt: Rows
    """What is given."""
    sample: int
    """Its number; with the seed it decides all random choices."""
    first: tuple[int, ...] | None = None
    """The tokens that may come first, where the prompt ends within a k-mer; None: as all others."""


@dataclass(frozen=True)
class Grammar:
    """Which tokens may be generated, and which of them are the last of a sequence."""

    allowed: tuple[int, ...]
    """Ids that may follow, in ascending order."""
    last: frozenset[int] = frozenset()
    """Ids after which the sequence is finished."""


def generate(
    network: DNAGPT,
    continuations: Sequence[Continuation],
    grammar: Grammar,
    *,
    max_tokens: int,
    sampling: Sampling,
    seed: int,
    batch_size: int = 64,
    use_cache: bool = True,
    slide: bool = False,
    precision: str = "float32",
    done: Callable[[int], None] = lambda _: None,
) -> list[Ids]:
    """Continue every prompt by up to `max_tokens` tokens, prompts of equal length together.

    What comes out for a prompt depends on the seed and its sample number, not on the batch or the cache. A row
    that outgrows the context is an error, unless `slide` drops its oldest tokens as the released code does.
    """
    context = network.config.context
    for one in continuations:
        length = len(one.prompt.ids)
        if length > context or (length + max_tokens - 1 > context and not slide):
            raise InputError(
                f"A prompt of {length:,} tokens and {max_tokens:,} more do not fit the model's context of {context:,}. "
                "Shorten the prompt, or ask for fewer tokens."
            )
    found: dict[int, Ids] = {}
    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode(), autocast(device, precision):
        for batch in _batches(continuations, batch_size):
            rows = _Rows(
                network, [continuations[place] for place in batch], grammar, sampling, seed, max_tokens, device
            )
            found.update(zip(batch, rows.run(use_cache=use_cache), strict=True))
            done(len(batch))
    return [found[place] for place in range(len(continuations))]


def _batches(continuations: Sequence[Continuation], size: int) -> Iterator[list[int]]:
    def length(place: int) -> int:
        return len(continuations[place].prompt.ids)

    for _, equal in groupby(sorted(range(len(continuations)), key=length), key=length):
        places = list(equal)
        yield from (places[start : start + size] for start in range(0, len(places), size))


class _Rows:
    """A batch of rows of equal length in the course of being continued."""

    def __init__(
        self, network: DNAGPT, continuations: Sequence[Continuation], grammar: Grammar, sampling: Sampling,
        seed: int, max_tokens: int, device: torch.device,
    ) -> None:  # fmt: skip
        self.network, self.grammar, self.sampling, self.max_tokens = network, grammar, sampling, max_tokens
        self.ids_BL = torch.from_numpy(np.stack([one.prompt.ids for one in continuations]).astype(np.int64)).to(device)
        self.numbers_BL = torch.from_numpy(np.stack([one.prompt.numbers for one in continuations])).to(device)
        self.is_number_BL = torch.from_numpy(np.stack([one.prompt.is_number for one in continuations])).to(device)
        self.prompt_length = self.ids_BL.shape[1]
        uniforms = np.stack([uniform_numbers(seed, one.sample, max_tokens) for one in continuations])
        self.uniforms_BT = torch.from_numpy(uniforms).to(device)
        self.allowed_C = torch.tensor(grammar.allowed, device=device)
        self.first = [one.first for one in continuations]

    def run(self, *, use_cache: bool) -> list[Ids]:
        cache = self._cache() if use_cache else None
        finished_B = torch.zeros(len(self.ids_BL), dtype=torch.bool, device=self.ids_BL.device)
        last = torch.tensor(sorted(self.grammar.last), device=self.ids_BL.device)
        for step in range(self.max_tokens):
            logits_BC = self._logits(cache)
            if step == 0:
                logits_BC = self._constrained(logits_BC)
            chosen_B = self.allowed_C[choose(logits_BC, self.uniforms_BT[:, step], self.sampling)]
            self._append(chosen_B)
            finished_B |= torch.isin(chosen_B, last)
            if finished_B.all():
                break
        return [self._cut(row, last) for row in self.ids_BL[:, self.prompt_length :]]

    def _cache(self) -> KeyValueCache:
        config = self.network.config
        capacity = min(config.context, self.prompt_length + self.max_tokens)
        return KeyValueCache(config, len(self.ids_BL), capacity, dtype=torch.float32, device=self.ids_BL.device)

    def _logits(self, cache: KeyValueCache | None) -> torch.Tensor:
        context = self.network.config.context
        read = (
            cache.length
            if cache is not None and self.ids_BL.shape[1] <= context
            else max(0, self.ids_BL.shape[1] - context)
        )
        usable = cache if self.ids_BL.shape[1] <= context else None
        hidden_BLD = self.network(self.ids_BL[:, read:], self.numbers_BL[:, read:], self.is_number_BL[:, read:], usable)
        return self.network.token_logits(hidden_BLD[:, -1])[:, self.allowed_C].float()

    def _constrained(self, logits_BC: torch.Tensor) -> torch.Tensor:
        for row, first in enumerate(self.first):
            if first is not None:
                legal_C = torch.isin(self.allowed_C, torch.tensor(first, device=self.allowed_C.device))
                logits_BC[row].masked_fill_(~legal_C, float("-inf"))
        return logits_BC

    def _append(self, chosen_B: torch.Tensor) -> None:
        column_B1 = chosen_B[:, None]
        self.ids_BL = torch.cat((self.ids_BL, column_B1), dim=1)
        self.numbers_BL = torch.cat((self.numbers_BL, torch.zeros_like(column_B1, dtype=torch.float32)), dim=1)
        self.is_number_BL = torch.cat((self.is_number_BL, torch.zeros_like(column_B1, dtype=torch.bool)), dim=1)

    @staticmethod
    def _cut(row: torch.Tensor, last: torch.Tensor) -> Ids:
        ends = torch.isin(row, last).nonzero()
        length = int(ends[0, 0]) + 1 if len(ends) else len(row)
        return row[:length].cpu().numpy()
