"""Tables under attack: CSV, TSV, JSON lines, Parquet, HDF5, BED, tables of people."""

import gzip
import io
import json
import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tests.fuzz.subject import Subject

from dnagpt.files.tables import read_table
from dnagpt.genome.intervals import read_bed
from dnagpt.haplotypes.people import read_populations, read_relatives

_COLUMNS = ["sequence", "label", "level", "gene"]
_ROWS = [
    ["ACGTACGT", "1", "0.25", "a"], ["TTGACA", "0", "-1e-3", "b c"], ["NNACGT", "1", "7", "é"], ["AC", "", "NA", "x"],
]  # fmt: skip
_TOKENS = (b'"a""b"', b'"a\nb"', b'"', b'""', b',""', b"sequence", b"label", b"\n\n\n", b'"x"y', b",,,", b"\t\t")


def _lines(separator: str) -> bytes:
    return "\n".join([*(separator.join(row) for row in (_COLUMNS, *_ROWS)), ""]).encode()


def _quoted(row: list[str], separator: str) -> bytes:
    return (separator.join(row) + "\n").encode()


CSV = _lines(",") + _quoted(['"q""r"', "1", '"a\nb"', '"x,y"'], ",")
TSV = _lines("\t")
_RECORDS: list[list[object]] = [[*_ROWS[0]], ["AC", 1, 0.5, None], ["GT", True, -3e7, "\u00e9\n\U0001f9ec"]]
JSON_LINES = b"".join(
    json.dumps(dict(zip(_COLUMNS, record, strict=True)), ensure_ascii=False).encode() + b"\n" for record in _RECORDS
)


