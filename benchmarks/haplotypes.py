"""How fast haplotypes of 805 sites are generated, beside what the matrix products alone would take.

python benchmarks/haplotypes.py              a few hundred haplotypes, and the time that 5,000 would take
python benchmarks/haplotypes.py --quick      a small network and few haplotypes: whether it runs, not how fast

The network has 6 layers of width 256 and 8 heads, and random weights. The reference is the same multiplications in
plain products of the same shapes and batches, measured before and after each run, so that other work on the machine
disturbs both alike. Pin the cores with taskset, and the threads with OMP_NUM_THREADS.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from dnagpt.haplotypes.values import Sites
from dnagpt.inference.cores import side_by_side
from dnagpt.inference.haplotypes import generate_haplotypes
from dnagpt.inference.sampling import Sampling
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, ModelConfig
from dnagpt.store.model import Model
from dnagpt.tasks import HaplotypeLanguage, Task

SITES, WANTED, TARGET = 805, 5_000, 60.0
VOCABULARIES = ("released-1to6mers", "dna-6mers")
TEMPLATE = Template.parse("<R>{haplotype?:sequence}")


def random_model(vocabulary_name: str, layers: int, width: int, heads: int) -> Model:
    """A network with random weights, and a task of haplotypes at 805 sites."""
    vocabulary, rng = Vocabulary.preset(vocabulary_name), np.random.default_rng(1)
    pairs = [rng.choice(list("ACGT"), 2, replace=False).tolist() for _ in range(SITES)]
    reference, alternate = zip(*pairs, strict=True)
    sites = Sites(["1"] * SITES, np.arange(SITES), ["."] * SITES, reference, alternate)
    language = HaplotypeLanguage.fit(TEMPLATE, sites, vocabulary, context=160)
    task = Task("panel", TEMPLATE, haplotypes=language)
    config = ModelConfig(vocabulary_size=vocabulary.size, context=160, layers=layers, heads=heads, width=width)
    network = DNAGPT(config)
    network.initialise(torch.Generator().manual_seed(1))
    return Model(network.eval(), vocabulary, {task.name: task})


def seconds(work: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def products(model: Model, rows: int, batch_size: int, steps: int) -> float:
    """Time the products of all blocks alone, on as many batches at a time as generation has; FLOP a second."""
    weights = [
        layer.get_parameter("weight")
        for block in model.network.blocks
        for layer in (block.attention.qkv, block.attention.output, block.mlp_in, block.mlp_out)
    ]

    def work(batch: int) -> None:
        inputs = {size: torch.randn(batch, size) for size in {weight.shape[1] for weight in weights}}
        with torch.inference_mode():
            for _ in range(steps):
                for weight in weights:
                    torch.nn.functional.linear(inputs[weight.shape[1]], weight)

    batches = [batch_size] * (rows // batch_size)
    taken = seconds(lambda: list(side_by_side(work, batches, torch.device("cpu"))))
    return 2 * sum(weight.numel() for weight in weights) * steps * sum(batches) / taken


def show_speed(vocabulary: str, count: int, batch_size: int, repeats: int, shape: tuple[int, int, int]) -> None:
    """Print how long haplotypes take, and how far that is from the products alone."""
    model = random_model(vocabulary, *shape)
    kmers = -(-SITES // model.vocabulary.k)
    flop = 2 * sum(
        w.numel() for name, w in model.network.named_parameters() if name.startswith("blocks.") and w.ndim == 2
    )
    times, floors = [], []
    for _ in range(repeats):
        before = products(model, 8 * batch_size, batch_size, 5)
        times.append(
            seconds(
                lambda: generate_haplotypes(
                    model,
                    model.tasks["panel"],
                    counts={None: count},
                    sampling=Sampling(),
                    seed=1,
                    batch_size=batch_size,
                )
            )
        )
        floors.append((before + products(model, 8 * batch_size, batch_size, 5)) / 2)
    best = min(times)
    rate, floor = flop * kmers * count / best / 1e9, statistics.median(floors) / 1e9
    print(
        f"{vocabulary:<20}batch {batch_size:>4} {best / count * 1e3:>8.2f} ms a haplotype, "
        f"{best / count * WANTED:>6.1f} s for {WANTED:,} (target {TARGET:.0f}); "
        f"{rate:.1f} GFLOP/s of {floor:.1f} that the products alone reach",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    shape = (1, 16, 2) if options.quick else (6, 256, 8)
    for vocabulary in VOCABULARIES:
        for batch_size in options.batch_size:
            show_speed(
                vocabulary,
                8 if options.quick else options.count,
                batch_size,
                1 if options.quick else options.repeats,
                shape,
            )


if __name__ == "__main__":
    main()
