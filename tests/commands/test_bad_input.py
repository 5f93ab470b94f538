"""Genomes and tables that cannot be used: a sentence with file, place and way out, exit code 2, nothing left behind."""

import gzip
from collections.abc import Callable

import pytest
from tests.commands.calls import Case, settings, small
from tests.commands.examples import GC_TEMPLATE, fasta_text, gc_rows, random_bases, table_text

GENOME = fasta_text({"chr1": random_bases(6_000, seed=3)})
PRETRAIN = ["pretrain", "-o", "run", *small(training__steps=2)]
EVALUATE_GENOME = ["evaluate", "@pretrained", "@genome", "-o", "report"]

# name -> (name of the file, content, parts of the message)
GENOME_FILES: dict[str, tuple[str, str | bytes, tuple[str, ...]]] = {
    "empty": ("a.fa", "", ("a.fa is empty", "downloaded completely")),
    "no_header": ("a.fa", "ACGTACGT\nACGT\n", ("a.fa, line 1: 'ACGTACGT'", "before any header", ">chr1")),
    "protein": (
        "a.fa",
        ">p1 insulin\nMALWMRLLPLLALLALWGPDPAAA\n",
        ("a.fa, record 'p1', position 3: 'L'", "looks like protein", "DNA or RNA"),
    ),
    "truncated_gzip": ("a.fa.gz", gzip.compress(GENOME.encode())[:900], ("a.fa.gz is cut short", "Fetch the file")),
    "contig_shorter_than_the_window": (
        "a.fa",
        fasta_text({"c": random_bases(100, seed=1)}),
        ("longest training stretch has 90 bases", "window of", "shorter context"),
    ),
    "held_out_shorter_than_the_window": (
        "a.fa",
        fasta_text({"c": random_bases(400, seed=1)}),
        ("held-out stretch of a holds", "larger held_out_fraction"),
    ),
    "all_unknown": ("a.fa", ">c\n" + "N" * 1000, ("a.fa: all 1,000 bases are N", "Check the file")),
    "held_out_unknown": (
        "a.fa",
        ">c\n" + random_bases(9000, seed=1) + "N" * 1000 + "\n",
        ("held-out stretch of a", "few enough N", "larger held_out_fraction"),
    ),
    "another_name": ("genome.fa", GENOME, ("a.fa does not exist", "Check the path")),
    "almost_the_name": ("aa.fa", GENOME, ("a.fa does not exist", "'aa.fa'?")),
    "folder": ("a.fa/genome.fa", GENOME, ("a.fa is a folder", "the file inside")),
}


@pytest.mark.parametrize("name", GENOME_FILES)
def test_genome_file_that_cannot_be_trained_on(name: str, complaint: Callable[[Case], None]) -> None:
    file, content, parts = GENOME_FILES[name]
    asked = file if file.endswith(".gz") else "a.fa"
    complaint(Case([*PRETRAIN, "--fasta", f"K={asked}"], parts, {file: content}))


INTERVALS = '[[corpus.species]]\nletter = "K"\npath = "a.fa"\nheld_out = "h.bed"\n'
GENOMES: dict[str, Case] = {
    "none_given": Case(PRETRAIN, ("no genome", "--fasta LETTER=PATH", "settings file")),
    "species": Case([*PRETRAIN, "--fasta", "J=@genome"], ("genome.fa, species 'J'", "It has", "<R>")),
    "species_before_the_file": Case([*PRETRAIN, "--fasta", "J=nowhere.fa"], ("nowhere.fa, species 'J'",)),
    "species_in_evaluation": Case([*EVALUATE_GENOME, "--species", "J"], ("genome.fa, species 'J'", "It has")),
    "given_twice": Case(
        ["pretrain", "run.toml", *PRETRAIN[1:], "--fasta", "O=b.fa"],
        ("run.toml names its genomes", "--fasta names others"),
        {"run.toml": INTERVALS, "a.fa": GENOME},
    ),
    "held_out_intervals_of_another_genome": Case(
        ["pretrain", "run.toml", *PRETRAIN[1:]],
        ("chr9",),
        {"run.toml": INTERVALS, "a.fa": GENOME, "h.bed": "chr9\t0\t100\n"},
    ),
    "held_out_intervals_without_a_line": Case(
        ["pretrain", "run.toml", *PRETRAIN[1:]],
        ("h.bed holds no interval",),
        {"run.toml": INTERVALS, "a.fa": GENOME, "h.bed": ""},
    ),
    "with_a_table": Case(
        [*EVALUATE_GENOME, "sites.csv"],
        ("cannot be evaluated together", "once for each"),
        {"sites.csv": table_text(gc_rows(20))},
    ),
    "too_little_held_out": Case([*EVALUATE_GENOME, "--held-out", "0.0001"], ("No held-out stretch", "--held-out")),
    "demo": Case(["demo", "-o", "demo", "--fasta", "K=nowhere.fa"], ("nowhere.fa does not exist",)),
}
for _fraction in ("0", "1", "2", "-0.5", "nan"):
    GENOMES[f"held_out_{_fraction}"] = Case(
        [*EVALUATE_GENOME, "--held-out", _fraction], (f"--held-out {_fraction}", "between 0 and 1")
    )


