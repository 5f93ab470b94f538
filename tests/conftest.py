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

INTERFACES = {
    # transformers, tokenizers, PEFT, safetensors
    "test_models", "test_export", "test_interop", "test_tokenizer", "test_training", "test_lora", "test_model_folder",
    "test_adapters", "test_golden",
    # pandas, pyarrow, h5py, cyvcf2, pysam, tskit, py2bit
    "test_tables", "test_sources", "test_vcf", "test_haplotype_writing", "test_tree_sequences", "test_twobit",
    # matplotlib, jinja2, scikit-learn, scikit-allel
    "test_report_page", "test_plots", "test_haplotype_page", "test_baselines", "test_homozygosity",
    # typer, rich, pydantic, OmegaConf, torch's checkpoints
    "test_end_to_end", "test_task_file", "test_bad_requests", "test_generate_haplotypes", "test_evaluate_haplotypes",
    "test_configs", "test_survival",
}  # fmt: skip
"""Files of tests that touch what other packages provide: `make test-newest` and `make test-lowest` run these."""

PROJECT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-newest` and `make test-lowest` run."""
    for item in items:
        if item.path.stem in INTERFACES:
            item.add_marker("interfaces")


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
