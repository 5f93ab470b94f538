"""Labelled records as people have them (tables, FASTA, intervals, HDF5), brought to the fields of a template.

One line: `file -> table with the file's own columns -> sequences and labels added -> columns of the template`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from dnagpt.data.files import SourceFile, record_format, source_files
from dnagpt.data.interval_sequences import CONTIG_COLUMNS, sequences_of_intervals
from dnagpt.data.settings import DataConfig
from dnagpt.errors import InputError
from dnagpt.genome.index import Genome, open_genome
from dnagpt.genome.nearest import did_you_mean
from dnagpt.genome.sequences import SequenceRecord, read_fasta
from dnagpt.genome.stored_bytes import require_plain_file
from dnagpt.genome.tables import as_text, read_table, require_columns
from dnagpt.language.grammar import Field
from dnagpt.language.template import Template, read_boolean

WHERE, PART, GROUP, CHROMOSOME = "_where", "_part", "_group", "_chromosome"
"""Columns beside those of the template: where a record stands, its part if given, its group and its chromosome."""

_LOCATED = re.compile(r"(?:.*::)?([^:\s]+):\d+-\d+")


def read_records(
    path: Path, columns: Mapping[str, str], needed: Sequence[str]
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Read a table to be answered: as it is, and its records by field name; a missing cell is None."""
    frame = read_table(path)
    named = _named(frame, columns, needed, str(path)).astype(object)
    named = named.where(named.notna(), None)
    records: list[dict[str, object]] = named.to_dict("records")  # type: ignore[assignment]
    return frame, records


def read_sources(config: DataConfig, template: Template) -> pd.DataFrame:
    """Read all files of a task as one table: the template's columns, and `_where`, `_part`, `_group`, `_chromosome`.

    Raises InputError, with file and row, for columns that are missing, labels that a file lacks, and intervals outside
    the genome.
    """
    genome = None if config.genome is None else open_genome(config.genome)
    frames = [_read(file, config, template, genome) for file in source_files(config)]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def field_columns(config: DataConfig, template: Template) -> dict[str, str]:
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


def _read(file: SourceFile, config: DataConfig, template: Template, genome: Genome | None) -> pd.DataFrame:
    columns = field_columns(config, template)
    if file.label is not None:
        columns = columns | {_only_class(template, file).name: "_label"}
    table = _table(file, config, template, columns).assign(_label=file.label)
    table = _with_labels_beside(table, file.path, template, columns)
    if config.label_indices is not None:
        table = _with_listed_labels(table, config.label_indices, file.path, template, columns)
    if genome is not None and not _has_sequences(table, template, columns):
        only = _only_sequence(template, f"{file.path} holds intervals")
        columns = columns | {only.name: "_sequence"}
        table["_sequence"] = sequences_of_intervals(table, genome, table[WHERE].tolist())
    result = _named(table, columns, template.columns, str(file.path))
    return result.assign(**_beside(table, file, config))


