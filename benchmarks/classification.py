"""How fast labels are predicted for 600 bp, beside one full forward a sequence, and how much of a batch is filling.

python benchmarks/classification.py            the 0.1B shape, random weights
python benchmarks/classification.py --quick    two of its twelve layers and few sequences: whether it runs, not how fast

The reference reads one sequence at a time in float32 and computes the scores of all tokens at all positions. What is
compared with it is `predict` as users call it, from letters to probabilities. The ways take turns, several times, and
the medians count, so that other work on the machine disturbs all of them alike. Pin the threads with OMP_NUM_THREADS.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from dnagpt.data.batches import padding_share, similar_lengths
from dnagpt.data.order import LengthOrder
from dnagpt.inference.answers import TOKENS_AT_ONCE
from dnagpt.inference.predict import predict
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, PRESETS, has_bfloat16
from dnagpt.store.model import Model
from dnagpt.tasks import Task

PRESET, VOCABULARY = "dnagpt-m", "released-6mers"
TASK = Task("signal", Template.parse("<R>{sequence}<=><R>{label?:boolean}"))
BASES = 600
BATCH_SIZE = 32
TARGETS = {"float32": 1.3, "bfloat16": 4.5}


def random_model(layers: int) -> Model:
    """The 0.1B shape, or its first layers, with random weights."""
    network = DNAGPT(PRESETS[PRESET].model_copy(update={"layers": layers}))
    network.initialise(torch.Generator().manual_seed(1))
    return Model(network.eval(), Vocabulary.preset(VOCABULARY), {TASK.name: TASK})


def random_records(count: int, rng: np.random.Generator) -> list[Mapping[str, object]]:
    """Sequences of 600 random bases."""
    return [{"sequence": "".join(rng.choice(list("ACGT"), BASES)), "label": "false"} for _ in range(count)]


def read_one_by_one(model: Model, records: Sequence[Mapping[str, object]]) -> None:
    """Read each record alone and score every token at every position."""
    for record in records:
        rows = TASK.rows(model.vocabulary, record)
        with torch.inference_mode():
            model.network.token_logits(model.network(torch.from_numpy(rows.ids.astype(np.int64))[None]))


def seconds(work: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show_speed(model: Model, records: Sequence[Mapping[str, object]], alone: int, repeats: int) -> None:
    """Print the time a sequence of each way, and how many times the reference's speed that is."""
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "reference": (alone, partial(read_one_by_one, model, records[:alone]))
    }
    measured = [name for name in TARGETS if name == "float32" or has_bfloat16(torch.device("cpu"))]
    for precision in measured:
        ways[precision] = (len(records), partial(predict, model, TASK, records, precision=precision))
    read_one_by_one(model, records[:1])
    for precision in measured:
        predict(model, TASK, records[:2], precision=precision)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (count, work) in ways.items():
            taken[name].append(seconds(work) / count)
    if len(measured) < len(TARGETS):
        print("bfloat16 is not measured: these cores would only imitate it, many times slower than float32")
    reference = statistics.median(taken["reference"])
    for name, times in taken.items():
        middle = statistics.median(times)
        target = f" (target {TARGETS[name]:.1f})" if name in TARGETS else ""
        print(
            f"{name:<12}{middle * 1e3:>9.1f} ms a sequence, {min(times) * 1e3:.1f} to {max(times) * 1e3:.1f}"
            f"{reference / middle:>9.2f} times the reference's speed{target}",
            flush=True,
        )


def show_padding(shortest: int, longest: int, records: int, rng: np.random.Generator) -> None:
    """Print the share of filling in training batches, with and without regard to length, and in prediction."""
    lengths = rng.integers(shortest, longest + 1, records).tolist()
    order = LengthOrder(lengths, BATCH_SIZE, seed=1)
    at_random = rng.permutation(records)
    starts = range(0, records - BATCH_SIZE + 1, BATCH_SIZE)
    shares = {
        "training, in random order": [[lengths[place] for place in at_random[start:][:BATCH_SIZE]] for start in starts],
        "training, by length": [
            [lengths[order.example(sample)] for sample in range(start, start + BATCH_SIZE)] for start in starts
        ],
        "prediction": [[lengths[place] for place in group] for group in similar_lengths(lengths, TOKENS_AT_ONCE)],
    }
    print(f"filling in batches of {records:,} rows of {shortest} to {longest} positions:")
    for name, groups in shares.items():
        print(f"  {name:<28}{padding_share(groups):>7.1%}")


def main() -> None:
    """Describe the machine, then measure speed and filling."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two layers, few sequences, two repeats")
    parser.add_argument("--repeats", type=int, default=7, help="how often each way is timed")
    chosen = parser.parse_args()
    rng = np.random.default_rng(1)
    layers = 2 if chosen.quick else PRESETS[PRESET].layers
    print(
        f"{torch.cpu.get_capabilities()['cpu_name']}, {torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}; cores "
        f"{'multiply bfloat16' if has_bfloat16(torch.device('cpu')) else 'have no bfloat16 multiplication'}; "
        f"load of the machine before the start {os.getloadavg()[0]:.1f}"
    )
    model = random_model(layers)
    print(
        f"{PRESET}, {layers} layers, {model.network.parameter_count / 1e6:.0f} million weights; {BASES} bp a sequence"
    )
    records = random_records(8 if chosen.quick else 64, rng)
    show_speed(model, records, alone=2 if chosen.quick else 8, repeats=2 if chosen.quick else chosen.repeats)
    for shortest, longest in ((50, 600), (140, 250)):
        show_padding(shortest, longest, 1000 if chosen.quick else 10_000, rng)


if __name__ == "__main__":
    main()
