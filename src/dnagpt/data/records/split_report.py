"""What a reader of scores should know of the data: sizes, labels, lengths, GC, and repeats within and across parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dnagpt.data.records.duplicates import repeat_classes, sequence_keys, standing_in
from dnagpt.data.records.labelled import Labelled, answer_labels, contradictory_records
from dnagpt.data.records.settings import PARTS, Level, Part
from dnagpt.tasks import Task

_LEVELS: tuple[Level, ...] = ("exact", "reverse-complement", "near")
_QUANTILES = {"minimum": 0.0, "lower quarter": 0.25, "median": 0.5, "upper quarter": 0.75, "maximum": 1.0}
_ALL = "all"


@dataclass(frozen=True)
class PartReport:
    """The records of one part."""

    records: int
    """How many there are."""
    labels: Mapping[str, int]
    """How many of them have each label (the combination of labels, where a record has several)."""
    numbers: Mapping[str, Mapping[str, float]]
    """Quantiles of each number answered, in the unit of the table."""
    lengths: Mapping[str, float]
    """Quantiles of the length of the sequence, in letters; of a pair, of both together."""
    gc: Mapping[str, float]
    """The share of G and C among A, C, G, T and U of all sequences of each label; `all` where labels are no classes."""


@dataclass(frozen=True)
class RepeatReport:
    """Records that repeat others, at one level."""

    within: Mapping[Part, int]
    """How many records of a part repeat an earlier one of the same part."""
    across: Mapping[str, int]
    """How many records of the first part stand in the second: `test in train` ..."""


@dataclass(frozen=True)
class SplitReport:
    """Labelled data and how it is divided, as plain numbers."""

    parts: Mapping[Part, PartReport]
    repeats: Mapping[Level, RepeatReport]
    """By level; each one includes those before it."""
    near_threshold: float
    """The share of the smaller one's distinct 16-mers that near-duplicates have in common."""
    contradictory: int | None
    """How many records give just what another gives and have a different answer; None where that cannot be asked."""
    dropped: Mapping[str, int]
    """How many records were left out, by reason."""

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain dicts and numbers, for JSON."""
        return asdict(self)


def split_report(labelled: Labelled, task: Task) -> SplitReport:
    """Describe labelled data and its parts; near-duplicates are looked for each time, which takes seconds.

    >>> from dnagpt.language.template import Template
    >>> task = Task("pas", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
    >>> rows = [("ACGG", "1"), ("AATT", "0"), ("CCGT", "1")]
    >>> records = [{"sequence": sequence, "label": label} for sequence, label in rows]
    >>> parts = {"train": (0, 1), "validation": (), "test": (2,)}
    >>> report = split_report(Labelled(records, ["1", "2", "3"], parts), task)
    >>> train = report.parts["train"]
    >>> train.labels, train.gc, report.repeats["reverse-complement"].across["test in train"]
    ({'false': 1, 'true': 1}, {'false': 0.0, 'true': 0.75}, 1)
    """
    frame = pd.DataFrame(list(labelled.records))
    columns = [item.name for item in task.template.given if item.kind == "sequence"]
    keys = sequence_keys(frame, columns, labelled.vocabulary)
    labels = answer_labels(frame, task.template)
    numbers = [column for item in task.template.answered if item.kind == "number" for column in item.columns]
    values = frame[numbers].astype(np.float64)
    gc, known = _gc_counts(keys)
    parts: dict[Part, PartReport] = {}
    for part in PARTS:
        places = np.array(labelled.parts[part], dtype=np.int64)
        names = [labels[place] for place in places.tolist()] if labels is not None else [_ALL] * len(places)
        parts[part] = PartReport(
            records=len(places),
            labels=dict(sorted(Counter(names).items())) if labels is not None else {},
            numbers={column: _quantiles(values[column].to_numpy()[places]) for column in numbers},
            lengths=_quantiles(
                np.array([len(keys[place].replace("/", "")) for place in places.tolist()] if keys else [])
            ),
            gc=_shares(gc[places], known[places], names) if keys else {},
        )
    classes = {level: repeat_classes(keys, level, labelled.near_threshold) for level in _LEVELS if keys}
    used = np.array(sorted(place for part in PARTS for place in labelled.parts[part]), dtype=np.int64)
    against = contradictory_records(frame, task.template, keys)
    return SplitReport(
        parts=parts,
        repeats={level: _repeats(numbered, labelled.parts) for level, numbered in classes.items()},
        near_threshold=labelled.near_threshold,
        contradictory=None if against is None else int(against[used].sum()),
        dropped=dict(labelled.dropped),
    )


def _repeats(classes: npt.NDArray[np.int64], parts: Mapping[Part, Sequence[int]]) -> RepeatReport:
    own = {part: classes[np.array(parts[part], dtype=np.int64)] for part in PARTS}
    return RepeatReport(
        within={part: len(numbered) - len(np.unique(numbered)) for part, numbered in own.items()},
        across={
            f"{second} in {first}": int(standing_in(classes, parts[second], parts[first]).sum())
            for first, second in combinations(PARTS, 2)
        },
    )


def _gc_counts(keys: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count G and C, and all known bases, of each record."""
    gc = np.array([key.count("G") + key.count("C") for key in keys], dtype=np.int64)
    others = np.array([key.count("A") + key.count("T") + key.count("U") for key in keys], dtype=np.int64)
    return gc, gc + others


def _shares(gc: npt.NDArray[np.int64], known: npt.NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    table = pd.DataFrame({"gc": gc, "known": known, "label": names}).groupby("label").sum()
    found = table[table["known"] > 0]
    return {str(label): float(row["gc"] / row["known"]) for label, row in found.iterrows()}


def _quantiles(values: npt.NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return {}
    return {name: float(np.quantile(values, share)) for name, share in _QUANTILES.items()}
