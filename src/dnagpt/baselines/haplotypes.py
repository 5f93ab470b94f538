"""Artificial genomes that need no model: the yardsticks beside which generated haplotypes are judged.

Shapes: N training haplotypes, S sites. Only mosaics know of populations; the others draw from all haplotypes as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnagpt.errors import InputError
from dnagpt.haplotypes.values import Alleles, Haplotypes, Sites

Floats = NDArray[np.float64]
EFFECTIVE_SIZE = 10_000
"""People whose mating would explain human diversity, the usual round number."""
_HIGHEST_ORDER = 16  # 2**16 contexts a site
_BLOCK = 1 << 22  # alleles drawn at once


def sample_independent(training: Haplotypes, count: int, *, seed: int) -> Haplotypes:
    """Draw haplotypes whose sites know nothing of one another: each allele 1 with its frequency in the training set.

    Allele frequencies are right and there is no linkage disequilibrium: what a model has to add is everything else.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["15"] * 2, np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> real = Haplotypes(np.array([[0, 1], [0, 1]], dtype=np.uint8), sites, ["HG1", "HG1"])
    >>> sample_independent(real, 3, seed=1).alleles.tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    _check(training, count)
    generator = np.random.default_rng(seed)
    alleles = np.empty((count, len(training.sites)), dtype=np.uint8)
    for rows in _blocks(alleles):
        alleles[rows] = generator.random(alleles[rows].shape) < training.frequencies
    return _drawn(alleles, training, "independent")


def sample_markov_sites(
    training: Haplotypes, count: int, *, order: int, seed: int, smoothing: float = 1.0
) -> Haplotypes:
    """Draw haplotypes site by site, each allele by what followed the `order` alleles before it in the training set.

    Every site has its own table. A context seen n times, n1 of them before allele 1, gives it the probability
    `(n1 + smoothing * shorter) / (n + smoothing)`, where `shorter` is the same for the context without its first
    allele, and 1/2 below no context at all; so rare contexts fall back on short ones (the interpolation of MacKay and
    Peto 1995, A hierarchical Dirichlet language model). Contexts run on across the borders of contigs: sites
    of different contigs are linked only as far as populations differ, and this keeps that.

    Raises InputError for an order that is not 1 to 16 or a smoothing that is not positive.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["15"] * 2, np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> real = Haplotypes(np.array([[0, 1], [1, 0]] * 500, dtype=np.uint8), sites, ["HG1"] * 1000)
    >>> drawn = sample_markov_sites(real, 1000, order=1, seed=1)
    >>> int((drawn.alleles[:, 0] == drawn.alleles[:, 1]).sum()) < 5  # alleles that never stand together
    True
    """
    _check(training, count)
    if not 1 <= order <= _HIGHEST_ORDER:
        raise InputError(f"A Markov chain along sites looks back 1 to {_HIGHEST_ORDER} sites, not {order}.")
    if not smoothing > 0:
        raise InputError(f"The smoothing of a Markov chain is above 0, not {smoothing:g}.")
    generator = np.random.default_rng(seed)
    known = np.ascontiguousarray(training.alleles.T)
    drawn = np.empty((len(training.sites), count), dtype=np.uint8)
    context = np.zeros(len(training), dtype=np.int64)  # the last alleles as the digits of a binary number
    own = np.zeros(count, dtype=np.int64)
    for site, alleles in enumerate(known):
        length = min(site, order)
        table = _chance_of_one(context, alleles, length, smoothing)
        drawn[site] = generator.random(count) < table[own]
        last = (1 << min(site + 1, order)) - 1
        context, own = (context << 1 | alleles) & last, (own << 1 | drawn[site]) & last
    return _drawn(np.ascontiguousarray(drawn.T), training, f"markov{order}")


def independent_surprise(training: Haplotypes, asked: Haplotypes) -> Floats:
    """Give -log P of each haplotype, in nats, (M,), if sites knew nothing of one another: what linkage is worth.

    Frequencies are those of the training set with half a haplotype of each allele added, so that none is impossible.

    >>> from dnagpt.haplotypes.values import Sites
    >>> one_site = Sites(["15"], np.array([99]), ["rs1"], ["A"], ["G"])
    >>> real = Haplotypes(np.array([[0], [1]], dtype=np.uint8), one_site, ["HG1", "HG1"])
    >>> np.exp(-independent_surprise(real, real)).tolist()
    [0.5, 0.5]
    """
    chance = (training.alleles.sum(axis=0) + 0.5) / (len(training) + 1)
    return -np.log(np.where(asked.alleles, chance, 1 - chance)).sum(axis=1)


