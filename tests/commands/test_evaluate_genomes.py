"""`dnagpt evaluate` on genomes of many contigs."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.commands.calls import done
from tests.commands.examples import fasta_text, random_bases

from dnagpt.baselines import markov
from dnagpt.baselines.kmers import words

CONTIGS = 20_000


def test_many_small_contigs_take_as_many_steps_as_their_bases(
    pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases = random_bases(CONTIGS * 20, seed=3)
    small = {f"c{place}": bases[place * 20 : place * 20 + 20] for place in range(CONTIGS)}
    (tmp_path / "genome.fa").write_text(fasta_text({"long": random_bases(10_000, seed=4), **small}))
    counted: list[int] = []

    def counting(codes: npt.NDArray[np.uint8], length: int) -> object:
        counted.append(len(codes))
        return words(codes, length)

    monkeypatch.setattr(markov, "words", counting)
    metrics = json.loads(
        done("evaluate", pretrained, tmp_path / "genome.fa", "--species", "K", "--max-order", 3, "--quiet")
    )
    assert len(counted) == 6, "a pass over the training and one over the held-out stretches for each order"
    assert sum(counted[::2]) == pytest.approx(3 * 0.9 * (CONTIGS * 21 + 10_000), rel=0.05)
    assert metrics["bases"] > 500


def test_bfloat16_is_asked_for(pretrained: Path, genome: Path) -> None:
    plain, exact, coarse = (
        json.loads(done("evaluate", pretrained, genome, "--species", "K", "--max-order", 1, "--quiet", *options))
        for options in ([], ["--precision", "float32"], ["--precision", "bfloat16"])
    )
    assert plain == exact
    assert coarse["bits_per_base"] != exact["bits_per_base"]
    assert coarse["bits_per_base"] == pytest.approx(exact["bits_per_base"], abs=0.01)
