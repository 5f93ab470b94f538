"""Labelled records as people have them (tables, FASTA, intervals, HDF5), brought to the fields of a template.

One line: `file -> its own columns (readers.py) -> sequences, labels and columns -> fields of the template`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from dnagpt.data.records.checks import require_sequences
from dnagpt.data.records.files import SourceFile, class_files, source_files
from dnagpt.data.records.interval_sequences import (
    contig_column,
    coordinates_note,
    interval_columns,
    sequences_of_intervals,
)
from dnagpt.data.records.readers import RecordFile, read_record_file
from dnagpt.data.records.settings import DataConfig, ReadingConfig
from dnagpt.errors import InputError
from dnagpt.files.suggestions import did_you_mean
from dnagpt.files.tables import as_text, read_table, require_columns
from dnagpt.genome.index import Genome, open_genome
from dnagpt.language.grammar import Field
from dnagpt.language.template import Template, read_boolean

logger = logging.getLogger("dnagpt")


@dataclass(frozen=True, eq=False)
class SourceRecords:
    """Records by the fields of a template, and what is known of them besides."""

    fields: pd.DataFrame
    """The columns of the template, and no others."""
    names: Sequence[str]
    """Where each record stands."""
    parts: Sequence[str]
    """The part that the source gives each record, or nothing."""
    groups: Sequence[str]
    """The group of each record, or nothing."""
    chromosomes: Sequence[str]
    """The chromosome of each record, or nothing."""


@dataclass(frozen=True, eq=False)
class FileRecords:
    """The records of a file that a model is to answer, and the table that the answers are added to."""

    frame: pd.DataFrame
    """The table as the file has it; of FASTA and plain text the names and lengths."""
    records: Sequence[dict[str, object]]
    """The values of each record by field; a missing cell is None."""
    names: Sequence[str]
    """Where each record stands."""


def read_records(path: Path, config: ReadingConfig, template: Template, needed: Sequence[str]) -> FileRecords:
    """Read a file to be answered, in any format that a model learns from, and the fields that are needed of it.

    A folder of FASTA or text files is one list of sequences; where answers are needed, a folder holds a file or a
    folder of each class. Raises InputError as `read_sources` does.
    """
    genome = None if config.genome is None else open_genome(config.genome)
    answered = set(needed) & {column for item in template.answered for column in item.columns}
    files = class_files(path, "test") if answered else [SourceFile(path)]
    read = [(file, read_record_file(file.path)) for file in files]
    fields = [_fields(file, held, config, template, genome, needed) for file, held in read]
    whole = pd.concat(fields, ignore_index=True).astype(object)
    records: list[dict[str, object]] = whole.where(whole.notna(), None).to_dict("records")  # type: ignore[assignment]
    frame = read[0][1].frame if len(read) == 1 else pd.concat([held.frame for _, held in read], ignore_index=True)
    return FileRecords(frame, records, list(chain.from_iterable(held.names for _, held in read)))


def read_sources(config: DataConfig, template: Template) -> SourceRecords:
    """Read all files of a task by the fields of its template.

    Raises InputError, with file and row, for columns that are missing, labels that a file lacks, sequences that are
    missing, and intervals outside the genome.
    """
    genome = None if config.genome is None else open_genome(config.genome)
    found = [_source_records(file, config, template, genome) for file in source_files(config)]
    return SourceRecords(
        pd.concat([one.fields for one in found], ignore_index=True),
        list(chain.from_iterable(source.names for source in found)),
        list(chain.from_iterable(source.parts for source in found)),
        list(chain.from_iterable(source.groups for source in found)),
        list(chain.from_iterable(source.chromosomes for source in found)),
    )


def field_columns(config: ReadingConfig, template: Template) -> dict[str, str]:
    """Say which column of a table holds each column of the template.

    >>> template = Template.parse("<R>{sequence}<+><M>{half_life:number*2}<=><M>{level?:number}")
    >>> columns = {"half_life": "data", "level": "label"}
    >>> field_columns(DataConfig(table="a.h5", columns=columns), template)
    {'sequence': 'sequence', 'half_life_1': 'data_1', 'half_life_2': 'data_2', 'level': 'label'}
    """
    result = {column: column for column in template.columns}
    several = {item.name: item for item in template.fields if item.count > 1}
    for name, given in config.columns.items():
        targets = several[name].columns if name in several else (name,)
        if name not in several and name not in result:
            known = [*result, *several]
            raise InputError(
                f"data.columns names {name!r}, but the template reads {', '.join(template.columns)}."
                f"{did_you_mean(name, known) or ' Correct it, or leave it out.'}"
            )
        named = (
            tuple(given) if not isinstance(given, str)
            else tuple(f"{given}_{place}" for place in range(1, len(targets) + 1)) if name in several
            else (given,)
        )  # fmt: skip
        if len(named) != len(targets):
            raise InputError(f"data.columns gives {len(named)} columns for {name}, which needs {len(targets)}.")
        result |= dict(zip(targets, named, strict=True))
    return result


def _source_records(file: SourceFile, config: DataConfig, template: Template, genome: Genome | None) -> SourceRecords:
    held = read_record_file(file.path, fasta=bool(config.classes))
    fields = _fields(file, held, config, template, genome, template.columns)
    group = None if config.group == "cut" else config.group
    columns, nothing = held.columns, [""] * len(held.names)
    require_columns(columns, [name for name in (config.split_column, group) if name is not None], held.where)
    chromosome = config.chromosome or contig_column(columns)
    if config.chromosome is not None or (config.split == "chromosome" and chromosome is None):
        require_columns(columns, [chromosome or "chromosome"], held.where)

    def words(name: str | None) -> Sequence[str]:
        return nothing if name is None else as_text(columns[name]).tolist()

    parts = [file.part or ""] * len(nothing) if config.split_column is None else words(config.split_column)
    return SourceRecords(fields, held.names, parts, words(group), words(chromosome))


def _fields(
    file: SourceFile, held: RecordFile, config: ReadingConfig, template: Template, genome: Genome | None,
    needed: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Return the columns of a template that are needed, from the columns of a file and from what else says them."""
    columns, table = field_columns(config, template), held.columns
    index = pd.RangeIndex(len(held.names))
    given: dict[str, Sequence[object] | pd.Series[Any]] = {}
    if set(needed) - set(template.given_columns):
        given |= _answers(file, held, config, template, columns)
    if held.sequences is not None:
        given[_only_sequence(template, f"{held.where} is FASTA or plain text").name] = held.sequences
    sequences = [item.name for item in template.given if item.kind == "sequence"]
    if genome is not None and not all(name in given or columns[name] in table for name in sequences):
        only = _only_sequence(template, f"{held.where} holds intervals").name
        given[only] = _of_genome(held, table, config, genome)
    own = [name for name in needed if name not in given]
    where = held.where
    _require_fields(table, [columns[name] for name in own], where, template)
    found = {name: given[name] if name in given else table[columns[name]].array for name in needed}
    fields = pd.DataFrame({name: pd.Series(cells, index=index) for name, cells in found.items()}, columns=list(needed))
    in_table = [name for name in own if name in sequences]
    require_sequences(fields, in_table, held.names, config.missing_values)
    return fields