def markov_surprise(training: Haplotypes, asked: Haplotypes, *, order: int, smoothing: float = 1.0) -> Floats:
    """Give -log P of each haplotype, in nats, (M,), under the chain that `sample_markov_sites` draws from.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["15"] * 2, np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> real = Haplotypes(np.array([[0, 1], [1, 0]] * 500, dtype=np.uint8), sites, ["HG1"] * 1000)
    >>> np.exp(-markov_surprise(real, real.take([0]), order=1)).round(2).tolist()
    [0.5]
    """
    surprise = np.zeros(len(asked))
    context, own = (np.zeros(len(of), dtype=np.int64) for of in (training, asked))
    for site, (known, alleles) in enumerate(zip(training.alleles.T, asked.alleles.T, strict=True)):
        length = min(site, order)
        one, other = (_chance_of_one(context, carried, length, smoothing)[own] for carried in (known, 1 - known))
        surprise -= np.log(np.where(alleles, one, other))  # 1 - one would be 0 where one is nearly 1
        last = (1 << min(site + 1, order)) - 1
        context, own = (context << 1 | known) & last, (own << 1 | alleles) & last
    return surprise


def sample_mosaics(
    training: Haplotypes, count: int, *, morgans: ArrayLike, seed: int, effective_size: float = EFFECTIVE_SIZE
) -> Haplotypes:
    """Draw haplotypes as mosaics of the training haplotypes, cut where recombination would cut them.

    The copying model of Li and Stephens 2003 (Genetics 165:2213), read as a recipe: a haplotype copies one of N, chosen
    at random; between two sites d morgans apart it goes on to another one, again any of the N, with the probability
    `1 - exp(-4 * effective_size * d / N)`, and always between contigs. Each allele is then the other one with the
    probability `theta / (2 * (N + theta))`, `theta = 1 / (1 + 1/2 + ... + 1/(N - 1))`. Where populations are known,
    each mosaic copies the N haplotypes of one population, which it is then of; populations keep their shares.

    Between distant sites little linkage is left. Between near ones it is real, and so are the long stretches copied,
    so that its privacy is poor: a model has to come near it without copying.

    Args:
        training: The haplotypes to copy.
        count: How many to draw.
        morgans: (S,) the place of each site on the genetic map of its contig.
        seed: The same seed draws the same haplotypes.
        effective_size: Diploid people of the idealised population.

    Raises:
        InputError: The sites of a contig go back on the map, or there are fewer than two haplotypes to copy.

    >>> from dnagpt.haplotypes.values import Sites
    >>> sites = Sites(["15"] * 2, np.array([99, 150]), ["rs1", "rs2"], ["A", "C"], ["G", "T"])
    >>> real = Haplotypes(np.array([[0, 1], [1, 0]] * 500, dtype=np.uint8), sites, ["HG1"] * 1000)
    >>> near = sample_mosaics(real, 1000, morgans=[0.0, 1e-8], seed=1).alleles
    >>> far = sample_mosaics(real, 1000, morgans=[0.0, 1.0], seed=1).alleles
    >>> int((near[:, 0] == near[:, 1]).sum()) < 5, int((far[:, 0] == far[:, 1]).sum()) > 400
    (True, True)
    """
    _check(training, count)
    distances = _distances(training.sites, np.asarray(morgans, dtype=np.float64))
    generator = np.random.default_rng(seed)
    names = np.zeros(len(training), dtype=np.str_) if training.populations is None else np.array(training.populations)
    panels = {str(name): training.alleles[names == name] for name in np.unique(names)}
    counts = _shared_out(count, [len(panel) for panel in panels.values()])
    for name, panel in panels.items():
        if len(panel) < 2:
            raise InputError(f"A mosaic needs two or more haplotypes to copy; there is one of {name or 'training'}.")
    pieces = [
        _mosaics(panel, drawn, 4 * effective_size * distances, generator)
        for panel, drawn in zip(panels.values(), counts, strict=True)
    ]
    drawn = _drawn(np.concatenate(pieces), training, "mosaic")
    return (
        drawn if training.populations is None else replace(drawn, populations=np.repeat(list(panels), counts).tolist())
    )


