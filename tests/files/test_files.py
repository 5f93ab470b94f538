import errno
import gzip
import io
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pysam
import pytest
from tests.files.messages import check_message

from dnagpt.errors import InputError, StorageError
from dnagpt.files.atomic import atomic_path, atomic_write, open_bytes, open_text, storage_error
from dnagpt.files.compressed import file_sha256, open_source, read_error

TEXT = b">a\n" + b"ACGTTGCA" * 9000 + b"\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_while_writing(target: Path, failure: BaseException) -> None:
    with atomic_write(target) as handle:
        handle.write(b"new")
        raise failure


def bgzipped(path: Path, content: bytes) -> Path:
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(content)
    return path


@pytest.mark.parametrize("name", ["plain.txt", "really_gzip.txt", "really_plain.gz", "block.gz", "two_members.gz"])
def test_content_decides_whether_a_file_is_compressed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "block.gz":
        bgzipped(path, TEXT)
    elif name == "two_members.gz":
        path.write_bytes(gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]))
    else:
        path.write_bytes(gzip.compress(TEXT) if name == "really_gzip.txt" else TEXT)
    with open_bytes(path) as handle:
        assert handle.read() == TEXT
    stored, handle = open_source(path)
    with handle:
        handle.read()
        assert stored.consumed == stored.size == path.stat().st_size
        assert stored.sha256() == file_sha256(path)


def test_open_text_reads_lines_and_drops_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    with open_text(tmp_path / "a.txt") as handle:
        assert list(handle) == ["one\r\n", "two\n"]


def test_every_cut_of_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    content = b">a\nACGT\n>b\nGGGG\n"
    whole = {"gzip": gzip.compress(content), "bgzip": bgzipped(tmp_path / "b.gz", content).read_bytes()}
    for kind, stored in whole.items():
        for length in range(2, len(stored)):
            path = tmp_path / f"{kind}.cut"
            path.write_bytes(stored[:length])
            with pytest.raises(InputError) as caught, open_bytes(path) as handle:
                handle.read()
            check_message(caught.value, str(path))


def test_a_bgzip_file_cut_between_blocks_is_noticed(tmp_path: Path) -> None:
    stored = bgzipped(tmp_path / "whole.gz", TEXT).read_bytes()
    first_block = int.from_bytes(stored[16:18], "little") + 1
    assert gzip.decompress(stored[:first_block])  # valid gzip: only the missing end block tells
    (tmp_path / "cut.gz").write_bytes(stored[:first_block])
    with pytest.raises(InputError, match=r"cut\.gz is cut short"), open_bytes(tmp_path / "cut.gz") as handle:
        handle.read()


def test_changed_bytes_never_change_what_is_read(tmp_path: Path) -> None:
    content = b">a\nACGTACGTTTGA\n"
    stored = gzip.compress(content, mtime=0)
    path = tmp_path / "flipped.gz"
    for index in range(2, len(stored)):
        path.write_bytes(stored[:index] + bytes([stored[index] ^ 0x11]) + stored[index + 1 :])
        try:
            with open_bytes(path) as handle:
                assert handle.read() == content
        except InputError as error:
            check_message(error, str(path))


def test_missing_folder_and_misspelt_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "genome.fa").write_bytes(TEXT)
    for path, part in (
        (tmp_path / "genom.fa", "Did you mean 'genome.fa'?"),
        (tmp_path / "zzz", "does not exist"),
        (tmp_path, "is a folder"),
        (tmp_path / "genome.fa" / "x", "part of its path"),
    ):
        with pytest.raises(InputError) as caught:
            open_bytes(path)
        check_message(caught.value, str(path), part)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file of /proc that cannot be read")
def test_a_real_input_output_error_is_told() -> None:
    with pytest.raises(StorageError) as caught:
        open_bytes("/proc/self/mem")
    check_message(caught.value, "/proc/self/mem", "Input/output error")


def test_a_file_of_others_is_told() -> None:
    check_message(
        read_error("secret.fa", PermissionError(errno.EACCES, "Permission denied")), "secret.fa", "permission"
    )


def test_standard_input_is_read_and_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(TEXT))))
    with open_bytes("-") as handle:
        assert handle.read() == TEXT
    assert not sys.stdin.buffer.closed


def test_atomic_write_replaces_whole_and_keeps_the_usual_mode(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "result.txt"
    with atomic_write(target) as handle:
        handle.write(b"first")
        assert not target.exists()
    with atomic_write(target) as handle:
        handle.write(b"second")
        assert target.read_bytes() == b"first"
    assert target.read_bytes() == b"second"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
    assert names(target.parent) == ["result.txt"]


@pytest.mark.parametrize("failure", [InputError("x"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")
    expected = StorageError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        fail_while_writing(target, failure)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.txt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_write(tmp_path / "link.txt") as handle:
        handle.write(b"new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_the_temporary_path_keeps_the_ending(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "table.csv.gz") as temporary:
        assert temporary.name.endswith(".csv.gz")
        assert temporary.parent == tmp_path


def test_standard_output_gets_the_finished_content(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with atomic_write("-") as handle:
        handle.write(b"A\xff")
        assert capsysbinary.readouterr().out == b""
    assert capsysbinary.readouterr().out == b"A\xff"


def test_devices_are_written_to_and_never_replaced() -> None:
    with atomic_write("/dev/null") as handle:
        handle.write(b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_a_full_disk_is_told() -> None:
    with pytest.raises(StorageError) as caught, atomic_write("/dev/full") as handle:
        handle.write(b"x" * 100_000)
    check_message(caught.value, "/dev/full", "disk is full")


@pytest.mark.parametrize(
    ("name", "part"),
    [(".", "it is a folder"), ("file/below.txt", "not a folder"), ("n" * 300, "name is too long")],
)
def test_targets_that_cannot_be_written_are_told(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught, atomic_write(tmp_path / name) as handle:
        handle.write(b"x")
    check_message(StorageError(str(caught.value).replace("n" * 300, "n")), part)
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EPIPE, 0])
def test_every_storage_error_is_a_sentence(code: int) -> None:
    check_message(storage_error("out/x.csv", OSError(code, "Strange") if code else OSError("Strange")), "out/x.csv")


WRITER = """
import resource, sys
from dnagpt.errors import StorageError
from dnagpt.genome.fasta import write_fasta
from dnagpt.genome.fasta import SequenceRecord
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
import random
random.seed(1)
records = (SequenceRecord(f"r{i}", "", "".join(random.choices("ACGT", k=1000))) for i in range(1000))
try:
    write_fasta(records, sys.argv[1])
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["out.fa", "out.fa.gz"])
def test_a_real_size_limit_of_the_system_ends_in_a_sentence(tmp_path: Path, name: str) -> None:
    assert resource.RLIMIT_FSIZE is not None
    (tmp_path / name).write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    check_message(StorageError(done.stdout.strip()), str(tmp_path / name), "could not be written")
    assert (tmp_path / name).read_text() == "old"
    assert names(tmp_path) == [name]
