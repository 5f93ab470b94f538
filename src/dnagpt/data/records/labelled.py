"""Labelled records from the files that people have, and their parts: training, validation, test."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from dnagpt.data.records.checks import check_records, require_one_length
from dnagpt.data.records.duplicates import contradictory, in_training, repeat_classes, sequence_keys
from dnagpt.data.records.settings import PARTS, DataConfig, Level, Part
from dnagpt.data.records.sources import SourceRecords, read_sources
from dnagpt.data.records.splits import block_parts, chromosome_parts, given_parts, group_parts, random_parts, strata_of
from dnagpt.errors import InputError
from dnagpt.haplotypes.values import Haplotypes
from dnagpt.language.ambiguity import ambiguity_message, ambiguous_letters
from dnagpt.language.grammar import Field
from dnagpt.language.template import Template, read_boolean
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import Task

logger = logging.getLogger("dnagpt")

FEWEST_TO_JUDGE = 10
"""Records of a part that may not all have the same label; of fewer, chance may have left one class."""

DNA = Vocabulary.preset("dna-3mers")
"""How letters are read where no model says it."""

_REPEATS: dict[Level, str] = {
    "exact": "repeat the sequence of another",
    "reverse-complement": "repeat the sequence of another or its reverse complement",
    "near": "repeat or nearly repeat the sequence of another",
}
_LEAKS: dict[Level, str] = {
    "exact": "have a sequence that stands in training too",
    "reverse-complement": "have a sequence that stands in training too, or its reverse complement does",
    "near": "have a sequence that stands in training too, or nearly",
}


@dataclass(frozen=True, eq=False)
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
    groups: Sequence[str] | None = None
    """The group of each record (the column `data.group`, or else `data.chromosome`), where one is named."""
    in_training: Mapping[Part, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """For each validation and test record, in the order of its part, whether it stands in training too."""
    duplicate_level: Level = "exact"
    """What "stands in training" means: the same letters, the other strand too, or near-duplicates too."""
    near_threshold: float = 0.5
    """The share of 16-mers that near-duplicates have in common."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """How many records were left out, by reason."""
    vocabulary: Vocabulary = DNA
    """How the letters of sequences are read, and so which sequences repeat each other."""
    haplotypes: Haplotypes | None = None
    """The haplotypes that the records are, in the same order, where they are haplotypes."""

    def part(self, name: Part) -> list[Mapping[str, object]]:
        """Give the records of one part."""
        return [self.records[place] for place in self.parts[name]]


def read_labelled(config: DataConfig, task: Task, vocabulary: Vocabulary = DNA) -> Labelled:
    """Read all records of a task and divide them; InputError names what is missing, wrong or cannot be divided.

    `vocabulary` says how letters are read: sequences that are the same to the model, such as `ACGU` and `acgt`, repeat
    each other, and ambiguity codes that it reads as N are counted in a note.
    """
    template = task.template
    source = read_sources(config, template)
    frame, names = source.fields, source.names
    check_records(frame, template, names)
    columns = [item.name for item in template.given if item.kind == "sequence"]
    motifs = _trim(frame, columns, config, names)
    if len(columns) > 1 and not config.mixed_lengths:
        require_one_length(frame, columns, names)
    groups = motifs if config.group == "cut" else source.groups
    keys = sequence_keys(frame, columns, vocabulary)
    classes = repeat_classes(keys, config.duplicate_level, config.near_threshold) if keys else np.arange(len(frame))
    kept, dropped, notes = _without_repeats(classes, config)
    notes += ambiguity_notes(frame, columns, vocabulary)
    by_answer = _class_labels(frame, template)
    labels = _one_text(by_answer)
    notes += _contradictions(contradictory_records(frame, template, keys), template, kept)
    strata = _strata(frame, template, labels)
    parts = _divided(config, source, groups, keys, classes, kept, strata)
    records: list[Mapping[str, object]] = frame.to_dict("records")  # type: ignore[assignment]
    _require_something_to_learn(records, template, parts)
    known = in_training(classes, parts) if keys else {}
    notes += tuple(
        leak_note(config.duplicate_level, rows, f"{part} records") for part, rows in known.items() if rows.any()
    )
    notes += _single_classes(by_answer, parts)
    held_out: tuple[Part, ...] = ("validation", "test")
    train = [records[place] for place in parts["train"]]
    for part in held_out:
        notes += unlearnt_choices(template, train, [records[place] for place in parts[part]], f"{part} records")
    for note in notes:
        logger.warning("%s", note)
    by_chromosome = source.chromosomes if config.chromosome is not None else None
    return Labelled(
        records, names, parts, notes, groups if config.group is not None else by_chromosome, known,
        config.duplicate_level, config.near_threshold, dropped, vocabulary,
    )  # fmt: skip


def ambiguity_notes(frame: pd.DataFrame, columns: Sequence[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Say how many ambiguity codes of the sequences in each column a model reads as unknown bases.

    >>> ambiguity_notes(pd.DataFrame({"sequence": ["ACRY", "ACGT"]}), ["sequence"], DNA)
    ("2 ambiguity codes in 1 of 2 sequences (field 'sequence') are read as N: R 1, Y 1.",)
    """
    messages = [
        ambiguity_message(
            vocabulary, [ambiguous_letters(vocabulary, str(cell)) for cell in frame[column]],
            f"sequences (field {column!r})",
        )
        for column in columns
    ]  # fmt: skip
    return tuple(filter(None, messages))


