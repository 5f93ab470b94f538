"""One small genome, one pre-trained and one fine-tuned model for all tests of the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.commands.calls import Case, call, check_complaint, contents, done, small
from tests.commands.examples import GC_TEMPLATE, fasta_text, gc_rows, random_bases, table_text


@pytest.fixture(scope="session", autouse=True)
def _index_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indexes of genomes go to a folder of the tests, also from processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DNAGPT_CACHE", str(tmp_path_factory.mktemp("indexes")))
        yield


@pytest.fixture(scope="session")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contigs, 60,000 random bases together."""
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(fasta_text({"chr1": random_bases(40_000, seed=1), "chr2": random_bases(20_000, seed=2)}))
    return path


@pytest.fixture(scope="session")
def pretrained(genome: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model pre-trained for ten steps."""
    run = tmp_path_factory.mktemp("pretrained")
    done("pretrain", "--fasta", f"K={genome}", "-o", run, "--quiet", *small())
    return run / "model"


@pytest.fixture(scope="session")
def finetuned(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that tells sequences rich in G and C from others."""
    folder = tmp_path_factory.mktemp("finetuned")
    table = folder / "sites.csv"
    table.write_text(table_text(gc_rows(120)))
    done(
        "finetune", "--model", pretrained, "--table", table, "--template", GC_TEMPLATE, "-o", folder / "run", "--quiet",
        "--set", "epochs=8", "--set", "training.learning_rate=3e-3", "--set", "training.batch_size=16",
    )  # fmt: skip
    return folder / "run" / "model"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, so that messages show short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def complaint(here: Path, genome: Path, pretrained: Path, finetuned: Path) -> Callable[[Case], None]:
    """Makes a call that has to fail, checks what it says, and that the folder is as it was."""
    places = {"@genome": genome, "@pretrained": pretrained, "@finetuned": finetuned}

    def check(case: Case) -> None:
        for name, content in case.files.items():
            path = here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        before = contents(here)
        arguments = case.arguments
        for name, place in places.items():
            arguments = [argument.replace(name, str(place)) for argument in arguments]
        check_complaint(call(*arguments, "--quiet"), *case.parts)
        assert contents(here) == before

    return check
