"""Results that cannot be written: exit code 1, a sentence with the path and what to do, nothing half-written."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.commands.calls import call, call_process, check_complaint, contents, done, small, start
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

GENERATE = ["<K>{window?:sequence}", "--max-tokens", "5", "--quiet"]


@pytest.fixture
def sites(here: Path) -> Path:
    path = here / "sites.csv"
    path.write_text(table_text(gc_rows(20)))
    return path


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes of a file fail, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def leftovers(folder: Path) -> list[str]:
    """Temporary files and folders below a folder."""
    return [name for name in contents(folder) if any(part.startswith((".", "tmp")) for part in Path(name).parts)]


def test_run_where_a_file_is(sites: Path, genome: Path, pretrained: Path) -> None:
    before = contents(sites.parent)
    training = ["--quiet", "-o", "sites.csv"]
    for arguments in (
        ["pretrain", "--fasta", f"K={genome}", *training, *small()],
        ["finetune", "--model", pretrained, "--table", "sites.csv", "--template", GC_TEMPLATE, *training],
        ["demo", *training],
    ):
        check_complaint(call(*arguments), "sites.csv", "is a file, not a folder", "Correct the path", code=1)
    assert contents(sites.parent) == before


def test_results_where_a_file_or_a_folder_is(sites: Path, pretrained: Path, finetuned: Path) -> None:
    before = contents(sites.parent)
    for arguments in (
        ["evaluate", finetuned, "sites.csv", "--quiet", "-o", "sites.csv"],
        ["predict", finetuned, "sites.csv", "--quiet", "-o", "sites.csv/answers.csv"],
        ["generate", pretrained, *GENERATE, "-o", "sites.csv/new.fa"],
    ):
        check_complaint(call(*arguments), "sites.csv/", "is a file, not a folder", code=1)
    (sites.parent / "new.fa").mkdir()
    check_complaint(call("generate", pretrained, *GENERATE, "-o", "new.fa"), "new.fa", "it is a folder", code=1)
    assert contents(sites.parent) == {**before, "new.fa": ""}


def test_folder_without_permission(sites: Path, genome: Path, pretrained: Path, finetuned: Path) -> None:
    closed = sites.parent / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("nothing is forbidden to root")
    for arguments in (
        ["pretrain", "--fasta", f"K={genome}", "--quiet", "-o", "closed/run", *small()],
        ["evaluate", finetuned, "sites.csv", "--quiet", "-o", "closed"],
        ["predict", finetuned, "sites.csv", "--quiet", "-o", "closed/answers.csv"],
        ["generate", pretrained, *GENERATE, "-o", "closed/new.fa"],
    ):
        check_complaint(call(*arguments), "closed/", "permission is denied", "may write to", code=1)
    assert contents(closed) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk(sites: Path, pretrained: Path, finetuned: Path) -> None:
    (sites.parent / "answers.csv").symlink_to("/dev/full")
    finished = call_process("predict", finetuned, "sites.csv", "--quiet", "-o", "answers.csv", folder=sites.parent)
    check_complaint(finished, "answers.csv could not be written: the disk is full", "Free some space", code=1)
    finished = call("generate", pretrained, *GENERATE, "-o", "/dev/full")
    check_complaint(finished, "/dev/full could not be written: the disk is full", code=1)


def test_answers_that_do_not_fit_leave_nothing(sites: Path, pretrained: Path, finetuned: Path) -> None:
    before = contents(sites.parent)
    with no_file_longer_than(500):
        finished = call("predict", finetuned, "sites.csv", "--quiet", "-o", "answers.csv")
        check_complaint(finished, "answers.csv could not be written", code=1)
        finished = call("generate", pretrained, *GENERATE, "-n", "20", "-o", "new.fa")
        check_complaint(finished, "new.fa could not be written", code=1)
        finished = call("evaluate", finetuned, "sites.csv", "--quiet", "-o", "report")
        check_complaint(finished, "report/report.html could not be written", code=1)
    assert contents(sites.parent) == before


@pytest.mark.parametrize("what", ["model", "checkpoints"])
def test_training_that_does_not_fit_goes_on_when_there_is_room(
    what: str, here: Path, genome: Path, pretrained: Path
) -> None:
    """The weights are about 110 kB, a checkpoint about 460 kB."""
    weights = (pretrained / "model.safetensors").stat().st_size
    arguments = ["pretrain", "--fasta", f"K={genome}", "-o", "run", "--quiet", *small()]
    with no_file_longer_than({"model": weights // 2, "checkpoints": weights * 2}[what]):
        check_complaint(call(*arguments), f"run/{what}", "could not be written", code=1)
    assert leftovers(here / "run") == []
    assert (here / "run" / "model").exists() == (what == "checkpoints")
    assert list((here / "run").glob("checkpoints/*")) == []
    done(*arguments, "--resume")
    assert (here / "run" / "model" / "model.safetensors").read_bytes() == (
        pretrained / "model.safetensors"
    ).read_bytes()


def test_reader_that_stops(sites: Path, finetuned: Path) -> None:
    with start("predict", finetuned, "sites.csv", "--quiet", "-o", "-", folder=sites.parent) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        message = process.stderr.read()
    assert process.returncode == 1
    assert "standard output could not be written" in message
    assert "Traceback" not in message
