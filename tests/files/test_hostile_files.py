"""Small files that claim to be large, read other files, or never end: a sentence, and little memory taken."""

import gzip
import os
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.files.messages import check_message
from tests.genome.twobit_writer import twobit_bytes

from dnagpt.errors import InputError
from dnagpt.files import compressed
from dnagpt.files.compressed import UNPACKED_VARIABLE, require_plausible_size
from dnagpt.files.tables import read_table
from dnagpt.genome.fasta import read_fasta
from dnagpt.genome.index import open_genome
from dnagpt.genome.intervals import read_bed
from dnagpt.haplotypes.genetic_map import read_genetic_map
from dnagpt.haplotypes.legend import read_legend
from dnagpt.haplotypes.people import read_populations, read_relatives
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.runs.configuration import read_toml

ELSEWHERE = "another place or file"


def external_storage(file: h5py.File) -> None:
    file.create_dataset("other", shape=(2,), dtype="u1", external=[("elsewhere.h5", 0, 2)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(2,), dtype="u1")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "label", shape=(2,))
    file.create_virtual_dataset("other", layout)


def link(target: object) -> Callable[[h5py.File], None]:
    def add(file: h5py.File) -> None:
        file["other"] = target

    return add


def dataset(**options: object) -> Callable[[h5py.File], object]:
    return lambda file: file.create_dataset("other", **options)


HDF5: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "values in another file": (external_storage, ELSEWHERE),
    "a link to another file": (link(h5py.ExternalLink("elsewhere.h5", "/label")), ELSEWHERE),
    "a link within the file": (link(h5py.SoftLink("/label")), ELSEWHERE),
    "a virtual dataset": (virtual, ELSEWHERE),
    "values that were never written": (
        dataset(shape=(2 * 10**9,), dtype="f8", chunks=(65536,)),
        "claims 2,000,000,000 values",
    ),
    "no values at all": (dataset(data=h5py.Empty("f4")), "is empty"),
    "tables within a cell": (dataset(data=np.zeros(2, "i4,f8")), "neither numbers"),
    "lists within a cell": (dataset(shape=(2,), dtype=h5py.vlen_dtype("i4")), "neither numbers"),
    "text that is not UTF-8": (dataset(data=np.array([b"\xff", b"a"])), "cannot be read as HDF5"),
    "a name that is not text": (
        lambda file: file.create_dataset(b"\xff", data=[1, 0]),
        "cannot be read as HDF5",
    ),
}


def write_hdf5(path: Path, fill: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "w", libver="latest") as file:
        file["label"] = [1, 0]
        fill(file)
    return path


@pytest.mark.parametrize("kind", HDF5)
def test_hdf5_that_is_not_what_it_seems(tmp_path: Path, kind: str) -> None:
    fill, part = HDF5[kind]
    write_hdf5(tmp_path / "elsewhere.h5", lambda _: None)
    with pytest.raises(InputError) as caught:
        read_table(write_hdf5(tmp_path / "x.h5", fill))
    check_message(caught.value, "x.h5", part)


