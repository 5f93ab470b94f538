"""Labelled records from the files that people have, and their parts: training, validation, test."""

import glob
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dnagpt.data.order import counter_generator
from dnagpt.errors import InputError
from dnagpt.genome.sequences import read_fasta
from dnagpt.genome.tables import read_table, require_columns
from dnagpt.language.template import read_boolean
from dnagpt.tasks import Task

logger = logging.getLogger("dnagpt")

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
_PART_NAMES: dict[str, Part] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "test": "test",
}  # fmt: skip


class DataConfig(BaseModel):
    """Where labelled records come from, and which part each of them belongs to."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    table: Path | None = None
    """One table of all records: CSV, TSV, Parquet or JSON lines."""
    train: Path | None = None
    """A table of the training records, where the parts are files of their own."""
    validation: Path | None = None
    """The table of validation records."""
    test: Path | None = None
    """The table of test records."""
    classes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """FASTA files (patterns such as `pos/*.fa.gz`) of each answer: `{true = [...], false = [...]}`."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Which column of the table holds a field, where it has another name."""
    cut: tuple[int, int] | None = None
    """A stretch to be cut out of every sequence, 0-based half-open: the motif that positives and negatives share."""
    split_column: str | None = None
    """The column that says train, validation or test."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of training, validation and test records, where nothing says which is which."""
    deduplicate: bool = False
    """Whether repeats of a sequence are left out (the first is kept)."""
    seed: int = 0
    """The start of the random division."""

    @model_validator(mode="after")
    def _one_source(self) -> "DataConfig":
        if sum((self.table is not None, self.train is not None, bool(self.classes))) != 1:
            raise ValueError("give exactly one of data.table, data.train (with validation and test) and data.classes")
        if abs(sum(self.fractions) - 1) > 1e-6 or min(self.fractions) < 0 or self.fractions[0] == 0:
            raise ValueError("data.fractions must add up to 1, with some training records")
        if self.cut is not None and not 0 <= self.cut[0] < self.cut[1]:
            raise ValueError("data.cut must be the start and the end of a stretch, counted from 0, the start first")
        return self


@dataclass(frozen=True)
class Labelled:
    """Records of a task with their parts."""

    records: Sequence[Mapping[str, object]]
    """One mapping of fields to values a record."""
    names: Sequence[str]
    """Where each record stands, for messages."""
    parts: Mapping[Part, tuple[int, ...]]
    """The records of each part, by place."""
    notes: tuple[str, ...] = ()
    """What a reader of results should know of the data: repeats, records left out."""

    def part(self, name: Part) -> list[Mapping[str, object]]:
        """Give the records of one part."""
        return [self.records[place] for place in self.parts[name]]


def read_labelled(config: DataConfig, task: Task) -> Labelled:
    """Read all records of a task and divide them; InputError names what is missing or cannot be divided."""
    frames = _frames(config, task)
    frame = pd.concat(
        [part if "_part" in part else part.assign(_part=name) for name, part in frames], ignore_index=True
    )
    names = [f"{where}, row {row}" for where, row in zip(frame.pop("_where"), frame.pop("_row"), strict=True)]
    given = frame.pop("_part")
    sequences = [item.name for item in task.template.given if item.kind == "sequence"]
    if config.cut is not None:
        for column in sequences:
            frame[column] = _without_stretch(frame[column], config.cut, names)
    records: list[dict[str, object]] = frame.to_dict("records")  # type: ignore[assignment]
    kept, notes = _without_repeats(records, sequences, drop=config.deduplicate)
    label = task.template.answered[0]
    labels = [str(record.get(label.name, "")) if label.kind != "number" else "" for record in records]
    parts = _parts(config, [str(part) for part in given], labels, kept, names)
    if not parts["train"]:
        raise InputError("There are no training records. Check data.split_column and data.fractions.")
    return Labelled(records, names, parts, (*notes, *_leak(records, sequences, parts)))


