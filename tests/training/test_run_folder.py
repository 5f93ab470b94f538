import json
import os
from pathlib import Path

import pytest

from dnagpt.errors import InputError, StorageError
from dnagpt.training import RunFolder, RunRecord, read_metrics
from dnagpt.training.run_folder import MetricsLog


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = begun(tmp_path / "run")
    folder.create(resume=False)
    return folder


def begun(path: Path, configuration: str = "steps = 5\n", **data: str) -> RunFolder:
    return RunFolder(path, RunRecord(configuration, {"genome.fa": "ab", **data}))


def test_a_run_is_not_begun_twice(run: RunFolder) -> None:
    with pytest.raises(InputError, match="already holds a run"):
        run.create(resume=False)


def test_a_run_is_resumed_with_the_settings_it_was_begun_with(run: RunFolder) -> None:
    run.create(resume=True)
    with pytest.raises(InputError, match="settings differ"):
        begun(run.path, "steps = 6\n").create(resume=True)
    assert (run.path / "config.toml").read_text() == "steps = 5\n"


def test_a_run_that_was_never_begun_can_be_resumed(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    folder.create(resume=True)
    assert (folder.path / "config.toml").read_text() == "steps = 5\n"


def test_metrics_are_cut_back_to_the_checkpoint(run: RunFolder) -> None:
    with MetricsLog(run, 0) as log:
        for step in (1, 2, 2, 3):
            log.write(step, {"loss": step / 2})
    with run.metrics.open("a") as handle:
        handle.write('{"step": 4, "lo')  # a kill in the middle of a line
    assert [line["step"] for line in read_metrics(run.metrics)] == [1, 2, 2, 3]
    with MetricsLog(run, 2) as log:
        log.write(3, {"loss": 9.0})
    assert [(line["step"], line["loss"]) for line in read_metrics(run.metrics)] == [
        (1, 0.5),
        (2, 1.0),
        (2, 1.0),
        (3, 9.0),
    ]


def test_a_damaged_line_does_not_stop_a_run_from_being_resumed(run: RunFolder) -> None:
    run.metrics.write_bytes(b'{"step": 1, "loss": 1.0}\n\x00\x00\x00\n{"loss": 2.0}\n{"step": 2}\n')
    with MetricsLog(run, 5):
        pass
    assert [line["step"] for line in read_metrics(run.metrics)] == [1, 2]


def test_a_number_that_is_not_finite_is_written_as_null(run: RunFolder) -> None:
    with MetricsLog(run, 0) as log:
        log.write(1, {"loss": float("nan"), "rate": float("inf"), "norm": 1.0})
    assert json.loads(run.metrics.read_text()) == {"step": 1, "loss": None, "rate": None, "norm": 1.0}


def test_metrics_that_cannot_be_written_are_a_storage_error(run: RunFolder) -> None:
    with MetricsLog(run, 0) as log:
        run.metrics.unlink(missing_ok=True)
        run.metrics.mkdir()
        with pytest.raises(StorageError, match=r"metrics\.jsonl could not be written"):
            log.write(1, {"loss": 1.0})


def test_a_run_goes_on_with_the_data_it_was_begun_with(run: RunFolder) -> None:
    other = RunFolder(run.path, RunRecord("steps = 5\n", {"genome.fa": "cd"}))
    with pytest.raises(InputError, match=r"genome\.fa has changed since the run in .*run was begun"):
        other.create(resume=True)
    with pytest.raises(InputError, match=r"more\.csv was not there since"):
        begun(run.path, **{"more.csv": "ef"}).create(resume=True)
    with pytest.raises(InputError, match=r"genome\.fa is not there any more"):
        RunFolder(run.path, RunRecord("steps = 5\n")).create(resume=True)
    run.create(resume=True)


def test_a_run_whose_checkpoints_or_model_are_gone_is_not_begun_again(run: RunFolder) -> None:
    checkpoint, model = run.checkpoints / "step-00000002", run.model / "config.json"
    for path in (checkpoint, model.parent):
        path.mkdir(parents=True)
    model.touch()
    run.note_saved("checkpoint")
    run.note_saved("model")
    begun(run.path).create(resume=True)
    checkpoint.rmdir()
    with pytest.raises(InputError, match="checkpoints holds no checkpoint, though the run has saved some"):
        begun(run.path).create(resume=True)
    checkpoint.mkdir()
    model.unlink()
    with pytest.raises(InputError, match="model is gone, though the run has saved it"):
        begun(run.path).create(resume=True)


def test_a_run_that_has_saved_no_checkpoint_begins_again(run: RunFolder) -> None:
    run.metrics.write_text('{"step": 1, "loss": 1.0}\n')
    begun(run.path).create(resume=True)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("remains", ["checkpoints/step-00000002/manifest.json", "metrics.jsonl", "model/config.json"])
def test_no_run_begins_among_the_remains_of_another(tmp_path: Path, remains: str, resume: bool) -> None:
    (tmp_path / remains).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / remains).touch()
    with pytest.raises(InputError, match=f"no config.toml, but holds {Path(remains).parts[0]} of"):
        begun(tmp_path).create(resume=resume)
    assert not (tmp_path / "config.toml").exists()


@pytest.mark.parametrize("name", ["config.toml", "run.json", "metrics.jsonl"])
def test_a_folder_or_a_pipe_where_a_file_belongs_is_refused(run: RunFolder, name: str) -> None:
    for make in (os.mkdir, os.mkfifo):
        path = run.path / name
        path.unlink(missing_ok=True)
        make(path)
        with pytest.raises(InputError, match=f"{name} is not a plain file"):
            run.create(resume=True)
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("name", ["checkpoints", "model", "tensorboard"])
def test_a_file_or_a_dead_link_where_a_folder_belongs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{name} is not a folder"):
        begun(tmp_path).create(resume=False)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=f"{name} is a link to '.*gone', which is not there"):
        begun(tmp_path).create(resume=False)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"{", b"[1]", b'{"data": 5, "saved": []}', b"[" * 100_000])
def test_a_damaged_record_is_a_sentence(run: RunFolder, text: bytes) -> None:
    (run.path / "run.json").write_bytes(text)
    with pytest.raises(InputError, match=r"run\.json (is damaged|cannot be read)"):
        run.create(resume=True)
    (run.path / "run.json").unlink()
    with pytest.raises(InputError, match=r"run\.json is missing"):
        run.create(resume=True)


def test_settings_that_are_no_text_are_a_sentence(run: RunFolder) -> None:
    (run.path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"config\.toml cannot be read"):
        run.create(resume=True)


def test_lines_that_hold_no_numbers_are_left_out(run: RunFolder) -> None:
    run.metrics.write_text('{"step": 1, "loss": "high"}\n{"step": 2, "loss": [1]}\n{"step": 3, "loss": null}\n')
    assert [line["step"] for line in read_metrics(run.metrics)] == [3]


def test_a_folder_of_tensorboard_that_cannot_be_written_is_a_storage_error(run: RunFolder) -> None:
    (run.path / "tensorboard").touch()
    with pytest.raises(StorageError, match="tensorboard could not be written"):
        MetricsLog(run, 0)
