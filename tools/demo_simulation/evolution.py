"""Substitutions along a species tree that keep the character of the sequence.

msprime draws the coalescent genealogy of one genome a species, and where and when substitutions are proposed. Each
proposal is then accepted or rejected (Metropolis et al. 1953) against the Markov chain of the lineage it falls in.
Proposals favour transitions and are symmetric, so a lineage drifts to the composition, the k-mers and the CpG depletion
of its own chain, while relatives stay alike.
"""

import math
from dataclasses import dataclass

import msprime  # type: ignore[import-untyped]  # it publishes no types
import numpy as np
import tskit  # type: ignore[import-untyped]  # it publishes no types
from numpy.typing import NDArray

from demo_simulation.chain import CONTEXTS, ORDER, Bases, Chain

GENERATION_SCALE = 1e6
"""Generations in one unit of the tree; a lineage is proposed one substitution a site in that time."""
SPECIES_TREE = "((R:0.2,S:0.2):0.6,(O:0.5,K:0.5):0.3)"
POPULATION_SIZE = 10_000
RECOMBINATION_RATE = 1e-9
TRANSITION_SHARE = 2 / 3
STOP_TRIPLES = {"+": {(3, 0, 0), (3, 0, 2), (3, 2, 0)}, "-": {(3, 3, 0), (1, 3, 0), (3, 1, 0)}}
"""TAA TAG TGA as base codes, and as the other strand has them (TTA CTA TCA)."""


@dataclass(frozen=True)
class Ancestor:
    """The ancestral sequence of one contig with what constrains its evolution, position by position."""

    bases: Bases
    gc_bins: NDArray[np.int64]
    freedom: NDArray[np.float64]
    codon_place: NDArray[np.int8]
    """1, 2, 3 in a codon read forwards; -1, -2, -3 in one read backwards; 0 elsewhere."""


@dataclass(frozen=True)
class Proposal:
    """A substitution that may happen: where, in the lineage of which species, and in whose ancestors."""

    position: int
    carriers: tuple[int, ...]


def propose(length: int, species: tuple[str, ...], seed: int) -> list[Proposal]:
    """Draw the genealogies of one contig and the proposed substitutions on them, oldest first."""
    tree = SPECIES_TREE
    for number in (0.2, 0.3, 0.5, 0.6):
        tree = tree.replace(f":{number}", f":{number * GENERATION_SCALE:.0f}")
    demography = msprime.Demography.from_species_tree(tree, initial_size=POPULATION_SIZE)
    genealogy = msprime.sim_ancestry(
        samples=[msprime.SampleSet(1, population=name, ploidy=1) for name in species],
        demography=demography,
        sequence_length=length,
        recombination_rate=RECOMBINATION_RATE,
        random_seed=seed,
    )
    model = msprime.BinaryMutationModel(state_independent=True)
    mutated = msprime.sim_mutations(genealogy, rate=1 / GENERATION_SCALE, model=model, random_seed=seed)
    return _oldest_first(mutated, species)


def evolve(rng: np.random.Generator, ancestor: Ancestor, proposals: list[Proposal], chains: list[Chain]) -> list[Bases]:
    """Carry the ancestral sequence to each species; `chains` are the species' own, and last the ancestral one."""
    tables = [chain.log_probability_GCB.ravel().tolist() for chain in chains]
    states = [bytearray(ancestor.bases.tobytes()) for _ in chains[:-1]]
    gc_bins, freedom, places = ancestor.gc_bins.tolist(), ancestor.freedom.tolist(), ancestor.codon_place.tolist()
    draws = rng.random((len(proposals), 3)).tolist()
    for proposal, (which_base, chance, allowed) in zip(proposals, draws, strict=True):
        position, carriers = proposal.position, proposal.carriers
        if not ORDER <= position < len(gc_bins) - ORDER or allowed > freedom[position]:
            continue
        state = states[carriers[0]]
        table = tables[carriers[0]] if len(carriers) == 1 else tables[-1]
        base = _proposed_base(state[position], which_base)
        gain = _log_probability_gain(state, position, base, table, gc_bins)
        if (gain < 0 and chance > math.exp(gain)) or _makes_stop(state, position, base, places[position]):
            continue
        for carrier in carriers:
            states[carrier][position] = base
    return [np.frombuffer(bytes(state), dtype=np.uint8) for state in states]


def _oldest_first(mutated: tskit.TreeSequence, species: tuple[str, ...]) -> list[Proposal]:
    dated: list[tuple[float, int, tuple[int, ...]]] = []
    number_of = {name: number for number, name in enumerate(species)}
    species_of = {
        node: number_of[mutated.population(mutated.node(node).population).metadata["name"]]
        for node in mutated.samples()
    }
    for tree in mutated.trees():
        carriers = {node: tuple(sorted(species_of[leaf] for leaf in tree.samples(node))) for node in tree.nodes()}
        dated += [(m.time, int(site.position), carriers[m.node]) for site in tree.sites() for m in site.mutations]
    dated.sort(key=lambda entry: (-entry[0], entry[1]))
    return [Proposal(position, carriers) for _, position, carriers in dated]


def _proposed_base(base: int, draw: float) -> int:
    """A transition (A-G, C-T) in two proposals of three, else either transversion."""
    if draw < TRANSITION_SHARE:
        return base ^ 2
    return base ^ (1 if draw < (1 + TRANSITION_SHARE) / 2 else 3)


def _log_probability_gain(state: bytearray, position: int, base: int, table: list[float], gc_bins: list[int]) -> float:
    """How much likelier the chain finds the sequence with the new base: the base itself and the five after it."""
    old_context = 0
    for place in range(position - ORDER, position):
        old_context = old_context * 4 + state[place]
    new_context, old, new, gain = old_context, state[position], base, 0.0
    for place in range(position, position + ORDER + 1):
        row = gc_bins[place] * CONTEXTS
        gain += table[(row + new_context) * 4 + new] - table[(row + old_context) * 4 + old]
        old_context, new_context = (old_context * 4 + old) % CONTEXTS, (new_context * 4 + new) % CONTEXTS
        if place < position + ORDER:
            old = new = state[place + 1]
    return gain


def _makes_stop(state: bytearray, position: int, base: int, place: int) -> bool:
    if place == 0:
        return False
    start = position - (place - 1) if place > 0 else position - (3 + place)
    triple = [state[start], state[start + 1], state[start + 2]]
    triple[position - start] = base
    return tuple(triple) in STOP_TRIPLES["+" if place > 0 else "-"]
