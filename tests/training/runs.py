"""Tiny pre-training runs as processes of their own, and what is left of them on the disk."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnagpt.baselines.markov import markov_source, sample_markov
from dnagpt.genome.bases import decode_bases
from dnagpt.training import read_metrics

STEPS = 48
SETTINGS = """
vocabulary = "dna-2mers"
validation_windows = 6

[[corpus.species]]
letter = "K"
path = "worm.fa"

[model]
preset = "tiny"
context = 40
layers = 2
heads = 2
width = 32
dropout = 0.1

[training]
steps = 48
batch_size = 6
micro_batch = 3
warmup_steps = 4
validate_every = 7
checkpoint_every = 5
log_every = 1
"""

Lines = list[tuple[int, dict[str, float]]]


@dataclass(frozen=True)
class Workplace:
    """A folder with a genome and settings, in which runs are started."""

    folder: Path

    @property
    def settings(self) -> Path:
        """The settings that every run is begun with."""
        return self.folder / "pretrain.toml"

    def start(self, run: str, *options: str, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start `dnagpt pretrain` as a process, behind a command that sets limits."""
        command = ["-m", "dnagpt", "pretrain", str(self.settings), "-o", str(self.folder / run), "--quiet", *options]
        return subprocess.Popen(
            [*prefix, sys.executable, *command],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, run: str, *options: str, prefix: Sequence[str] = ()) -> tuple[int, str]:
        """Run to the end and give the exit code and what was said on standard error."""
        process = self.start(run, *options, prefix=prefix)
        said = process.communicate()[1]
        return process.returncode, said

    @property
    def environment(self) -> Mapping[str, str]:
        """A genome cache of its own, and one thread."""
        return {"DNAGPT_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}


def make_workplace(folder: Path) -> Workplace:
    """Write a genome of a Markov source and the settings."""
    folder.mkdir(parents=True, exist_ok=True)
    bases = decode_bases(sample_markov(markov_source(2, seed=1), 6000, seed=2))
    (folder / "worm.fa").write_text(f">one\n{bases[:4000]}\n>two\n{bases[4000:]}\n")
    (folder / "pretrain.toml").write_text(SETTINGS)
    return Workplace(folder)


def losses(run: Path) -> Lines:
    """Every line of the metrics without the speed, which is the clock's."""
    lines = read_metrics(run / "metrics.jsonl")
    return [
        (line["step"], {key: value for key, value in line.items() if key not in ("step", "tokens_per_second")})
        for line in lines
    ]


def weights(run: Path) -> bytes:
    """The bytes of the run's model."""
    return (run / "model" / "model.safetensors").read_bytes()
