"""Make the simulated data that `dnagpt demo` runs on, check the shipped files against a rebuild, or measure them.

Needs msprime (GPL-3+, development only): it is imported here and under tools/demo_simulation, never by the package.
"""

import argparse
import filecmp
import json
import os
import sys
import tempfile
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "src" / "dnagpt" / "demo_data"
SEED = 2023
EXAMPLES = """\
examples:
  python tools/make_demo_data.py                         rewrite the shipped files
  python tools/make_demo_data.py --seed 7 --out /tmp/d   another draw, elsewhere
  python tools/make_demo_data.py --check                 rebuild, compare with the shipped files (exit 1: they differ)
  python tools/make_demo_data.py --measure               print the floors of the shipped files, and facts of them
"""


def make_all(out: Path, seed: int) -> list[str]:
    """Write every file to a folder and return their names; the same seed gives the same content."""
    import numpy as np
    from demo_simulation import files
    from demo_simulation.expression import make_expression
    from demo_simulation.genomes import SPECIES, make_chains, make_genomes
    from demo_simulation.haplotypes import make_haplotypes
    from demo_simulation.signals import make_signals

    for_chains, for_genomes, for_signals, for_haplotypes, for_expression = (
        np.random.Generator(np.random.PCG64(stream)) for stream in np.random.SeedSequence(seed).spawn(5)
    )
    out.mkdir(parents=True, exist_ok=True)
    chains = make_chains(for_chains)
    contigs = make_genomes(for_genomes, chains, seed)
    for species in SPECIES:
        own = [contig for contig in contigs if contig.species == species]
        files.write_genome(out / f"simulated_{species}.fa.gz", own)
        files.write_held_out(out / f"held_out_{species}.bed", own)
    files.write_features(out / "simulated_features.bed.gz", contigs)
    files.write_signals(out / "signals.csv.gz", make_signals(for_signals, chains["R"]))
    files.write_expression(out / "expression.csv.gz", make_expression(for_expression, chains["R"]))
    haplotypes = make_haplotypes(for_haplotypes, contigs[0].name, contigs[0].letters, seed)
    files.write_haplotypes(out / "haplotypes.vcf.gz", haplotypes)
    files.write_populations(out / "populations.tsv", haplotypes)
    names = [name for species in SPECIES for name in (f"simulated_{species}.fa.gz", f"held_out_{species}.bed")]
    names += [
        "simulated_features.bed.gz",
        "signals.csv.gz",
        "expression.csv.gz",
        "haplotypes.vcf.gz",
        "populations.tsv",
    ]
    files.write_manifest(out, seed, names)
    return [*names, files.MANIFEST]


def check(shipped: Path, seed: int) -> int:
    """Rebuild in a temporary folder and count the files whose content differs from the shipped ones."""
    from demo_simulation.files import content_digest

    different = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in make_all(Path(folder), seed):
            rebuilt, kept = Path(folder) / name, shipped / name
            if not kept.is_file() or content_digest(rebuilt) != content_digest(kept):
                different += 1
                print(f"{name}: DIFFERS from {kept}")
            elif filecmp.cmp(rebuilt, kept, shallow=False):
                print(f"{name}: the same bytes")
            else:
                print(f"{name}: the same content, compressed differently")
    return different


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="seed of every draw (default %(default)s, the shipped one)"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder of the files (default %(default)s)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="rebuild elsewhere and compare with the files in --out")
    modes.add_argument("--measure", action="store_true", help="print floors of the files in --out as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        return 1 if check(chosen.out, chosen.seed) else 0
    if chosen.measure:
        from demo_simulation.floors import measure

        print(json.dumps({name: round(value, 4) for name, value in measure(chosen.out).items()}, indent=2))
        return 0
    for name in make_all(chosen.out, chosen.seed):
        print(f"{chosen.out / name}\t{(chosen.out / name).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
