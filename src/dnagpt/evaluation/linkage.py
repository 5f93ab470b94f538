"""Linkage disequilibrium: whether alleles go together in generated haplotypes as they do in real ones.

Shapes: N haplotypes, S sites, P pairs of sites, B bins of distance, K sites drawn as a matrix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinkageDecay:
    """Mean r2 of pairs of sites on one contig, by the distance between them."""

    edges: Floats
    """(B + 1,) borders of the bins in bases, evenly spaced on a logarithmic scale."""
    pairs: NDArray[np.int64]
    """(B,) number of pairs in each bin."""
    real: Floats
    """(B,) mean r2 in the real set; nan in an empty bin."""
    generated: Floats
    """(B,) mean r2 in the generated set; nan in an empty bin."""
    difference: float
    """Mean over the filled bins of the absolute difference of both means."""


@dataclass(frozen=True, eq=False)
class LinkageAgreement:
    """r2 between pairs of sites, in real and generated haplotypes."""

    correlation: float
    """Pearson correlation of generated and real r2 over random pairs of all sites; nan where one does not vary."""
    near_correlation: float
    """The same over random pairs of sites on one contig; nan without such pairs."""
    sites: int
    """Sites that vary in both sets; only these are used."""
    dropped: int
    """Sites left out because they are fixed in one of the sets."""
    real: Floats
    """(P,) r2 of the random pairs in the real set."""
    generated: Floats
    """(P,) r2 of the same pairs in the generated set."""
    near_real: Floats
    """(P',) r2 of the random pairs on one contig in the real set."""
    near_generated: Floats
    """(P',) r2 of the same pairs in the generated set."""
    decay: LinkageDecay | None
    """r2 by distance; None where no contig has two sites that vary in both sets."""
    matrix_sites: NDArray[np.int64]
    """(K,) places of the sites that the matrices show: neighbours, from the middle of the sites, never more than `MATRIX_SITES`."""
    real_matrix: NDArray[np.float32]
    """(K, K) r2 between these sites in the real set; nan where a site is fixed."""
    generated_matrix: NDArray[np.float32]
    """(K, K) the same in the generated set."""
