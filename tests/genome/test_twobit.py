from pathlib import Path

import numpy as np
import py2bit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.genome.twobit_writer import twobit_bytes

from dnagpt.genome import twobit
from dnagpt.genome.bases import decode_bases
from dnagpt.genome.index import open_genome
from dnagpt.genome.intervals import Interval

sequences = st.text(alphabet="ACGTNacgtn", min_size=1, max_size=120)


@given(
    sequences=st.lists(sequences, min_size=1, max_size=4),
    order=st.sampled_from("<>"),
    version=st.sampled_from([0, 1]),
    chunk=st.sampled_from([4, 8, 64, 1 << 22]),
)
def test_any_genome_comes_back_whatever_the_chunks(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[str], order: str, version: int, chunk: int
) -> None:
    records = {f"c{number}": sequence for number, sequence in enumerate([*sequences, "ACGT"])}
    path = tmp_path_factory.mktemp("twobit") / "genome.bin"  # recognised by content
    path.write_bytes(twobit_bytes(records, order=order, version=version))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twobit, "_CHUNK", chunk)
        genome = open_genome(path, cache=path.parent)
    for name, sequence in records.items():
        assert decode_bases(genome.slice(Interval(name, 0, len(sequence)))) == sequence


def test_agrees_with_py2bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    records = {
        name: "".join(
            "".join(rng.choice(list(letters), rng.integers(1, 300)))
            for letters in rng.permutation(["ACGT", "acgt", "N", "ACGTacgtN"] * 5)
        )
        for name in ("chr1", "chr2", "scaffold_17")
    }
    path = tmp_path / "genome.2bit"
    path.write_bytes(twobit_bytes(records))
    genome = open_genome(path, cache=tmp_path)
    independent = py2bit.open(str(path), True)
    try:
        assert {contig.name: contig.length for contig in genome.contigs} == independent.chroms()
        for contig in genome.contigs:
            mine = decode_bases(genome.slice(Interval(contig.name, 0, contig.length)))
            assert mine.replace("n", "N") == independent.sequence(contig.name)
    finally:
        independent.close()


def test_progress_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "genome.2bit"
    path.write_bytes(twobit_bytes({"a": "ACGT" * 1000}))
    seen: list[tuple[int, int]] = []
    genome = open_genome(path, cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(genome.sha256) == 64
