"""`dnagpt demo`: its steps, its page and what it says, with less training than people get."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dnagpt.runs.demo import Steps, carry_out, lay_out
from dnagpt.runs.demo_page import outcomes, summary_table, write_page

SHORTER = {
    "pretraining": {
        "steps = 1300": "steps = 20",
        "warmup_steps = 100": "warmup_steps = 5",
        "_every = 325": "_every = 20",
    },
    "signals": {"epochs = 3": "epochs = 0.1"},
    "expression": {"epochs = 6": "epochs = 0.1"},
    "haplotypes": {"epochs = 12": "epochs = 0.5"},
}


def shorten(settings: Path) -> None:
    """Train a moment only, after checking that the files still say what is replaced here."""
    for name, changes in SHORTER.items():
        path = settings / f"{name}.toml"
        text = path.read_text()
        for before, after in changes.items():
            assert before in text, (name, before)
            text = text.replace(before, after)
        path.write_text(text)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "run"
    lay_out(folder, [])
    shorten(folder / "settings")
    results = carry_out(folder, Steps(quiet=True), simulated=True)
    write_page(results, folder, seconds=1.0)
    rows = summary_table(results).rows
    (folder / "summary.json").write_text(json.dumps(rows))
    assert len(outcomes(results)) == len(rows) == 6
    return folder


def test_every_step_leaves_its_result(finished: Path) -> None:
    for name in ("pretraining", "signals", "expression", "haplotypes"):
        assert (finished / name / "model" / "model.safetensors").is_file()
    assert len(re.findall("^>", (finished / "generated.fa").read_text(), re.MULTILINE)) == 20
    assert (finished / "artificial.vcf.gz.tbi").is_file()
    assert (
        json.loads((finished / "comparison" / "metrics.json").read_text())["sets"]["artificial"]["kind"] == "generated"
    )


def test_the_page_has_a_part_for_every_step(finished: Path) -> None:
    text = (finished / "report.html").read_text()
    for part in ("Pre-training: next k-mer", "Signal: label", "Expression: expression", "Generated sequences",
                 "Artificial genomes: linkage disequilibrium", "All data of this demo are simulated"):  # fmt: skip
        assert part in text


def test_numbers_stand_next_to_what_needs_no_such_model(finished: Path) -> None:
    summary = {row[0].partition(":")[0]: row for row in json.loads((finished / "summary.json").read_text())}
    assert re.fullmatch(r"1\.\d{3}  Markov model of order \d", summary["next k-mer"][2])
    assert summary["signal"][2].endswith("4-mer logistic regression")
    assert summary["expression"][2].endswith("4-mer ridge regression")


def test_settings_can_be_run_again_by_hand(finished: Path) -> None:
    text = (finished / "settings" / "signals.toml").read_text()
    assert f'table = "{(finished / "data" / "signals.csv.gz").as_posix()}"' in text
    assert "DATA" not in "".join(path.read_text() for path in (finished / "settings").iterdir())


def test_a_demo_that_is_stopped_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dnagpt", "demo", "-o", "stopped"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "DNAGPT_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    metrics = tmp_path / "stopped" / "pretraining" / "metrics.jsonl"
    while process.poll() is None and not (metrics.is_file() and metrics.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode != 0
    assert "This demo takes about 2 minutes" in said
    assert "The demo was stopped in step 1" in said
    assert "dnagpt pretrain stopped/settings/pretraining.toml -o stopped/pretraining --resume" in said
