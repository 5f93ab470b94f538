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

from dnagpt.data.batches import collate
from dnagpt.errors import InputError
from dnagpt.haplotypes.values import Haplotypes
from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.sampling import Sampling, chance_of
from dnagpt.language.template import Rows
from dnagpt.model import autocast
from dnagpt.store.model import Model
from dnagpt.tasks import HaplotypeLanguage, LegalTokens, Task

MOST_MEASURED = 100
"""The haplotypes on which the loss of unconstrained sampling is estimated, evenly among all: it takes the scores of all
tokens."""
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
    batch_size: int = 128, precision: str = "float32", done: Callable[[int], None] = lambda _: None,
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
    alleles_NS = np.zeros((len(populations), len(language.sites)), dtype=np.uint8)
    measured = np.unique(np.linspace(0, len(populations) - 1, MOST_MEASURED).round().astype(int)).tolist()
    kept = np.ones(len(measured))
    for window, (first, stop) in enumerate(language.spans):
        legal = language.legal(model.vocabulary, window)
        prompts = [
            language.rows(model.vocabulary, task.template, letters, population, window, prompt_only=True)
            for letters, population in zip(written, populations, strict=True)
        ]
        found = generate(
            model.network,
            [Continuation(prompt, number * len(language.spans) + window) for number, prompt in enumerate(prompts)],
            _grammars(legal, first // model.vocabulary.k),
            max_tokens=len(legal.ids), sampling=sampling, seed=seed, batch_size=batch_size, precision=precision,
            done=done,
        )  # fmt: skip
        alleles_NS[:, first:stop] = legal.alleles(np.stack(found))
        written = language.letters(alleles_NS[:, :stop])
        rows = [
            language.rows(model.vocabulary, task.template, written[number], populations[number], window)
            for number in measured
        ]
        kept *= _legal_share(model, rows, legal, sampling, precision)
    haplotypes = Haplotypes(
        alleles_NS, language.sites, _people(populations),
        [str(population) for population in populations] if language.populations else None,
    )  # fmt: skip
    return GeneratedHaplotypes(haplotypes, float(1 - kept.mean()), len(kept))


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


def _grammars(legal: LegalTokens, first: int) -> list[Grammar]:
    """Say what may stand at each k-mer of a window, the `first` of a haplotype counted from 0."""
    rows = zip(legal.ids, legal.counts, strict=True)
    return [
        Grammar(tuple(ids[:count].tolist()), place=place) for place, (ids, count) in enumerate(rows, start=first + 1)
    ]


def _legal_share(
    model: Model, rows: Sequence[Rows], legal: LegalTokens, sampling: Sampling, precision: str
) -> npt.NDArray[np.float64]:
    """The probability, (N,), that tokens chosen freely would all have been allowed, along haplotypes as written."""
    device = next(model.network.parameters()).device
    allowed_QV = torch.zeros(len(legal.ids) + 1, model.vocabulary.size, dtype=torch.bool, device=device)
    for allowed_V, ids, count in zip(allowed_QV, legal.ids, legal.counts, strict=False):
        allowed_V[torch.from_numpy(ids[:count])] = True
    allowed_QV[-1, model.vocabulary.end_id] = True
    shares = np.ones(len(rows))
    with torch.inference_mode(), autocast(device, precision):
        for number, row in enumerate(rows):
            batch = collate([row], pad_id=0)
            ids_1L, places_1L = (torch.from_numpy(part).to(device) for part in (batch.ids_BL, batch.places_BL))
            asked = slice(len(row) - len(allowed_QV), None)
            hidden_QD = model.network(ids_1L[:, :-1], places_BL=places_1L[:, :-1])[0, asked.start - 1 :]
            for start in range(0, len(hidden_QD), _POSITIONS_MEASURED):
                part = slice(start, start + _POSITIONS_MEASURED)
                logits_QV = model.network.token_logits(hidden_QD[part], places_1L[0, asked][part])
                shares[number] *= chance_of(logits_QV, allowed_QV[part], sampling).prod().item()
    return shares
