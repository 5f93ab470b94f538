"""What every test shares: where real data lies, one thread a process, and property tests that repeat exactly."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Test processes run side by side; set before numpy or torch is imported, where alone it counts.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# `repeat` draws the same examples on every machine; `explore` draws new ones, and many, in `make soak`.
settings.register_profile("repeat", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

PROJECT = Path(__file__).resolve().parent.parent


def folder_from_environment(variable: str, what: str, fallback: Path | None = None) -> Path:
    """Return the folder that the environment names, or skip the test and say how to run it."""
    named = os.environ.get(variable)
    if not named:
        if fallback is not None and fallback.is_dir():
            return fallback
        pytest.skip(f"{variable} is not set: it names the folder with {what}")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"{variable} names {named}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with published genomes, benchmarks and haplotypes, or a skip."""
    return folder_from_environment("DNAGPT_DATA", "published genomes, benchmarks and haplotypes")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder with outputs that the released weights must reproduce, or a skip."""
    return folder_from_environment(
        "DNAGPT_GOLDEN", "the outputs that released weights must reproduce", PROJECT.parent / "shared" / "golden"
    )
