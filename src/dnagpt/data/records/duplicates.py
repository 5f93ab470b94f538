"""Which records have the same sequence, as a model reads it: letter by letter, on the other strand, or nearly."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from dnagpt.data.records.near_duplicates import near_duplicate_clusters
from dnagpt.data.records.settings import Level, Part
from dnagpt.language.kmers import letters_read
from dnagpt.language.vocabulary import Vocabulary

Classes = npt.NDArray[np.int64]

_COMPLEMENT = str.maketrans("ACGTURYKMBVDH", "TGCAAYRMKVBHD")
_SEPARATOR = "/"


def sequence_keys(frame: pd.DataFrame, columns: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """Write the sequences of each record as one text of the letters that a model reads, those of a pair parted by `/`.

    >>> frame = pd.DataFrame({"sequence": ["acgt", "ACGU", "ACRY"]})
    >>> sequence_keys(frame, ["sequence"], Vocabulary.preset("dna-4mers"))
    ['ACGT', 'ACGT', 'ACNN']

    RNA is written with T, so that it can be compared with the other strand.
    """
    if not columns:
        return []
    read_as = letters_read(vocabulary)
    if "T" not in vocabulary.alphabet:
        read_as = {letter: "T" if target == "U" else target for letter, target in read_as.items()}
    changed = str.maketrans({letter: target for letter, target in read_as.items() if letter != target})
    texts = [[str(cell).upper().translate(changed) for cell in frame[column]] for column in columns]
    return texts[0] if len(texts) == 1 else [_SEPARATOR.join(row) for row in zip(*texts, strict=True)]


def reverse_complement_text(key: str) -> str:
    """Read the other strand of a sequence, or of each one of a pair.

    >>> reverse_complement_text("AACG"), reverse_complement_text("AAC/GG")
    ('CGTT', 'GTT/CC')
    """
    return _SEPARATOR.join(part.translate(_COMPLEMENT)[::-1] for part in key.split(_SEPARATOR))


def repeat_classes(keys: Sequence[str], level: Level, threshold: float = 0.5) -> Classes:
    """Number records so that those that repeat each other have the same number: the place of the first one.

    >>> keys = ["AACG", "AACG", "CGTT", "GGGG"]
    >>> repeat_classes(keys, "exact").tolist(), repeat_classes(keys, "reverse-complement").tolist()
    ([0, 0, 2, 3], [0, 0, 0, 3])

    The level `near` joins what shares `threshold` of the smaller one's 16-mers (see `near_duplicate_clusters`), besides
    exact repeats and reverse complements.
    """
    exact = _first_places(keys)
    if level == "exact":
        return exact
    firsts = np.flatnonzero(exact == np.arange(len(keys)))
    distinct = [keys[place] for place in firsts.tolist()]
    joined = _first_places([min(key, reverse_complement_text(key)) for key in distinct])
    if level == "near":
        singles = np.flatnonzero(joined == np.arange(len(distinct)))
        clusters = near_duplicate_clusters([distinct[place] for place in singles.tolist()], threshold).cluster
        joined = singles[clusters][np.searchsorted(singles, joined)]
    result: Classes = firsts[joined][np.searchsorted(firsts, exact)]
    return result


def contradictory(classes: Classes, labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Say which records have the sequence of another and a different label.

    >>> contradictory(np.array([0, 0, 2, 2]), ["yes", "no", "yes", "yes"]).tolist()
    [True, True, False, False]
    """
    codes = pd.factorize(pd.Series(labels, dtype=object))[0]
    table = pd.DataFrame({"class": classes, "label": codes})
    different: npt.NDArray[np.bool_] = (table.groupby("class")["label"].transform("nunique") > 1).to_numpy()
    return different


def standing_in(classes: Classes, places: Sequence[int], others: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Say which records of one part have a repeat in another.

    >>> standing_in(np.array([0, 0, 2]), places=[1, 2], others=[0]).tolist()
    [True, False]
    """
    return np.isin(classes[np.asarray(places, dtype=np.int64)], classes[np.asarray(others, dtype=np.int64)])


def repeating(
    keys: Sequence[str], others: Sequence[str], level: Level, threshold: float = 0.5
) -> npt.NDArray[np.bool_]:
    """Say which sequences of other data repeat one of the training part.

    >>> repeating(["AACG", "CCCC"], ["CGTT", "GTTT"], "reverse-complement").tolist()
    [True, False]
    """
    classes = repeat_classes([*others, *keys], level, threshold)
    return standing_in(classes, range(len(others), len(others) + len(keys)), range(len(others)))


def in_training(classes: Classes, parts: Mapping[Part, Sequence[int]]) -> dict[Part, npt.NDArray[np.bool_]]:
    """Say for the validation and the test records which of them stand in training."""
    held_out: tuple[Part, ...] = ("validation", "test")
    return {part: standing_in(classes, parts[part], parts["train"]) for part in held_out}


def _first_places(keys: Sequence[str]) -> Classes:
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(key, place) for place, key in enumerate(keys)], dtype=np.int64)