@pytest.mark.parametrize("name", GENOMES)
def test_genome_that_cannot_be_used(name: str, complaint: Callable[[Case], None]) -> None:
    complaint(GENOMES[name])


def changed(row: int, column: str, value: str, separator: str = ",") -> str:
    """A table of twenty rows, one cell of which is another; row 0 holds the names of the columns."""
    rows = gc_rows(20)
    if row:
        rows[row - 1][column] = value
    text = table_text(rows, separator)
    return text if row else text.replace(column, value, 1)


def same(column: str, value: str, separator: str = ",") -> str:
    return table_text([{**row, column: value} for row in gc_rows(20)], separator)


GOOD = changed(1, "id", "x")
FINETUNE = ["finetune", "--model", "@pretrained", "-o", "run", *settings(training__steps=1)]
ON_TABLE = [*FINETUNE, "--template", GC_TEMPLATE, "--table", "sites.csv"]

# name -> (content of sites.csv, parts of the message)
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "empty": ("", ("sites.csv is empty", "a row of column names")),
    "no_rows": ("id,sequence,rich\n", ("sites.csv has column names", "no rows", "Add rows")),
    "no_such_column": (changed(0, "rich", "rihc"), ("no column 'rich'", "'id', 'sequence', 'rihc'", "'rihc'?")),
    "column_twice": (changed(0, "id", "rich"), ("sites.csv: 'rich' is the name of more", "must differ")),
    "another_separator": (changed(1, "id", "x", "\t"), ("sites.csv", "TSV", "Rename")),
    "short_row": (GOOD + "x,ACGT\n", ("sites.csv, line 22: 2 cells", "Complete the row")),
    "empty_sequence": (changed(3, "sequence", ""), ("sites.csv, row 3", "sequence is empty", "Fill it in")),
    "empty_label": (changed(3, "rich", ""), ("sites.csv, row 3", "rich is empty", "leave the record out")),
    "protein": (changed(3, "sequence", "MKLVW"), ("sites.csv, row 3, field sequence, position 3: 'L'", "replace")),
    "label_not_boolean": (changed(3, "rich", "maybe"), ("sites.csv, row 3, field rich: 'maybe'", "yes, no, 1, 0")),
    "one_class": (same("rich", "yes"), ("training records (16)", "'yes' as rich", "another class")),
    "longer_than_the_context": (changed(3, "sequence", "ACGT" * 60), ("row 3", "context of 64", "Shorten")),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_that_cannot_be_trained_on(name: str, complaint: Callable[[Case], None]) -> None:
    content, parts = TABLES[name]
    complaint(Case(ON_TABLE, parts, {"sites.csv": content}))


@pytest.mark.parametrize("row", range(1, 21))
def test_bad_label_is_found_before_training_in_whichever_part(row: int, complaint: Callable[[Case], None]) -> None:
    table = {"sites.csv": changed(row, "rich", "maybe")}
    complaint(Case(ON_TABLE, (f"sites.csv, row {row}, field rich: 'maybe'",), table))


