"""Haplotypes as records of a task, divided by person: both haplotypes of one, and of relatives, on one side."""

import logging

import numpy as np

from dnagpt.data.records.duplicates import in_training, repeat_classes
from dnagpt.data.records.labelled import Labelled
from dnagpt.data.records.settings import DataConfig
from dnagpt.data.records.splits import group_parts, strata_of
from dnagpt.errors import InputError
from dnagpt.haplotypes.genetic_map import GeneticMap, read_genetic_map
from dnagpt.haplotypes.people import families, read_relatives
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.values import Haplotypes
from dnagpt.tasks import Task
from dnagpt.tasks.haplotype_language import POPULATION, answered_haplotype

logger = logging.getLogger("dnagpt")

MEGABASE, CENTI = 1e6, 1e2


def read_haplotype_records(config: DataConfig, task: Task) -> Labelled:
    """Read haplotypes and divide their people, populations alike; InputError says what is missing or wrong."""
    source = config.haplotypes
    assert source is not None
    answered_haplotype(task.template)
    haplotypes = source.with_populations(read_haplotypes(source.file, source))
    if task.template.token_fields and haplotypes.populations is None:
        raise InputError(
            f"The template {task.template} asks for a population, and nothing says which one each person is of. "
            f"Give a table as data.haplotypes.populations, or leave <{{{POPULATION}}}> out."
        )
    relatives = [] if source.relatives is None else read_relatives(source.relatives, kinship=source.kinship)
    if relatives and not {person for pair in relatives for person in pair} & set(haplotypes.individuals):
        raise InputError(
            f"{source.relatives} names nobody of {source.file}: {relatives[0][0]!r} there, "
            f"{haplotypes.individuals[0]!r} here. Name people alike in both, or leave data.haplotypes.relatives out."
        )
    groups = families(haplotypes.individuals, relatives)
    names = [f"{source.file}, haplotype {label}" for label in haplotypes.labels]
    populations = haplotypes.populations or [""] * len(haplotypes)
    parts = group_parts(config, groups, np.arange(len(haplotypes)), strata_of(list(populations)), names)
    classes = repeat_classes([row_S.tobytes().hex() for row_S in haplotypes.alleles], "exact")
    known_rows = in_training(classes, parts)
    records = [
        {"haplotype": label, POPULATION: population}
        for label, population in zip(haplotypes.labels, populations, strict=True)
    ]
    repeated = tuple(
        f"{int(rows.sum()):,} of {len(rows):,} {part} haplotypes are carried by people in training too."
        for part, rows in known_rows.items()
        if rows.any()
    )
    for note in repeated:
        logger.warning("%s", note)
    left_out = tuple(
        f"{source.file}: set aside or filled in: {count:,} {reason}." for reason, count in haplotypes.left_out.items()
    )
    return Labelled(records, names, parts, (*left_out, *repeated), groups, known_rows, haplotypes=haplotypes)


def recombination_map(config: DataConfig) -> GeneticMap:
    """Give the map by which gametes recombine: the one that is named, or a constant rate."""
    source = config.haplotypes
    assert source is not None
    if source.genetic_map is not None:
        return read_genetic_map(source.genetic_map)
    return GeneticMap.constant(source.centimorgans_per_megabase / CENTI / MEGABASE)


def people(haplotypes: Haplotypes, places: tuple[int, ...]) -> dict[str, list[int]]:
    """List the haplotypes, among some, of each person.

    >>> from dnagpt.haplotypes.values import Sites
    >>> one_site = Sites(["1"], np.array([5]), ["."], ["A"], ["T"])
    >>> several = Haplotypes(np.zeros((3, 1), dtype=np.uint8), one_site, ["HG1", "HG1", "HG2"])
    >>> people(several, (0, 1, 2))
    {'HG1': [0, 1], 'HG2': [2]}
    """
    found: dict[str, list[int]] = {}
    for place in places:
        found.setdefault(haplotypes.individuals[place], []).append(place)
    return found
