"""What simple statistics of a sequence achieve alone: the floor that a model has to rise above to have learnt anything.

Features are standardised on the training part; the strength of regularisation is chosen on examples held out of the
training part, never on the test part, and the fit repeats exactly.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.baselines.kmers import Floats, gc_content, kmer_frequencies
from dnagpt.errors import InputError
from dnagpt.files.optional import needs_extra

_INVERSE_PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
_FEW_EXAMPLES_PENALTY = 0.01
_HELD_OUT_PART = 5  # one in five of each class
_RIDGE_PENALTIES = tuple(10.0**power for power in range(-2, 7))


def gc_baseline(
    train_sequences: Sequence[str],
    train_labels: ArrayLike,
    test_sequences: Sequence[str],
    *,
    classes: int | None = None,
) -> Floats:
    """Call classes from GC content alone, by logistic regression.

    Returns the probability of each class for each test sequence, shape (test, classes); a class that no training
    example has gets probability 0. `classes` defaults to the largest training label + 1.

    >>> gc_baseline(["GGCC", "GCGG", "AATT", "TATA"], [1, 1, 0, 0], ["GGGG"]).argmax(axis=1).tolist()
    [1]
    """
    train, test = gc_content(train_sequences)[:, None], gc_content(test_sequences)[:, None]
    return _classify(train, train_labels, test, classes)


def kmer_baseline(
    train_sequences: Sequence[str],
    train_labels: ArrayLike,
    test_sequences: Sequence[str],
    *,
    k: int = 4,
    segments: int = 2,
    classes: int | None = None,
) -> Floats:
    """Call classes from k-mer frequencies alone, by logistic regression.

    K-mers of the left and the right half count separately, which is the stronger floor where a signal, or the place
    it was cut out of, lies in the middle; `segments=1` counts over the whole sequence. Returns probabilities as
    `gc_baseline` does; k-mers are counted as in `kmer_frequencies`.

    >>> kmer_baseline(["ACAC", "CACA", "GTGT", "TGTG"], [0, 0, 1, 1], ["ACAC"], k=2).argmax(axis=1).tolist()
    [0]
    """
    train = kmer_frequencies(train_sequences, k, segments=segments)
    return _classify(train, train_labels, kmer_frequencies(test_sequences, k, segments=segments), classes)


def gc_regression(train_sequences: Sequence[str], train_numbers: ArrayLike, test_sequences: Sequence[str]) -> Floats:
    """Predict a number from GC content alone, by ridge regression: one prediction a test sequence.

    >>> gc_regression(["AAAA", "AAGG", "GGGG"], [0.0, 1.0, 2.0], ["AGGG"]).round(2).tolist()
    [1.5]
    """
    return _regress(gc_content(train_sequences)[:, None], train_numbers, gc_content(test_sequences)[:, None])


def kmer_regression(
    train_sequences: Sequence[str],
    train_numbers: ArrayLike,
    test_sequences: Sequence[str],
    *,
    k: int = 4,
    segments: int = 2,
) -> Floats:
    """Predict a number from k-mer frequencies alone, by ridge regression: one prediction a test sequence.

    >>> kmer_regression(["AAAA", "AAGG", "GGGG"], [0.0, 1.0, 2.0], ["AGGG"], k=1, segments=1).round(2).tolist()
    [1.5]
    """
    train = kmer_frequencies(train_sequences, k, segments=segments)
    return _regress(train, train_numbers, kmer_frequencies(test_sequences, k, segments=segments))


def _classify(train: Floats, train_labels: ArrayLike, test: Floats, classes: int | None) -> Floats:
    """Fit on the training features and give class probabilities of the test features."""
    labels = np.asarray(train_labels)
    if labels.shape != train.shape[:1] or labels.dtype.kind not in "biu":
        raise InputError(
            f"{len(train)} training sequences need as many whole-number labels, "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if len(np.unique(labels)) < 2 or labels.min() < 0:
        raise InputError(
            f"the training labels hold only {np.unique(labels).tolist()}; "
            "a baseline needs two or more classes, numbered from 0"
        )
    present = np.unique(labels.astype(np.int64))
    width = int(present[-1]) + 1 if classes is None else classes
    if width <= present[-1]:
        raise InputError(f"the training label {present[-1]} is none of {classes} classes, which run from 0")
    probabilities = np.zeros((len(test), width))
    if len(test):
        fitted = _fit_probabilities(train, labels, test, penalty=_chosen_penalty(train, labels))
        probabilities[:, present] = fitted
    return probabilities


def _fit_probabilities(train: Floats, labels: NDArray[np.int64], test: Floats, *, penalty: float) -> Floats:
    with needs_extra("report", "a baseline"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=5000))
    return np.asarray(model.fit(train, labels).predict_proba(test), dtype=np.float64)


def _chosen_penalty(train: Floats, labels: NDArray[np.int64]) -> float:
    """Choose the inverse penalty with the best likelihood on a fifth of each class held out of the training part."""
    held_out = np.zeros(len(labels), dtype=bool)
    generator = np.random.default_rng(0)
    for one in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == one))
        held_out[members[: len(members) // _HELD_OUT_PART]] = True
    if not held_out.any():
        return _FEW_EXAMPLES_PENALTY
    column = np.searchsorted(np.unique(labels), labels[held_out])

    def held_out_loss(penalty: float) -> float:
        fitted = _fit_probabilities(train[~held_out], labels[~held_out], train[held_out], penalty=penalty)
        return -float(np.log(np.maximum(fitted[np.arange(len(column)), column], 1e-12)).mean())

    return min(_INVERSE_PENALTIES, key=held_out_loss)


def _regress(train: Floats, train_numbers: ArrayLike, test: Floats) -> Floats:
    """Fit ridge regression, its penalty chosen by leave-one-out error, and predict."""
    with needs_extra("report", "a baseline"):
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    numbers = np.asarray(train_numbers, dtype=np.float64)
    if numbers.shape != train.shape[:1] or not len(numbers) or not np.isfinite(numbers).all():
        raise InputError(
            f"{len(train)} training sequences need as many finite numbers, at least one, got shape {numbers.shape}"
        )
    if not len(test):
        return np.zeros(0)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=_RIDGE_PENALTIES))
    return np.asarray(model.fit(train, numbers).predict(test), dtype=np.float64)
