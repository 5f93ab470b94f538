"""Repeats of a sequence: the same letters, the other strand, and a share of the same 16-mers, beside a plain count."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.records.test_splits import TASK, random_sequences, write

from dnagpt.data.records.duplicates import repeat_classes, reverse_complement_text
from dnagpt.data.records.labelled import Labelled, read_labelled
from dnagpt.data.records.near_duplicates import near_duplicate_clusters
from dnagpt.data.records.settings import DataConfig
from dnagpt.data.records.split_report import split_report
from dnagpt.evaluation.report.scores import split_section
from dnagpt.language.template import Template
from dnagpt.tasks import Task


def kmers(sequence: str) -> set[str]:
    found = [sequence[start : start + 16] for start in range(len(sequence) - 15)]
    return {min(kmer, reverse_complement_text(kmer)) for kmer in found if set(kmer) <= set("ACGT")}


def clusters_by_all_pairs(sequences: list[str], threshold: float) -> list[int]:
    """Single linkage over every pair, the slow way."""
    cluster, sets = list(range(len(sequences))), [kmers(sequence) for sequence in sequences]
    for one, other in combinations(range(len(sequences)), 2):
        smaller = min(len(sets[one]), len(sets[other]))
        if smaller and len(sets[one] & sets[other]) / smaller >= threshold:
            old, new = sorted((cluster[one], cluster[other]), reverse=True)
            cluster = [new if number == old else number for number in cluster]
    return cluster


@st.composite
def related_sequences(draw: st.DrawFn) -> list[str]:
    originals = random_sequences(4, 60, seed=draw(st.integers(0, 1000)))
    result = list(originals)
    for _ in range(draw(st.integers(1, 8))):
        source, start = draw(st.sampled_from(result)), draw(st.integers(0, 40))
        piece = source[start:] + draw(st.sampled_from(originals))[:start]
        result.append(draw(st.sampled_from([piece, reverse_complement_text(piece), piece[:30] + "N" + piece[31:]])))
    return result


@given(related_sequences(), st.sampled_from([0.3, 0.5, 0.9]))
def test_clusters_are_those_of_all_pairs_compared(sequences: list[str], threshold: float) -> None:
    expected = clusters_by_all_pairs(sequences, threshold)
    assert near_duplicate_clusters(sequences, threshold).cluster.tolist() == expected


def test_many_copies_of_one_sequence_are_one_cluster() -> None:
    generator = np.random.default_rng(3)
    copies = []
    for _ in range(90):
        letters = list(random_sequences(1, 300)[0])
        for place in generator.integers(0, 300, 3):
            letters[place] = "A"
        copies.append("".join(letters))
    found = near_duplicate_clusters(random_sequences(100, 300, seed=5) + copies, 0.5).cluster
    assert found.tolist() == [*range(100), *[100] * 90]


def test_what_all_sequences_share_says_nothing() -> None:
    adapter = random_sequences(1, 60, seed=9)[0]
    built = [adapter + sequence for sequence in random_sequences(150, 40)]
    found = near_duplicate_clusters(built, 0.5)
    assert found.ignored == 45
    assert found.cluster.tolist() == list(range(150))


def test_sequences_too_short_for_a_kmer_stand_alone() -> None:
    assert near_duplicate_clusters(["ACGT", "ACGT", "", "N" * 40, "N" * 40], 0.5).cluster.tolist() == [0, 1, 2, 3, 4]
    assert near_duplicate_clusters([], 0.5).cluster.tolist() == []


def test_levels_include_one_another() -> None:
    first, second = random_sequences(2, 60)
    keys = [first, second, first, reverse_complement_text(second), "GG" + first[:-2]]
    assert repeat_classes(keys, "exact").tolist() == [0, 1, 0, 3, 4]
    assert repeat_classes(keys, "reverse-complement").tolist() == [0, 1, 0, 1, 4]
    assert repeat_classes(keys, "near").tolist() == [0, 1, 0, 1, 0]
    pairs = [f"{first}/{second}", f"{reverse_complement_text(first)}/{reverse_complement_text(second)}"]
    assert repeat_classes(pairs, "reverse-complement").tolist() == [0, 0]


@pytest.mark.parametrize(("level", "left"), [("exact", 4), ("reverse-complement", 3), ("near", 2)])
def test_repeats_are_dropped_at_the_level_asked_for(tmp_path: Path, level: str, left: int) -> None:
    first, second = random_sequences(2, 60)
    column = [first, second, first, reverse_complement_text(second), "GG" + first[:-2]]
    path = write(tmp_path / "all.csv", sequence=column, label=list("10101"))
    config = DataConfig.model_validate(
        {"table": path, "duplicates": "drop", "duplicate_level": level, "fractions": (1, 0, 0)}
    )
    labelled = read_labelled(config, TASK)
    assert len(labelled.parts["train"]) == left
    assert list(labelled.dropped.values()) == [5 - left]


def test_contradictory_labels_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", sequence=["ACG", "acg", "GGG", "GGG", "TTT"], label=["1", "0", "yes", "1", "0"])
    labelled = read_labelled(DataConfig(table=path, fractions=(1, 0, 0)), TASK)
    told = "2 records have the sequence of another and a different label; 2 of them are kept."
    assert told in labelled.notes
    assert split_report(labelled, TASK).contradictory == 2


LEVEL = Task("level", Template.parse("<R>{sequence}<=><M>{level?:number}"))


def test_contradictory_numbers_are_counted(tmp_path: Path) -> None:
    level = ["1", "2", "3", "3.0", "5"]
    path = write(tmp_path / "all.csv", sequence=["ACG", "acg", "GGG", "GGG", "TTT"], level=level)
    labelled = read_labelled(DataConfig(table=path, fractions=(1, 0, 0)), LEVEL)
    assert "2 records have the sequence of another and a different answer; 2 of them are kept." in labelled.notes
    report = split_report(labelled, LEVEL)
    assert report.contradictory == 2
    told = split_section(report, LEVEL).text
    assert told.startswith("2 records have the same sequence as another record but a different answer. Near-duplicates")


def test_records_that_differ_in_what_else_is_given_do_not_contradict_each_other(tmp_path: Path) -> None:
    task = Task("level", Template.parse("<{species}>{sequence}<+><M>{age:number}<=><M>{level?:number}"))
    columns = {"species": list("RRMR"), "age": ["1", "2", "1", "1.0"], "level": ["1", "2", "3", "1"]}
    path = write(tmp_path / "all.csv", sequence=["ACG"] * 4, **columns)
    labelled = read_labelled(DataConfig(table=path, fractions=(1, 0, 0)), task)
    assert split_report(labelled, task).contradictory == 0
    assert split_section(split_report(labelled, task), task).text.startswith(
        "No sequence occurs with two different answers."
    )


def test_what_cannot_contradict_is_not_spoken_of(tmp_path: Path) -> None:
    task = Task("language", Template.parse("<R>{sequence?:sequence}"))
    path = write(tmp_path / "all.csv", sequence=["ACG", "ACG", "GGG"])
    report = split_report(read_labelled(DataConfig(table=path, fractions=(1, 0, 0)), task), task)
    assert report.contradictory is None
    assert split_section(report, task).text.startswith("Near-duplicates")


def test_the_report_counts_what_a_person_would_count() -> None:
    first, second = random_sequences(2, 60)
    rows = [(first, "1"), (first, "0"), (second, "0"), (reverse_complement_text(second), "1"), ("GG" + first[:-2], "1")]
    records = [{"sequence": sequence, "label": label} for sequence, label in rows]
    parts = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
    report = split_report(Labelled(records, [""] * 5, parts, dropped={"repeats": 2}), TASK)  # type: ignore[arg-type]
    assert report.parts["train"].labels == {"false": 2, "true": 1}
    assert report.parts["train"].lengths["median"] == 60
    assert report.parts["validation"].gc["true"] == sum(letter in "GC" for letter in second) / 60
    assert report.repeats["exact"].within == {"train": 1, "validation": 0, "test": 0}
    assert report.repeats["reverse-complement"].across["validation in train"] == 1
    assert [report.repeats[level].across["test in train"] for level in ("exact", "near")] == [0, 1]
    assert report.as_dict()["dropped"] == {"repeats": 2}


def test_the_report_gives_quantiles_of_numbers() -> None:
    task = Task("level", Template.parse("<R>{sequence}<=><M>{level?:number*2}"))
    records = [{"sequence": "ACGT", "level_1": str(number), "level_2": number / 2} for number in range(5)]
    labelled = Labelled(records, [""] * 5, {"train": (0, 1, 2, 3, 4), "validation": (), "test": ()})
    report = split_report(labelled, task).parts["train"]
    assert report.numbers["level_1"]["upper quarter"] == 3.0
    assert report.numbers["level_2"]["maximum"] == 2.0
    assert report.gc == {"all": 0.5}


def test_published_signals_repeat_as_counted_before(data_dir: Path) -> None:
    folder = data_dir / "signals" / "pas" / "human"
    classes = {"true": (f"{folder}/hs_[ACGT]*_polyA.fa.gz",), "false": (f"{folder}/hs_neg*_polyA.fa.gz",)}
    labelled = read_labelled(DataConfig(classes=classes, duplicates="drop"), TASK)
    kept = [labelled.records[place]["label"] for part in labelled.parts.values() for place in part]
    assert kept.count("true") == 6914
