"""A network that is to write haplotypes: how its sites are written, and tables of its own for each of their places."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import torch

from dnagpt.checkpoint import Model
from dnagpt.commands.task_records import TaskRecords
from dnagpt.errors import InputError
from dnagpt.model import DNAGPT, PanelShape
from dnagpt.tasks.haplotypes import HaplotypeLanguage
from dnagpt.weights import empty_network, fill_network

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
