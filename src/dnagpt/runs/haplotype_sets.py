"""Haplotypes of several files, brought to the same sites: real ones, generated ones, training and held-out people."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dnagpt.errors import InputError
from dnagpt.evaluation.haplotypes.comparison import NAMES_OF_OTHERS
from dnagpt.files.atomic import open_text
from dnagpt.haplotypes.legend import UNKNOWN_CONTIG
from dnagpt.haplotypes.people import read_populations
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.source import HaplotypeSource
from dnagpt.haplotypes.text import legend_beside
from dnagpt.haplotypes.values import Haplotypes, Sites
from dnagpt.runs.configuration import load_settings

log = logging.getLogger("dnagpt")
Site = tuple[str, int, str, str]
_LIST_ENDINGS = (".txt", ".list", ".tsv", ".csv", "")
_ENDINGS = (".gz", ".zip", ".bgz", ".hapt", ".hap", ".vcf", ".bcf", ".trees")


@dataclass(frozen=True)
class SetFiles:
    """The files of a comparison, and what is taken of them."""

    source: HaplotypeSource
    """The real haplotypes, what is taken of them, and who is of which population. The other files are read likewise,
    but with all their people and sites: those to compare follow from the real ones."""
    generated: Mapping[str, Path]
    """By the name of the set."""
    training: Path | None = None
    """Haplotypes, or a list (.txt, .list, .tsv, .csv or no ending) of people of the real ones, one a line."""
    held_out: Path | None = None
    """The same."""
    generated_populations: Mapping[str, Path] | None = None
    """Tables of generated people and their populations, by the name of their set."""

    @property
    def real(self) -> Path:
        """The file of the real haplotypes."""
        return self.source.file


@dataclass(frozen=True)
class HaplotypeSets:
    """Haplotypes at the same sites, ready to be compared."""

    real: Haplotypes
    generated: Mapping[str, Haplotypes]
    training: Haplotypes | None
    held_out: Haplotypes | None
    notes: Sequence[str]
    """What was left out of the files, in sentences."""


def set_files(
    real: Path, generated: Sequence[str], *, training: Path | None = None, held_out: Path | None = None,
    legend: Path | None = None, region: str | None = None, minimum_frequency: float = 0.0,
    populations: Path | None = None, population_column: str | None = None, generated_populations: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> SetFiles:  # fmt: skip
    """Read the arguments of the command line: names of sets, which table belongs to which, policies as `key=value`."""
    given = {
        "file": real, "legend": legend, "region": region, "minimum_frequency": minimum_frequency,
        "populations": populations, "population_column": population_column,
    }  # fmt: skip
    source = load_settings(HaplotypeSource, None, settings, {name: value for name, value in given.items() if value})
    sets = named_files(generated)
    return SetFiles(source, sets, training, held_out, _tables(generated_populations, sets))


def named_files(arguments: Sequence[str]) -> dict[str, Path]:
    """Read `PATH` or `NAME=PATH`; without a name, a set is called like its file.

    >>> [(name, str(path)) for name, path in named_files(["gan.hapt.zip", "mine=runs/out.vcf.gz"]).items()]
    [('gan', 'gan.hapt.zip'), ('mine', 'runs/out.vcf.gz')]
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        name, given, path = argument.partition("=")
        if not given or Path(argument).exists():
            name, path = _stem(Path(argument)), argument
        if not name.strip() or not path:
            raise InputError(f"{argument!r} names no file. Give a path, or NAME=PATH.")
        if name in found or name in NAMES_OF_OTHERS:
            raise InputError(f"Two sets are called {name!r}. Give each a name of its own: NAME=PATH.")
        found[name] = Path(path)
    return found


def _tables(arguments: Sequence[str], sets: Mapping[str, Path]) -> dict[str, Path]:
    """Read `NAME=TABLE`, or `TABLE` where there is but one set."""
    found: dict[str, Path] = {}
    for argument in arguments:
        name, given, path = argument.partition("=")
        if not given and len(sets) == 1:
            name, path = next(iter(sets)), argument
        if name not in sets or not path:
            raise InputError(
                f"--generated-populations {argument!r} does not say whose they are. "
                f"Give NAME=TABLE, where NAME is one of {', '.join(sets)}."
            )
        found[name] = Path(path)
    return found


def read_sets(files: SetFiles) -> HaplotypeSets:
    """Read all files and keep the sites that every one of them has, with the same alleles.

    Raises InputError for people named that are not there, people both trained on and held out, and files without a
    site in common.
    """
    source = files.source
    real = source.with_populations(read_haplotypes(source.file, source))
    tables = files.generated_populations or {}
    generated = [
        _with_table(read_haplotypes(path, _like(source, path)), tables.get(name))
        for name, path in files.generated.items()
    ]
    parts = {"training": files.training, "held out": files.held_out}
    lists = {part: read_people(path, real) for part, path in parts.items() if path and _is_list(path)}
    further = {
        part: source.with_populations(read_haplotypes(path, _like(source, path)))
        for part, path in parts.items()
        if path and not _is_list(path)
    }
    paths = [files.real, *files.generated.values(), *(path for path in parts.values() if path and not _is_list(path))]
    read = [real, *generated, *further.values()]
    (real, *others), notes = at_common_sites(read, [str(path) for path in paths])
    for note in notes:
        log.warning(note)
    further = dict(zip(further, others[len(generated) :], strict=True))
    training, held_out = _divided(real, lists, further)
    left_out = [
        f"{path}, left out: " + "; ".join(f"{count:,} {reason}" for reason, count in one.left_out.items()) + "."
        for path, one in zip(paths, read, strict=True)
        if one.left_out
    ]
    return HaplotypeSets(
        real, dict(zip(files.generated, others, strict=False)), training, held_out, [*left_out, *notes]
    )


