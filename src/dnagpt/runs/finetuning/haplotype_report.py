"""How well a model foresees the haplotypes of people whom it has not seen, beside what needs no model."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dnagpt.baselines.haplotypes import independent_surprise, markov_surprise
from dnagpt.data.records.settings import PARTS, Part
from dnagpt.evaluation.report.page import Headline, Section, Table
from dnagpt.evaluation.report.tables import ScoreRow
from dnagpt.files.atomic import atomic_write
from dnagpt.inference.answers import read_answers
from dnagpt.runs.finetuning.examples import record_rows
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.runs.progress import counting
from dnagpt.store.model import Model

MOST_SCORED = 1000
"""Haplotypes of a part that are scored, at most, spread evenly over it."""
ORDERS = (5, 10)
"""How many sites the Markov chains beside the model look back on."""

Nats = Mapping[str, Mapping[Part, float]]
"""By method and part: the mean of -log P of a haplotype."""


def haplotype_nats(taught: Mapping[str, Model], one: TaskRecords, *, quiet: bool) -> Nats:
    """Score the haplotypes of each part by the models and by chains of sites fitted on the training part."""
    haplotypes, parts = one.labelled.haplotypes, one.labelled.parts
    assert haplotypes is not None
    scored = {part: _spread(parts[part]) for part in PARTS if parts[part]}
    count = len(taught) * sum(map(len, scored.values()))
    with counting("Scoring haplotypes", count, unit="haplotypes", quiet=quiet) as done:
        nats: Nats = {
            name: {part: _model_nats(model, one, places, done) for part, places in scored.items()}
            for name, model in taught.items()
        }
    training = haplotypes.take(parts["train"])
    asked = {part: haplotypes.take(places) for part, places in scored.items()}
    chains: Nats = {
        f"Markov chain of {order} sites": {
            part: float(markov_surprise(training, few, order=order).mean()) for part, few in asked.items()
        }
        for order in ORDERS
    }
    alone = {part: float(independent_surprise(training, few).mean()) for part, few in asked.items()}
    return {**nats, **chains, "independent sites": alone}


def haplotype_section(one: TaskRecords, nats: Nats, *, heading: str) -> Section:
    """Lay out how well each method foresees haplotypes, and what the data are."""
    haplotypes, parts = one.labelled.haplotypes, one.labelled.parts
    assert haplotypes is not None
    people = {part: len({haplotypes.individuals[place] for place in places}) for part, places in parts.items()}
    found = [part for part in PARTS if parts[part]]
    sizes = Table(
        ("part", "people", "haplotypes"),
        tuple((part, people[part], len(parts[part])) for part in found),
        f"{len(haplotypes.sites):,} sites",
    )
    scores = Table(
        ("method", *found),
        tuple((method, *(round(of[part], 2) for part in found)) for method, of in nats.items()),
        "Negative log-likelihood, nats per haplotype (lower is better)",
    )
    text = (
        "The mean negative log-likelihood of a haplotype, in nats, over all its sites (for a model, with its end "
        f"token), on at most {MOST_SCORED:,} haplotypes of each part. The gap between the training part and held-out "
        "people is what was memorised. Whether generated haplotypes resemble real ones is a separate "
        "question: dnagpt generate writes them, and dnagpt evaluate-haplotypes compares them."
    )
    return Section(f"{heading}Haplotypes", text, (scores, sizes))


def haplotype_headlines(one: TaskRecords, nats: Nats) -> list[Headline]:
    """Sum up how well the model foresees the part by which it is judged."""
    method, of = next(iter(nats.items()))
    part = one.scored
    beside = ", ".join(f"{other} {values[part]:.1f}" for other, values in nats.items() if other != method)
    return [Headline(f"nats a {part} haplotype", f"{of[part]:.1f}", beside)]


def haplotype_rows(nats: Nats, facts: Mapping[str, str]) -> list[ScoreRow]:
    """Lay the scores out as lines of scores.csv."""
    return [
        {**facts, "records": part, "method": method, "metric": "nats_per_haplotype", "value": value}
        for method, of in nats.items()
        for part, value in of.items()
    ]


def write_people(one: TaskRecords, folder: Path, *, several: bool) -> None:
    """List the people of training, and those held out, for `dnagpt evaluate-haplotypes`: a name a line."""
    haplotypes, parts = one.labelled.haplotypes, one.labelled.parts
    assert haplotypes is not None
    behind = f"_{one.task.name}" if several else ""
    held_out = (*parts["validation"], *parts["test"])
    for name, places in (("training", parts["train"]), ("held_out", held_out)):
        people = dict.fromkeys(haplotypes.individuals[place] for place in places)
        with atomic_write(folder / f"{name}{behind}.txt") as handle:
            handle.write("".join(f"{person}\n" for person in people).encode())


def haplotype_metrics(one: TaskRecords, nats: Nats) -> dict[str, Any]:
    """Give the plain numbers of metrics.json."""
    haplotypes, parts = one.labelled.haplotypes, one.labelled.parts
    assert haplotypes is not None
    return {
        "sites": len(haplotypes.sites),
        "haplotypes": {part: len(places) for part, places in parts.items()},
        "left_out": dict(haplotypes.left_out),
        "nats_per_haplotype": {method: dict(of) for method, of in nats.items()},
        "scores": {
            part: {one.task.template.answered[0].name: {m: {"nats_per_haplotype": of[part]} for m, of in nats.items()}}
            for part in next(iter(nats.values()))
        },
        "notes": list(one.labelled.notes),
    }


def _spread(places: Sequence[int]) -> Sequence[int]:
    return places[:: math.ceil(len(places) / MOST_SCORED)]


def _model_nats(model: Model, one: TaskRecords, places: Sequence[int], done: Callable[[int], None]) -> float:
    """Add the losses up over the windows of a haplotype and the k-mers in them, end tokens included."""
    rows = [row for place in places for row in record_rows(model, one, place)]
    (reading,) = read_answers(model, one.task, rows)
    done(len(places))
    return float(np.sum([losses.sum() for losses in reading.losses])) / len(places)
