"""The README's tour and its Python example do what they say, run as a newcomer would run them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

README = Path(__file__).parents[1] / "README.md"
FEW_STEPS = {"training.steps=200": "training.steps=3"}


def _block(heading: str) -> str:
    section = README.read_text().split(f"## {heading}")[1]
    found = re.search(r"```(?:python)?\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def _dna(generator: np.random.Generator, length: int) -> str:
    return "".join(generator.choice(list("ACGT"), length))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the tour names."""
    folder = tmp_path_factory.mktemp("tour")
    generator = np.random.default_rng(5)
    for species in ("worm", "fly"):
        (folder / f"{species}.fa.gz").write_text(
            f">{species}\n{_dna(generator, 40_000)}\n"
        )  # read by content, not name
    sequences = [_dna(generator, 90) for _ in range(120)]
    labels = ["yes" if sequence.count("G") > 22 else "no" for sequence in sequences]
    pd.DataFrame({"sequence": sequences, "label": labels}).to_csv(folder / "sites.csv", index=False)
    pd.DataFrame({"id": ["007", "NA"], "sequence": sequences[:2]}).to_csv(folder / "new.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def toured(home: Path) -> Path:
    """The same folder after every command of the tour."""
    commands = _block("Five minutes on your own data").replace("source .venv/bin/activate\n", "")
    for full, few in FEW_STEPS.items():
        assert full in commands
        commands = commands.replace(full, few)
    bin_folder = Path(sys.executable).parent
    script = f"set -euo pipefail\nexport DNAGPT_CACHE={home}/cache PATH={bin_folder}:$PATH\n{commands}"
    done = subprocess.run(["bash", "-c", script], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return home


def test_the_tour_leaves_what_it_promises(toured: Path) -> None:
    answers = pd.read_csv(toured / "answers.csv", dtype=str, keep_default_na=False)
    assert answers["id"].tolist() == ["007", "NA"]
    assert {"predicted_label", "probability_true"} <= set(answers.columns)
    assert (toured / "new.fa").read_text().count(">generated_") == 10
    for report in ("runs/sites/report.html", "runs/mine/evaluation/report.html"):
        page = (toured / report).read_text()
        assert not re.search(r"(src|href)=.https?:", page)


def test_the_python_example_runs(toured: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _block("From Python")], cwd=toured, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
