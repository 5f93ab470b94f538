"""Print a SHA-256 for every result of a fixed set of small runs, so that a refactoring can be seen to change no bit.

The runs go through the command line alone: a pre-training, fine-tunings (records, haplotypes with tables of their
sites, several tasks), predictions, evaluations, generated FASTA and VCF. They take about half a minute in one thread.
Digests hold for one processor and one set of installed versions: record them before a change, and compare on the same
machine after it.

python tools/digests.py > before.txt
python tools/digests.py --compare before.txt
"""

import argparse
import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read when numpy and torch are imported, so they are set before that."""
DATA = Path(__file__).resolve().parent.parent / "src" / "dnagpt" / "demo_data"
SMALL = (
    "model.preset=tiny", "model.layers=2", "model.width=32", "model.heads=2", "model.context=96", "training.steps=20",
    "training.batch_size=8", "training.validate_every=10", "training.checkpoint_every=10", "training.precision=float32",
)  # fmt: skip
ON_A_FOLDER = tuple(setting for setting in SMALL if not setting.startswith("model."))
SIGNALS = "<R>{sequence}<=><B>{label?:boolean}"
TASKS = f"""
[tasks.signal]
template = "{SIGNALS}"
substitutions = 0.05
views = {{ frames = 2, both_strands = true }}
[tasks.signal.data]
table = "signals.csv"
[tasks.share]
template = "<R>{{sequence}}<=><M>{{gc?:number}}"
transforms = {{ gc = "zscore" }}
[tasks.share.data]
table = "signals.csv"
"""
VOLATILE_KEYS = {"created", "versions", "seconds", "tokens_per_second"}
VOLATILE_TEXT = re.compile(r"\d{4}-\d\d-\d\dT[\d:+.Z]+|(?<=<dd>)[\d.]+(?:\+\w+)?(?=</dd>)")
LEFT_OUT = {"checkpoints", "tensorboard"}
TEXT_ENDINGS = {".csv", ".fa", ".html", ".legend", ".toml", ".tsv"}


def main() -> int:
    """Run everything in a temporary folder, and print its digests or what differs from recorded ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="digests recorded before: print what differs")
    recorded = parser.parse_args().compare
    before = None if recorded is None else dict(line.split() for line in recorded.read_text().splitlines())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ |= dict.fromkeys(ONE_THREAD, "1") | {"DNAGPT_CACHE": "indexes"}
        run_everything()
        found = dict(digests(Path("out")))
    if before is None:
        print("\n".join(f"{name} {digest}" for name, digest in sorted(found.items())))
        return 0
    differing = sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))
    print("\n".join(differing) if differing else f"All {len(found)} digests are equal.")
    return 1 if differing else 0


def run_everything() -> None:
    """Call every verb that computes, on data that are the same each time; results go to `out`."""
    write_data()
    genomes = ["--fasta", "R=genome.fa", "--fasta", "S=other.fa"]
    call("pretrain", *genomes, "-o", "out/pretrained", *settings(*SMALL, "vocabulary=dna-4mers"))
    model = "out/pretrained/model"
    call("finetune", "--model", model, "--table", "signals.csv", "--template", SIGNALS, "-o", "out/records",
         *settings(*ON_A_FOLDER, 'beside=["gc","kmers","cnn","random weights"]', "language_epochs=0.1"))  # fmt: skip
    call("finetune", "tasks.toml", "-o", "out/tasks", *settings(*SMALL, 'beside=["gc","kmers"]'))
    call("finetune", "--template", "<R><{population}><=>{haplotype?:sequence}", "-o", "out/panel",
         *settings(*SMALL, "data.haplotypes.file=panel.vcf.gz", "data.haplotypes.populations=people.tsv"))  # fmt: skip
    call("predict", "out/records/model", "signals.csv.gz", "-o", "out/predicted.csv", "--precision", "float32")
    call("predict", "out/tasks/model", "new.fa", "--task", "share", "-o", "out/shares.csv", "--precision", "float32")
    call("evaluate", model, "genome.fa", "--species", "R", "--max-order", "3", "-o", "out/genome")
    call("evaluate", "out/records/model", "signals.csv.gz", "--train", "signals.csv", "-o", "out/table")
    call("generate", model, "<R>{window?:sequence}", "-n", "6", "--max-tokens", "20", "-o", "out/generated.fa")
    call("generate", "out/panel/model", "-n", "24", "-o", "out/generated.vcf.gz")
    call("evaluate-haplotypes", "panel.vcf.gz", "out/generated.vcf.gz", "-o", "out/haplotypes")
    call("runs", "out/records", "-o", "out/runs")


