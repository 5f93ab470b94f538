"""Runs that are killed, stopped, damaged or out of disk end in the same bits, or in a sentence."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.training.runs import STEPS, Workplace, losses, make_workplace, weights

from dnagpt.errors import InputError
from dnagpt.runs.pretraining import pretrain
from dnagpt.training.checkpoints import damage

UNDISTURBED = "undisturbed"
WEIGHTS = "shard-00001-model-00001-of-00001.safetensors"
"""What the file of weights in a checkpoint of one process is called."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    place = make_workplace(tmp_path_factory.mktemp("survival"))
    code, said = place.finish(UNDISTURBED)
    assert (code, said) == (0, "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DNAGPT_CACHE", place.environment["DNAGPT_CACHE"])
        patch.chdir(place.folder)
        yield place
    shutil.rmtree(place.folder)


def wait_for(process: subprocess.Popen[str], sign: Callable[[], bool]) -> bool:
    """Wait until a sign is seen or the process has ended; True for the sign."""
    while process.poll() is None:
        if sign():
            return True
        time.sleep(0.001)
    return False


def steps_done(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b'"train/loss"') if metrics.exists() else 0


def assert_like_undisturbed(workplace: Workplace, run: str) -> None:
    undisturbed, other = workplace.folder / UNDISTURBED, workplace.folder / run
    assert losses(other) == losses(undisturbed)
    assert weights(other) == weights(undisturbed)
    last = f"step-{STEPS:08d}"
    assert {path.name for path in (other / "checkpoints").iterdir()} == {"step-00000045", last}
    assert damage(other / "checkpoints" / last) is None


def test_an_undisturbed_run_repeats_bit_for_bit(workplace: Workplace) -> None:
    assert workplace.finish("again") == (0, "")
    assert_like_undisturbed(workplace, "again")
    assert [step for step, values in losses(workplace.folder / "again") if "train/loss" in values] == [
        *range(1, STEPS + 1)
    ]


def writes_checkpoint(run: Path, since: float) -> bool:
    """Whether a checkpoint was begun after a moment and is not finished."""
    with contextlib.suppress(FileNotFoundError):
        return any(path.stat().st_mtime > since for path in (run / "checkpoints").glob("tmp-*"))
    return False


def test_a_run_killed_five_times_ends_in_the_same_bits(workplace: Workplace) -> None:
    """Once while starting, twice between steps, twice while a checkpoint is written."""
    generator = random.Random(7)
    run = workplace.folder / "killed"
    begun = 0.0
    signs: list[Callable[[], bool]] = [
        lambda: time.time() > begun + 0.5,
        lambda: steps_done(run) >= 9,
        lambda: writes_checkpoint(run, begun),
        lambda: steps_done(run) >= 27,
        lambda: writes_checkpoint(run, begun),
    ]
    for sign in signs:
        begun = time.time()
        process = workplace.start("killed", "--resume")
        assert wait_for(process, sign)
        time.sleep(generator.uniform(0, 0.005))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert 27 <= steps_done(run) <= STEPS
    code, said = workplace.finish("killed", "--resume")
    assert (code, said) == (0, "")
    assert_like_undisturbed(workplace, "killed")


@pytest.mark.slow
def test_a_run_killed_twenty_five_times_ends_in_the_same_bits(workplace: Workplace) -> None:
    generator = random.Random(1)
    process = workplace.start("often")
    for _ in range(25):
        time.sleep(generator.uniform(0.5, 4.5))
        process.kill()
        process.communicate()
        process = workplace.start("often", "--resume")
    code = process.wait()
    process.communicate()
    assert code == 0
    assert_like_undisturbed(workplace, "often")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_stop_saves_a_checkpoint_and_says_so(
    workplace: Workplace, number: signal.Signals
) -> None:
    name = f"stopped-{number.name}"
    run = workplace.folder / name
    process = workplace.start(name)
    assert wait_for(process, lambda: steps_done(run) >= 12)
    process.send_signal(number)
    said = process.communicate()[1]
    assert process.returncode == 1
    (newest,) = sorted((run / "checkpoints").glob("step-*"))[-1:]
    step = int(newest.name.removeprefix("step-"))
    assert 12 <= step < STEPS
    assert said == f"dnagpt: Stopped as asked at step {step}. Continue with --resume.\n"
    assert damage(newest) is None
    assert losses(run)[-1][0] == step
    assert workplace.finish(name, "--resume") == (0, "")
    assert_like_undisturbed(workplace, name)


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def change_step(path: Path) -> None:
    path.write_text(path.read_text().replace(f'"step": {STEPS}', '"step": 46'))


DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "truncated weights": (WEIGHTS, truncate, f"{WEIGHTS} has"),
    "flipped byte in the weights": (WEIGHTS, flip_byte, f"{WEIGHTS} is not what was written"),
    "missing weights": (WEIGHTS, Path.unlink, f"{WEIGHTS} is missing"),
    "a file of another checkpoint": (
        WEIGHTS,
        lambda path: shutil.copy(path, path.with_name("a.safetensors")),
        "a.safetensors does not belong to it",
    ),
    "missing manifest": ("manifest.json", Path.unlink, "manifest.json is missing"),
    "truncated manifest": ("manifest.json", truncate, "it cannot be read"),
    "another step in the manifest": ("manifest.json", change_step, "manifest.json is not what was written"),
    "binary manifest": ("manifest.json", lambda path: path.write_bytes(b"\x00\xff" * 50), "it cannot be read"),
    "manifest of another kind": ("manifest.json", lambda path: path.write_text("[1]"), "it cannot be read"),
    "empty manifest": ("manifest.json", lambda path: path.write_text("{}"), "it cannot be read"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_seen(workplace: Workplace, tmp_path: Path, kind: str) -> None:
    name, harm, message = DAMAGES[kind]
    checkpoint = shutil.copytree(
        workplace.folder / UNDISTURBED / "checkpoints" / f"step-{STEPS:08d}", tmp_path / "copy"
    )
    assert damage(checkpoint) is None
    harm(checkpoint / name)
    assert message in str(damage(checkpoint))


@pytest.mark.parametrize("kind", ["truncated weights", "missing manifest"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(workplace: Workplace, kind: str) -> None:
    name, harm, message = DAMAGES[kind]
    run_name = kind.replace(" ", "-")
    run = shutil.copytree(workplace.folder / UNDISTURBED, workplace.folder / run_name)
    newest = run / "checkpoints" / f"step-{STEPS:08d}"
    harm(newest / name)
    leftover = run / "checkpoints" / "tmp-step-00000046"
    leftover.mkdir()
    (leftover / WEIGHTS).write_bytes(b"half")
    code, said = workplace.finish(run_name, "--resume")
    assert code == 0
    assert f"{newest} is damaged: {message}" in said
    assert "Falling back to the checkpoint before it" in said
    assert_like_undisturbed(workplace, run_name)


def test_a_run_whose_checkpoints_are_all_damaged_is_not_resumed(workplace: Workplace) -> None:
    run = shutil.copytree(workplace.folder / UNDISTURBED, workplace.folder / "hopeless")
    for checkpoint in (run / "checkpoints").iterdir():
        truncate(checkpoint / WEIGHTS)
    with pytest.raises(InputError, match="None of the 2 checkpoints"):
        pretrain(workplace.settings, [], run, [], resume=True, quiet=True)


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(workplace: Workplace) -> None:
    run = workplace.folder / UNDISTURBED
    before = losses(run)
    code, said = workplace.finish(UNDISTURBED)
    assert (code, said.count("\n")) == (2, 1)
    assert "already holds a run" in said
    with pytest.raises(InputError, match="settings differ"):
        pretrain(workplace.settings, [], run, ["training.learning_rate=0.5"], resume=True, quiet=True)
    assert losses(run) == before


def test_a_finished_run_stays_as_it_is(workplace: Workplace) -> None:
    run = shutil.copytree(workplace.folder / UNDISTURBED, workplace.folder / "finished")
    pretrain(workplace.settings, [], run, [], resume=True, quiet=True)
    assert_like_undisturbed(workplace, "finished")


SMALL_FILES = ("sh", "-c", 'ulimit -f 450; exec "$@"', "sh")
"""No file may grow beyond 225 or 450 kB (shells differ in their unit): the model fits, a checkpoint does not."""


def test_a_full_disk_leaves_the_older_checkpoints_and_ends_in_a_sentence(workplace: Workplace) -> None:
    run = workplace.folder / "full"
    process = workplace.start("full")
    assert wait_for(process, lambda: steps_done(run) >= 12)
    process.terminate()
    process.communicate()
    older = {path: damage(path) for path in (run / "checkpoints").iterdir()}
    assert set(older.values()) == {None}
    code, said = workplace.finish("full", "--resume", prefix=SMALL_FILES)
    assert code == 1
    assert "could not be written: the file is larger than allowed" in said
    assert "Traceback" not in said
    assert {path: damage(path) for path in (run / "checkpoints").iterdir()} == older
    assert workplace.finish("full", "--resume") == (0, "")
    assert_like_undisturbed(workplace, "full")


def test_no_space_left_on_the_disk_is_a_sentence(workplace: Workplace, tmp_path: Path) -> None:
    """A file system of its own, of 1 MB, where this user may make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        pytest.skip("there is no unshare or mount, which make a small disk")
    inside = f'{mount} -t tmpfs -o size=1m tmpfs "{disk}" || exit 77; exec "$@"'
    command = [unshare, "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", inside, "sh"]
    code, said = workplace.finish(str(disk / "run"), prefix=command)
    if code == 77 or "unshare" in said:
        pytest.skip(f"this user may not mount a small disk: {said.strip()}")
    assert code == 1
    assert "could not be written: the disk is full" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("what", ["checkpoint", "model"])
def test_a_kill_at_any_file_operation_leaves_something_whole(what: str, tmp_path: Path) -> None:
    project = Path(__file__).resolve().parents[2]
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.training.crash_points", what, str(tmp_path)],
        cwd=project,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    survivors = json.loads(finished.stdout)["survivors"]
    assert [one for one, _ in itertools.groupby(survivors)] == [1, 2]
    assert len(survivors) > 20