def _write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _read(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        frame = read_table(folder / name)
        return list(frame.columns), [[_plain(cell) for cell in row] for row in frame.to_numpy(dtype=object).tolist()]

    return read


def _plain(cell: object) -> object:
    """A cell as any reader may give it: numbers by their value, what is missing as ""."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return ""
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    try:
        number = float(str(cell)) if isinstance(cell, str | int | float | np.number) else None
    except ValueError:
        number = None
    return str(cell) if number is None else "nan" if math.isnan(number) else repr(number)


def _by_pandas(content: bytes, separator: str) -> object:
    """The C parser of pandas, which is no relation of the csv module."""
    text = content.decode("utf-8-sig")
    if "\r" in text.replace("\r\n", ""):
        raise NotImplementedError("pandas takes a carriage return alone now as the end of a line, now as a part of it")
    frame = pd.read_csv(io.StringIO(text, newline=""), sep=separator, header=None, dtype=str, na_filter=False)
    header, *body = frame.to_numpy().tolist()
    return header, [[_plain(cell) for cell in row] for row in body]


def _text_by_pandas(name: str, separator: str) -> Callable[[Path], object]:
    return lambda folder: _by_pandas((folder / name).read_bytes(), separator)


def unpacked(content: bytes) -> bytes:
    """The members of a gzip file, one behind the other."""
    parts = []
    while content:
        member = zlib.decompressobj(wbits=31)
        parts.append(member.decompress(content) + member.flush())
        assert member.eof
        content = member.unused_data.lstrip(b"\x00")
    return b"".join(parts)


def _by_json(folder: Path) -> object:
    lines = [line for line in (folder / "table.jsonl").read_bytes().decode("utf-8-sig").split("\n") if line.strip()]
    records = [json.loads(line) for line in lines]
    columns = list(records[0])
    return columns, [[_plain(record[column]) for column in columns] for record in records]


def _write_parquet(folder: Path) -> None:
    table = pa.table(
        {
            "sequence": ["ACGT", "TTTT", None],
            "label": pa.array([1, 0, 1], pa.int8()),
            "level": [0.5, None, -1.0],
            "known": [True, False, None],
            "class": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    pq.write_table(table, folder / "table.parquet", compression="none")


def _by_pyarrow(folder: Path) -> object:
    table = pq.ParquetFile(folder / "table.parquet").read()
    columns = [[_plain(cell) for cell in column.to_pylist()] for column in table.columns]
    return table.column_names, [list(row) for row in zip(*columns, strict=True)]


def _read_parquet(folder: Path) -> object:
    frame = read_table(folder / "table.parquet")
    cells = [[_missing_alike(cell) for cell in row] for row in frame.to_numpy(dtype=object).tolist()]
    return [str(column) for column in frame.columns], cells


def _missing_alike(cell: object) -> object:
    return "" if isinstance(cell, float) and math.isnan(cell) else _plain(cell)


def _write_hdf5(folder: Path) -> None:
    bases = np.zeros((3, 5, 4), dtype=np.uint8)
    for row, sequence in enumerate(([0, 1, 2, 3, 0], [3, 3, 3, 3, 3], [0, 0, 0, 0, 0])):
        bases[row, np.arange(5), sequence] = 1
    bases[2, 4] = 0
    with h5py.File(folder / "table.h5", "w", libver="latest") as file:
        file.create_dataset("bases", data=bases, chunks=(2, 5, 4), compression="gzip", track_times=False)
        file.create_dataset("data", data=np.arange(6, dtype=np.float32).reshape(3, 2), track_times=False)
        file.create_dataset("label", data=np.array([1, 0, 1], dtype=np.int16), track_times=False)
        file.create_dataset("name", data=["a", "b", "c"], dtype=h5py.string_dtype(), track_times=False)
        file.create_dataset("code", data=np.array([b"x", b"yy", b""]), track_times=False)


def _read_hdf5(folder: Path) -> object:
    frame = read_table(folder / "table.h5")
    return {str(column): [_plain(cell) for cell in frame[column].tolist()] for column in sorted(frame.columns)}


def _by_h5py(folder: Path) -> object:
    with h5py.File(folder / "table.h5") as file:
        arrays = {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}
    columns: dict[str, list[object]] = {}
    for name, array in arrays.items():
        if array.ndim == 3:
            columns[name] = [
                "".join("ACGT"[site.tolist().index(max(site))] if site.any() else "N" for site in row) for row in array
            ]
        elif array.ndim == 2:
            columns |= {f"{name}_{place + 1}": array[:, place].tolist() for place in range(array.shape[1])}
        else:
            columns[name] = [cell.decode() if isinstance(cell, bytes) else cell for cell in array.tolist()]
    return {name: [_plain(cell) for cell in columns[name]] for name in sorted(columns)}


_BED = b"# a comment\ntrack name=x\nchr1\t10\t20\tone\t0\t+\nchr2\t0\t5\ttwo\t3\t-\nscaffold_7\t100\t2000\n"


def _read_bed(folder: Path) -> object:
    return [(one.contig, one.start, one.end) for one in read_bed(folder / "regions.bed")]


def _by_words(folder: Path) -> object:
    """BED by its rules: no comments, three words of which two are numbers."""
    text = (folder / "regions.bed").read_bytes().decode("utf-8", errors="surrogateescape")  # comments are not read
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith(("#", "track", "browser"))]
    words = [line.split("\t") if "\t" in line.rstrip() else line.split() for line in lines]
    return [(contig.strip(), int(start), int(end)) for contig, start, end, *_ in words]


_PEOPLE = (
    b"sample\tpop\tsuper_pop\tgender\nHG1\tGBR\tEUR\tmale\nHG2\tFIN\tEUR\tfemale\nNA3\tYRI\tAFR\tmale\nNA4\t\tAFR\t\n"
)
_PAIRS = b"ID1,ID2,note\nHG1,HG2,0.25\nHG3,HG4,x\n"
_FAMILY = b"F1 HG3 HG1 HG2 0 0\nF1 HG1 0 0 1 0\nF2 HG4 . HG2 2 -9\n"


def _text_lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _column(header: Sequence[str], *names: str) -> int:
    """The column of one of these names, however it is spelled."""
    plain = ["".join(letter for letter in name.lower() if letter not in " _.-#") for name in header]
    return next(plain.index(name) for name in names if name in plain)


def _by_columns(folder: Path) -> object:
    lines = _text_lines(folder / "people.panel")
    header, *rows = (line.split("\t" if "\t" in lines[0] else None) for line in lines)
    person = _column(header, "sample", "samplename", "sampleid", "individual", "individualid", "iid", "id")
    population = _column(header, "pop", "population")
    rows = [[cell.strip() for cell in row] + [""] * (len(header) - len(row)) for row in rows]
    return {row[person]: row[population] for row in rows if row[population]}


def _pairs_by_columns(folder: Path) -> object:
    frame = pd.read_csv(folder / "pairs.csv", dtype=str, na_filter=False, encoding="utf-8-sig")
    names = [str(name) for name in frame.columns]
    one, other = _column(names, "id1", "iid1"), _column(names, "id2", "iid2")
    return _known((str(row[one]).strip(), str(row[other]).strip()) for row in frame.to_numpy().tolist())


def _known(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if not {"", "0", "."} & set(pair)]


def _parents(folder: Path) -> object:
    rows = [line.split() for line in _text_lines(folder / "trio.fam")]  # PLINK: any white space
    return sorted(_known((row[1], parent) for row in rows for parent in row[2:4]))


TABLES = {
    "csv": Subject(
        _write("table.csv", CSV), _read("table.csv"), _text_by_pandas("table.csv", ","), tokens=_TOKENS, may_refuse=True
    ),
    "tsv": Subject(
        _write("table.tsv", TSV),
        _read("table.tsv"),
        _text_by_pandas("table.tsv", "\t"),
        tokens=_TOKENS,
        may_refuse=True,
    ),
    "csv-gz": Subject(
        _write("table.csv.gz", gzip.compress(CSV[:60], 0, mtime=0) + gzip.compress(CSV[60:], mtime=0)),
        _read("table.csv.gz"),
        lambda folder: _by_pandas(unpacked((folder / "table.csv.gz").read_bytes()), ","),
        may_refuse=True,
    ),
    "jsonl": Subject(
        _write("table.jsonl", JSON_LINES),
        _read("table.jsonl"),
        _by_json,
        tokens=b'1e400 NaN -Infinity \\ud800 "label" [[[[[[[[ {"a":1} null true 12345678901234567890'.split(),
    ),
    "parquet": Subject(_write_parquet, _read_parquet, _by_pyarrow, may_refuse=True),
    "hdf5": Subject(_write_hdf5, _read_hdf5, _by_h5py, may_refuse=True),
    "bed": Subject(_write("regions.bed", _BED), _read_bed, _by_words, tokens=(b" ", *b"chr1 track -5 1e3 +".split())),
    "populations": Subject(
        _write("people.panel", _PEOPLE),
        lambda folder: read_populations(folder / "people.panel"),
        _by_columns,
        tokens=(b"sample", b"pop", b"HG1", b"population", b"EUR"),
    ),
    "relatives": Subject(
        _write("pairs.csv", _PAIRS),
        lambda folder: read_relatives(folder / "pairs.csv"),
        _pairs_by_columns,
        tokens=(b"ID1", b"IID2", b"HG1", b"father"),
    ),
    "pedigree": Subject(
        _write("trio.fam", _FAMILY),
        lambda folder: sorted(read_relatives(folder / "trio.fam")),
        _parents,
        tokens=(b"0", b".", b"HG1", b"father"),
    ),
}
