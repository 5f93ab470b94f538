"""Small haplotype languages, and haplotypes for them."""

from collections.abc import Iterable

import numpy as np

from dnagpt.haplotypes.values import Alleles, Sites
from dnagpt.language.template import Template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import HaplotypeLanguage, Task

PLAIN = Template.parse("<R>{haplotype?:sequence}")
PROMPTED = Template.parse("<R><{population}><=>{haplotype?:sequence}")


def random_sites(count: int, seed: int = 0) -> Sites:
    """Sites of two contigs, one in ten of them an insertion."""
    generator = np.random.default_rng(seed)
    pairs = [generator.choice(list("ACGT"), 2, replace=False).tolist() for _ in range(count)]
    alternate = [pair[1] if place % 10 else pair[0] + "TT" for place, pair in enumerate(pairs)]
    half = count // 2
    positions = np.concatenate([np.sort(generator.choice(10**6, size, replace=False)) for size in (half, count - half)])
    contigs = ["1"] * half + ["X"] * (count - half)
    return Sites(contigs, positions, [f"rs{place}" for place in range(count)], [pair[0] for pair in pairs], alternate)


def random_alleles(haplotypes: int, sites: int, seed: int = 0) -> Alleles:
    """Any alleles."""
    return np.random.default_rng(seed).integers(0, 2, (haplotypes, sites), dtype=np.uint8)


def a_task(
    sites: int, *, vocabulary: str = "dna-2mers", context: int = 64, tail: int = 4, populations: Iterable[str] = ()
) -> Task:
    """A task of haplotypes at so many sites, prompted where there are populations."""
    populations = tuple(populations)
    template = PROMPTED if populations else PLAIN
    language = HaplotypeLanguage.fit(
        template, random_sites(sites), Vocabulary.preset(vocabulary), context, tail=tail, populations=populations
    )
    return Task("panel", template, haplotypes=language)
