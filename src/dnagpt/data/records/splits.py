"""Records divided into training, validation and test: by what the source says, or at random with labels alike."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dnagpt.data.records.settings import PARTS, DataConfig, Part, part_named
from dnagpt.data.streams import counter_generator
from dnagpt.errors import InputError
from dnagpt.files.suggestions import did_you_mean

Places = npt.NDArray[np.int64]
Parts = dict[Part, tuple[int, ...]]

_STREAM = 3


def given_parts(config: DataConfig, words: Sequence[str], kept: Places, strata: Places, names: Sequence[str]) -> Parts:
    """Take the parts that the source names; validation records are taken from training where it names none."""
    named = {word: part_named(word) for word in set(words)}
    for place in kept.tolist():
        if named[words[place]] is None:
            raise InputError(
                f"{names[place]}: {words[place]!r} in {config.split_column!r} is no part. "
                "Write train, validation or test."
            )
    numbers = np.array([PARTS.index(named[word] or "train") for word in words], dtype=np.int64)
    return with_validation(config, [kept[numbers[kept] == number] for number in range(len(PARTS))], strata)


def chromosome_parts(
    config: DataConfig, chromosomes: Sequence[str], kept: Places, strata: Places, names: Sequence[str]
) -> Parts:
    """Divide by the chromosomes that the settings name; all others are for training."""
    known = Counter(chromosomes)
    for setting in ("validation_chromosomes", "test_chromosomes"):
        for name in getattr(config, setting):
            if name not in known:
                told = ", ".join(sorted(filter(None, known))[:30]) or "none"
                raise InputError(
                    f"data.{setting} names {name!r}, which no record has; the chromosomes are {told}."
                    f"{did_you_mean(name, known)}"
                )
    _require_values(chromosomes, names, "chromosome", config.chromosome)
    held_out = dict.fromkeys(config.validation_chromosomes, 1) | dict.fromkeys(config.test_chromosomes, 2)
    numbers = np.array([held_out.get(name, 0) for name in chromosomes], dtype=np.int64)
    return with_validation(config, [kept[numbers[kept] == number] for number in range(len(PARTS))], strata)


def random_parts(config: DataConfig, kept: Places, strata: Places) -> Parts:
    """Divide at random, each stratum in the same shares; with folds, one of them is the test part."""
    if config.folds is not None:
        _require_a_block_each(len(kept), config.folds, "records", "folds")
        rank = _stratified_rank(kept, strata, config.seed)
        in_fold = rank % config.folds == config.fold
        return _validation_from(config, kept[~in_fold], kept[in_fold], strata)
    return _as_parts(_cut(_stratified_order(kept, strata, config.seed), _sizes(config, len(kept))))


def block_parts(
    config: DataConfig, blocks: Sequence[object], kept: Places, strata: Places, what: str = "groups"
) -> Parts:
    """Divide so that records of one block (a group, a cluster) stay on one side, the larger blocks first.

    Every part that is asked for gets a block at least; InputError says where there are too few of them (of `what`).
    """
    members = _members(blocks, kept, config.seed)
    if config.folds is not None:
        _require_a_block_each(len(members), config.folds, what, "folds")
        sizes = [len(kept) // config.folds + (number < len(kept) % config.folds) for number in range(config.folds)]
        folds = _fill(members, sizes, [True] * config.folds, strata)
        rest = np.sort(np.concatenate([part for number, part in enumerate(folds) if number != config.fold]))
        share = config.fractions[1] / (config.fractions[0] + config.fractions[1])
        validation = round(share * len(rest))
        left = _members(blocks, rest, config.seed)
        asked = [True, share > 0]
        _require_a_block_each(len(left), sum(asked), f"{what} outside the test fold", "parts (training, validation)")
        train, chosen = _fill(left, [len(rest) - validation, validation], asked, strata)
        return _as_parts([train, chosen, folds[config.fold]])
    asked = [share > 0 for share in config.sizes or config.fractions]
    named = ", ".join(name for name, wanted in zip(("training", "validation", "test"), asked, strict=True) if wanted)
    _require_a_block_each(len(members), sum(asked), what, f"parts ({named})")
    return _as_parts(_fill(members, _sizes(config, len(kept)), asked, strata))


def group_parts(config: DataConfig, groups: Sequence[str], kept: Places, strata: Places, names: Sequence[str]) -> Parts:
    """Divide so that records of one group stay on one side."""
    _require_values(groups, names, "group", config.group)
    if len(set(groups)) < 2:
        raise InputError(f"All records are of the one group {groups[0]!r}, which cannot be divided. Choose data.group.")
    return block_parts(config, groups, kept, strata)


def with_validation(config: DataConfig, places: Sequence[Places], strata: Places) -> Parts:
    """Take validation records from those of training where there are none; all three where there is training alone."""
    train, validation, test = places
    if len(validation):
        return _as_parts(places)
    if not len(test):
        return _as_parts(_cut(_stratified_order(train, strata, config.seed), _sizes(config, len(train))))
    return _validation_from(config, train, test, strata, whole=True)


def strata_of(labels: Sequence[str] | npt.NDArray[np.float64]) -> Places:
    """Number the records' labels, or the tenths (deciles) of their numbers, in which a random division is to be alike.

    >>> strata_of(["yes", "no", "yes"]).tolist(), strata_of(np.array([0.1, 5.0])).tolist()
    ([1, 0, 1], [0, 9])
    """
    if isinstance(labels, np.ndarray):
        bins: Places = np.searchsorted(np.quantile(labels, np.arange(1, 10) / 10), labels, side="left").astype(np.int64)
        return bins
    return np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)


def _validation_from(config: DataConfig, train: Places, test: Places, strata: Places, *, whole: bool = False) -> Parts:
    """Take a share of the training records for validation: of those left by a fold, or of all that are given."""
    share = config.fractions[1] / (1.0 if whole else config.fractions[0] + config.fractions[1])
    count = round(len(train) * (1 - share))
    order = _stratified_order(train, strata, config.seed)
    return _as_parts([order[:count], order[count:], test])


def _sizes(config: DataConfig, count: int) -> list[int]:
    if config.sizes is not None:
        if sum(config.sizes) != count:
            raise InputError(
                f"data.sizes asks for {' + '.join(f'{size:,}' for size in config.sizes)} = {sum(config.sizes):,} "
                f"records, but there are {count:,}. Correct the numbers, or give data.fractions."
            )
        return list(config.sizes)
    first, second = round(count * config.fractions[0]), round(count * (config.fractions[0] + config.fractions[1]))
    return [first, second - first, count - second]


def _stratified_rank(places: Places, strata: Places, seed: int) -> Places:
    """Number the records of each stratum in random order, one stratum going on where the last one ended."""
    rank = np.empty(len(places), dtype=np.int64)
    begun = 0
    for number, stratum in enumerate(np.unique(strata[places])):
        members = np.flatnonzero(strata[places] == stratum)
        rank[members[counter_generator(seed, _STREAM, number).permutation(len(members))]] = begun + np.arange(
            len(members)
        )
        begun += len(members)
    return rank


def _stratified_order(places: Places, strata: Places, seed: int) -> Places:
    """Order records at random so that any first part of them has the strata in equal shares."""
    own = strata[places]
    rank = _stratified_rank(places, strata, seed)
    _, stratum, sizes = np.unique(own, return_inverse=True, return_counts=True)
    begun = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    position = (rank - begun[stratum] + 0.5) / sizes[stratum] if len(places) else rank
    return places[np.lexsort((stratum, position))]


def _cut(order: Places, sizes: Sequence[int]) -> list[Places]:
    return np.split(order, np.cumsum(sizes)[:-1])


def _members(blocks: Sequence[object], places: Places, seed: int) -> list[Places]:
    """The records of each block, the largest block first, blocks of a size in random order."""
    _, numbers = np.unique(np.array([str(blocks[place]) for place in places], dtype=object), return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    members = np.split(places[order], np.flatnonzero(np.diff(numbers[order])) + 1)
    shuffled = counter_generator(seed, _STREAM, len(members)).permutation(len(members))
    return [members[number] for number in sorted(shuffled.tolist(), key=lambda number: -len(members[number]))]


def _fill(blocks: Sequence[Places], sizes: Sequence[int], asked: Sequence[bool], strata: Places) -> list[Places]:
    """Give each block to the part that still lacks the largest share of its labels and can hold it.

    The last blocks go to the parts that are asked for and have none yet; there are blocks enough for all of these.
    """
    everything = np.concatenate(blocks)
    kinds = int(strata[everything].max()) + 1
    wanted = np.outer(sizes, np.bincount(strata[everything], minlength=kinds) / len(everything))
    lacking, room = wanted.copy(), np.array(sizes, dtype=np.float64)
    chosen: list[list[Places]] = [[] for _ in sizes]
    for number, block in enumerate(blocks):
        waiting = np.array([wants and not given for wants, given in zip(asked, chosen, strict=True)])
        open_to = waiting if waiting.sum() >= len(blocks) - number else np.array(asked)
        counts = np.bincount(strata[block], minlength=kinds)
        need = (lacking / np.maximum(wanted, 1e-9)) @ counts
        fits = open_to & (room >= len(block))
        part = int(np.argmax(np.where(fits, need, -np.inf) if fits.any() else np.where(open_to, room, -np.inf)))
        lacking[part] -= counts
        room[part] -= len(block)
        chosen[part].append(block)
    return [np.sort(np.concatenate(part)) if part else np.empty(0, dtype=np.int64) for part in chosen]


def _require_a_block_each(blocks: int, asked: int, what: str, parts: str) -> None:
    if blocks < asked:
        raise InputError(
            f"There are {blocks:,} {what}, none of which is divided: too few for {asked} {parts}. Ask for fewer "
            "(data.fractions, such as [0.8, 0.0, 0.2], or data.folds), or divide in another way (data.split)."
        )


def _require_values(values: Sequence[str], names: Sequence[str], what: str, column: str | None) -> None:
    empty = next((place for place, value in enumerate(values) if not value.strip()), None)
    if empty is not None:
        named = what if column is None else f"{what} (column {column!r})"
        raise InputError(f"{names[empty]}: the {named} is empty, and records are divided by it. Fill it in.")


def _as_parts(places: Sequence[Places]) -> Parts:
    return {part: tuple(sorted(chosen.tolist())) for part, chosen in zip(PARTS, places, strict=True)}
