"""How hard the demo's data is without a language model: the numbers beside which a model is to be read."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SPECIES = ("R", "S", "O", "K")
LETTER_CODES = np.full(256, 4, dtype=np.int64)
LETTER_CODES[np.frombuffer(b"ACGTacgt", dtype=np.uint8)] = [0, 1, 2, 3, 0, 1, 2, 3]
POSITION_BIN = 12
"""Bases a bin of the position-specific baseline spans."""

Matrix = NDArray[np.float64]


def measure(folder: Path) -> dict[str, float]:
    """Measure every floor that src/dnagpt/demo_data/README.md quotes."""
    genomes = {
        **markov_floors(folder),
        **local_composition_bits(folder),
        **reversal_floors(folder),
        **gc_floors(folder),
    }
    return {**signal_floors(folder), **genomes}


def signal_floors(folder: Path) -> dict[str, float]:
    """Accuracy and AUROC of logistic regressions on the test rows of the signal table: GC, 4-mers, 3-mers by place."""
    table = pd.read_csv(folder / "signals.csv.gz")
    codes = np.stack([_codes(text.encode()) for text in table["sequence"]])
    features = {
        "gc": np.isin(codes, (1, 2)).mean(axis=1, keepdims=True),
        "4mer": _kmer_counts(codes, 4, codes.shape[1]),
        "3mer_by_position": _kmer_counts(codes, 3, POSITION_BIN),
    }
    train, test = (table["split"] == "train").to_numpy(), (table["split"] == "test").to_numpy()
    labels = table["label"].to_numpy()
    found: dict[str, float] = {}
    for name, matrix in features.items():
        found |= _fit_and_score(f"signals {name}", matrix, labels, train, test)
    return found


def markov_floors(folder: Path) -> dict[str, float]:
    """Bits a base of Markov chains of order 0-7 on contig 3 of each species, fitted on contigs 1 and 2 of all four."""
    contigs = {name: codes for species in SPECIES for name, codes in read_contigs(folder, species)}
    train = [codes for name, codes in contigs.items() if not name.endswith("_3")]
    held_out = {name: codes for name, codes in contigs.items() if name.endswith("_3")}
    found: dict[str, float] = {}
    for order in range(8):
        bits = {name: _markov_bits(train, codes, order) for name, codes in held_out.items()}
        found[f"markov order {order}"] = float(np.concatenate(list(bits.values())).mean())
        if order == 5:
            found |= {f"markov order 5 {name}": float(values.mean()) for name, values in bits.items()}
    return found


def local_composition_bits(folder: Path, order: int = 3, reach: int = 128, bins: int = 9) -> dict[str, float]:
    """Bits a base of a chain that also knows the GC content of the 128 bases before: what a longer view is worth."""
    counts, held_out = np.zeros((bins, 4 ** (order + 1))), []
    for species in SPECIES:
        for name, codes in read_contigs(folder, species):
            found = _kmers_by_local_gc(codes, order, reach, bins)
            if name.endswith("_3"):
                held_out.append(found)
            else:
                np.add.at(counts, found, 1)
    by_context = counts.reshape(bins, -1, 4)
    overall = by_context.sum(axis=0) + 1
    overall /= overall.sum(axis=1, keepdims=True)
    share = (by_context + 20 * overall) / (by_context.sum(axis=2, keepdims=True) + 20)
    bits = np.concatenate([-np.log2(share.reshape(bins, -1)[found]) for found in held_out])
    return {f"markov order {order} with local GC": float(bits.mean())}


def _kmers_by_local_gc(
    codes: NDArray[np.int64], order: int, reach: int, bins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = np.arange(order, len(codes))
    sums = np.concatenate([[0], np.cumsum(np.isin(codes, (1, 2)))])
    starts = np.maximum(0, ends - reach)
    gc = (sums[ends] - sums[starts]) / (ends - starts)
    has_n = np.convolve(codes == 4, np.ones(order + 1), "valid") > 0.5
    gc_bin = np.clip(((gc - 0.2) / 0.5 * (bins - 1)).astype(np.int64), 0, bins - 1)
    return gc_bin[~has_n], _kmer_numbers(codes, order + 1)[~has_n]


def reversal_floors(folder: Path, length: int = 600) -> dict[str, float]:
    """How well 3-mer and 4-mer counts tell a window of 600 bases from its plain reversal."""
    windows, held_out = _windows(folder, length)
    both = np.concatenate([windows, windows[:, ::-1]])
    labels = np.repeat([0, 1], len(windows))
    test = np.concatenate([held_out, held_out])
    found: dict[str, float] = {}
    for k in (2, 3, 4):
        found |= _fit_and_score(f"reversal {k}mer", _kmer_counts(both, k, length), labels, ~test, test)
    return found


def gc_floors(folder: Path, length: int = 600) -> dict[str, float]:
    """The mean and the spread of the GC content of windows of 600 bases."""
    windows, _ = _windows(folder, length)
    gc = np.isin(windows, (1, 2)).mean(axis=1)
    low, high = np.quantile(gc, [0.05, 0.95])
    return {"gc mean": gc.mean(), "gc standard deviation": gc.std(), "gc 5 %": float(low), "gc 95 %": float(high)}


def read_contigs(folder: Path, species: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Read the contigs of one species as base codes (ACGT = 0-3, N = 4)."""
    for record in gzip.decompress((folder / f"simulated_{species}.fa.gz").read_bytes()).split(b">")[1:]:
        header, _, body = record.partition(b"\n")
        yield header.split()[0].decode(), _codes(body.replace(b"\n", b""))


