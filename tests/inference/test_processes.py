"""Processes that are forked off, or started anew, after an answer was computed in several threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.inference.models import tiny_model

from dnagpt.store.folder import save_model

PROGRAM = """
import multiprocessing, sys
import torch
import dnagpt

model = dnagpt.load(sys.argv[1])
sequences = ["ACGTACGTTAGCATTATTAC" * 3] * 64

def answer(_):
    return model.predict(sequences, task="signal")["probability_true"].tolist()

if __name__ == "__main__":
    assert torch.get_num_threads() == 2
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)  # certainly more than one thread
    here = answer(0)
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        there = pool.map(answer, range(3))
    assert all(max(abs(a - b) for a, b in zip(here, one)) < 1e-5 for one in there), (here[0], there)
    print("answered", len(there))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_of_its_own_answers_like_the_one_it_came_from(tmp_path: Path, method: str) -> None:
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    save_model(tmp_path / "model", tiny_model())
    (tmp_path / "program.py").write_text(PROGRAM)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "model"), method],
        env={**os.environ, **threads}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)  # the workers of the pool too
        process.communicate()
        pytest.fail("the workers hang")
    assert (process.returncode, out) == (0, "answered 3\n"), err
