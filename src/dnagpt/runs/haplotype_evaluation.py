"""The comparison of generated haplotypes of any origin with real ones; no model is needed."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.comparison import ComparedSet, Sampler, baselines, compare_sets
from dnagpt.evaluation.report.haplotypes import quality_headlines, quality_rows, quality_sections
from dnagpt.evaluation.report.page import write_report
from dnagpt.files.compressed import file_sha256
from dnagpt.haplotypes.genetic_map import GeneticMap, read_genetic_map
from dnagpt.haplotypes.legend import UNKNOWN_CONTIG
from dnagpt.haplotypes.values import Sites
from dnagpt.runs.haplotype_sets import HaplotypeSets, SetFiles, read_sets
from dnagpt.runs.output_folder import locked_folder, results_together
from dnagpt.runs.outputs import provenance, write_metrics, write_scores
from dnagpt.runs.progress import counting

log = logging.getLogger("dnagpt")
FEWEST_SITES = 2
FEWEST_PEOPLE = 8
"""Real people below which their halves are not compared."""


def evaluate_haplotypes(
    files: SetFiles, output: Path, *, with_baselines: bool, genetic_map: Path | None, seed: int, quiet: bool
) -> list[ComparedSet]:
    """Compare generated with real haplotypes; write report.html, metrics.json and scores.csv."""
    with locked_folder(output):
        return _evaluate(files, output, with_baselines=with_baselines, genetic_map=genetic_map, seed=seed, quiet=quiet)


def _evaluate(
    files: SetFiles, output: Path, *, with_baselines: bool, genetic_map: Path | None, seed: int, quiet: bool
) -> list[ComparedSet]:
    sets = read_sets(files)
    notes = list(sets.notes)
    if len(sets.real.sites) < FEWEST_SITES:
        notes.append(f"Only {len(sets.real.sites)} site is compared: linkage, components and distances mean nothing.")
        log.warning(notes[-1])
    beside: Mapping[str, Sampler] = {}
    if with_baselines:
        morgans, said = _morgans(sets.real.sites, genetic_map)
        beside, notes = baselines(morgans), [*notes, *said]
        for note in said:
            log.warning(note)
    limit = with_baselines and len(set(sets.real.individuals)) >= FEWEST_PEOPLE
    compared = _compare(sets, beside, limit=limit, seed=seed, quiet=quiet)
    facts = _facts(files, genetic_map, sets, seed)
    metrics = {
        "sets": {one.name: {"kind": one.kind, **one.quality.as_dict()} for one in compared},
        "notes": notes,
        "provenance": facts,
    }
    with results_together(output) as staged:
        write_report(
            staged / "report.html",
            "Generated haplotypes",
            f"{', '.join(sets.generated)} beside {files.real.name}",
            quality_sections(compared, notes),
            facts,
            headlines=quality_headlines(compared),
        )
        write_scores(quality_rows(compared), staged / "scores.csv")
        write_metrics(metrics, staged, allow_nan=False)
    return compared


def _compare(
    sets: HaplotypeSets, beside: Mapping[str, Sampler], *, limit: bool, seed: int, quiet: bool
) -> list[ComparedSet]:
    found = []
    total = len(sets.generated) + len(beside) + limit
    with counting("Comparing", total, unit="sets", quiet=quiet) as done:
        for one in compare_sets(
            sets.real, sets.generated, training=sets.training, held_out=sets.held_out, beside=beside, limit=limit,
            seed=seed,
        ):  # fmt: skip
            found.append(one)
            done(1)
    return found


def _morgans(sites: Sites, genetic_map: Path | None) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Place the sites on a genetic map, where they have places at all."""
    if UNKNOWN_CONTIG in sites.contigs:
        return None, ["Without a legend the distances between sites are unknown, so there are no Li-Stephens mosaics."]
    one = read_genetic_map(genetic_map) if genetic_map else GeneticMap.constant()
    return one.morgans_of(sites), []


def _facts(files: SetFiles, genetic_map: Path | None, sets: HaplotypeSets, seed: int) -> dict[str, Any]:
    parts = {"training": files.training, "held out": files.held_out, "genetic map": genetic_map}
    paths = {"real": files.real, **files.generated, **{name: path for name, path in parts.items() if path}}
    settings = {
        "seed": seed,
        "haplotypes": {"real": len(sets.real), **{name: len(one) for name, one in sets.generated.items()}},
        "sites": len(sets.real.sites),
        "source": files.source.model_dump(mode="json", exclude_defaults=True),
        "files": {name: str(path) for name, path in paths.items()},
    }
    return provenance("evaluate-haplotypes", settings, {name: file_sha256(path) for name, path in paths.items()})
