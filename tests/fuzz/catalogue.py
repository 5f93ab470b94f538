"""Every reader that is fuzzed, by name."""

from tests.fuzz.subject import Subject
from tests.fuzz.subjects_of_genomes import GENOMES
from tests.fuzz.subjects_of_haplotypes import HAPLOTYPES
from tests.fuzz.subjects_of_models import MODELS
from tests.fuzz.subjects_of_settings import SETTINGS
from tests.fuzz.subjects_of_tables import TABLES

SUBJECTS: dict[str, Subject] = {**TABLES, **GENOMES, **HAPLOTYPES, **SETTINGS, **MODELS}
