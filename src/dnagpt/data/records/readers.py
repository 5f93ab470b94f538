"""Files of records as they are: tables, BED, FASTA and plain text, all read in one place for every command."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from dnagpt.data.records.files import record_format
from dnagpt.errors import InputError
from dnagpt.files.compressed import require_plain_file
from dnagpt.files.tables import index_as_columns, read_table
from dnagpt.genome.bed_tables import read_bed_table
from dnagpt.genome.fasta import SequenceRecord, read_fasta

_LOCATED = re.compile(r"(?:.*::)?([^:\s]+):\d+-\d+")


@dataclass(frozen=True, eq=False)
class RecordFile:
    """The records of one file, or of a folder of sequences, with the columns that it has."""

    where: str
    """The path, for messages."""
    frame: pd.DataFrame
    """The table as it was read; of FASTA and plain text the names and lengths."""
    names: Sequence[str]
    """Where each record stands."""
    sequences: Sequence[str] | None = None
    """The sequences, where the file has no columns that hold them."""
    headers: Sequence[str] | None = None
    """The headers of FASTA records."""
    derived: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What is known of FASTA records by name: header, file and chromosome."""

    @property
    def columns(self) -> pd.DataFrame:
        """The columns of a table, its index among them; of FASTA, what is known of each record."""
        if self.sequences is not None:
            # as objects, since text columns cannot hold file names that are not UTF-8
            return pd.DataFrame(dict(self.derived), dtype=object)
        table = index_as_columns(self.frame)
        return table.set_axis([str(name) for name in table.columns], axis=1)


def read_record_file(path: Path, *, fasta: bool = False) -> RecordFile:
    """Read the records of a file in any format, or of a folder of FASTA or text files, each text one sequence.

    `fasta` reads a file whose ending is not known as FASTA. Raises InputError where the file cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    ending = record_format(path)
    if ending == "fasta" or (fasta and not ending):
        return _fasta(str(path), [path])
    frame = read_bed_table(path) if ending == ".bed" else read_table(path, ending=ending or None)
    return RecordFile(str(path), frame, [f"{path}, row {row}" for row in range(1, len(frame) + 1)])


def _folder(path: Path) -> RecordFile:
    found = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    fastas = [entry for entry in found if record_format(entry) == "fasta"]
    texts = [entry for entry in found if entry.suffix.lower() == ".txt"]
    if fastas and texts:
        raise InputError(
            f"{path} holds FASTA ({fastas[0].name}) and text ({texts[0].name}). Give a folder of one kind."
        )
    if not fastas and not texts:
        raise InputError(f"The folder {path} holds no FASTA file and no .txt file with a sequence. Check the path.")
    return _fasta(str(path), fastas) if fastas else _text_files(str(path), texts)


def _fasta(where: str, paths: Sequence[Path]) -> RecordFile:
    records: list[SequenceRecord] = []
    files: list[str] = []
    names: list[str] = []
    for path in paths:
        own = list(read_fasta(path, unique_names=False))
        records += own
        files += [str(path)] * len(own)
        names += [f"{path}, record {number} ({record.name!r})" for number, record in enumerate(own, start=1)]
    headers = [f"{record.name} {record.description}".strip() for record in records]
    located = [_LOCATED.match(record.name) for record in records]
    chromosomes = [match[1] if match else "" for match in located]
    return RecordFile(
        where,
        pd.DataFrame({"name": [record.name for record in records], "length": [len(one.sequence) for one in records]}),
        names,
        [record.sequence.upper() for record in records],
        headers,
        {"header": headers, "file": files, "chromosome": chromosomes},
    )


def _text_files(where: str, paths: Sequence[Path]) -> RecordFile:
    for path in paths:
        require_plain_file(path)
    sequences = ["".join(path.read_text(encoding="utf-8-sig", errors="replace").split()).upper() for path in paths]
    frame = pd.DataFrame({"name": [path.name for path in paths], "length": list(map(len, sequences))})
    names = [str(path) for path in paths]
    return RecordFile(where, frame, names, sequences, derived={"file": names})