def _mosaics(panel: Alleles, count: int, scaled: Floats, generator: np.random.Generator) -> Alleles:
    """Draw mosaics of a panel (N, S); `scaled` (S,) is 4 effective sizes times the distance to the site before."""
    switch = -np.expm1(-scaled / len(panel))
    theta = 1 / (1 / np.arange(1, len(panel))).sum()
    flip = theta / (2 * (len(panel) + theta))
    alleles = np.empty((count, len(switch)), dtype=np.uint8)
    columns = np.arange(len(switch))
    for rows in _blocks(alleles):
        shape = alleles[rows].shape
        begins = np.where(generator.random(shape) < switch, columns, 0)
        np.maximum.accumulate(begins, axis=1, out=begins)  # where the piece that covers each site begins
        donors = np.take_along_axis(generator.integers(len(panel), size=shape, dtype=np.int32), begins, axis=1)
        alleles[rows] = panel[donors, columns] ^ (generator.random(shape) < flip)
    return alleles


def _check(training: Haplotypes, count: int) -> None:
    if count < 1:
        raise InputError(f"A baseline draws one haplotype or more, not {count}.")
    if not len(training) or not len(training.sites):
        raise InputError("A baseline needs training haplotypes with at least one site; there are none.")


def _chance_of_one(context: NDArray[np.int64], alleles: Alleles, length: int, smoothing: float) -> Floats:
    """Give the probability of allele 1 after each context of so many alleles, (2**length,)."""
    counts = np.bincount(context << 1 | alleles, minlength=2 << length).reshape(-1, 2)
    chance = np.full(1, 0.5)
    for known in range(length + 1):
        # The first alleles of a context are its highest digits: sum over all but the last `known`.
        seen = counts.reshape(-1, 1 << known, 2).sum(axis=0)
        shorter = chance if known == 0 else np.tile(chance, 2)
        chance = (seen[:, 1] + smoothing * shorter) / (seen.sum(axis=1) + smoothing)
    return chance


def _distances(sites: Sites, morgans: Floats) -> Floats:
    """Give the distance of each site from the one before it, (S,); without bound where a contig begins."""
    contigs = np.asarray(sites.contigs)
    assert morgans.shape == contigs.shape
    distance, same = np.diff(morgans), contigs[1:] == contigs[:-1]
    if (distance[same] < 0).any():
        place = int(np.flatnonzero(same & (distance < 0))[0]) + 1
        raise InputError(
            f"Site {place + 1:,} ({sites.names[place]}) lies before the site in front of it on the genetic "
            "map. Sort the sites by position, or give another map."
        )
    return np.r_[np.inf, np.where(same, distance, np.inf)]


def _shared_out(count: int, sizes: Sequence[int]) -> NDArray[np.int64]:
    """Share out a number in proportion to sizes, by largest remainder.

    >>> _shared_out(10, [1, 1, 1]).tolist(), _shared_out(5, [60, 30, 10]).tolist()
    ([4, 3, 3], [3, 2, 0])
    """
    exact = count * np.asarray(sizes, dtype=np.float64) / sum(sizes)
    shares = np.floor(exact).astype(np.int64)
    largest = np.argsort(shares - exact, kind="stable")[: count - int(shares.sum())]
    shares[largest] += 1
    return shares


def _blocks(alleles: Alleles) -> Iterator[slice]:
    """Cut the rows in pieces, so that random numbers for all of them are never held at once."""
    count, sites = alleles.shape
    size = max(1, _BLOCK // sites)
    return (slice(first, first + size) for first in range(0, count, size))


def _drawn(alleles: Alleles, training: Haplotypes, name: str) -> Haplotypes:
    """Give people two haplotypes each, as the writers of files expect."""
    return Haplotypes(alleles, training.sites, [f"{name}_{row // 2 + 1}" for row in range(len(alleles))])
