import json
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
