"""Every division uses each record once, keeps labels alike and holds together what belongs together."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dnagpt.data.records.labelled import Labelled, read_labelled
from dnagpt.data.records.settings import PARTS, DataConfig
from dnagpt.data.records.splits import block_parts, random_parts, strata_of
from dnagpt.errors import InputError
from dnagpt.language.template import Template
from dnagpt.tasks import Task

TASK = Task("signal", Template.parse("<R>{sequence}<=><B>{label?:boolean}"))
LEVEL = Task("level", Template.parse("<R>{sequence}<=><M>{level?:number}"))


def config(**settings: Any) -> DataConfig:
    return DataConfig(table=Path("all.csv"), **settings)


def random_sequences(count: int, length: int = 60, seed: int = 0) -> list[str]:
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)[np.random.default_rng(seed).integers(0, 4, (count, length))]
    return [row.tobytes().decode() for row in letters]


def write(path: Path, **columns: list[str]) -> Path:
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


def placed(labelled: Labelled) -> list[int]:
    return sorted(place for part in PARTS for place in labelled.parts[part])


@given(st.lists(st.integers(0, 3), min_size=5, max_size=80), st.integers(0, 5))
def test_random_parts_use_each_record_once_in_the_sizes_asked_for(strata: list[int], seed: int) -> None:
    kept, count = np.arange(len(strata)), len(strata)
    sizes = (count - 3, 1, 2)
    parts = random_parts(config(sizes=sizes, seed=seed), kept, np.array(strata))
    assert tuple(len(parts[part]) for part in PARTS) == sizes
    assert sorted(place for part in PARTS for place in parts[part]) == list(range(count))


@given(st.lists(st.integers(0, 2), min_size=8, max_size=60), st.integers(2, 5))
def test_folds_are_a_partition_with_labels_alike(strata: list[int], folds: int) -> None:
    kept, labels = np.arange(len(strata)), np.array(strata)
    tests = [random_parts(config(folds=folds, fold=fold), kept, labels)["test"] for fold in range(folds)]
    assert sorted(place for test in tests for place in test) == list(range(len(strata)))
    for label, total in Counter(strata).items():
        counts = [sum(strata[place] == label for place in test) for test in tests]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == total


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=12, max_size=80), st.booleans())
def test_blocks_are_never_divided(records: list[tuple[int, int]], with_folds: bool) -> None:
    blocks, labels = [str(block) for block, _ in records], np.array([label for _, label in records])
    settings = config(folds=3, fold=1) if with_folds else config(fractions=(0.6, 0.2, 0.2))
    assume(len(set(blocks)) >= (4 if with_folds else 3))
    parts = block_parts(settings, blocks, np.arange(len(records)), labels)
    homes = [{part for part in PARTS for place in parts[part] if blocks[place] == block} for block in set(blocks)]
    assert all(len(home) == 1 for home in homes)
    assert sum(len(parts[part]) for part in PARTS) == len(records)
    assert parts["validation"]
    assert parts["test"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((40, 30, 30), [40, 30, 30]), ((25,) * 4, [50, 25, 25]), ((20,) * 5, [60, 20, 20]),
        ((97, 1, 1, 1), [97, 1, 2]), ((1, 1, 1), [1, 1, 1]),
    ],
)  # fmt: skip
def test_few_groups_leave_no_part_without_records(sizes: tuple[int, ...], expected: list[int]) -> None:
    blocks = np.repeat(np.arange(len(sizes)), sizes).tolist()
    parts = block_parts(config(), blocks, np.arange(len(blocks)), np.zeros(len(blocks), dtype=np.int64))
    assert sorted(len(parts[part]) for part in PARTS) == sorted(expected)
    assert len(parts["train"]) == max(expected)


@pytest.mark.parametrize(("groups", "folds"), [(5, 5), (5, 3), (4, 2)])
def test_every_fold_of_groups_has_test_records(groups: int, folds: int) -> None:
    blocks = np.repeat(np.arange(groups), 20).tolist()
    kept, labels = np.arange(len(blocks)), np.zeros(len(blocks), dtype=np.int64)
    found = [block_parts(config(folds=folds, fold=fold), blocks, kept, labels) for fold in range(folds)]
    assert all(parts[part] for parts in found for part in PARTS)
    assert sorted(place for parts in found for place in parts["test"]) == kept.tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"2 groups, none of which is divided: too few for 3 parts \(training, validation, test\)"),
        ({"sizes": (60, 0, 40)}, None),
        ({"fractions": (0.8, 0.0, 0.2)}, None),
        ({"fractions": (1.0, 0.0, 0.0)}, None),
        ({"folds": 3}, r"2 groups, .* too few for 3 folds\. Ask for fewer \(data\.fractions"),
        ({"folds": 2}, r"1 groups outside the test fold, .* 2 parts \(training, validation\)"),
        ({"folds": 2, "fractions": (0.8, 0.0, 0.2)}, None),
    ],
)
def test_groups_too_few_for_the_parts_are_refused(settings: dict[str, Any], message: str | None) -> None:
    blocks = np.repeat(np.arange(2), 50).tolist()
    kept, labels = np.arange(100), np.zeros(100, dtype=np.int64)
    if message is None:
        parts = block_parts(config(**settings), blocks, kept, labels)
        assert bool(parts["test"]) is (settings.get("fractions") != (1.0, 0.0, 0.0))
        assert not parts["validation"]
    else:
        with pytest.raises(InputError, match=message):
            block_parts(config(**settings), blocks, kept, labels)


def test_records_fewer_than_the_folds_are_refused() -> None:
    with pytest.raises(InputError, match=r"3 records, .* too few for 4 folds"):
        random_parts(config(folds=4), np.arange(3), np.zeros(3, dtype=np.int64))


def test_blocks_come_close_to_the_shares_and_the_labels() -> None:
    generator = np.random.default_rng(1)
    blocks = generator.integers(0, 400, 2000).tolist()
    labels = generator.integers(0, 2, 2000)
    parts = block_parts(config(), blocks, np.arange(2000), labels)
    assert [len(parts[part]) for part in PARTS] == pytest.approx([1600, 200, 200], abs=10)
    for part in PARTS:
        assert labels[list(parts[part])].mean() == pytest.approx(labels.mean(), abs=0.04)


def test_numbers_are_divided_by_their_tenths(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", sequence=random_sequences(200), level=[str(number) for number in range(200)])
    labelled = read_labelled(DataConfig(table=path), LEVEL)
    tenths = strata_of(np.arange(200.0))
    assert set(Counter(tenths[list(labelled.parts["test"])]).values()) == {2}


def test_sizes_can_be_given_and_must_add_up(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", sequence=random_sequences(50), label=["1", "0"] * 25)
    labelled = read_labelled(DataConfig(table=path, sizes=(40, 4, 6)), TASK)
    assert [len(labelled.parts[part]) for part in PARTS] == [40, 4, 6]
    with pytest.raises(InputError, match=r"40 \+ 4 \+ 7 = 51 records, but there are 50"):
        read_labelled(DataConfig(table=path, sizes=(40, 4, 7)), TASK)


def test_chromosomes_are_held_out_by_name(tmp_path: Path) -> None:
    path = write(
        tmp_path / "all.csv",
        sequence=random_sequences(40),
        label=["1", "1", "0", "0"] * 10,
        chrom=["chr1", "chr2"] * 20,
    )
    labelled = read_labelled(DataConfig(table=path, chromosome="chrom", test_chromosomes=("chr2",)), TASK)
    assert labelled.parts["test"] == tuple(range(1, 40, 2))
    assert len(labelled.parts["validation"]) == 2
    assert labelled.groups == ["chr1", "chr2"] * 20
    with pytest.raises(InputError, match=r"data\.validation_chromosomes names '2', .* Did you mean 'chr2'"):
        read_labelled(DataConfig(table=path, chromosome="chrom", validation_chromosomes=("2",)), TASK)
    with pytest.raises(InputError, match="no column 'chromosome'"):
        read_labelled(DataConfig(table=path.rename(tmp_path / "b.csv"), chromosome="chromosome"), TASK)


def test_groups_stay_together_and_must_be_named(tmp_path: Path) -> None:
    genes = [f"gene{number // 4}" for number in range(80)]
    path = write(tmp_path / "all.csv", sequence=random_sequences(80), label=["1", "0"] * 40, gene=genes)
    labelled = read_labelled(DataConfig(table=path, group="gene", split="group"), TASK)
    assert placed(labelled) == list(range(80))
    found = [{genes[place] for place in labelled.parts[part]} for part in PARTS]
    assert all(found)
    assert sum(map(len, found)) == 20
    genes[7] = ""
    write(path, sequence=random_sequences(80), label=["1", "0"] * 40, gene=genes)
    with pytest.raises(InputError, match=r"all\.csv, row 8: the group \(column 'gene'\) is empty"):
        read_labelled(DataConfig(table=path, group="gene", split="group"), TASK)


def test_near_duplicates_stay_on_one_side(tmp_path: Path) -> None:
    originals = random_sequences(60)
    copies = [sequence[6:] + "ACGTAC" for sequence in originals]
    path = write(tmp_path / "all.csv", sequence=originals + copies, label=["1", "0"] * 60)
    divided = read_labelled(DataConfig(table=path, split="clusters", duplicate_level="near"), TASK)
    side = {place: part for part in PARTS for place in divided.parts[part]}
    assert all(side[place] == side[place + 60] for place in range(60))
    assert not divided.in_training["test"].any()
    at_random = read_labelled(DataConfig(table=path, duplicate_level="near"), TASK)
    assert at_random.in_training["test"].any()
    assert any("stands in training too, or nearly: scores are flattered" in note for note in at_random.notes)


def test_parts_that_are_given_can_be_divided_anew(tmp_path: Path) -> None:
    for part, start in (("train", 0), ("test", 40)):
        write(tmp_path / f"{part}.csv", sequence=random_sequences(80)[start : start + 40], label=["1", "0"] * 20)
    labelled = read_labelled(DataConfig(folder=tmp_path, split="random", fractions=(0.5, 0.25, 0.25)), TASK)
    assert [len(labelled.parts[part]) for part in PARTS] == [40, 20, 20]