def _table(file: SourceFile, config: DataConfig, template: Template, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a file with its own columns, and where each record stands."""
    path, ending = file.path, record_format(file.path)
    if path.is_dir():
        return _text_files(path, columns[_only_sequence(template, f"{path} is a folder of sequences").name])
    if ending == "fasta" or (config.classes and not ending):
        records = list(read_fasta(path, unique_names=False))
        table = _fasta_table(records, path, columns[_only_sequence(template, f"{path} is FASTA").name])
        return table if file.label is not None else table.assign(**_header_labels(table, config, template, columns))
    table = read_table(path, ending=ending or None)
    table[WHERE] = [f"{path}, row {row}" for row in range(1, len(table) + 1)]
    return table


def _fasta_table(records: Sequence[SequenceRecord], path: Path, column: str) -> pd.DataFrame:
    located = [_LOCATED.match(record.name) for record in records]
    return pd.DataFrame(
        {
            column: [record.sequence.upper() for record in records],
            "header": [f"{record.name} {record.description}".strip() for record in records],
            "file": str(path),
            "chromosome": [match[1] if match else "" for match in located],
            WHERE: [f"{path}, record {number} ({record.name!r})" for number, record in enumerate(records, start=1)],
        }
    )


def _header_labels(
    table: pd.DataFrame, config: DataConfig, template: Template, columns: Mapping[str, str]
) -> dict[str, list[str]]:
    """Take the answers from the ends of FASTA headers, in the order of the template."""
    names = [columns[column] for item in template.answered for column in item.columns]
    if any(item.kind == "sequence" for item in template.answered) or len(template.columns) != len(names) + 1:
        raise InputError(
            f"{table['file'].iloc[0]} is FASTA, which gives one sequence and the labels at the end of its headers; the "
            f"template {template} needs more. Give a table."
        )
    pieces = [header.rsplit(config.separator, len(names)) for header in table["header"]]
    for where, header, found in zip(table[WHERE], table["header"], pieces, strict=True):
        if len(found) <= len(names) or not all(piece.strip() for piece in found[1:]):
            missing = "no label" if len(names) == 1 else f"not the {len(names)} labels"
            raise InputError(
                f"{where}: the header {header[:60]!r} has {missing} at its end, each after {config.separator!r}. Add "
                "what is missing, set data.separator, or give the files of each class with data.classes."
            )
    return {name: [found[place].strip() for found in pieces] for place, name in enumerate(names, start=1)}


def _text_files(folder: Path, column: str) -> pd.DataFrame:
    """Read a folder of text files, each of which is one sequence."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise InputError(f"The folder {folder} holds no .txt file with a sequence. Check the path.")
    for path in paths:
        require_plain_file(path)
    sequences = ["".join(path.read_text(encoding="ascii", errors="replace").split()).upper() for path in paths]
    return pd.DataFrame({column: sequences, WHERE: [str(path) for path in paths]})


def _with_labels_beside(
    table: pd.DataFrame, path: Path, template: Template, columns: Mapping[str, str]
) -> pd.DataFrame:
    """Add the labels of an HDF5 file that lies beside a BED file and has the same rows (BEND)."""
    answers = [columns[column] for item in template.answered for column in item.columns]
    beside = path.with_name(path.name.partition(".bed")[0] + ".hdf5")
    if ".bed" not in path.name or set(answers) & set(table.columns) or not beside.is_file():
        return table
    labels = read_table(beside)
    if labels.shape != (len(table), len(answers)):
        raise InputError(
            f"{beside} holds {labels.shape[1]} labels for {len(labels):,} records, but {path} has {len(table):,} rows "
            f"and the template {len(answers)} answers. They must agree."
        )
    return table.assign(**dict(zip(answers, (labels[name] for name in labels), strict=True)))


def _with_listed_labels(
    table: pd.DataFrame, listed: str, path: Path, template: Template, columns: Mapping[str, str]
) -> pd.DataFrame:
    """Add an answer a label from a column such as `3,17`."""
    if any(item.kind != "boolean" for item in template.answered):
        raise InputError(f"data.label_indices needs a template that answers booleans alone, not {template}.")
    require_columns(table, [listed], str(path))
    names = [columns[item.name] for item in template.answered]
    held = pd.DataFrame("0", index=table.index, columns=names)
    for row, (where, cell) in enumerate(zip(table[WHERE], as_text(table[listed]), strict=True)):
        for word in filter(None, map(str.strip, cell.split(","))):
            if not word.isascii() or not word.isdigit() or int(word) >= len(names):
                raise InputError(
                    f"{where}: {word[:20]!r} in {listed!r} is none of the labels 0 to {len(names) - 1} that the "
                    "template answers. Correct it, or name an answer for each label."
                )
            held.iloc[row, int(word)] = "1"
    return table.assign(**{name: held[name] for name in names})


def _named(frame: pd.DataFrame, columns: Mapping[str, str], needed: Sequence[str], where: str) -> pd.DataFrame:
    """Take the columns that are needed, under the names of the template."""
    sources = [columns.get(name, name) for name in needed]
    require_columns(frame, sources, where)
    return frame[sources].set_axis(list(needed), axis=1)


def _beside(table: pd.DataFrame, file: SourceFile, config: DataConfig) -> "dict[str, pd.Series[str]]":
    """What is known of records beyond the fields of the template."""
    wanted = {PART: config.split_column, GROUP: None if config.group == "cut" else config.group}
    require_columns(table, [name for name in wanted.values() if name is not None], str(file.path))
    chromosome = config.chromosome or next((name for name in CONTIG_COLUMNS if name in table.columns), None)
    if config.chromosome is not None or (config.split == "chromosome" and chromosome is None):
        require_columns(table, [chromosome or "chromosome"], str(file.path))
    found = {name: as_text(table[column]) for name, column in wanted.items() if column is not None}
    nothing = pd.Series("", index=table.index)
    parts = found.get(PART, nothing + (file.part or ""))
    return {
        WHERE: table[WHERE],
        PART: parts,
        GROUP: found.get(GROUP, nothing),
        CHROMOSOME: as_text(table[chromosome]) if chromosome is not None else nothing,
    }


def _has_sequences(table: pd.DataFrame, template: Template, columns: Mapping[str, str]) -> bool:
    return all(columns[item.name] in table.columns for item in template.given if item.kind == "sequence")


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