def answer_labels(frame: pd.DataFrame, template: Template) -> list[str] | None:
    """Write the classes that each record has as one text, `yes` and `1` alike; None where no answer is a class.

    >>> frame = pd.DataFrame({"sequence": ["A", "C"], "label": ["yes", "0"]})
    >>> answer_labels(frame, Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
    ['true', 'false']
    """
    return _one_text(_class_labels(frame, template))


def _one_text(classes: Mapping[str, list[str]]) -> list[str] | None:
    written = list(classes.values())
    if not written:
        return None
    return written[0] if len(written) == 1 else [", ".join(row) for row in zip(*written, strict=True)]


def _class_labels(frame: pd.DataFrame, template: Template) -> dict[str, list[str]]:
    """Write the class that each record has in each answer that is a class."""
    classes = [item for item in template.answered if item.kind in ("boolean", "choice")]
    return {item.name: _written(frame[item.name], item) for item in classes}


def _written(cells: "pd.Series[str]", item: Field) -> list[str]:
    if item.kind == "choice":
        return [str(cell) for cell in cells]
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    words = ["true" if read_boolean(value) else "false" for value in distinct.tolist()]
    return [words[code] for code in codes]


def _strata(frame: pd.DataFrame, template: Template, labels: list[str] | None) -> npt.NDArray[np.int64]:
    """Number what a random division keeps alike: the labels, else the tenths of the first number answered."""
    if labels is not None:
        return strata_of(labels)
    numbers = [item for item in template.answered if item.kind == "number"]
    if not numbers:
        return np.zeros(len(frame), dtype=np.int64)
    return strata_of(frame[numbers[0].columns[0]].to_numpy().astype(np.float64))


def _trim(frame: pd.DataFrame, columns: Sequence[str], config: DataConfig, names: Sequence[str]) -> list[str]:
    """Keep the window of every sequence and cut the stretch out of it; give the letters that were cut out."""
    motifs = [""] * len(frame)
    if config.cut is None and config.window is None:
        return motifs
    for column in columns:
        sequences = frame[column]
        for setting, stretch in (("cut", config.cut), ("window", config.window)):
            if stretch is not None:
                _require_length(sequences, stretch, setting, names)
        start, end = config.window or (0, None)
        if config.cut is None:
            frame[column] = sequences.str.slice(start, end)
            continue
        first, last = config.cut
        motifs = sequences.str.slice(first, last).str.upper().tolist()
        frame[column] = sequences.str.slice(start, first) + sequences.str.slice(last, end)
        _require_rest(frame[column], names)
    return motifs


def _require_length(sequences: "pd.Series[str]", stretch: tuple[int, int], setting: str, names: Sequence[str]) -> None:
    start, end = stretch
    lengths = sequences.str.len().to_numpy()
    short = np.flatnonzero(lengths < end)
    if len(short):
        takes = "takes out of every one" if setting == "cut" else "keeps of every one"
        raise InputError(
            f"{names[short[0]]}: a sequence of {lengths[short[0]]:,} letters does not hold the stretch {start}-{end} "
            f"that data.{setting} {takes} ({len(short):,} of {len(names):,} records are too short). "
            f"Correct data.{setting}, or leave them out."
        )


