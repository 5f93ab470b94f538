"""One process at a time writes a folder, and its results appear together."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.commands.calls import call, check_complaint, contents, small
from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

from dnagpt.errors import InputError, StorageError
from dnagpt.files.atomic import atomic_write, temporary_beside
from dnagpt.runs.output_folder import LOCK, locked_folder, results_together

HOLD = """
import sys, time
from pathlib import Path
from dnagpt.runs.output_folder import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """Start a process that has locked a folder."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


@pytest.fixture
def held(here: Path) -> Iterator[subprocess.Popen[str]]:
    holder = hold(here / "run")
    yield holder
    end(holder)


def verbs(pretrained: Path, finetuned: Path, genome: Path) -> dict[str, list[object]]:
    return {
        "pretrain": ["pretrain", "--fasta", f"K={genome}", *small()],
        "finetune": ["finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, *small()],
        "several": ["finetune", "--table", "sites.csv", "--template", GC_TEMPLATE, "--set", "seeds=[1]", *small()],
        "evaluate": ["evaluate", finetuned, "sites.csv"],
        "evaluate-haplotypes": ["evaluate-haplotypes", "real.hapt", "other.hapt"],
    }


@pytest.mark.parametrize("verb", ["pretrain", "finetune", "several", "evaluate", "evaluate-haplotypes"])
def test_the_second_process_in_a_folder_is_refused_with_the_name_of_the_first(
    verb: str, here: Path, held: subprocess.Popen[str], pretrained: Path, finetuned: Path, genome: Path
) -> None:
    (here / "sites.csv").write_text(table_text(gc_rows(20)))
    before = contents(here)
    for more in ([], ["--resume"]) if verb in ("pretrain", "finetune", "several") else ([],):
        finished = call(*verbs(pretrained, finetuned, genome)[verb], "-o", "run", "--quiet", *more)
        check_complaint(finished, "run is being written by", f"process {held.pid} on '{socket.gethostname()}'")
    assert contents(here) == before


def test_the_lock_of_a_killed_process_is_taken_over(here: Path) -> None:
    end(hold(here / "run"))
    assert (here / "run" / LOCK).exists()
    with locked_folder(here / "run"):
        assert json.loads((here / "run" / LOCK).read_text())["process"] == os.getpid()
    assert contents(here) == {"run": ""}


def test_a_lock_is_for_one_at_a_time_in_one_process_too(here: Path) -> None:
    again = locked_folder(here / "run")
    with locked_folder(here / "run"), pytest.raises(InputError, match=f"process {os.getpid()} on"), again:
        pass
    assert contents(here) == {}


def test_a_folder_made_for_nothing_is_removed_and_one_with_results_stays(here: Path) -> None:
    with locked_folder(here / "a" / "b"):
        pass
    assert contents(here) == {}
    with locked_folder(here / "a" / "b"):
        (here / "a" / "b" / "result").touch()
    assert sorted(contents(here)) == ["a", "a/b", "a/b/result"]


def test_of_several_processes_of_one_run_the_first_locks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked_folder(here / "run"):
        monkeypatch.setenv("RANK", "1")
        with locked_folder(here / "run"):
            pass
        assert (here / "run" / LOCK).exists()


def test_a_lock_that_is_a_link_is_not_followed(here: Path) -> None:
    (here / "run").mkdir()
    (here / "precious").write_text("kept")
    (here / "run" / LOCK).symlink_to(here / "precious")
    with pytest.raises(StorageError, match=r"run/\.lock could not be written"), locked_folder(here / "run"):
        pass
    assert (here / "precious").read_text() == "kept"


def write_together(folder: Path, *names: str, failing: bool = False) -> None:
    with results_together(folder) as staged:
        for name in names:
            (staged / name).write_text("new")
        if failing:
            raise ZeroDivisionError


def test_results_come_together_or_not_at_all(here: Path) -> None:
    (here / "a.txt").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_together(here, "a.txt", failing=True)
    assert contents(here).keys() == {"a.txt"}
    assert (here / "a.txt").read_text() == "old"
    write_together(here, "a.txt", "b.txt")
    assert {path.name: path.read_text() for path in here.iterdir()} == {"a.txt": "new", "b.txt": "new"}


def test_no_result_is_moved_where_one_of_them_cannot_be(here: Path) -> None:
    (here / "b.txt").mkdir()
    with pytest.raises(StorageError, match=r"b\.txt could not be written: it is a folder"):
        write_together(here, "a.txt", "b.txt")
    assert contents(here) == {"b.txt": ""}


KILLED = """
import os, signal, sys
from pathlib import Path
from dnagpt.runs.output_folder import locked_folder, results_together
left, replace = int(sys.argv[2]), Path.replace
def dying(path, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return replace(path, target)
Path.replace = dying
with locked_folder(Path(sys.argv[1])), results_together(Path(sys.argv[1])) as staged:
    for name in "abc":
        (staged / name).write_text("new")
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("moved", "found"), [(-1, []), (0, ["a", "b", "c"]), (2, ["a", "b", "c"])])
def test_the_next_command_ends_what_a_kill_left(here: Path, moved: int, found: list[str]) -> None:
    """A kill before the results are complete, before any of them is moved, and after two of three."""
    killed = subprocess.run([sys.executable, "-c", KILLED, "run", str(moved)], cwd=here, check=False)
    assert killed.returncode == -signal.SIGKILL
    (here / "run" / "own").touch()
    with locked_folder(here / "run"):
        pass
    assert sorted(path.name for path in (here / "run").iterdir()) == [*found, "own"]


def test_what_a_killed_process_left_is_removed_and_what_others_write_is_not(here: Path) -> None:
    script = "import os, sys; from dnagpt.files.atomic import temporary_beside; from pathlib import Path; "
    script += "temporary_beside(Path('result.txt')).touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script], cwd=here, check=False)
    (left,) = here.iterdir()
    own = temporary_beside(here / "other.txt")
    own.touch()
    (here / ".tmp-00000000-1-abc-elsewhere.txt").touch()  # of another machine
    with atomic_write(here / "result.txt") as handle:
        handle.write(b"done")
    assert not left.exists()
    assert {path.name for path in here.iterdir()} == {"result.txt", own.name, ".tmp-00000000-1-abc-elsewhere.txt"}
