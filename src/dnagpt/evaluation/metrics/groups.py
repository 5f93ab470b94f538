"""Scores of one species, motif or chromosome at a time: an average can hide a part that fails."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError
from dnagpt.evaluation.metrics.classification import classification_metrics
from dnagpt.evaluation.metrics.metrics import as_dict
from dnagpt.evaluation.metrics.regression import regression_metrics

GroupScores = dict[str, dict[str, object]]
"""By group: `count`, the scores by name (None where undefined), and `notes` that say why."""


def scores_by_group(labels: ArrayLike, probabilities: ArrayLike, groups: Sequence[object]) -> GroupScores:
    """Score called classes within each group of examples, ready for a file.

    The scores are those of `classification_metrics`. In a group of one class MCC and AUROC are None, as there is
    nothing to tell apart; `notes` say so.

    Args:
        labels: True class of each example, (n,).
        probabilities: Probability of each class, (n, classes).
        groups: The group of each example, (n,); groups are listed in natural order (chr2 before chr10).

    Raises:
        InputError: The arrays do not fit each other, or an example has no group.

    >>> found = scores_by_group([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], ["chr2", "chr2", "chr10"])
    >>> found["chr2"]["auroc"], found["chr10"]["accuracy"], found["chr10"]["mcc"]
    (1.0, 1.0, None)
    """
    truth, spread = np.asarray(labels), np.asarray(probabilities)
    classification_metrics(truth, spread)  # what does not fit is named by its place among all examples
    found: GroupScores = {}
    for group, rows in _members(groups, len(truth)):
        metrics = classification_metrics(truth[rows], spread[rows])
        values = as_dict(metrics)
        if sum(count > 0 for count in metrics.class_counts) == 1:
            values |= {"mcc": None, "notes": [*metrics.notes, "mcc is undefined: there is one class only"]}
        found[group] = values
    return found


def number_scores_by_group(truth: ArrayLike, prediction: ArrayLike, groups: Sequence[object]) -> GroupScores:
    """Score predicted numbers within each group of examples, as `scores_by_group` does for classes.

    >>> found = number_scores_by_group([1.0, 2.0, 5.0], [1.0, 3.0, 5.0], ["a", "a", "b"])
    >>> found["a"]["mae"], found["b"]["squared_pearson"]
    (0.5, None)
    """
    true, guess = np.asarray(truth), np.asarray(prediction)
    regression_metrics(true, guess)
    return {group: as_dict(regression_metrics(true[rows], guess[rows])) for group, rows in _members(groups, len(true))}


def _members(groups: Sequence[object], count: int) -> list[tuple[str, NDArray[np.int64]]]:
    """List the example numbers of each group, groups in natural order."""
    if len(groups) != count:
        raise InputError(f"{count} examples need as many groups, got {len(groups)}; give each example its group")
    names = np.array([_name(group, place) for place, group in enumerate(groups)])
    return [(str(name), np.flatnonzero(names == name)) for name in sorted(set(names.tolist()), key=_natural)]


def _name(group: object, place: int) -> str:
    missing = group is None or (isinstance(group, float) and np.isnan(group)) or not str(group).strip()
    if missing:
        raise InputError(f"example {place} has no group; fill it in, or give such examples a group of their own")
    return str(group)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort numbers in names by size."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
