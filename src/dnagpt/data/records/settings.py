"""Where labelled records come from, what is kept of them, and how they are divided: the `[data]` of a task file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from dnagpt.haplotypes.source import HaplotypeSource

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Split = Literal["given", "random", "chromosome", "group", "clusters"]
Level = Literal["exact", "reverse-complement", "near"]

_PART_NAMES: dict[str, Part] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "test": "test",
}  # fmt: skip
_SOURCES = "data.table, data.train (with validation and test), data.folder, data.haplotypes and data.classes"
_OF_HAPLOTYPES = frozenset({"haplotypes", "fractions", "sizes", "folds", "fold", "seed"})
Count = Annotated[int, Field(ge=0)]
Coordinates = Literal["bed", "1-based"]
MISSING_VALUES = ("NA", "N/A", "NaN", "<NA>", "#N/A", "null", "nil", "None", ".", "-", "?")
"""What tables of statistics programs, databases and spreadsheets hold where there is no sequence."""


def part_named(word: str) -> Part | None:
    """Read the name of a part as people and benchmarks write it.

    >>> part_named("dev"), part_named("Train"), part_named("exam")
    ('validation', 'train', None)
    """
    return _PART_NAMES.get(word.strip().lower())


class ReadingConfig(BaseModel):
    """How the records of a file are read, whether a model learns from them, answers them or is scored on them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True
    )

    genome: Path | None = None
    """The FASTA or .2bit file that holds the sequences of records that are intervals."""
    coordinates: Coordinates | None = None
    """How positions of intervals count: `bed` from 0, the end behind the last base; `1-based` from 1, the end included.
    Where it is not set, as the columns say: `seqnames` or `seqid` are 1-based (GRanges, GFF), all others as in BED."""
    chromosome: str | None = None
    """The column that names the chromosome, where the source has it under another name."""
    separator: str = Field(default="|", min_length=1)
    """What stands before each label at the end of a FASTA header."""
    columns: Mapping[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Which column of the table holds a field, where it has another name; several for a field of several numbers."""
    label_indices: str | None = None
    """The column that lists the labels that hold, as numbers from 0 in the order of the template's answers, with commas
    between them; an empty cell holds none (BEND)."""
    missing_values: tuple[str, ...] = MISSING_VALUES
    """What stands for a missing sequence in a table, in either case; `[]` where these are letters of sequences."""


class DataConfig(ReadingConfig):
    """Where labelled records come from, and which part each of them belongs to."""

    table: Path | None = None
    """One file of all records: CSV, TSV, Parquet, JSON lines, HDF5, BED, or FASTA with labels. A
    pattern such as `*.csv` takes several."""
    train: Path | None = None
    """The file of the training records, where the parts are files of their own."""
    validation: Path | None = None
    """The file of validation records."""
    test: Path | None = None
    """The file of test records."""
    folder: Path | None = None
    """A folder with files such as train.csv, dev.csv and test.csv, or folders train and test with a file a class."""
    haplotypes: HaplotypeSource | None = None
    """Haplotypes, where a model is to learn to write them: a file, and what is known of its people."""
    classes: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """FASTA files (patterns such as `pos/*.fa.gz`) of each answer: `{true = [...], false = [...]}`."""
    cut: tuple[int, int] | None = None
    """A stretch to be cut out of every sequence, 0-based half-open: the motif that positives and negatives share."""
    window: tuple[int, int] | None = None
    """The only stretch of every sequence that is kept, 0-based half-open, counted as `cut` is in the whole sequence."""
    mixed_lengths: bool = False
    """Whether records with two or more sequences may differ in their lengths; else each column has one length."""
    group: str | None = None
    """The column that says which records belong together; `cut` for the letters cut out, `file` for FASTA files."""
    split_column: str | None = None
    """The column that says train, validation or test."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of training, validation and test records, where nothing says which is which."""
    sizes: tuple[Count, Count, Count] | None = None
    """Numbers of training, validation and test records, in place of their shares."""
    validation_chromosomes: tuple[str, ...] = ()
    """The chromosomes whose records are for validation."""
    test_chromosomes: tuple[str, ...] = ()
    """The chromosomes whose records are for the test."""
    folds: int | None = Field(default=None, ge=2)
    """The number of parts of a cross-validation, one of which is the test part."""
    fold: int = Field(default=0, ge=0)
    """Which of the folds is the test part, from 0; validation records are taken from the others."""
    split: Split | None = None
    """How records are divided: as given, at random (labels alike), or by chromosome, group or near-duplicate cluster.
    Where it is not set, as given if the source says the parts, at random if it does not."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """The start of the random division."""
    duplicates: Literal["keep", "drop"] = "keep"
    """Whether repeats of a sequence are kept, or left out but for the first."""
    duplicate_level: Level = "exact"
    """What a repeat is: the same letters, or the other strand too, or also a share of the same 16-mers."""
    near_threshold: float = Field(default=0.5, gt=0, le=1)
    """The share of the smaller one's distinct 16-mers that two near-duplicates have in common."""

    @field_validator("classes")
    @classmethod
    def _one_source(cls, classes: Mapping[str, tuple[str, ...]], info: ValidationInfo) -> Mapping[str, tuple[str, ...]]:
        sources = ("table", "train", "folder", "haplotypes")
        named = [name for name in sources if info.data.get(name) is not None]
        if len(named) + bool(classes) != 1 and set(sources) <= info.data.keys():
            raise ValueError(f"give exactly one of {_SOURCES}")
        extra = [name for name in ("validation", "test") if info.data.get(name) is not None]
        if extra and "train" not in named:
            raise ValueError(f"data.{extra[0]} goes with data.train, which is not given")
        return classes

    @model_validator(mode="after")
    def _of_haplotypes(self) -> Self:
        strangers = sorted(self.model_fields_set - _OF_HAPLOTYPES) if self.haplotypes is not None else []
        if strangers:
            raise ValueError(
                f"{', '.join(strangers)} does nothing where haplotypes are given: they are divided by person and family"
            )
        return self

    @field_validator("cut", "window")
    @classmethod
    def _stretch(cls, stretch: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
        if stretch is not None and not 0 <= stretch[0] < stretch[1]:
            raise ValueError(
                f"data.{info.field_name} must be the start and the end of a stretch, counted from 0, the start first"
            )
        cut = info.data.get("cut") if info.field_name == "window" else None
        if stretch is not None and cut is not None and not stretch[0] <= cut[0] < cut[1] <= stretch[1]:
            raise ValueError("data.cut must lie within data.window: both count in the whole sequence")
        return stretch

    @field_validator("group")
    @classmethod
    def _cut_to_group_by(cls, group: str | None, info: ValidationInfo) -> str | None:
        if group == "cut" and info.data.get("cut", ()) is None:
            raise ValueError("the letters cut out can only be the group where data.cut says which they are")
        return group

    @field_validator("fractions")
    @classmethod
    def _shares(cls, fractions: tuple[float, float, float]) -> tuple[float, float, float]:
        if not abs(sum(fractions) - 1) <= 1e-6 or min(fractions) < 0 or fractions[0] == 0:
            raise ValueError("data.fractions must add up to 1, with some training records")
        return fractions

    @field_validator("sizes")
    @classmethod
    def _counts(cls, sizes: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if sizes is not None and sizes[0] == 0:
            raise ValueError("data.sizes must leave some training records")
        return sizes

    @field_validator("test_chromosomes")
    @classmethod
    def _each_once(cls, chromosomes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        both = set(chromosomes) & set(info.data.get("validation_chromosomes", ()))
        if both:
            raise ValueError(f"{min(both)} is named for validation and for the test")
        return chromosomes

    @field_validator("fold")
    @classmethod
    def _one_of_the_folds(cls, fold: int, info: ValidationInfo) -> int:
        folds = info.data.get("folds", fold + 1)
        if fold and folds is None:
            raise ValueError("data.fold needs data.folds, the number of folds")
        if folds is not None and fold >= folds:
            raise ValueError(f"data.fold counts from 0, so the last of {folds} folds is {folds - 1}")
        return fold

    @field_validator("split")
    @classmethod
    def _can_be_divided(cls, split: Split | None, info: ValidationInfo) -> Split:
        data = info.data
        says_parts = any(data.get(name) is not None for name in ("train", "folder", "split_column"))
        by_chromosome = bool(data.get("validation_chromosomes") or data.get("test_chromosomes"))
        people = data.get("haplotypes") is not None
        chosen: Split = split or (
            "given" if says_parts else "chromosome" if by_chromosome else "group" if people else "random"
        )
        if people and chosen != "group":
            raise ValueError("haplotypes are divided by person (with relatives): leave data.split out")
        if chosen == "given" and not says_parts:
            raise ValueError("nothing says the parts: give data.split_column, data.folder or a file a part")
        if chosen == "chromosome" and not by_chromosome:
            raise ValueError("name data.test_chromosomes, and data.validation_chromosomes if there are to be some")
        if chosen != "chromosome" and by_chromosome:
            raise ValueError(f"chromosomes are named for parts, which data.split = {chosen!r} does not look at")
        if chosen == "group" and data.get("group", "") is None and not people:
            raise ValueError("data.group must name the column of the groups")
        if chosen in ("given", "chromosome") and (data.get("folds") or data.get("sizes")):
            name = "data.folds" if data.get("folds") else "data.sizes"
            raise ValueError(f"{name} needs data.split = 'random', 'group' or 'clusters'")
        if data.get("folds") and data.get("sizes"):
            raise ValueError("data.folds and data.sizes both say how large the parts are: give one of them")
        return chosen
