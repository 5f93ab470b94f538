"""Fine-tuning by two real processes: both train, the first alone predicts, reports and prints."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.commands.examples import GC_TEMPLATE, gc_rows, table_text

TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dnagpt")


def test_two_processes_fine_tune_and_the_first_reports(here: Path, pretrained: Path) -> None:
    (here / "sites.csv").write_text(table_text(gc_rows(24)))
    arguments = [
        "finetune", "--model", pretrained, "--table", "sites.csv", "--template", GC_TEMPLATE, "-o", "run",
        "--set", "beside=[random weights,cnn,gc]", "--set", "training.batch_size=4", "--set", "training.steps=4",
        "--set", "training.log_every=1", "--set", "language_epochs=0.5",
    ]  # fmt: skip
    finished = subprocess.run(
        [*TWO, *map(str, arguments)], cwd=here, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "run/model\n"
    assert finished.stderr.count("Predicting") == 2, finished.stderr  # the model, and that from random weights
    assert finished.stderr.count("there are no test records") <= 1
    scores = json.loads((here / "run" / "metrics.json").read_text())["tasks"]["task"]["scores"]["test"]["rich"]
    assert {"model", "same network, random weights", "GC content only"} <= scores.keys()
    lines = [json.loads(line) for line in (here / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "train/loss" in line] == [1, 2, 3, 4]
    assert not list((here / "run").glob(".*"))
