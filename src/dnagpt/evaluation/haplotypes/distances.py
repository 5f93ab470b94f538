"""At how many sites haplotypes differ: within real ones, within generated ones, and between both.

Shapes: N real and M generated haplotypes, S sites.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dnagpt.evaluation.haplotypes.similarity import DRAWN, wasserstein
from dnagpt.haplotypes.values import Alleles

Distances = NDArray[np.unsignedinteger[Any]]
"""Numbers of sites at which two haplotypes differ."""
_ROWS = 1024  # haplotypes of one block: 40 MB as float32 at 10,000 sites


@dataclass(frozen=True, eq=False)
class DistanceCounts:
    """Pairs of haplotypes by the number of sites at which they differ."""

    counts: NDArray[np.int64] = field(metadata=DRAWN)
    """(S + 1,) number of pairs that differ at 0, 1 ... S sites."""
    mean: float
    """Mean number of sites at which a pair differs; nan without pairs."""
    deviation: float
    """Standard deviation of that number."""
    identical: int
    """Pairs that differ nowhere."""

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> Self:
        """Sum up a histogram of distances (S + 1)."""
        distances, pairs = np.arange(len(counts)), int(counts.sum())
        if not pairs:
            return cls(counts, float("nan"), float("nan"), 0)
        mean = float(counts @ distances / pairs)
        deviation = float(np.sqrt(counts @ (distances - mean) ** 2 / pairs))
        return cls(counts, mean, deviation, int(counts[0]))


@dataclass(frozen=True, eq=False)
class DistanceAgreement:
    """Distances within and between two sets of haplotypes."""

    real: DistanceCounts
    """Within the real set, each pair once."""
    generated: DistanceCounts
    """Within the generated set, each pair once."""
    between: DistanceCounts
    """Each real haplotype with each generated one."""
    difference: float
    """1-D Wasserstein distance between the distributions within the generated and within the real set, in sites."""
    copies: int
    """Generated haplotypes that equal a real one."""
    repeats: int
    """Generated haplotypes that repeat an earlier generated one."""
    real_repeats: int
    """Real haplotypes that repeat an earlier real one: what is natural."""


@dataclass(frozen=True, eq=False)
class SetDistances:
    """All distances within and between two sets of haplotypes, computed once for several statistics."""

    first: Distances
    """(N, N) within the first set."""
    second: Distances
    """(M, M) within the second set."""
    between: Distances
    """(N, M) from the first to the second set."""
    sites: int
    """S, the largest distance there can be."""

    @classmethod
    def of(cls, first: Alleles, second: Alleles) -> Self:
        """Measure all pairs of two sets (N, S) and (M, S)."""
        within = distance_matrix(first, first), distance_matrix(second, second)
        return cls(*within, distance_matrix(first, second), first.shape[1])

    def take(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Self:
        """Give the distances of these haplotypes of the first and of the second set alone."""
        return type(self)(
            self.first.take(first, 0).take(first, 1), self.second.take(second, 0).take(second, 1),
            self.between.take(first, 0).take(second, 1), self.sites,
        )  # fmt: skip


def distance_matrix(left: Alleles, right: Alleles) -> Distances:
    """Count the sites at which each haplotype of `left` (N, S) differs from each of `right` (M, S): (N, M).

    The distance is Hamming's, which is Manhattan's for alleles 0 and 1. With alleles written as -1 and 1 it is half of
    S minus their product, so blocks of matrix products give it exactly. Two bytes a pair up to 65,535 sites.

    >>> distance_matrix(
    ...     np.array([[0, 0, 1]], dtype=np.uint8), np.array([[0, 0, 1], [1, 1, 1]], dtype=np.uint8)
    ... ).tolist()
    [[0, 2]]
    """
    sites = left.shape[1]
    assert right.shape[1] == sites
    result: Distances = np.empty((len(left), len(right)), dtype=np.uint16 if sites < 2**16 else np.uint32)
    for row in range(0, len(left), _ROWS):
        rows = slice(row, row + _ROWS)
        signs = _signs(left[rows])
        for column in range(0, len(right), _ROWS):
            columns = slice(column, column + _ROWS)
            if left is right and column < row:
                result[rows, columns] = result[columns, rows].T
            else:
                other = signs if left is right and column == row else _signs(right[columns])
                result[rows, columns] = (sites - signs @ other.T) / 2
    return result


def nearest(distances: Distances, *, itself: bool) -> NDArray[np.int64]:
    """Give the distance from each row to its nearest column: (N, M) to (N,).

    With `itself`, rows and columns are the same haplotypes, and nobody is their own neighbour; a set of one has none,
    which is written as the largest distance.

    >>> nearest(np.array([[0, 3, 2], [3, 0, 9], [2, 9, 0]], dtype=np.uint16), itself=True).tolist()
    [2, 3, 2]
    """
    if not itself:
        return distances.min(axis=1).astype(np.int64)
    others = distances.copy()
    np.fill_diagonal(others, np.iinfo(distances.dtype).max)
    return others.min(axis=1).astype(np.int64)


def compare_distances(real: Alleles, generated: Alleles) -> DistanceAgreement:
    """Compare how much haplotypes differ within real (N, S) and generated (M, S) ones, and between them.

    >>> real = np.array([[0, 0, 1], [0, 1, 1]], dtype=np.uint8)
    >>> generated = np.array([[0, 0, 1], [0, 0, 1]], dtype=np.uint8)
    >>> agreement = compare_distances(real, generated)
    >>> agreement.real.mean, agreement.copies, agreement.repeats, agreement.between.identical
    (1.0, 2, 1, 2)
    """
    return distance_agreement(SetDistances.of(real, generated))


def distance_agreement(distances: SetDistances) -> DistanceAgreement:
    """Do the same as `compare_distances` with distances that are known already, real ones first."""
    within = [_within(side, distances.sites) for side in (distances.first, distances.second)]
    values = np.arange(distances.sites + 1)
    counted = all(side.counts.any() for side in within)
    return DistanceAgreement(
        real=within[0],
        generated=within[1],
        between=DistanceCounts.of(_histogram(distances.between, distances.sites)),
        difference=wasserstein(values, values, within[0].counts, within[1].counts) if counted else float("nan"),
        copies=int((distances.between == 0).any(axis=0).sum()),
        repeats=_repeats(distances.second),
        real_repeats=_repeats(distances.first),
    )


def _signs(alleles: Alleles) -> NDArray[np.float32]:
    return alleles.astype(np.float32) * 2 - 1


def _histogram(distances: Distances, sites: int) -> NDArray[np.int64]:
    """Count pairs at each distance, in blocks, as bincount wants eight bytes a pair."""
    counts = np.zeros(sites + 1, dtype=np.int64)
    for row in range(0, len(distances), _ROWS):
        counts += np.bincount(distances[row : row + _ROWS].ravel(), minlength=sites + 1)
    return counts


def _within(distances: Distances, sites: int) -> DistanceCounts:
    """Count each pair of one set once, and nobody with themselves."""
    counts = _histogram(distances, sites)
    counts[0] -= len(distances)
    return DistanceCounts.of(counts // 2)


def _repeats(distances: Distances) -> int:
    """Count the haplotypes before which an equal one stands."""
    first_equal = (distances == 0).argmax(axis=1)
    return int((first_equal < np.arange(len(distances))).sum())
