"""Damaged files given to every reader: a sentence or the right values, no death, no hang, no gigabyte, no traceback."""

from collections.abc import Iterator

import pytest
from tests.fuzz.campaign import Worker
from tests.fuzz.catalogue import SUBJECTS

SOME, MANY = 2_000, 100_000


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("fuzz"))
    yield worker
    worker.close()


def attack(worker: Worker, subject: str, start: int, stop: int) -> None:
    outcome = worker.attack(subject, start, stop)
    told = "\n".join(outcome.faults)
    assert outcome.faults == [], f"{dict(outcome.counts)}, kept in {worker.folder / 'kept'}:\n{told}"
    assert outcome.counts.total() > (stop - start) / 2


@pytest.mark.parametrize("subject", SUBJECTS)
def test_thousands_of_damaged_files(worker: Worker, subject: str) -> None:
    attack(worker, subject, 0, SOME)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_hundred_thousand_damaged_files(worker: Worker, subject: str) -> None:
    attack(worker, subject, SOME, SOME + MANY)