def test_hdf5_whose_texts_would_be_read_for_ever(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "x.h5", dataset(data=["a", "b"], dtype=h5py.string_dtype()))
    assert read_table(path)["other"].tolist() == ["a", "b"]
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    free = heap + 16 + 2 * 24  # behind the header and two texts
    assert content[free : free + 2] == b"\x00\x00"
    content[free + 8 : free + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(path)
    check_message(caught.value, "x.h5", "damaged near byte", "its texts")


def one_text_for_many_rows(path: Path) -> None:
    """2,000 rows of the same megabyte, in half a kilobyte."""
    rows = pa.DictionaryArray.from_arrays(np.zeros(2000, dtype=np.int32), ["A" * 10**6])
    pq.write_table(pa.table({"sequence": rows}), path, compression="zstd", store_schema=False)


def one_number_for_many_rows(path: Path) -> None:
    table = pa.table({"label": np.zeros(10**6, dtype=np.int64)})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_table(table)


def the_same_letters_again(path: Path) -> None:
    path.write_bytes(gzip.compress(b"A" * (1 << 20)) * 300)


def the_same_chunk_again(path: Path) -> None:
    with h5py.File(path, "w") as file:
        numbers = file.create_dataset("label", shape=(40 << 20,), dtype="f8", chunks=(1 << 20,), compression="gzip")
        for place in range(40):
            numbers.id.write_direct_chunk((place << 20,), zlib.compress(bytes(8 << 20)))


BOMBS: dict[str, Callable[[Path], object]] = {
    "texts.parquet": one_text_for_many_rows,
    "numbers.parquet": one_number_for_many_rows,
    "letters.csv.gz": the_same_letters_again,
    "numbers.h5": the_same_chunk_again,
}
IN_A_GIGABYTE = """
import resource, sys
from pathlib import Path
import h5py, pyarrow.parquet
from dnagpt.errors import InputError
from dnagpt.files import compressed
from dnagpt.files.tables import read_table

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
for path in sys.argv[1:]:
    try:
        read_table(path)
    except InputError as error:
        print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited on Linux alone")
def test_what_unpacks_to_far_more_is_refused_in_a_gigabyte(tmp_path: Path) -> None:
    for name, write in BOMBS.items():
        write(tmp_path / name)
        assert (tmp_path / name).stat().st_size < 1 << 20
    finished = subprocess.run(
        [sys.executable, "-c", IN_A_GIGABYTE, *(str(tmp_path / name) for name in BOMBS)],
        capture_output=True, text=True, check=False, env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert [name for name, line in zip(BOMBS, lines, strict=True) if name not in line] == []
    assert all("unpacks to" in line and UNPACKED_VARIABLE in line for line in lines), lines


def test_sequences_are_limited_by_record_and_indexes_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compressed, "_SMALL", 1 << 20)
    path = tmp_path / "x.fa.gz"
    path.write_bytes(gzip.compress(b"".join(b">r%d\n" % number + b"A" * 50_000 + b"\n" for number in range(60))))
    assert path.stat().st_size < 30_000
    assert sum(len(record.sequence) for record in read_fasta(path)) == 3_000_000
    path.write_bytes(gzip.compress(b">one\n" + b"N" * 3_000_000 + b"A\n"))
    with pytest.raises(InputError, match=r"x\.fa\.gz has .* bytes and unpacks to"):
        list(read_fasta(path))
    assert open_genome(path, cache=tmp_path / "cache").total_bases == 3_000_001


def test_the_limit_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    require_plausible_size(256 << 20, 1, "x.csv.gz")
    require_plausible_size(10**9, 10**7, "x.csv.gz")
    with pytest.raises(InputError, match=r"x\.csv\.gz has 10 bytes and unpacks to 1,000,000,000 or more"):
        require_plausible_size(10**9, 10, "x.csv.gz")
    monkeypatch.setenv(UNPACKED_VARIABLE, "1.5")
    require_plausible_size(10**9, 10, "x.csv.gz")
    with pytest.raises(InputError, match="unpacks to"):
        require_plausible_size(2 * 10**9, 10, "x.csv.gz")
    monkeypatch.setenv(UNPACKED_VARIABLE, "much")
    with pytest.raises(InputError, match="'much', not a number of GB"):
        require_plausible_size(2 * 10**9, 10, "x.csv.gz")


def test_many_texts_of_an_hdf5_file_that_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_hdf5(tmp_path / "x.h5", dataset(data=["A" * 50_000, *["B"] * 999], dtype=h5py.string_dtype()))
    with h5py.File(path) as file:
        start = file["other"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[start : start + 16 * 1000] = content[start : start + 16] * 1000
    path.write_bytes(content)
    monkeypatch.setattr(compressed, "_SMALL", 1 << 20)
    with pytest.raises(InputError) as caught:
        read_table(path)
    check_message(caught.value, "x.h5", "unpacks to")


def test_contigs_of_a_2bit_file_that_share_their_bases(tmp_path: Path) -> None:
    sound = twobit_bytes({"c1": "ACGT" * 1000})
    offset = int.from_bytes(sound[19:23], "little")
    names = [f"c{number:05}".encode() for number in range(500)]
    directory = b"".join(bytes([len(name)]) + name + struct.pack("<I", 16 + 11 * len(names)) for name in names)
    path = tmp_path / "x.2bit"
    path.write_bytes(struct.pack("<4I", 0x1A412743, 0, len(names), 0) + directory + sound[offset:])
    with pytest.raises(InputError) as caught:
        open_genome(path, cache=tmp_path / "cache")
    check_message(caught.value, "x.2bit", "claim 500,000 bytes of bases")
    assert not list((tmp_path / "cache").rglob("*.u8"))


READERS: dict[str, Callable[[Path], object]] = {
    "x.csv": read_table, "x.jsonl": read_table, "x.parquet": read_table, "x.h5": read_table,
    "x.fa": lambda path: list(read_fasta(path)), "genome.fa": open_genome, "x.bed": read_bed,
    "x.vcf": read_haplotypes, "x.bcf": read_haplotypes, "x.hapt": read_haplotypes, "x.trees": read_haplotypes,
    "x.legend": read_legend, "x.map": read_genetic_map, "x.panel": read_populations,
    "x.fam": read_relatives, "x.toml": read_toml,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError) as caught:
        READERS[name](tmp_path / name)
    check_message(caught.value, name, "is a pipe, not a file")


def test_devices_and_sockets_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "x.fa").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"x\.fa is a device, not a file"):
        open_genome(tmp_path / "x.fa")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "x.csv"))
        with pytest.raises(InputError, match=r"x\.csv is a socket, not a file"):
            read_table(tmp_path / "x.csv")
