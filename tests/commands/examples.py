"""Sequences, tables and FASTA made from a seed; what is to be learnt from them is their GC content."""

from collections.abc import Mapping, Sequence

import numpy as np

GC_TEMPLATE = "<K>{sequence}<=><B>{rich?:boolean}"

Row = dict[str, str]


def random_bases(length: int, *, seed: int, gc: float = 0.4) -> str:
    generator = np.random.default_rng(seed)
    return "".join(generator.choice(list("AGCT"), size=length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]))


def gc_content(sequence: str) -> float:
    return sum(letter in "GC" for letter in sequence) / len(sequence)


def gc_rows(count: int, *, seed: int = 0) -> list[Row]:
    """Rows of a table: a name with leading zeros, a sequence of 40 to 80 bases, whether it is rich in G and C."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        sequence = random_bases(
            int(generator.integers(40, 81)), seed=10_000 * seed + number, gc=generator.uniform(0.2, 0.8)
        )
        rows.append(
            {"id": f"{number:03d}", "sequence": sequence, "rich": "yes" if gc_content(sequence) > 0.5 else "no"}
        )
    return rows


def table_text(rows: Sequence[Mapping[str, object]], separator: str = ",") -> str:
    lines = [rows[0].keys(), *(map(str, row.values()) for row in rows)]
    return "".join(separator.join(line) + "\n" for line in lines)


def fasta_text(sequences: Mapping[str, str], width: int = 60) -> str:
    return "".join(
        f">{name}\n" + "".join(sequence[start : start + width] + "\n" for start in range(0, len(sequence), width))
        for name, sequence in sequences.items()
    )
