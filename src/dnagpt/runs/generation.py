"""Generated sequences that continue a prompt, as FASTA."""

from pathlib import Path

from dnagpt.errors import InputError
from dnagpt.genome.fasta import SequenceRecord, write_fasta
from dnagpt.inference.sampling import Sampling
from dnagpt.inference.sequences import generate_sequences
from dnagpt.runs.progress import counting
from dnagpt.store.folder import load_model


def generate_file(
    model_folder: Path, template: str, output: str, *, count: int, max_tokens: int, sampling: Sampling, seed: int,
    batch_size: int, precision: str, any_kmer: bool = False, quiet: bool,
) -> None:  # fmt: skip
    """Generate sequences for a template and write them as FASTA."""
    model = load_model(model_folder)
    with counting("Generating", count, unit="sequences", quiet=quiet) as done:
        sequences = generate_sequences(
            model, template, count=count, max_tokens=max_tokens, sampling=sampling, seed=seed,
            batch_size=batch_size, precision=precision, any_kmer=any_kmer, done=done,
        )  # fmt: skip
    settings = f"seed={seed} temperature={sampling.temperature:g} top_k={sampling.top_k} top_p={sampling.top_p:g}"
    settings += " any_kmer" if any_kmer else ""
    empty = sum(not sequence for sequence in sequences)
    if empty:
        raise InputError(
            f"{empty:,} of {count:,} sequences ended before their first base. "
            "Ask for a higher temperature or another prompt."
        )
    write_fasta(
        [
            SequenceRecord(
                f"generated_{number + 1}", f"template={template.replace(' ', '_')} sample={number} {settings}", sequence
            )
            for number, sequence in enumerate(sequences)
        ],
        output,
    )
