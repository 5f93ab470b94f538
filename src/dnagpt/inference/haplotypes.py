"""Artificial genomes: new haplotypes, every allele of which its site allows.

Shapes: N haplotypes, S sites, P k-mers of a window, L positions
of a row, Q answered ones (its k-mers and the end), V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from dnagpt.checkpoint import Model
from dnagpt.errors import InputError
from dnagpt.genome.haplotypes import Haplotypes
from dnagpt.inference.generate import Continuation, Grammar, Ids, generate
from dnagpt.inference.sampling import Sampling, chance_of
from dnagpt.language.template import Rows
from dnagpt.model import autocast
from dnagpt.tasks import HaplotypeLanguage, LegalTokens, Task

MOST_MEASURED = 100
"""The haplotypes on which the loss of unconstrained sampling is estimated: it takes the scores of all tokens."""
_POSITIONS_MEASURED = 256


@dataclass(frozen=True)
class GeneratedHaplotypes:
    """New haplotypes, and what it would have cost to write them freely."""

    haplotypes: Haplotypes
    """Two a person, side by side, where a population has an even number."""
    unconstrained_loss: float
    """The share of haplotypes that unconstrained sampling would lose: alleles that sites do not allow, no end token at
    the end or one before it."""
    measured: int
    """On how many of the haplotypes that share is estimated."""


def shared_out(language: HaplotypeLanguage, count: int) -> dict[str | None, int]:
    """Share a number of haplotypes out among the populations as they were among those that a model was taught.

    Each gets an even number, so that there are two a person, but for one where the number is odd.
    """
    if not language.populations:
        return {None: count}
    taught = np.array([language.counts[name] for name in language.populations], dtype=np.float64)
    bounds = np.rint(taught.cumsum() / taught.sum() * (count // 2)).astype(int) * 2
    shares = np.diff(bounds, prepend=0)
    shares[-1] += count % 2
    return dict(zip(language.populations, shares.tolist(), strict=True))


def haplotype_language(task: Task) -> HaplotypeLanguage:
    """Give the language of a task of haplotypes; InputError where the task is another."""
    if task.haplotypes is None:
        raise InputError(
            f"The task {task.name!r} ({task.template}) was not taught on haplotypes. Name one that was, or give a "
            "template."
        )
    return task.haplotypes


def generate_haplotypes(
    model: Model, task: Task, *, counts: Mapping[str | None, int], sampling: Sampling, seed: int,
    batch_size: int = 32, precision: str = "float32", done: Callable[[int], None] = lambda _: None,
) -> GeneratedHaplotypes:  # fmt: skip
    """Write so many haplotypes of each population (None where the task knows none), as a model was taught them.

    Each k-mer is chosen among those that the alleles of its sites make (2 to the power of k at most), with the
    probabilities that the model gives them; so no haplotype is ever invalid. Where the sites take several windows, each
    continues the tail of the window that was written before it. A haplotype depends on the seed and its number alone.

    What unconstrained sampling would lose is one minus the mean of the product of the probabilities of all that was
    allowed: exact in the mean where `sampling` only sets a temperature, an approximation with `top_k` and `top_p`.
    `done` is told how many windows of haplotypes were written.
    """
    language = haplotype_language(task)
    populations = _asked(language, task, counts)
    written = [""] * len(populations)
    windows: list[npt.NDArray[np.uint8]] = []
    kept = np.ones(min(len(populations), MOST_MEASURED))
    for window in range(len(language.spans)):
        legal = language.legal(model.vocabulary, window)
        first_place = 1 + language.spans[window][0] // model.vocabulary.k
        prompts = [
            language.rows(model.vocabulary, task.template, letters, population, window, prompt_only=True)
            for letters, population in zip(written, populations, strict=True)
        ]
        found = generate(
            model.network,
            [Continuation(prompt, number * len(language.spans) + window) for number, prompt in enumerate(prompts)],
            _grammars(legal, first_place),
            max_tokens=len(legal.ids), sampling=sampling, seed=seed, batch_size=batch_size, precision=precision,
            done=done,
        )  # fmt: skip
        ids_NP = np.stack(found)
        kept *= _legal_share(model, prompts[: len(kept)], ids_NP[: len(kept)], legal, first_place, sampling, precision)
        windows.append(legal.alleles(ids_NP))
        if len(language.spans) > 1:
            written = language.letters(np.concatenate(windows, axis=1))
    haplotypes = Haplotypes(
        np.concatenate(windows, axis=1), language.sites, _people(populations),
        [str(population) for population in populations] if language.populations else None,
    )  # fmt: skip
    return GeneratedHaplotypes(haplotypes, float(1 - kept.mean()), len(kept))


def _grammars(legal: LegalTokens, first_place: int) -> list[Grammar]:
    """Say for each k-mer of a window what it may be, and which one of the haplotype it is."""
    counted = zip(legal.ids, legal.counts, strict=True)
    return [
        Grammar(tuple(row[:count].tolist()), place=place) for place, (row, count) in enumerate(counted, first_place)
    ]


def _asked(language: HaplotypeLanguage, task: Task, counts: Mapping[str | None, int]) -> list[str | None]:
    """List the population of every haplotype that is asked for."""
    known: list[str | None] = [*language.populations] or [None]
    for name in counts:
        if name not in known:
            asked = "no population" if name is None else f"the population {name!r}"
            raise InputError(
                f"Haplotypes of {asked} are asked for, but the task {task.name!r} has "
                f"{', '.join(language.populations) or 'no populations'}."
            )
    if min(counts.values(), default=0) < 0 or sum(counts.values()) < 1:
        raise InputError("Ask for at least one haplotype, and for no fewer than none of a population.")
    return [name for name, count in counts.items() for _ in range(count)]


def _people(populations: list[str | None]) -> list[str]:
    """Name a person for every two haplotypes of a population."""
    people: list[str] = []
    for _, group in groupby(populations):
        count = len(list(group))
        first = int(people[-1].rpartition("_")[2]) if people else 0
        people += [f"generated_{first + 1 + place // 2}" for place in range(count)]
    return people


def _places(prompt: Rows) -> npt.NDArray[np.int32]:
    return np.zeros(len(prompt), np.int32) if prompt.places is None else prompt.places


def _legal_share(
    model: Model,
    prompts: Sequence[Rows],
    ids_NP: Ids,
    legal: LegalTokens,
    first_place: int,
    sampling: Sampling,
    precision: str,
) -> npt.NDArray[np.float64]:
    """The probability, (N,), that tokens chosen freely would all have been allowed, along haplotypes as written."""
    device = next(model.network.parameters()).device
    allowed_QV = torch.zeros(len(legal.ids) + 1, model.vocabulary.size, dtype=torch.bool, device=device)
    for allowed_V, ids, count in zip(allowed_QV, legal.ids, legal.counts, strict=False):
        allowed_V[torch.from_numpy(ids[:count])] = True
    allowed_QV[-1, model.vocabulary.end_id] = True
    shares = np.ones(len(ids_NP))
    with torch.inference_mode(), autocast(device, precision):
        for row, (prompt, ids_P) in enumerate(zip(prompts, ids_NP, strict=True)):
            whole_L = torch.from_numpy(np.concatenate([prompt.ids.astype(np.int64), ids_P])).to(device)
            kmers = np.arange(first_place, first_place + len(ids_P), dtype=np.int32)
            places_L = torch.from_numpy(np.concatenate([_places(prompt), kmers])).to(device)
            hidden_QD = model.network(whole_L[None], places_BL=places_L[None])[0, len(prompt.ids) - 1 :]
            next_places_Q = F.pad(places_L[len(prompt.ids) :], (0, 1))  # behind the last k-mer stands the end
            for start in range(0, len(hidden_QD), _POSITIONS_MEASURED):
                part = slice(start, start + _POSITIONS_MEASURED)
                logits_QV = model.network.token_logits(hidden_QD[part], next_places_Q[part])
                shares[row] *= chance_of(logits_QV, allowed_QV[part], sampling).prod().item()
    return shares
