"""Whether generated haplotypes lie where real ones lie in the plane of their common principal components.

Shapes: N real and M generated haplotypes, S sites, C components.
"""

from dataclasses import dataclass, field

import numpy as np

from dnagpt.evaluation.haplotypes.similarity import DRAWN, Floats, wasserstein
from dnagpt.files.optional import needs_extra
from dnagpt.haplotypes.values import Alleles

SINKHORN_SIZE = 2000
"""Haplotypes of each set at most between which the Sinkhorn divergence is computed."""
SINKHORN_BLUR = 0.05
"""Its entropic regularisation, as a share of the largest distance in the plane."""
_MOST_STEPS, _TOLERANCE = 2000, 1e-3


@dataclass(frozen=True, eq=False)
class ComponentAgreement:
    """Principal components of real and generated haplotypes together, and how far the two clouds are apart."""

    explained: Floats
    """(C,) share of the total variance on each component."""
    real: Floats = field(metadata=DRAWN)
    """(N, C) scores of the real haplotypes, in alleles: haplotypes that differ at d sites are sqrt(d) apart."""
    generated: Floats = field(metadata=DRAWN)
    """(M, C) scores of the generated haplotypes."""
    wasserstein: Floats
    """(C,) 1-D Wasserstein distance between both sets on each component, in units of the scores."""
    sinkhorn: float
    """Sinkhorn divergence between both sets on components 1 and 2, in units of the scores; nan with one component."""
    sinkhorn_size: int
    """Haplotypes of each set between which it was computed."""


def compare_components(
    real: Alleles, generated: Alleles, *, count: int = 6, seed: int = 0
) -> ComponentAgreement | None:
    """Compare where real (N, S) and generated (M, S) haplotypes lie on principal components of both together.

    Alleles are centred and not scaled, as by Yelmen et al. 2021 (PLoS Genetics 17:e1009303), and scores keep their
    unit, so distances grow with the number of sites and compare sets at the same sites only. None where fewer than two
    sites vary.

    >>> real = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0]], dtype=np.uint8)
    >>> compare_components(real, real, count=2).wasserstein.round(6).tolist()
    [0.0, 0.0]
    """
    together = np.concatenate([real, generated])
    varying = together.min(axis=0) != together.max(axis=0)
    count = min(count, int(varying.sum()), len(together) - 1)
    if varying.sum() < 2 or count < 1:
        return None
    with needs_extra("report", "principal components"):
        from sklearn.decomposition import PCA
    analysis = PCA(n_components=count, random_state=seed)
    scores = analysis.fit_transform(together[:, varying].astype(np.float32)).astype(np.float64)
    true, made = scores[: len(real)], scores[len(real) :]
    size = min(len(real), len(generated), SINKHORN_SIZE)
    generator = np.random.default_rng(seed)
    drawn = [side[generator.choice(len(side), size, replace=False), :2] for side in (true, made)]
    return ComponentAgreement(
        explained=analysis.explained_variance_ratio_.astype(np.float64),
        real=true,
        generated=made,
        wasserstein=np.array([wasserstein(true[:, part], made[:, part]) for part in range(count)]),
        sinkhorn=sinkhorn_divergence(*drawn) if count > 1 else float("nan"),
        sinkhorn_size=size,
    )


def sinkhorn_divergence(left: Floats, right: Floats, *, blur: float = SINKHORN_BLUR) -> float:
    """Give the optimal-transport distance between two clouds of points (n, D) and (m, D), smoothed by entropy.

    OT(left, right) - OT(left, left) / 2 - OT(right, right) / 2, where OT is the entropic transport cost (Cuturi 2013)
    with Euclidean distance and regularisation `blur` times the largest distance; the two last terms take away the bias
    of the smoothing, so equal clouds are 0 apart (Feydy et al. 2019, AISTATS). In units of the points.

    >>> round(sinkhorn_divergence(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])), 3)
    5.0
    """
    costs = [_euclidean(*pair) for pair in ((left, right), (left, left), (right, right))]
    scale = blur * max(float(cost.max()) for cost in costs)
    if scale == 0:
        return 0.0
    within = _entropic_self_cost(costs[1], scale) + _entropic_self_cost(costs[2], scale)
    return max(0.0, _entropic_cost(costs[0], scale) - within / 2)


def _euclidean(left: Floats, right: Floats) -> Floats:
    return np.sqrt(sum((left[:, None, axis] - right[None, :, axis]) ** 2 for axis in range(left.shape[1])))


def _entropic_cost(cost: Floats, scale: float) -> float:
    """Solve entropic transport between evenly weighted points by Sinkhorn's iterations; give the dual value."""
    kernel = np.exp(-cost / scale)
    rows, columns = cost.shape
    left, right = np.ones(rows), np.ones(columns)
    for _ in range(_MOST_STEPS):
        left = columns / np.maximum(kernel @ right, 1e-300)
        flow = np.maximum(kernel.T @ left, 1e-300)
        done = np.abs(right * flow / rows - 1).mean() < _TOLERANCE
        right = rows / flow
        if done:
            break
    return float(scale * (np.log(left).mean() + np.log(right).mean()))


def _entropic_self_cost(cost: Floats, scale: float) -> float:
    """Do the same between a cloud and itself, where both sides are one and a damped step needs few iterations."""
    kernel = np.exp(-cost / scale)
    weight = np.ones(len(cost))
    for _ in range(_MOST_STEPS):
        flow = kernel @ weight
        done = np.abs(weight * flow / len(cost) - 1).mean() < _TOLERANCE
        weight = np.sqrt(weight * len(cost) / flow)
        if done:
            break
    return float(scale * 2 * np.log(weight).mean())
