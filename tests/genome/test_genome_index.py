import errno
import json
import logging
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.files.messages import check_message

from dnagpt.errors import InputError, StorageError
from dnagpt.files import atomic
from dnagpt.genome import index
from dnagpt.genome.bases import decode_bases
from dnagpt.genome.index import Genome, default_cache, open_genome
from dnagpt.genome.intervals import Contig, Interval

FASTA = b">chr1 first\nACGTACGTNN\nacgtnnRY\n>chr2\nuuGG\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_bytes(FASTA)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def index_files(cache: Path, ending: str) -> list[Path]:
    return sorted((cache / "genomes").glob(f"*{ending}"))


def test_a_genome_worked_by_hand(source: Path, cache: Path) -> None:
    genome = open_genome(source, cache=cache)
    assert genome.contigs == (Contig("chr1", 18, 0), Contig("chr2", 4, 18))
    assert genome.total_bases == 22
    assert genome.ambiguous == {"R": 1, "Y": 1}
    assert genome.bases == {"N": 6, "A": 3, "G": 5, "C": 3, "T": 5}
    assert genome.soft_masked == 8
    assert decode_bases(genome.slice(Interval("chr1", 8, 18))) == "NNacgtnnNN"
    assert decode_bases(genome.slice(Interval("chr2", 0, 4))) == "ttGG"
    assert not genome.codes.flags.writeable
    assert np.shares_memory(genome.slice(Interval("chr2", 0, 4)), genome.codes)


def test_the_manifest_says_what_the_bytes_are(source: Path, cache: Path) -> None:
    genome = open_genome(source, cache=cache)
    (manifest,) = index_files(cache, ".json")
    (codes,) = index_files(cache, ".u8")
    content = json.loads(manifest.read_text())
    assert genome.manifest == manifest
    assert content["codes_file"] == codes.name
    assert content["contigs"] == [["chr1", 18, 0], ["chr2", 4, 18]]
    assert content["source"]["size"] == len(FASTA)
    assert content["source"]["sha256"] == genome.sha256 == files_sha256(source)
    assert codes.read_bytes() == genome.codes.tobytes()


def files_sha256(path: Path) -> str:
    return subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout.split()[0]


def test_an_index_is_built_once(source: Path, cache: Path) -> None:
    open_genome(source, cache=cache)
    (codes,) = index_files(cache, ".u8")
    before = codes.stat()
    open_genome(source, cache=cache)
    open_genome(source.parent / "." / source.name, cache=cache)
    assert [path.stat().st_ino for path in index_files(cache, ".u8")] == [before.st_ino]


def test_a_copied_time_stamp_does_not_matter_when_the_content_is_the_same(source: Path, cache: Path) -> None:
    open_genome(source, cache=cache)
    (codes,) = index_files(cache, ".u8")
    inode = codes.stat().st_ino
    os.utime(source, ns=(1, 1))
    open_genome(source, cache=cache)
    assert codes.stat().st_ino == inode
    (manifest,) = index_files(cache, ".json")
    assert json.loads(manifest.read_text())["source"]["mtime_ns"] == 1


