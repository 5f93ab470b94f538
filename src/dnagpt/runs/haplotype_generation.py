"""Generated haplotypes as a file that the tools of the field read."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dnagpt.errors import InputError
from dnagpt.files.tables import write_table
from dnagpt.haplotypes.values import Haplotypes
from dnagpt.haplotypes.writing import require_haplotype_ending, write_haplotypes
from dnagpt.inference.haplotypes import generate_haplotypes, haplotype_language, shared_out
from dnagpt.inference.sampling import Sampling
from dnagpt.runs.progress import counting
from dnagpt.store.folder import load_model
from dnagpt.tasks import HaplotypeLanguage


def generate_haplotype_file(
    model_folder: Path, output: str, *, task_name: str | None, count: int | None, populations: str | None,
    sampling: Sampling, seed: int, batch_size: int, precision: str, quiet: bool,
) -> None:  # fmt: skip
    """Generate haplotypes and write them, two a person, beside a table of populations where these were asked for."""
    if output == "-":
        raise InputError(
            "Without a template, haplotypes are generated: name their file, as in -o genomes.vcf.gz. Or give a "
            "template, such as '<R>{window?:sequence}'."
        )
    ending = require_haplotype_ending(output)
    model = load_model(model_folder)
    task = model.task(task_name)
    language = haplotype_language(task)
    counts = _counts(language, count, populations)
    odd = [name for name, number in counts.items() if number % 2]
    if odd and not ending.startswith(".hapt"):
        raise InputError(
            f"{output} holds two haplotypes a person, and {counts[odd[0]]:,} "
            f"{f'of {odd[0]} ' if odd[0] else ''}are asked for. Ask for an even number, or write a .hapt file."
        )
    windows = len(language.spans)
    unit = "haplotypes" if windows == 1 else f"{windows}ths of haplotypes"
    with counting("Generating", sum(counts.values()) * windows, unit=unit, quiet=quiet) as done:
        generated = generate_haplotypes(
            model,
            task,
            counts=counts,
            sampling=sampling,
            seed=seed,
            batch_size=batch_size,
            precision=precision,
            done=done,
        )
    lost = f"{100 * generated.unconstrained_loss:.2f} % (estimated on {generated.measured:,} haplotypes)"
    notes = {
        "model": str(model_folder), "task": task.name, "seed": str(seed), "temperature": f"{sampling.temperature:g}",
        "top_k": str(sampling.top_k), "top_p": f"{sampling.top_p:g}", "lost_by_unconstrained_sampling": lost,
    }  # fmt: skip
    write_haplotypes(generated.haplotypes, output, notes=notes)
    if generated.haplotypes.populations is not None:
        _write_populations(generated.haplotypes, Path(output), ending)
    if not quiet:
        print(
            f"Sampling without constraints would have lost {lost}: alleles that their sites do not have, or no end "
            "where it belongs.",
            file=sys.stderr,
        )


def _counts(language: HaplotypeLanguage, count: int | None, populations: str | None) -> Mapping[str | None, int]:
    if populations is None:
        if count is None or count < 1:
            raise InputError("Say how many haplotypes are wanted, two a person: -n 5000, for example.")
        return shared_out(language, count)
    counts = _parse_counts(populations)
    if count not in (None, sum(counts.values())):
        raise InputError(
            f"-n asks for {count:,} haplotypes, and --populations for {sum(counts.values()):,}. Leave one of them out."
        )
    return counts


def _parse_counts(text: str) -> dict[str | None, int]:
    """Read how many haplotypes of which population are wanted.

    >>> _parse_counts("EUR=1000,AFR=20")
    {'EUR': 1000, 'AFR': 20}
    """
    counts: dict[str | None, int] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if not name or name in counts or not (number.isascii() and number.isdigit() and len(number) < 10):
            raise InputError(
                f"--populations {text!r}: {part!r} does not say how many haplotypes of a population are wanted, each "
                "named once. Write, for example, EUR=1000,AFR=1000."
            )
        counts[name] = int(number)
    return counts


def _write_populations(haplotypes: Haplotypes, output: Path, ending: str) -> None:
    """Write which population each generated person is of."""
    assert haplotypes.populations is not None
    people = dict(zip(haplotypes.individuals, haplotypes.populations, strict=True))
    frame = pd.DataFrame({"sample": list(people), "population": list(people.values())})
    write_table(frame, output.with_name(output.name[: -len(ending)] + ".populations.tsv"))