CHOICES = [*FINETUNE, "--template", "<K>{sequence}<=><B>{rich?:choice(yes,no)}", "--table", "sites.csv"]
OTHER_TABLES: dict[str, Case] = {
    "none_given": Case(FINETUNE, ("no labelled records", "--table", "--template", "task file")),
    "missing": Case(ON_TABLE, ("sites.csv does not exist", "Check the path")),
    "unknown_ending": Case(
        [*ON_TABLE[:-1], "sites.xls"], ("sites.xls", ".csv, .tsv, .jsonl", ".parquet"), {"sites.xls": GOOD}
    ),
    "truncated_gzip": Case(
        [*ON_TABLE[:-1], "sites.csv.gz"],
        ("sites.csv.gz is cut short", "Fetch the file"),
        {"sites.csv.gz": gzip.compress(GOOD.encode())[:300]},
    ),
    "label_not_among_the_choices": Case(
        CHOICES, ("row 3, field rich: 'maybe'", "choices yes, no"), {"sites.csv": changed(3, "rich", "maybe")}
    ),
    "one_choice": Case(CHOICES, ("training records (16)", "'no' as rich"), {"sites.csv": same("rich", "no")}),
    "part_without_a_name": Case(
        [*ON_TABLE, *settings(data__split_column="rich")],
        ("sites.csv, row 1", "in 'rich'", "Write train, validation or test"),
        {"sites.csv": GOOD},
    ),
    "no_column_of_parts": Case(
        [*ON_TABLE, *settings(data__split_column="part")], ("no column 'part'",), {"sites.csv": GOOD}
    ),
    "no_training_records": Case(
        [*ON_TABLE, *settings(data__split_column="id")],
        ("no training records", "data.split_column"),
        {"sites.csv": same("id", "test")},
    ),
    "stretch_longer_than_a_sequence": Case(
        [*ON_TABLE, *settings(data__cut="[10,90]")], ("row 1", "10-90", "Correct data.cut"), {"sites.csv": GOOD}
    ),
}


@pytest.mark.parametrize("name", OTHER_TABLES)
def test_table_that_cannot_be_trained_on_this_way(name: str, complaint: Callable[[Case], None]) -> None:
    complaint(OTHER_TABLES[name])


NUMBERS = [*FINETUNE, "--template", "<K>{sequence}<=><M>{level?:number}", "--table", "sites.tsv"]
SCALED = [*NUMBERS, "--set", "transforms.level=log10(x+1), zscore"]


@pytest.mark.parametrize("arguments", [NUMBERS, SCALED], ids=["as_it_is", "scaled"])
@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "1e400", "high", "1_000", "True", "0x10", "1,5", ""])
def test_number_that_is_none(value: str, arguments: list[str], complaint: Callable[[Case], None]) -> None:
    rows = [{**row, "level": str(number)} for number, row in enumerate(gc_rows(20))]
    rows[3]["level"] = value
    complaint(Case(arguments, ("sites.tsv, row 4", value, "level"), {"sites.tsv": table_text(rows, "\t")}))


def test_number_that_is_the_same_everywhere(complaint: Callable[[Case], None]) -> None:
    parts = ("'level' is the same number", "Leave the column out")
    complaint(Case(SCALED, parts, {"sites.tsv": same("level", "3", "\t")}))


CLASSES = ["finetune", "task.toml", "--model", "@pretrained", "-o", "run"]


def classes(template: str, **files: str) -> str:
    lines = [f'{label} = ["{pattern}"]' for label, pattern in files.items()]
    return "\n".join([f'template = "{template}"', "[data.classes]", *lines, ""])


# name -> (task.toml, parts of the message)
CLASS_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no_file": (
        classes(GC_TEMPLATE, true="rich/*.fa", false="a.fa"),
        ("data.classes.true", "rich/*.fa", "Check the path"),
    ),
    "no_answer": (classes(GC_TEMPLATE, rich="a.fa", poor="a.fa"), ("data.classes: 'rich'", "true, false, yes, no")),
    "no_choice": (
        classes("<K>{sequence}<=>{gc?:choice(rich,even)}", rich="a.fa", poor="a.fa"),
        ("data.classes: 'poor'", "choices of gc, which are rich, even"),
    ),
    "protein": (
        classes(GC_TEMPLATE, true="a.fa", false="b.fa"),
        ("b.fa, record 2 ('b'), field sequence, position 3: 'L'",),
    ),
    "two_sequences": (
        classes("<K>{sequence}<=>{other:sequence}<=>{rich?:boolean}", true="a.fa", false="a.fa"),
        ("one sequence and one boolean or choice",),
    ),
    "table_too": (
        classes(GC_TEMPLATE, true="a.fa").replace("[data.classes]", '[data]\ntable = "a.csv"\n[data.classes]'),
        ("1 mistake in task.toml", "exactly one of data.table, data.train"),
    ),
}


