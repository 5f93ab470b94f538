"""New sequences, token by token, many at a time and each independent of the others.

Shapes: B rows, L positions, V vocabulary, C candidates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from dnagpt.data.batches import collate
from dnagpt.errors import InputError
from dnagpt.inference.cores import side_by_side
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
    """Ids that may follow."""
    last: frozenset[int] = frozenset()
    """Ids after which the sequence is finished."""
    place: int = 0
    """Which place of the network's panel the token stands at, from 1; 0: none."""


def generate(
    network: DNAGPT,
    continuations: Sequence[Continuation],
    grammar: Grammar | Sequence[Grammar],
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

    There is one grammar for all tokens, or one for each. What comes out for a prompt depends on the seed and its sample
    number, not on the batch or the cache. A row that outgrows the context is an error, unless `slide` drops its oldest
    tokens as the released code does. On a CPU several batches are continued side by side.
    """
    context = network.config.context
    for one in continuations:
        length = len(one.prompt.ids)
        if length > context or (length + max_tokens - 1 > context and not slide):
            raise InputError(
                f"A prompt of {length:,} tokens and {max_tokens:,} more do not fit the model's context of {context:,}. "
                "Shorten the prompt, or ask for fewer tokens."
            )
    grammars = [grammar] * max_tokens if isinstance(grammar, Grammar) else list(grammar)
    device = next(network.parameters()).device
    network.eval()

    def continued(batch: list[int]) -> list[tuple[int, Ids]]:
        chosen = [continuations[place] for place in batch]
        with torch.inference_mode(), autocast(device, precision):
            rows = _Rows(network, chosen, grammars, sampling, seed, device)
            return list(zip(batch, rows.run(use_cache=use_cache), strict=True))

    found: dict[int, Ids] = {}
    for part in side_by_side(continued, list(_batches(continuations, batch_size)), device):
        found.update(part)
        done(len(part))
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
        self, network: DNAGPT, continuations: Sequence[Continuation], grammars: Sequence[Grammar], sampling: Sampling,
        seed: int, device: torch.device,
    ) -> None:  # fmt: skip
        self.network, self.grammars, self.sampling, self.device = network, grammars, sampling, device
        batch = collate([one.prompt for one in continuations], pad_id=0)  # of equal length: nothing is filled
        self.ids_BL, self.numbers_BL, self.is_number_BL, self.places_BL = (
            torch.from_numpy(row_BL).to(device)
            for row_BL in (batch.ids_BL, batch.numbers_BL, batch.is_number_BL, batch.places_BL)
        )
        self.prompt_length = self.ids_BL.shape[1]
        uniforms = np.stack([uniform_numbers(seed, one.sample, len(grammars)) for one in continuations])
        self.uniforms_BT = torch.from_numpy(uniforms).to(device)
        self.first = [one.first for one in continuations]

    def run(self, *, use_cache: bool) -> list[Ids]:
        cache = self._cache() if use_cache else None
        finished_B = torch.zeros(len(self.ids_BL), dtype=torch.bool, device=self.device)
        distinct = {id(grammar): grammar for grammar in self.grammars}
        allowed = {name: torch.tensor(grammar.allowed, device=self.device) for name, grammar in distinct.items()}
        ends = sorted({token for grammar in distinct.values() for token in grammar.last})
        last = torch.tensor(ends, dtype=torch.int64, device=self.device)
        for step, grammar in enumerate(self.grammars):
            allowed_C = allowed[id(grammar)]
            logits_BC = self._logits(cache, allowed_C, grammar.place)
            if step == 0:
                logits_BC = self._constrained(logits_BC, allowed_C)
            chosen_B = allowed_C[choose(logits_BC, self.uniforms_BT[:, step], self.sampling)]
            self._append(chosen_B, grammar.place)
            if ends:
                finished_B |= torch.isin(chosen_B, last)
                if finished_B.all():
                    break
        return [self._cut(row, last) for row in self.ids_BL[:, self.prompt_length :]]

    def _cache(self) -> KeyValueCache:
        config = self.network.config
        capacity = min(config.context, self.prompt_length + len(self.grammars))
        return KeyValueCache(config, len(self.ids_BL), capacity, dtype=torch.float32, device=self.device)

    def _logits(self, cache: KeyValueCache | None, allowed_C: torch.Tensor, place: int) -> torch.Tensor:
        length, context = self.ids_BL.shape[1], self.network.config.context
        usable = cache if length <= context else None
        read = max(0, length - context) if usable is None else usable.length
        numbers = (self.numbers_BL[:, read:], self.is_number_BL[:, read:]) if read < self.prompt_length else ()
        hidden_BLD = self.network(self.ids_BL[:, read:], *numbers, past=usable, places_BL=self.places_BL[:, read:])
        return self.network.scores_of(allowed_C, hidden_BLD[:, -1], place).float()

    def _constrained(self, logits_BC: torch.Tensor, allowed_C: torch.Tensor) -> torch.Tensor:
        for row, first in enumerate(self.first):
            if first is not None:
                legal_C = torch.isin(allowed_C, torch.tensor(first, device=self.device))
                logits_BC[row].masked_fill_(~legal_C, float("-inf"))
        return logits_BC

    def _append(self, chosen_B: torch.Tensor, place: int) -> None:
        self.ids_BL = torch.cat((self.ids_BL, chosen_B[:, None]), dim=1)
        self.numbers_BL = F.pad(self.numbers_BL, (0, 1))
        self.is_number_BL = F.pad(self.is_number_BL, (0, 1))
        self.places_BL = F.pad(self.places_BL, (0, 1), value=place)

    @staticmethod
    def _cut(row: torch.Tensor, last: torch.Tensor) -> Ids:
        ends = torch.isin(row, last).nonzero()
        length = int(ends[0, 0]) + 1 if len(ends) else len(row)
        return row[:length].cpu().numpy()
