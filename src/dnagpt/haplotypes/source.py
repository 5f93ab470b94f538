"""Where haplotypes to learn come from: the `[data.haplotypes]` of a task file."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from dnagpt.errors import InputError
from dnagpt.haplotypes.people import THIRD_DEGREE, read_populations
from dnagpt.haplotypes.selection import HaplotypeSelection
from dnagpt.haplotypes.values import Haplotypes


class HaplotypeSource(HaplotypeSelection):
    """A file of haplotypes, what is taken from it, and what is known of its people."""

    file: Path
    """VCF, BCF, .hapt, .hap or .trees."""
    populations: Path | None = None
    """The table that says which population each person is of."""
    population_column: str | None = None
    """The column of the populations, where it is not called population or pop."""
    population_names: Mapping[str, str] = Field(default_factory=dict)
    """Populations of the table that are to count as another one: `{"EUR,AFR" = "EUR"}`."""
    sample_column: str | None = None
    """The column of the people, where it is not called sample, individual, id or alike."""
    relatives: Path | None = None
    """Pairs of relatives, or a pedigree: relatives stay on one side of the division."""
    kinship: float = Field(default=THIRD_DEGREE, ge=-1, le=0.5, allow_inf_nan=False)
    """The least kinship of relatives, where `relatives` is a table with a column of kinship (KING) or PI_HAT (PLINK):
    .0442 third degree, .0884 second, .177 first."""
    genetic_map: Path | None = None
    """The genetic map by which gametes recombine."""
    centimorgans_per_megabase: float = Field(default=1.0, gt=0)
    """The rate at which they recombine where there is no map."""

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        named = (self.file, self.legend, self.sample_file, self.populations, self.relatives, self.genetic_map)
        return [path for path in named if path is not None]

    def with_populations(self, haplotypes: Haplotypes) -> Haplotypes:
        """Say which population each haplotype is of, where there is a table; InputError for what does not fit it."""
        if self.populations is None:
            return haplotypes
        known = read_populations(self.populations, column=self.population_column, sample_column=self.sample_column)
        strangers = self.population_names.keys() - set(known.values())
        if strangers:
            raise InputError(
                f"population_names renames {min(strangers)!r}, which {self.populations} does not have; it has "
                f"{', '.join(sorted(set(known.values())))}."
            )
        return haplotypes.with_populations(
            {person: self.population_names.get(name, name) for person, name in known.items()}
        )