def _codes(letters: bytes) -> NDArray[np.int64]:
    return LETTER_CODES[np.frombuffer(letters, dtype=np.uint8)]


def _windows(folder: Path, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Adjacent windows without N of every contig, and which of them lie in a held-out contig 3."""
    windows, held_out = [], []
    for species in SPECIES:
        for name, codes in read_contigs(folder, species):
            cut = codes[: len(codes) // length * length].reshape(-1, length)
            cut = cut[(cut < 4).all(axis=1)]
            windows.append(cut)
            held_out.append(np.full(len(cut), name.endswith("_3")))
    return np.concatenate(windows), np.concatenate(held_out)


def _kmer_numbers(codes: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    width = codes.shape[-1] - k + 1
    numbers = np.zeros((*codes.shape[:-1], width), dtype=np.int64)
    for offset in range(k):
        numbers = numbers * 4 + codes[..., offset : offset + width]
    return numbers


def _kmer_counts(codes: NDArray[np.int64], k: int, position_bin: int) -> Matrix:
    """Counts of each k-mer in each bin of positions; one bin as long as the sequence counts them anywhere."""
    numbers = _kmer_numbers(codes, k)
    bins = np.arange(numbers.shape[1]) // position_bin
    columns = numbers + bins * 4**k
    width = (int(bins[-1]) + 1) * 4**k
    counts = np.zeros((len(codes), width), dtype=np.float64)
    np.add.at(counts, (np.arange(len(codes))[:, None], columns), 1.0)
    return counts


def _fit_and_score(
    name: str, matrix: Matrix, labels: NDArray[np.int64], train: NDArray[np.bool_], test: NDArray[np.bool_]
) -> dict[str, float]:
    # The columns are many, correlated and noisy: a strong penalty is what a careful user would choose here.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001 if matrix.shape[1] > 1 else 1.0, max_iter=300))
    model.fit(matrix[train], labels[train])
    probability = model.predict_proba(matrix[test])[:, 1]
    return {
        f"{name} accuracy": float(accuracy_score(labels[test], probability > 0.5)),
        f"{name} auroc": float(roc_auc_score(labels[test], probability)),
    }


def _markov_bits(train: list[NDArray[np.int64]], held_out: NDArray[np.int64], order: int) -> Matrix:
    """Bits of each held-out base under a Markov chain with additive smoothing of 4 spread by base frequency."""
    counts = np.zeros(4 ** (order + 1))
    for codes in train:
        counts += np.bincount(_clean_kmers(codes, order + 1), minlength=len(counts))
    by_context = counts.reshape(-1, 4)
    base_share = by_context.sum(axis=0) / by_context.sum()
    share = (by_context + 4 * base_share) / (by_context.sum(axis=1, keepdims=True) + 4)
    bits: Matrix = -np.log2(share.ravel()[_clean_kmers(held_out, order + 1)])
    return bits


def _clean_kmers(codes: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    numbers = _kmer_numbers(codes, k)
    has_n = np.convolve(codes == 4, np.ones(k), "valid") > 0.5
    return numbers[~has_n]
