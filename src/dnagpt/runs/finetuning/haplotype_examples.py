"""Training on haplotypes: how sites are written, gametes, and tables for the places of sites."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from dnagpt.data.haplotypes import people, recombination_map
from dnagpt.errors import InputError
from dnagpt.haplotypes.gametes import crossover_chances, gamete
from dnagpt.haplotypes.legend import UNKNOWN_CONTIG
from dnagpt.haplotypes.values import Alleles
from dnagpt.language.template import Rows
from dnagpt.model import DNAGPT, PanelShape
from dnagpt.runs.finetuning.tasks import TaskRecords
from dnagpt.store.model import Model
from dnagpt.store.weights import empty_network, fill_network
from dnagpt.tasks.haplotype_language import POPULATION, HaplotypeLanguage

logger = logging.getLogger("dnagpt")


def with_languages(model: Model, tasks: Sequence[TaskRecords]) -> list[TaskRecords]:
    """Choose for each task of haplotypes how its sites are written, given the vocabulary and the context of a model."""
    return [_with_language(model, one) for one in tasks]


def with_panel(model: Model, tasks: Sequence[TaskRecords], *, seed: int) -> Model:
    """Give a network tables for the sites of the one task of haplotypes; those for other sites go.

    Tasks of the model whose tables go are left out, and a warning names them.
    """
    written = [one.task for one in tasks if one.task.haplotypes is not None]
    if len(written) > 1:
        raise InputError(
            f"A network has tables for one set of sites, and {', '.join(task.name for task in written)} are several. "
            "Train them one by one, or set model.panel to false."
        )
    lost = [name for name, task in model.tasks.items() if task.haplotypes is not None and name != written[0].name]
    if lost:
        logger.warning("The model is taught other sites, so it no longer writes those of %s.", ", ".join(lost))
    language = written[0].haplotypes
    assert language is not None
    known = model.network.panel
    kept = {name: task for name, task in model.tasks.items() if name not in lost}
    before = model.tasks.get(written[0].name)
    same = before is not None and before.haplotypes is not None and (
        before.haplotypes.sites.same_alleles(language.sites) and before.haplotypes.window == language.window
    )  # fmt: skip
    if known is not None and same:
        return replace(model, tasks=kept)
    shape = PanelShape(places=-(-len(language.sites) // model.vocabulary.k), sites=model.vocabulary.k)
    config = model.network.config.model_copy(update={"panel": shape})
    drawn = DNAGPT(config)
    drawn.initialise(torch.Generator().manual_seed(seed))
    weights = {name: weight for name, weight in model.network.state_dict().items() if not name.startswith("panel.")} | {
        name: weight for name, weight in drawn.state_dict().items() if name.startswith("panel.")
    }
    network = empty_network(config, model.lacks)
    fill_network(network, weights, "the model")
    return Model(network, model.vocabulary, {**kept, written[0].name: written[0]}, model.provenance)


def _with_language(model: Model, one: TaskRecords) -> TaskRecords:
    haplotypes = one.labelled.haplotypes
    if haplotypes is None:
        return one
    language = HaplotypeLanguage.fit(
        one.task.template, haplotypes.sites, model.vocabulary, model.network.config.context,
        tail=one.settings.tail, populations=haplotypes.populations or (),
    )  # fmt: skip
    return replace(one, task=replace(one.task, haplotypes=language))


def window_rows(model: Model, one: TaskRecords, place: int, alleles_S: Alleles, window: int) -> Rows:
    """Write a window of a haplotype of the population of a record."""
    language = one.task.haplotypes
    assert language is not None
    (letters,) = language.letters(alleles_S[np.newaxis])
    population = str(one.labelled.records[place][POPULATION])
    where = one.labelled.names[place]
    return language.rows(model.vocabulary, one.task.template, letters, population, window, where=where)


class Gametes:
    """What the people of the training part hand on."""

    def __init__(self, one: TaskRecords) -> None:
        haplotypes = one.labelled.haplotypes
        assert haplotypes is not None
        self._haplotypes = haplotypes
        self._people = people(haplotypes, one.labelled.parts["train"])
        if UNKNOWN_CONTIG in haplotypes.sites.contigs:
            logger.warning(
                "%s: how far the sites are apart is unknown, so gametes do not recombine. Give a legend.",
                one.task.name,
            )
        self._chances = crossover_chances(haplotypes.sites, recombination_map(one.settings.data))

    def draw(self, place: int, generator: np.random.Generator) -> Alleles:
        """Draw a gamete of the person that a haplotype is of."""
        own = self._people[self._haplotypes.individuals[place]]
        return gamete(self._haplotypes.alleles[own], self._chances, generator)