def read_records(
    path: Path, columns: Mapping[str, str], needed: Sequence[str]
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Read a table to be answered: as it is, and its records by field name."""
    frame = read_table(path)
    require_columns(frame, [columns.get(name, name) for name in needed], str(path))
    fields = {columns.get(name, name): name for name in needed}
    records: list[dict[str, object]] = frame[list(fields)].rename(columns=fields).to_dict("records")  # type: ignore[assignment]
    return frame, records


def _frames(config: DataConfig, task: Task) -> list[tuple[str, pd.DataFrame]]:
    if config.classes:
        return [("", _from_fasta(config, task))]
    if config.table is not None:
        return [("", _from_table(config.table, config, task))]
    files = {"train": config.train, "validation": config.validation, "test": config.test}
    return [(part, _from_table(path, config, task)) for part, path in files.items() if path is not None]


def _from_table(path: Path, config: DataConfig, task: Task) -> pd.DataFrame:
    frame, records = read_records(path, config.columns, task.template.columns)
    result = pd.DataFrame(records, columns=list(task.template.columns))
    if config.split_column is not None:
        require_columns(frame, [config.split_column], str(path))
        result["_part"] = frame[config.split_column]
    return result.assign(_where=str(path), _row=range(1, len(result) + 1))


def _from_fasta(config: DataConfig, task: Task) -> pd.DataFrame:
    answered, given = task.template.answered, task.template.given
    if (
        len(answered) != 1
        or len(given) != 1
        or given[0].kind != "sequence"
        or answered[0].kind not in ("boolean", "choice")
    ):
        raise InputError(
            f"FASTA files a class need a template with one sequence and one boolean or choice, not {task.template}."
        )
    rows = []
    for label, patterns in config.classes.items():
        if answered[0].kind == "boolean":
            read_boolean(label, "data.classes")
        elif label not in answered[0].choices:
            raise InputError(
                f"data.classes: {label!r} is not among the choices of {answered[0].name}, which are "
                f"{', '.join(answered[0].choices)}. Correct the template or the class."
            )
        for pattern in patterns:
            files = sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
            if not files:
                raise InputError(f"data.classes.{label}: no file is named like {pattern}. Check the path.")
            rows += [
                {given[0].name: record.sequence.upper(), answered[0].name: label, "_where": file, "_row": number}
                for file in files
                for number, record in enumerate(read_fasta(file, unique_names=False), start=1)
            ]
    return pd.DataFrame(rows)


def _without_stretch(sequences: "pd.Series[str]", cut: tuple[int, int], names: Sequence[str]) -> "pd.Series[str]":
    """Cut the same stretch out of every sequence."""
    start, end = cut
    lengths = sequences.str.len()
    if (lengths < end).any():
        place = int((lengths < end).to_numpy().argmax())
        raise InputError(
            f"{names[place]}: a sequence of {lengths.iloc[place]:,} letters does not hold the stretch {start}-{end} "
            "that data.cut takes out of every one. Correct data.cut, or leave the record out."
        )
    return sequences.str.slice(0, start) + sequences.str.slice(end)


def _without_repeats(
    records: Sequence[Mapping[str, object]], sequences: Sequence[str], *, drop: bool
) -> tuple[list[int], tuple[str, ...]]:
    """Find repeated sequences; leave them out where asked, and say so either way."""
    seen: dict[tuple[object, ...], int] = {}
    firsts = [
        seen.setdefault(tuple(record[name] for name in sequences), place) == place
        for place, record in enumerate(records)
    ]
    repeats = len(firsts) - sum(firsts)
    if not repeats or not sequences:
        return list(range(len(records))), ()
    what = "left out" if drop else "kept"
    note = f"{repeats:,} of {len(records):,} records repeat the sequence of another; they are {what}."
    logger.warning("%s", note)
    return [place for place, first in enumerate(firsts) if first or not drop], (note,)


def _leak(
    records: Sequence[Mapping[str, object]], sequences: Sequence[str], parts: Mapping[Part, Sequence[int]]
) -> tuple[str, ...]:
    """Say how many test records stand in training too."""
    if not sequences:
        return ()
    trained = {tuple(records[place][name] for name in sequences) for place in parts["train"]}
    leaked = sum(tuple(records[place][name] for name in sequences) in trained for place in parts["test"])
    if not leaked:
        return ()
    total = len(parts["test"])
    note = f"{leaked:,} of {total:,} test records have a sequence that stands in training too: scores are flattered."
    logger.warning("%s", note)
    return (note,)


def _parts(
    config: DataConfig, given: Sequence[str], labels: Sequence[str], kept: Sequence[int], names: Sequence[str]
) -> dict[Part, tuple[int, ...]]:
    parts: dict[Part, list[int]] = {part: [] for part in PARTS}
    if config.split_column is not None or config.train is not None:
        for place in kept:
            name = _PART_NAMES.get(given[place].lower())
            if name is None:
                raise InputError(
                    f"{names[place]}: {given[place]!r} in {config.split_column!r} is no part. "
                    "Write train, validation or test."
                )
            parts[name].append(place)
    if config.split_column is None and not (parts["validation"] or parts["test"]):
        parts = _divide(parts["train"] or kept, labels, config.fractions, config.seed)
    elif not parts["validation"]:
        train_share = 1 - config.fractions[1]
        divided = _divide(parts["train"], labels, (train_share, config.fractions[1], 0.0), config.seed)
        parts = {**divided, "test": parts["test"]}
    return {part: tuple(places) for part, places in parts.items()}


def _divide(
    places: Sequence[int], labels: Sequence[str], fractions: tuple[float, float, float], seed: int
) -> dict[Part, list[int]]:
    """Divide at random, each label in the same shares."""
    parts: dict[Part, list[int]] = {part: [] for part in PARTS}
    for number, label in enumerate(sorted(Counter(labels[place] for place in places))):
        group = [place for place in places if labels[place] == label]
        shuffled = [group[i] for i in counter_generator(seed, 3, number).permutation(len(group))]
        first, second = round(len(group) * fractions[0]), round(len(group) * (fractions[0] + fractions[1]))
        for part, chosen in zip(PARTS, (shuffled[:first], shuffled[first:second], shuffled[second:]), strict=True):
            parts[part] += chosen
    return {part: sorted(chosen) for part, chosen in parts.items()}