@pytest.mark.parametrize("content", [FASTA.replace(b"GG", b"CC"), FASTA + b"AA\n"])
def test_a_changed_genome_is_indexed_again_with_a_notice(
    source: Path, cache: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    old = open_genome(source, cache=cache)
    old_bases = old.codes.tobytes()
    source.write_bytes(content)
    os.utime(source, ns=(5, 5))
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        new = open_genome(source, cache=cache)
    assert "has changed since it was indexed" in caplog.text
    assert new.codes.tobytes() != old_bases == old.codes.tobytes()
    assert len(index_files(cache, ".u8")) == 1


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def garble(path: Path) -> None:
    path.write_bytes(b"\xff{" + path.read_bytes()[2:])


def replaced(old: str, new: str) -> Callable[[Path], object]:
    def replace(path: Path) -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return replace


# name -> (ending of the file, what happens to it)
DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "codes_cut": (".u8", shorten),
    "codes_gone": (".u8", Path.unlink),
    "codes_emptied": (".u8", lambda path: path.write_bytes(b"")),
    "manifest_cut": (".json", lambda path: path.write_bytes(path.read_bytes()[:-2])),
    "manifest_emptied": (".json", lambda path: path.write_text("")),
    "manifest_garbled": (".json", garble),
    "manifest_is_a_list": (".json", lambda path: path.write_text("[1]")),
    "manifest_of_another_version": (".json", replaced('"version":3', '"version":99')),
    "key_gone": (".json", replaced('"codes_file"', '"code_file"')),
    "contig_moved": (".json", replaced('["chr2",4,18]', '["chr2",4,17]')),
    "contig_without_bases": (".json", replaced('["chr2",4,18]', '["chr2",0,18]')),
    "counts_changed": (".json", replaced('"A":3', '"A":4')),
    "one_base_changed": (".u8", lambda path: path.write_bytes(b"\x02" + path.read_bytes()[1:])),
    "length_is_text": (".json", replaced('["chr2",4,18]', '["chr2","4",18]')),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_built_again_with_a_notice(
    source: Path, cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    bases = open_genome(source, cache=cache).codes.tobytes()
    ending, spoil = DAMAGES[damage]
    spoil(*index_files(cache, ending))
    caplog.clear()
    genome = open_genome(source, cache=cache)
    assert "is damaged" in caplog.text
    assert genome.codes.tobytes() == bases
    caplog.clear()
    open_genome(source, cache=cache)
    assert not caplog.records


def test_ambiguity_codes_are_reported(source: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_genome(source, cache=cache)
    assert "2 ambiguity codes are read as N (R 1, Y 1)" in caplog.text


def test_progress_runs_to_the_end(source: Path, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    open_genome(source, cache=cache, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(FASTA), len(FASTA))


@pytest.mark.parametrize(
    ("name", "part"), [("1", "'chr1'"), ("Chr2", "'chr2'"), ("chr1.2", "'chr1'"), ("zzz", "begins with 'chr1'")]
)
def test_an_unknown_contig_brings_the_nearest_names(source: Path, cache: Path, name: str, part: str) -> None:
    genome = open_genome(source, cache=cache)
    with pytest.raises(InputError) as caught:
        genome.contig(name)
    check_message(caught.value, str(source), f"'{name}'", part)


def test_views_stay_valid_when_pages_are_given_back(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_RESIDENT_LIMIT", 0)
    genome = open_genome(source, cache=cache)
    view = genome.slice(Interval("chr1", 0, 4))
    genome.slice(Interval("chr2", 0, 4))
    assert decode_bases(view) == "ACGT"


def test_an_interval_stays_inside_its_contig(source: Path, cache: Path) -> None:
    genome = open_genome(source, cache=cache)
    with pytest.raises(InputError) as caught:
        genome.slice(Interval("chr1", 10, 19))
    check_message(caught.value, "chr1:10-19", "18 bases")


def test_a_pickled_genome_is_a_place_not_a_copy(source: Path, cache: Path) -> None:
    genome = open_genome(source, cache=cache)
    packed = pickle.dumps(genome)
    assert b"ACGT" not in packed
    assert len(packed) < 1000
    again = pickle.loads(packed)
    assert again.codes.tobytes() == genome.codes.tobytes()
    assert again.contigs == genome.contigs
    assert (again.ambiguous, again.bases, again.sha256) == (genome.ambiguous, genome.bases, genome.sha256)


def test_a_pickled_genome_is_the_same_one_or_none(source: Path, cache: Path) -> None:
    packed = pickle.dumps(open_genome(source, cache=cache))
    source.write_bytes(FASTA + b"A\n")
    open_genome(source, cache=cache)
    with pytest.raises(InputError, match="indexed again meanwhile"):
        pickle.loads(packed)
    for path in index_files(cache, ".json"):
        path.unlink()
    with pytest.raises(InputError, match="gone or damaged"):
        pickle.loads(packed)


def test_a_genome_made_in_memory_is_pickled_with_its_bases() -> None:
    genome = Genome(Path("made.fa"), (Contig("a", 3, 0),), np.array([1, 2, 3], dtype=np.uint8))
    assert pickle.loads(pickle.dumps(genome)).slice(Interval("a", 1, 3)).tolist() == [2, 3]


def read_in_a_worker(genome: Genome) -> bytes:
    return genome.slice(Interval("chr1", 0, 18)).tobytes()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_read_the_same_bases(source: Path, cache: Path, method: str) -> None:
    genome = open_genome(source, cache=cache)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert set(pool.map(read_in_a_worker, [genome] * 4)) == {read_in_a_worker(genome)}


OPENER = """
import logging, sys
from pathlib import Path
from dnagpt.genome.index import open_genome
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
print(open_genome(sys.argv[1], cache=Path(sys.argv[2])).total_bases)
"""


def start_opening(source: Path, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OPENER, str(source), str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_that_start_together_build_once(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "long.fa"
    source.write_bytes(b">a\n" + b"ACGTTGCATT\n" * 1_000_000)
    started = [start_opening(source, cache) for _ in range(3)]
    outputs = [process.communicate()[0] for process in started]
    assert all("10000000" in output for output in outputs)
    assert sum("Indexing" in output for output in outputs) == 1


def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "long.fa"
    source.write_bytes(b">a\n" + b"ACGTTGCATT\n" * 4_000_000)
    process = start_opening(source, cache)
    while not index_files(cache, ".u8"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not index_files(cache, ".json")
    assert open_genome(source, cache=cache).total_bases == 40_000_000
    assert len(index_files(cache, ".u8")) == 1  # the temporary file of the killed build is gone too


def test_a_full_disk_while_indexing_is_told(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(atomic, "flush_to_disk", full)
    with pytest.raises(StorageError) as caught:
        open_genome(source, cache=cache)
    check_message(caught.value, "disk is full", "DNAGPT_CACHE")
    assert not index_files(cache, ".u8")


SMALL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 77
"$2" -c "$3" "$4" "$1" 2>&1
ls -A "$1/genomes"
"""

REFUSED = """
import sys
from pathlib import Path
from dnagpt.errors import StorageError
from dnagpt.genome.index import open_genome
try:
    open_genome(sys.argv[1], cache=Path(sys.argv[2]))
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a small disk of its own")
def test_a_disk_that_is_really_full(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "long.fa"
    source.write_bytes(b">a\n" + b"ACGTTGCATT\n" * 200_000)
    cache.mkdir()
    command = ["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh", str(cache), sys.executable, REFUSED, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in {1, 77}:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    message, *left = done.stdout.splitlines()
    check_message(StorageError(message), str(cache), "disk is full", "DNAGPT_CACHE")
    assert [Path(name).suffix for name in left] == [".lock"]


def test_a_cache_that_is_no_folder_is_told(source: Path, cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(StorageError) as caught:
        open_genome(source, cache=cache)
    check_message(caught.value, str(cache), "DNAGPT_CACHE")


def test_a_genome_that_grows_meanwhile_is_refused(source: Path, cache: Path) -> None:
    def grow(done: int, total: int) -> None:
        with source.open("ab") as handle:
            handle.write(b"ACGT\n")

    with pytest.raises(InputError, match="changed while it was read"):
        open_genome(source, cache=cache, progress=grow)
    assert not index_files(cache, ".u8")


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("DNAGPT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "dnagpt"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "dnagpt"
    monkeypatch.setenv("DNAGPT_CACHE", str(tmp_path / "own"))
    assert default_cache() == tmp_path / "own"
    open_genome(source)
    assert index_files(tmp_path / "own", ".u8")