def _require_rest(sequences: "pd.Series[str]", names: Sequence[str]) -> None:
    empty = np.flatnonzero(sequences.str.len().to_numpy() == 0)
    if len(empty):
        raise InputError(f"{names[empty[0]]}: data.cut takes the whole sequence out. Correct data.cut.")


def _without_repeats(
    classes: npt.NDArray[np.int64], config: DataConfig
) -> tuple[npt.NDArray[np.int64], dict[str, int], tuple[str, ...]]:
    """Find repeated sequences; leave them out where asked, and say so either way."""
    everything = np.arange(len(classes))
    first = classes == everything
    repeats = int(len(first) - first.sum())
    if not repeats:
        return everything, {}, ()
    drop = config.duplicates == "drop"
    what = _REPEATS[config.duplicate_level]
    note = f"{repeats:,} of {len(first):,} records {what}; they are {'left out' if drop else 'kept'}."
    return (np.flatnonzero(first), {what: repeats}, (note,)) if drop else (everything, {}, (note,))


def contradictory_records(frame: pd.DataFrame, template: Template, keys: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """Say which records give just what another gives and have a different answer; None where that cannot be asked.

    >>> frame = pd.DataFrame({"sequence": ["A", "A", "C", "C"], "level": ["1", "2", "3", "3.0"]})
    >>> template = Template.parse("<R>{sequence}<=><M>{level?:number}")
    >>> contradictory_records(frame, template, ["A", "A", "C", "C"]).tolist()
    [True, True, False, False]
    """
    numbers = [item for item in template.fields if item.kind == "number"]
    classes = _class_labels(frame, template).values()
    answers: list[Sequence[object]] = [*classes, *(_numbers(frame, item) for item in numbers if item.answered)]
    if not keys or not answers:
        return None
    beside: list[Sequence[object]] = [_numbers(frame, item) for item in numbers if not item.answered]
    beside += [frame[item.name].tolist() for item in template.token_fields]
    beside += [_written(frame[item.name], item) for item in template.given if item.kind in ("boolean", "choice")]
    given, answered = ([str(row) for row in zip(*columns, strict=True)] for columns in ([keys, *beside], answers))
    return contradictory(repeat_classes(given, "exact"), answered)


def answer_word(template: Template) -> str:
    """Name what records answer: labels, or anything else."""
    return "label" if all(item.kind in ("boolean", "choice") for item in template.answered) else "answer"


def _numbers(frame: pd.DataFrame, item: Field) -> list[list[float]]:
    rows: list[list[float]] = frame[list(item.columns)].astype(np.float64).to_numpy().tolist()
    return rows


def _contradictions(
    against: npt.NDArray[np.bool_] | None, template: Template, kept: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    if against is None or not against.any():
        return ()
    word, left = answer_word(template), int(against[kept].sum())
    told = f"{int(against.sum()):,} records have the sequence of another and a different {word}"
    return (f"{told}; {left:,} of them are kept.",)


def _divided(
    config: DataConfig, source: SourceRecords, groups: Sequence[str], keys: Sequence[str],
    classes: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], strata: npt.NDArray[np.int64],
) -> dict[Part, tuple[int, ...]]:  # fmt: skip
    names = source.names
    match config.split:
        case "given":
            parts = given_parts(config, source.parts, kept, strata, names)
        case "chromosome":
            parts = chromosome_parts(config, source.chromosomes, kept, strata, names)
        case "group":
            parts = group_parts(config, groups, kept, strata, names)
        case "clusters":
            if not keys:
                raise InputError(
                    "data.split = 'clusters' needs a template with a given sequence to compare records by."
                )
            near = config.duplicate_level == "near"
            clusters = classes if near else repeat_classes(keys, "near", config.near_threshold)
            parts = block_parts(config, clusters.tolist(), kept, strata, "clusters of near-duplicates")
        case _:
            parts = random_parts(config, kept, strata)
    if not parts["train"]:
        raise InputError("There are no training records. Check data.split_column, data.split and data.fractions.")
    return parts


def _require_something_to_learn(
    records: Sequence[Mapping[str, object]], template: Template, parts: Mapping[Part, Sequence[int]]
) -> None:
    """Refuse training records whose answer is always the same."""
    train = pd.DataFrame([records[place] for place in parts["train"]])
    for item in template.answered:
        if item.kind in ("boolean", "choice") and len(set(_written(train[item.name], item))) == 1:
            raise InputError(
                f"The training records ({len(train):,}) all have {str(train[item.name].iloc[0])!r} as {item.name}: "
                "there is nothing to tell apart. Add records of another class."
            )
        constant = [c for c in item.columns if item.kind == "number" and train[c].astype(np.float64).nunique() == 1]
        if constant and len(train) > 1:
            raise InputError(
                f"{constant[0]!r} is the same number ({train[constant[0]].iloc[0]}) in all {len(train):,} training "
                "records: there is nothing to learn. Leave the column out of the template, or add other records."
            )


def leak_note(level: Level, rows: npt.NDArray[np.bool_], what: str) -> str:
    """Say how many records that are scored stand in training too.

    >>> leak_note("exact", np.array([True, False, False]), "test records")
    '1 of 3 test records have a sequence that stands in training too: scores are flattered.'
    """
    return f"{int(rows.sum()):,} of {len(rows):,} {what} {_LEAKS[level]}: scores are flattered."


def unlearnt_choices(
    template: Template, train: Sequence[Mapping[str, object]], asked: Sequence[Mapping[str, object]], what: str
) -> tuple[str, ...]:
    """Say how many records have a choice as their answer that no training record has.

    >>> template = Template.parse("<R>{sequence}<=>{site?:choice(donor,acceptor,other)}")
    >>> train = [{"site": "donor"}, {"site": "other"}]
    >>> unlearnt_choices(template, train, [{"site": "acceptor"}, {"site": "donor"}], "test records")
    ('1 of 2 test records have acceptor as site, which no training record has: it cannot be learnt.',)
    """
    notes = []
    for item in (item for item in template.answered if item.kind == "choice"):
        strangers = Counter(str(record[item.name]) for record in asked)
        for known in {str(record[item.name]) for record in train}:
            strangers.pop(known, None)
        if strangers:
            named = " or ".join(choice for choice in item.choices if choice in strangers)
            notes.append(
                f"{strangers.total():,} of {len(asked):,} {what} have {named} as {item.name}, which no training record "
                "has: it cannot be learnt."
            )
    return tuple(notes)


def _single_classes(classes: Mapping[str, Sequence[str]], parts: Mapping[Part, Sequence[int]]) -> tuple[str, ...]:
    """Say in which parts an answer is one class only, so that some scores have no value there.

    Refused are parts of some size in which no answer tells records apart, or where an answer is the same all over
    though, by its share in training, some ten records or more would have another: of rare classes chance leaves none.
    """
    notes = []
    for part in (part for part in PARTS if parts[part]):
        count = len(parts[part])
        constant = {
            name: labels[parts[part][0]]
            for name, labels in classes.items()
            if len({labels[place] for place in parts[part]}) == 1
        }
        for name, label in constant.items():
            others = np.mean([classes[name][place] != label for place in parts["train"]])
            if count * (1.0 if len(constant) == len(classes) else others) >= FEWEST_TO_JUDGE:
                raise InputError(
                    f"All {count:,} {part} records have the label {_labels_shown({name: label}, len(classes))}, so "
                    "nothing can be told apart there. Divide the records in another way (data.split), or add records "
                    "of another class."
                )
        if constant:
            notes.append(
                f"All {count:,} {part} records have the label {_labels_shown(constant, len(classes))}: scores that "
                "compare classes have no value there."
            )
    return tuple(notes)


def _labels_shown(labels: Mapping[str, str], answers: int, limit: int = 5) -> str:
    """Name labels, and what they are answers to where there are several answers."""
    if answers == 1:
        return ", ".join(labels.values())
    shown = ", ".join(f"{label} as {name}" for name, label in list(labels.items())[:limit])
    return shown if len(labels) <= limit else f"{shown} and so on in {len(labels) - limit:,} more answers"