def write_data() -> None:
    """Write the beginning of the demo's genomes, signals and haplotypes into the present folder."""
    for letter, name in (("R", "genome.fa"), ("S", "other.fa")):
        Path(name).write_text("".join(begin_of_contigs(DATA / f"simulated_{letter}.fa.gz", 20_000)))
    with gzip.open(DATA / "signals.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    chosen = random.Random(0).sample(rows, 260)
    for row in chosen:
        row["sequence"] = row["sequence"][:90]
        row["gc"] = f"{sum(letter in 'GC' for letter in row['sequence']) / len(row['sequence']):.4f}"
    write_table(Path("signals.csv"), chosen[:200])
    Path("signals.csv.gz").write_bytes(gzip.compress(table_text(chosen[200:]).encode(), mtime=0))
    Path("new.fa").write_text("".join(f">{row['id']}\n{row['sequence']}\n" for row in chosen[200:210]))
    Path("tasks.toml").write_text(TASKS)
    Path("people.tsv").write_bytes((DATA / "populations.tsv").read_bytes())
    Path("panel.vcf.gz").write_bytes((DATA / "haplotypes.vcf.gz").read_bytes())


def begin_of_contigs(path: Path, bases: int) -> Iterator[str]:
    """Read a FASTA file, and of each of its sequences only the beginning."""
    with gzip.open(path, "rt") as lines:
        for record in lines.read().split(">")[1:]:
            name, _, sequence = record.partition("\n")
            yield f">{name}\n{sequence.replace(chr(10), '')[:bases]}\n"


def table_text(rows: list[dict[str, str]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as a CSV file."""
    path.write_text(table_text(rows))


def settings(*assignments: str) -> list[str]:
    """Return the options that change settings."""
    return [word for assignment in assignments for word in ("--set", assignment)]


def call(*arguments: str) -> None:
    """Run the command line; what it prints goes to standard error."""
    from dnagpt.cli import main as dnagpt

    quiet = [] if arguments[0] == "runs" else ["--quiet"]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            dnagpt([*arguments, *quiet])
    except SystemExit as end:
        if end.code:
            raise


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the name and the digest of each result below a folder, without checkpoints and TensorBoard's files."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not LEFT_OUT & set(path.parts)):
        yield path.relative_to(folder).as_posix(), hashlib.sha256(content(path)).hexdigest()


def content(path: Path) -> bytes:
    """Read a file without what differs from run to run: dates, seconds, versions."""
    if path.suffix == ".json":
        return json.dumps(lasting(json.loads(path.read_text())), sort_keys=True).encode()
    if path.suffix == ".jsonl":
        return json.dumps(
            [lasting(json.loads(line)) for line in path.read_text().splitlines()], sort_keys=True
        ).encode()
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return VOLATILE_TEXT.sub("", data.decode()).encode() if path.suffix in TEXT_ENDINGS else data


def lasting(value: object) -> object:
    """Return a JSON value without its volatile entries, at any depth."""
    if isinstance(value, dict):
        return {key: lasting(entry) for key, entry in value.items() if key.rpartition("/")[2] not in VOLATILE_KEYS}
    return [lasting(entry) for entry in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
