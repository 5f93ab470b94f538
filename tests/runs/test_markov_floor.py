"""Pre-training on a source of known entropy: near the floor is right, clearly below it proves a leak."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dnagpt.baselines.markov import MarkovSource, markov_source, sample_markov
from dnagpt.data.corpus import CorpusConfig, SpeciesSource, open_corpus
from dnagpt.data.windows import tiles, window_bases
from dnagpt.genome.bases import decode_bases
from dnagpt.inference.genome_score import score_windows
from dnagpt.runs.pretraining import pretrain
from dnagpt.store.folder import load_model

SETTINGS = """
vocabulary = "dna-1mers"
validation_windows = 20

[corpus]
held_out_fraction = 0.2
both_strands = false
[[corpus.species]]
letter = "R"
path = "source.fa"

[model]
preset = "tiny"
context = 64

[training]
learning_rate = 4e-3
warmup_steps = 20
validate_every = 10000
checkpoint_every = 10000
log_every = 10000
"""


def ideal_bits(source: MarkovSource, windows: list[npt.NDArray[np.uint8]]) -> float:
    """What the windows cost under the source itself, in bits a base; no model can expect to pay less."""
    order, bits = source.order, 0.0
    for window in windows:
        bases = (window - 1).astype(int).tolist()
        context = int("".join(map(str, bases[:order])), 4)
        bits -= float(np.log2(source.stationary[context]))
        for base in bases[order:]:
            bits -= float(np.log2(source.transitions[context, base]))
            context = (context * 4 + base) % 4**order
    return bits / sum(map(len, windows))


def excess_over_source(folder: Path, order: int, overrides: list[str]) -> float:
    """Pre-train on a long stretch of the source; give what the held-out part costs beyond the ideal, in bits a base."""
    source = markov_source(order, seed=4, concentration=0.2)
    (folder / "source.fa").write_text(f">one\n{decode_bases(sample_markov(source, 200_000, seed=5))}\n")
    (folder / "pretrain.toml").write_text(SETTINGS)
    path = pretrain(folder / "pretrain.toml", [], folder / "run", overrides, resume=False, quiet=True)
    model = load_model(path)
    task = model.task()
    length = window_bases(task, model.vocabulary, model.network.config.context)
    genome = SpeciesSource(letter="R", path=Path("source.fa"))
    (species,) = open_corpus(CorpusConfig(species=(genome,), held_out_fraction=0.2))
    windows = list(tiles(species, length, usable=lambda _: True))[:300]
    score = score_windows(model, task, windows, precision="float32")
    assert score.bases == length * len(windows)
    return score.bits_per_base - ideal_bits(source, [window.codes for window in windows])


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNAGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_short_run_comes_near_the_floor_and_not_below(tmp_path: Path) -> None:
    """Knowing nothing but how frequent bases are costs 0.59 bits more than the source."""
    size = ["model.layers=2", "model.heads=2", "model.width=32", "training.batch_size=24", "training.steps=300"]
    assert -0.005 < excess_over_source(tmp_path, 1, size) < 0.15


@pytest.mark.slow
def test_a_longer_run_comes_nearer(tmp_path: Path) -> None:
    """Up to 1 bit of each window of 59 bases goes to finding out which way it is read: 0.017 bits a base."""
    size = ["model.layers=2", "model.heads=4", "model.width=64", "training.batch_size=32", "training.steps=1200"]
    assert -0.005 < excess_over_source(tmp_path, 2, size) < 0.05
