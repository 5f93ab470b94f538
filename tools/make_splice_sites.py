"""Make a three-class table of splice sites (donor, acceptor, neither) from exon-intron-exon records.

A record is a line of `exon intron exon ...  gene`, space-separated: 50 bases of exon, the intron, 50 bases of exon, as
in the D. melanogaster set of github.com/KorfLab/datacore (MIT). Every record gives three windows of 80 bases with a
dinucleotide in the middle two places behind the first 40 bases:

donor      the GT that begins the intron        (the last 40 bases of exon, the first 40 of intron)
acceptor   the AG that ends the intron          (the AG is bases 39 and 40 of the window, then 40 bases of exon)
neither    one GT or AG elsewhere in the record, written as a donor or an acceptor would be, drawn at random

So the dinucleotide tells nothing, and what is to be learnt lies around it. Introns that do not begin with GT and end
with AG are left out and counted, as are records without another GT or AG far enough from the ends.

python tools/make_splice_sites.py dmelanogaster_eie.txt.gz splice_sites.tsv.gz
"""

import argparse
import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FLANK = 40


def windows(exon: str, intron: str, next_exon: str, generator: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Cut the three windows of one record, each with its class; fewer where there is nothing to cut."""
    record = exon + intron + next_exon
    donor, acceptor = len(exon), len(exon) + len(intron)
    yield record[donor - FLANK : donor + FLANK], "donor"
    yield record[acceptor - FLANK : acceptor + FLANK], "acceptor"
    centres = [place for place in range(FLANK, len(record) - FLANK + 1) if record[place : place + 2] == "GT"]
    centres += [place for place in range(FLANK, len(record) - FLANK + 1) if record[place - 2 : place] == "AG"]
    decoys = sorted(set(centres) - {donor, acceptor})
    if decoys:
        centre = int(generator.choice(decoys))
        yield record[centre - FLANK : centre + FLANK], "neither"


def main() -> None:
    """Read the records, write the table, and say what was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    counts: Counter[str] = Counter()
    with gzip.open(arguments.records, "rt") as records, gzip.open(arguments.table, "wt") as table:
        table.write("sequence\tsite\tgene\n")
        for line in records:
            exon, intron, next_exon, *_, gene = line.split()
            if not (intron.startswith("GT") and intron.endswith("AG")):
                counts["introns that are not GT...AG, left out"] += 1
                continue
            found = list(windows(exon, intron, next_exon, generator))
            counts["records without a decoy"] += len(found) < 3
            for sequence, site in found:
                table.write(f"{sequence}\t{site}\t{gene}\n")
                counts[site] += 1
    for what, count in counts.items():
        sys.stderr.write(f"{what}: {count:,}\n")


if __name__ == "__main__":
    main()
