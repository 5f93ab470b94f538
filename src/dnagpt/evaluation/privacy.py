"""Whether generated haplotypes keep the secrets of the people that a model was trained on.

Shapes: T training, H held-out and M generated haplotypes, S sites, Q quantiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AdversarialAccuracy:
    """Nearest-neighbour adversarial accuracy (AATS): can true and synthetic haplotypes be told apart by their neighbours?"""

    score: float
    """Mean of both parts: 0.5 is ideal, below it the synthetic set hugs the true one, above it they lie apart."""
    truth: float
    """Share of true haplotypes that are nearer to another true one than to any synthetic one."""
    synthetic: float
    """Share of synthetic haplotypes that are nearer to another synthetic one than to any true one."""
    size: int
    """Haplotypes in each set; a larger set was thinned at random to the size of the smaller one."""


@dataclass(frozen=True, eq=False)
class SharedStretches:
    """The longest run of neighbouring sites that each generated haplotype shares with anybody of a set."""

    quantiles: Floats
    """(Q,) probabilities: 0, .05 ... 1."""
    sites: Floats
    """(Q,) quantiles over generated haplotypes of the length in sites."""
    bases: Floats
    """(Q,) quantiles of the length in bases, from the first to the last site of the run; runs end with their contig."""
    mean_sites: float
    """Mean length in sites."""


@dataclass(frozen=True, eq=False)
class Privacy:
    """What generated haplotypes give away of the training set that they do not give away of people never seen."""

    training: AdversarialAccuracy
    """Against the training set."""
    held_out: AdversarialAccuracy
    """Against the held-out set, at the same size."""
    privacy_loss: float
    """AATS of the held-out set minus that of the training set: 0 is ideal, above it the training set is hugged more."""
    membership_auc: float
    """Area under the ROC curve of an attack that calls people members whose nearest generated neighbour is near; 0.5 is ideal."""
    training_copies: int
    """Generated haplotypes that equal one of the training set."""
    held_out_copies: int
    """Generated haplotypes that equal one of the held-out set, which is as large here as the training set."""
    training_stretches: SharedStretches
    """Runs shared with the training set, thinned to the size of the held-out set."""
    held_out_stretches: SharedStretches
    """Runs shared with the held-out set."""
    compared: int
    """Haplotypes of the training, held-out and generated set each between which AATS, copies and runs were computed."""