@pytest.mark.parametrize("name", CLASS_FILES)
def test_files_of_classes_that_cannot_be_trained_on(name: str, complaint: Callable[[Case], None]) -> None:
    task, parts = CLASS_FILES[name]
    files = {"task.toml": task, "a.fa": ">a\nACGT\n>b\nACCT\n", "b.fa": ">a\nAAGT\n>b\nMKLVW\n"}
    complaint(Case(CLASSES, parts, files))


PREDICT = ["predict", "@finetuned", "sites.csv", "-o", "answers.csv"]
EVALUATE = ["evaluate", "@finetuned", "sites.csv", "-o", "report"]
ASKED: dict[str, tuple[list[str], str, tuple[str, ...]]] = {
    "no_column": (PREDICT, changed(0, "sequence", "sequnce"), ("no column 'sequence'", "'sequnce'?")),
    "empty_sequence": (PREDICT, changed(3, "sequence", ""), ("sites.csv, row 3", "sequence is empty")),
    "protein": (PREDICT, changed(3, "sequence", "MKLVW"), ("sites.csv, row 3", "position 3: 'L'")),
    "longer_than_the_context": (PREDICT, changed(3, "sequence", "ACGT" * 60), ("sites.csv, row 3", "context of 64")),
    "answer_is_there": (PREDICT, changed(0, "id", "predicted_rich"), ("column 'predicted_rich'", "Rename it")),
    "probability_is_there": (PREDICT, changed(0, "id", "probability_true"), ("'probability_true'", "Rename it")),
    "pretrained_model": (
        ["predict", "@pretrained", *PREDICT[2:]],
        GOOD,
        ("'pretraining' answers with a sequence", "fine-tuned model", "dnagpt generate"),
    ),
    "another_task": ([*PREDICT, "--task", "splice"], GOOD, ("no task 'splice'", "pretraining, task", "Name one")),
    "unknown_ending": ([*PREDICT[:-1], "answers.xls"], GOOD, ("answers.xls", ".csv, .tsv, .jsonl")),
    "evaluate_label_not_boolean": (EVALUATE, changed(3, "rich", "maybe"), ("sites.csv, row 3, field rich: 'maybe'",)),
    "evaluate_without_labels": (EVALUATE, changed(0, "rich", "class"), ("sites.csv has no column 'rich'",)),
    "evaluate_two_tables": ([*EVALUATE, "sites.csv"], GOOD, ("one file of labelled records, or genomes",)),
    "evaluate_with_a_pretrained_model": (
        ["evaluate", "@pretrained", *EVALUATE[2:]],
        GOOD,
        ("'pretraining' answers with a sequence",),
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_table_that_cannot_be_answered(name: str, complaint: Callable[[Case], None]) -> None:
    arguments, content, parts = ASKED[name]
    complaint(Case(arguments, parts, {"sites.csv": content}))


def test_fasta_that_cannot_be_answered(complaint: Callable[[Case], None]) -> None:
    arguments = ["predict", "@finetuned", "a.fa", "-o", "answers.csv"]
    parts = ("a.fa, record 2 ('b'), field sequence, position 3: 'L'",)
    complaint(Case(arguments, parts, {"a.fa": ">a\nACGT\n>b\nMKLVW\n"}))


def test_baselines_need_two_classes(complaint: Callable[[Case], None]) -> None:
    parts = ("records of train.csv (20)", "'yes' as rich", "another class")
    complaint(Case([*EVALUATE, "--train", "train.csv"], parts, {"sites.csv": GOOD, "train.csv": same("rich", "yes")}))
