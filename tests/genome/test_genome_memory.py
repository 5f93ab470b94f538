"""A genome far larger than the memory it may take."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MEGABYTES = 200

PROGRAM = """
import resource, sys
from pathlib import Path
from dnagpt.genome.intervals import Interval
from dnagpt.genome.index import open_genome

def resident(kind):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(kind))

before = resident("VmRSS:")
genome = open_genome(sys.argv[1], cache=Path(sys.argv[2]))
print(resident("VmHWM:") - before)
highest = 0
for contig in genome.contigs:
    for start in range(0, contig.length - 3000, 3000):
        genome.slice(Interval(contig.name, start, start + 3000)).sum()
        if start % 3_000_000 == 0:
            highest = max(highest, resident("VmRSS:"))
print(highest - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory use from /proc")
def test_indexing_and_reading_take_little_memory(tmp_path: Path) -> None:
    lines = np.full((1_000_000, 61), ord("\n"), dtype=np.uint8)
    source = tmp_path / "large.fa"
    with source.open("wb") as handle:
        for number in range(MEGABYTES * 1_000_000 // lines.size + 1):
            letters = np.random.default_rng(number).integers(0, 8, (1_000_000, 60), dtype=np.uint8)
            lines[:, :60] = np.frombuffer(b"ACGTacgt", dtype=np.uint8)[letters]
            handle.write(b">chr%d\n" % number + lines.tobytes())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), str(tmp_path)], capture_output=True, text=True, check=True
    )
    indexing, reading = (int(line) for line in done.stdout.split())
    assert indexing < 70
    assert reading < 120