def _require_fields(table: pd.DataFrame, columns: Sequence[str], where: str, template: Template) -> None:
    """Check that a table has the columns of the template; one of intervals needs a genome for its sequences."""
    missing = [name for name in columns if name not in table]
    sequences = {item.name for item in template.given if item.kind == "sequence"}
    if len(missing) == 1 and sequences == {missing[0]} and contig_column(table) is not None:
        raise InputError(
            f"{where} has no column {missing[0]!r} but intervals, whose sequences stand in a genome. "
            "Name its FASTA or .2bit file as data.genome (--genome of predict and evaluate)."
        )
    require_columns(table, columns, where)


def _of_genome(held: RecordFile, table: pd.DataFrame, config: ReadingConfig, genome: Genome) -> list[str]:
    """Read the sequences of a table of intervals, and say how its positions count where its format does not."""
    columns = interval_columns(table, held.where, chromosome=config.chromosome, coordinates=config.coordinates)
    if columns.one_based or ".bed" not in Path(held.where).name.lower():
        logger.warning("%s", coordinates_note(columns, held.where))
    return sequences_of_intervals(table, columns, genome, held.names)


def _answers(
    file: SourceFile, held: RecordFile, config: ReadingConfig, template: Template, columns: Mapping[str, str]
) -> dict[str, Sequence[object]]:
    """Return the answers that are not columns of the file itself, by column of the template."""
    if file.label is not None:
        return {_only_class(template, file).name: [file.label] * len(held.names)}
    if held.headers is not None:
        return _header_labels(held, config.separator, template)
    if config.label_indices is not None:
        return _listed_labels(held, config.label_indices, template)
    return _labels_next_to(file.path, held, template, columns)