def at_common_sites(sets: Sequence[Haplotypes], names: Sequence[str]) -> tuple[list[Haplotypes], list[str]]:
    """Keep the sites that all sets have with the same alleles, in the order of the first; say what was left out.

    Sites without a legend are told apart by their number alone, so such sets must have equally many.
    """
    first = sets[0].sites
    if all(first.same_alleles(one.sites) for one in sets[1:]):
        return list(sets), []
    _refuse_unknown_places(sets, names)
    keys = [_keys(one.sites) for one in sets]
    places = [{key: place for place, key in enumerate(of_set)} for of_set in keys]
    common = [key for key in keys[0] if all(key in of_set for of_set in places)]
    if not common:
        lonely = next(n for n, of_set in enumerate(places) if n and not any(key in of_set for key in keys[0]))
        raise InputError(
            f"{names[0]} and {names[lonely]} have no site in common: they begin with {_shown(keys[0])} and "
            f"{_shown(keys[lonely])}. Give files of one region and reference, whose contigs are named alike."
        )
    kept = [one.at([of_set[key] for key in common]) for one, of_set in zip(sets, places, strict=True)]
    notes = [
        f"{len(of_set) - len(common):,} of the {len(of_set):,} sites of {name} are not in every file with the same "
        f"alleles, and were left out; {len(common):,} are compared."
        for name, of_set in zip(names, keys, strict=True)
        if len(of_set) > len(common)
    ]
    return kept, notes


def read_people(path: Path, real: Haplotypes) -> set[str]:
    """Read a list of people, one a line, all of whom are among the real ones."""
    with open_text(path) as lines:
        try:
            people = {line.strip(): number for number, line in enumerate(lines, start=1) if line.strip()}
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text. Give one person a line.") from error
    strangers = sorted(people.keys() - set(real.individuals), key=people.__getitem__)
    if strangers:
        first = strangers[0]
        raise InputError(
            f"{path}, line {people[first]}: {first[:60]!r} is nobody of the real haplotypes, and so are "
            f"{len(strangers) - 1:,} other lines. Give one person a line, called as there ({real.individuals[0]})."
        )
    if not people:
        raise InputError(f"{path} is an empty list. Give one person a line.")
    return set(people)


def _stem(path: Path) -> str:
    name = path.name
    while Path(name).suffix.lower() in _ENDINGS and Path(name).stem:
        name = Path(name).stem
    return name


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in _LIST_ENDINGS


def _like(source: HaplotypeSource, path: Path) -> HaplotypeSource:
    """Say how another file is read: likewise, but with all its people and sites, and its own legend if it has one."""
    return source.model_copy(
        update={
            "minimum_frequency": 0.0, "samples": (), "sample_file": None,
            "legend": None if legend_beside(path) else source.legend,
        }
    )  # fmt: skip


def _with_table(haplotypes: Haplotypes, table: Path | None) -> Haplotypes:
    return haplotypes if table is None else haplotypes.with_populations(read_populations(table))


def _divided(
    real: Haplotypes, lists: Mapping[str, set[str]], further: Mapping[str, Haplotypes]
) -> tuple[Haplotypes | None, Haplotypes | None]:
    """Say which haplotypes were trained on and which held out; a side not named is the rest of the real ones."""
    if not lists and not further:
        return None, None
    named = {**further, **{part: _of_people(real, people, there=True) for part, people in lists.items()}}
    for part, other in (("training", "held out"), ("held out", "training")):
        if part not in named:
            named[part] = _of_people(real, set(named[other].individuals), there=False)
    training, held_out = named["training"], named["held out"]
    both = sorted(set(training.individuals) & set(held_out.individuals))
    if both:
        raise InputError(
            f"{len(both):,} people are both trained on and held out, such as {', '.join(both[:3])}. "
            "Name everybody on one side."
        )
    for part, one in (("trained on", training), ("held out", held_out)):
        if not len(one):
            raise InputError(f"Nobody is {part}: the other side has all real people. Name fewer of them.")
    return training, held_out


def _of_people(real: Haplotypes, people: set[str], *, there: bool) -> Haplotypes:
    return real.take(np.flatnonzero([(person in people) is there for person in real.individuals]))


def _refuse_unknown_places(sets: Sequence[Haplotypes], names: Sequence[str]) -> None:
    """Stop where sites have numbers but no places, and so cannot be found in another set."""
    for one, name in zip(sets, names, strict=True):
        if UNKNOWN_CONTIG in one.sites.contigs:
            counts = ", ".join(f"{len(other.sites):,} in {where}" for other, where in zip(sets, names, strict=True))
            raise InputError(
                f"The sites of {name} have no places in a genome, so they cannot be found among the others ({counts}). "
                "Give the legend of its columns with --legend."
            )


def _keys(sites: Sites) -> list[Site]:
    return list(zip(sites.contigs, sites.positions.tolist(), sites.reference, sites.alternate, strict=True))


def _shown(keys: Sequence[Site]) -> str:
    """Write the first site as files do, counted from 1."""
    if not keys:
        return "no site at all"
    contig, position, reference, alternate = keys[0]
    return f"{contig}:{position + 1} {reference} to {alternate}"
