"""The demo: the whole path in a few minutes, on small simulated data that ships with the package."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from itertools import count
from pathlib import Path

import tomli_w

from dnagpt.data.corpus import CorpusConfig, open_corpus
from dnagpt.errors import InputError
from dnagpt.files.atomic import atomic_write
from dnagpt.genome.fasta import read_fasta
from dnagpt.inference.sampling import Sampling
from dnagpt.runs.configuration import load_settings, read_toml
from dnagpt.runs.demo_page import DemoResults, demo_metrics, summary_table, write_page
from dnagpt.runs.finetuning.defaults import read_task_file
from dnagpt.runs.finetuning.report import Finetuned
from dnagpt.runs.finetuning.run import run_finetuning
from dnagpt.runs.generation import generate_file
from dnagpt.runs.genome_evaluation import corpus_metrics
from dnagpt.runs.haplotype_evaluation import evaluate_haplotypes
from dnagpt.runs.haplotype_generation import generate_haplotype_file
from dnagpt.runs.haplotype_sets import set_files
from dnagpt.runs.output_folder import LOCK, locked_folder
from dnagpt.runs.outputs import print_table, write_metrics
from dnagpt.runs.pretraining import PretrainSettings, named_species, run_pretraining
from dnagpt.store.folder import load_model
from dnagpt.training import InterruptedRunError

TEMPLATE = "<R>{window?:sequence}"
SEQUENCES, TOKENS = 20, 75
HAPLOTYPES = 800
MINUTES = 2
SETTINGS = ("pretraining", "signals", "expression", "haplotypes")
"""The settings files that ship with the data; DATA stands for the folder of the data in them."""


@dataclass
class Steps:
    """Announces each step of the demo, with the command that does the same, and says how long it took."""

    quiet: bool
    total: int = 6
    begun: float = field(default_factory=time.monotonic)
    number: int = 0

    @contextmanager
    def step(self, what: str, *commands: str, trains: bool = False) -> Iterator[None]:
        """Print what is going to happen before a step, and its duration after it."""
        self.number += 1
        self.say(f"\n[{self.number} of {self.total}] {what}")
        for command in commands:
            self.say(f"  $ {command}")
        begun = time.monotonic()
        try:
            yield
        except InterruptedRunError:
            again = f" Go on with this step: {commands[0]} --resume" if trains else ""
            raise InterruptedRunError(f"The demo was stopped in step {self.number}, {what!r}.{again}") from None
        self.say(f"  done in {time.monotonic() - begun:.0f} s")

    def say(self, text: str) -> None:
        """Print a line to standard error, unless the demo is to be quiet."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """The time since the demo began."""
        return time.monotonic() - self.begun


def demo(output: Path | None, fasta: Sequence[str], *, quiet: bool) -> None:
    """Pre-train, fine-tune two tasks, generate sequences and artificial genomes, and report, on simulated data."""
    folder = output or _free_folder(Path("runs/demo"))
    users = [named_species(text) for text in fasta]
    if users:  # a mistake is told before anything is written
        open_corpus(CorpusConfig.model_validate({"species": users}))
    with locked_folder(folder):
        if any(path.name != LOCK for path in folder.iterdir()):
            raise InputError(f"The folder {folder} is not empty. Remove it, or name another one with -o.")
        _demo(folder, users, Steps(quiet))


def _demo(folder: Path, users: Sequence[Mapping[str, str]], steps: Steps) -> None:
    steps.say(_announcement(folder, users_genomes=bool(users)))
    lay_out(folder, users)
    results = carry_out(folder, steps, simulated=not users)
    write_page(results, folder, seconds=steps.seconds)
    write_metrics({**demo_metrics(results), "seconds": round(steps.seconds)}, folder)
    print_table(summary_table(results))
    print(_farewell(folder, steps.seconds))


def _announcement(folder: Path, *, users_genomes: bool) -> str:
    genomes = "your genomes" if users_genomes else "four simulated genomes"
    return (
        f"This demo takes about {MINUTES} minutes on two quiet cores and needs no GPU and no network. It will\n"
        f"  1. pre-train a small model on {genomes},\n"
        "  2. fine-tune it to recognise a signal (polyadenylation sites, yes or no),\n"
        "  3. fine-tune it to predict gene expression from a promoter and two numbers,\n"
        "  4. generate new sequences,\n"
        "  5. learn from the haplotypes of 500 simulated people and generate artificial genomes,\n"
        "  6. compare these with the real ones, and write one report.\n"
        f"All files go to {folder}. Each step shows the command that does the same on your own data."
    )


def _farewell(folder: Path, seconds: float) -> str:
    settings, model = folder / "settings", folder / "pretraining" / "model"
    return (
        f"Done in {seconds:.0f} s. Look at {folder / 'report.html'}: it opens in any browser.\n"
        "To go on, type for example\n"
        f"  dnagpt predict {folder / 'signals' / 'model'} {folder / 'data' / 'signals.csv.gz'} -o answers.csv\n"
        f"  dnagpt finetune {settings / 'signals.toml'} --model {model} --set epochs=8 -o runs/longer\n"
        "and for your own data, see the README: dnagpt finetune --table YOURS.csv --template "
        "'<R>{sequence}<=><B>{label?:boolean}' --model ..."
    )


def lay_out(folder: Path, users: Sequence[Mapping[str, str]]) -> None:
    """Copy the data and the settings, so that every step can be changed and run again."""
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "settings").mkdir()
    with as_file(files("dnagpt") / "demo_data") as shipped:
        for path in sorted(shipped.iterdir()):
            if path.suffix != ".toml":
                shutil.copyfile(path, data / path.name)
        for name in SETTINGS:
            text = (shipped / f"{name}.toml").read_text(encoding="utf-8").replace("DATA", data.as_posix())
            (folder / "settings" / f"{name}.toml").write_text(text, encoding="utf-8")
    if users:
        path = folder / "settings" / "pretraining.toml"
        settings = {**read_toml(path), "corpus": {"species": [dict(one) for one in users]}}
        with atomic_write(path) as handle:
            handle.write(tomli_w.dumps(settings).encode())


def carry_out(folder: Path, steps: Steps, *, simulated: bool) -> DemoResults:
    """Run every step by the settings files of the folder, and return what they came to."""
    settings, quiet = folder / "settings", steps.quiet
    pretrained = folder / "pretraining" / "model"
    with steps.step(
        "Pre-training: the next k-mer, GC content and reading order, all at once",
        f"dnagpt pretrain {settings / 'pretraining.toml'} -o {folder / 'pretraining'}",
        trains=True,
    ):
        pretraining = load_settings(PretrainSettings, settings / "pretraining.toml", [])
        run_pretraining(pretraining, folder / "pretraining", resume=False, quiet=quiet)
        model = load_model(pretrained)
        genome_metrics, genome_score = corpus_metrics(model, open_corpus(pretraining.corpus), max_order=8, quiet=quiet)
    with steps.step("Fine-tuning: a signal, yes or no", _finetune_command(folder, "signals", pretrained), trains=True):
        signals = _finetune(folder, "signals", pretrained, quiet=quiet)
    with steps.step(
        "Fine-tuning: a number from a sequence and two numbers",
        _finetune_command(folder, "expression", pretrained),
        trains=True,
    ):
        expression = _finetune(folder, "expression", pretrained, quiet=quiet)
    generated = folder / "generated.fa"
    with steps.step(
        "Generating sequences",
        f"dnagpt generate {pretrained} '{TEMPLATE}' -n {SEQUENCES} --max-tokens {TOKENS} -o {generated}",
    ):
        generate_file(
            pretrained, TEMPLATE, str(generated), count=SEQUENCES, max_tokens=TOKENS, sampling=Sampling(), seed=0,
            batch_size=SEQUENCES, precision="float32", quiet=quiet,
        )  # fmt: skip
    artificial = folder / "artificial.vcf.gz"
    with steps.step(
        "Artificial genomes: learning haplotypes of 500 people, by population, and writing new ones",
        _finetune_command(folder, "haplotypes", None),
        f"dnagpt generate {folder / 'haplotypes' / 'model'} -n {HAPLOTYPES} -o {artificial}",
        trains=True,
    ):
        haplotypes = _finetune(folder, "haplotypes", None, quiet=quiet)
        generate_haplotype_file(
            folder / "haplotypes" / "model", str(artificial), task_name=None, count=HAPLOTYPES, populations=None,
            sampling=Sampling(), seed=0, batch_size=HAPLOTYPES, precision="float32", quiet=quiet,
        )  # fmt: skip
    real, people = folder / "data" / "haplotypes.vcf.gz", folder / "data" / "populations.tsv"
    held_out, of_generated = folder / "haplotypes" / "held_out.txt", folder / "artificial.populations.tsv"
    with steps.step(
        "Comparing artificial with real genomes, and writing the report",
        f"dnagpt evaluate-haplotypes {real} artificial={artificial} --held-out {held_out} "
        f"--populations {people} --population-column population --generated-populations {of_generated} "
        f"-o {folder / 'comparison'}",
    ):
        compared = evaluate_haplotypes(
            set_files(
                real, [f"artificial={artificial}"], held_out=held_out, populations=people,
                population_column="population", generated_populations=[str(of_generated)],
            ),
            folder / "comparison",
            with_baselines=True, genetic_map=None, seed=0, quiet=quiet,
        )  # fmt: skip
    return DemoResults(
        genome_metrics, genome_score, signals, expression, haplotypes,
        [record.sequence for record in read_fasta(generated)], compared, simulated=simulated,
    )  # fmt: skip


def _finetune(folder: Path, name: str, base: Path | None, *, quiet: bool) -> Finetuned:
    settings = read_task_file(folder / "settings" / f"{name}.toml", base, [])
    return run_finetuning(settings, base, folder / name, resume=False, quiet=quiet)


def _finetune_command(folder: Path, name: str, base: Path | None) -> str:
    from_model = f" --model {base}" if base is not None else ""
    return f"dnagpt finetune {folder / 'settings' / f'{name}.toml'}{from_model} -o {folder / name}"


def _free_folder(wanted: Path) -> Path:
    """Return the folder, or the first numbered one next to it where it is taken."""
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in count(2))
    return wanted if not wanted.exists() else next(path for path in numbered if not path.exists())