def _header_labels(held: RecordFile, separator: str, template: Template) -> dict[str, Sequence[object]]:
    """Take the answers from the ends of FASTA headers, in the order of the template."""
    names = [column for item in template.answered for column in item.columns]
    if any(item.kind == "sequence" for item in template.answered) or len(template.columns) != len(names) + 1:
        raise InputError(
            f"{held.where} is FASTA, which gives one sequence and the labels at the end of its headers; the "
            f"template {template} needs more. Give a table."
        )
    pieces = [header.rsplit(separator, len(names)) for header in held.headers or ()]
    for where, header, found in zip(held.names, held.headers or (), pieces, strict=True):
        if len(found) <= len(names) or not all(piece.strip() for piece in found[1:]):
            missing = "no label" if len(names) == 1 else f"not the {len(names)} labels"
            raise InputError(
                f"{where}: the header {header[:60]!r} has {missing} at its end, each after {separator!r}. Add "
                "what is missing, set data.separator, or give the files of each class with data.classes."
            )
    return {name: [found[place].strip() for found in pieces] for place, name in enumerate(names, start=1)}


def _labels_next_to(
    path: Path, held: RecordFile, template: Template, columns: Mapping[str, str]
) -> dict[str, Sequence[object]]:
    """Read the labels of an HDF5 file that lies next to a BED file and has the same rows (BEND)."""
    answers = [column for item in template.answered for column in item.columns]
    other = path.with_name(path.name.partition(".bed")[0] + ".hdf5")
    if ".bed" not in path.name or {columns[name] for name in answers} & set(held.columns) or not other.is_file():
        return {}
    labels = read_table(other)
    if labels.shape != (len(held.names), len(answers)):
        raise InputError(
            f"{other} holds {labels.shape[1]} labels for {len(labels):,} records, but {path} has "
            f"{len(held.names):,} rows and the template {len(answers)} answers. They must agree."
        )
    return {name: labels[column].tolist() for name, column in zip(answers, labels, strict=True)}


def _listed_labels(held: RecordFile, listed: str, template: Template) -> dict[str, Sequence[object]]:
    """Read an answer for each label from a column such as `3,17`."""
    if any(item.kind != "boolean" for item in template.answered):
        raise InputError(f"data.label_indices needs a template that answers booleans alone, not {template}.")
    table = held.columns
    require_columns(table, [listed], held.where)
    labels = [["0"] * len(held.names) for _ in template.answered]
    for row, (where, cell) in enumerate(zip(held.names, as_text(table[listed]), strict=True)):
        for word in filter(None, map(str.strip, cell.split(","))):
            if not word.isascii() or not word.isdigit() or len(word) > 9 or int(word) >= len(labels):
                raise InputError(
                    f"{where}: {word[:20]!r} in {listed!r} is none of the labels 0 to {len(labels) - 1} that the "
                    "template answers. Correct it, or name an answer for each label."
                )
            labels[int(word)][row] = "1"
    return dict(zip((item.name for item in template.answered), labels, strict=True))


def _only_sequence(template: Template, why: str) -> Field:
    sequences = [item for item in template.given if item.kind == "sequence"]
    if len(sequences) != 1:
        raise InputError(f"{why}, which needs a template with one sequence, not {template}. Give a table.")
    return sequences[0]


def _only_class(template: Template, file: SourceFile) -> Field:
    """The answer that the class of a file gives, if the class is one of its values."""
    answered, given = template.answered, template.given
    fits = len(answered) == len(given) == 1 and given[0].kind == "sequence" and not template.token_fields
    if not fits or answered[0].kind not in ("boolean", "choice"):
        raise InputError(
            f"Files a class need a template with one sequence and one boolean or choice, not {template} ({file.path})."
        )
    where = "data.folder" if file.part else "data.classes"
    if answered[0].kind == "boolean":
        read_boolean(file.label, where)
    elif file.label not in answered[0].choices:
        raise InputError(
            f"{where}: {file.label!r} is not among the choices of {answered[0].name}, which are "
            f"{', '.join(answered[0].choices)}. Correct the template or the class."
        )
    return answered[0]
