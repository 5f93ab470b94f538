"""A model: a network with its vocabulary, its tasks, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dnagpt.errors import InputError
from dnagpt.language.grammar import Literal, LiteralSequence
from dnagpt.language.template import Template, answer_spans
from dnagpt.language.tokenizer import encode_sequence
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, KmerTable, PanelShape
from dnagpt.store.weights import PARTS, Absent
from dnagpt.tasks import Task


@dataclass(frozen=True)
class Model:
    """A network with the language it speaks and the tasks it was taught."""

    network: DNAGPT
    vocabulary: Vocabulary
    tasks: Mapping[str, Task]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for task in self.tasks.values():
            missing = [PARTS[part] for part in needed_parts(task.template) if part in self.lacks]
            if missing:
                raise InputError(
                    f"The task {task.name!r} ({task.template}) needs a {' and a '.join(missing)}, which the weights "
                    "lack. Take weights that have it, or another task."
                )
        if self.network.panel is not None:
            self.network.panel.set_tokens(torch.from_numpy(self._panel_tokens(self.network.panel.shape)))

    def _panel_tokens(self, shape: PanelShape) -> npt.NDArray[np.int64]:
        """Give the tokens of the one set of sites that the network has tables for."""
        found = [task.haplotypes for task in self.tasks.values() if task.haplotypes is not None]
        tokens = [language.tokens(self.vocabulary) for language in found]
        if len(tokens) != 1 or tokens[0].shape != (shape.places, 2**shape.sites):
            raise InputError(
                f"The network has tables for {shape.places:,} k-mers of {shape.sites} sites, and the tasks have "
                f"{' and '.join(f'{len(one):,} k-mers' for one in tokens) or 'no haplotypes'}. "
                "These files do not belong together."
            )
        return tokens[0]

    @property
    def lacks(self) -> tuple[str, ...]:
        """The parts of the network that the weights do not have."""
        return tuple(part for part in PARTS if isinstance(getattr(self.network, part), Absent))

    def task(self, name: str | None = None) -> Task:
        """Find a task by its name, or the only one that was fine-tuned."""
        if name is None:
            taught = [task for task in self.tasks if task != "pretraining"] or list(self.tasks)
            if len(taught) == 1:
                return self.tasks[taught[0]]
        elif name in self.tasks:
            return self.tasks[name]
        asked = "No task was named" if name is None else f"There is no task {name!r} in this model"
        if not self.tasks:
            raise InputError(f"{asked}; it was taught none. Fine-tune it with `dnagpt finetune` first.")
        raise InputError(f"{asked}; it has {', '.join(self.tasks)}. Name one of them.")


def needed_parts(template: Template) -> tuple[str, ...]:
    """Say which parts of the network a task needs.

    >>> needed_parts(Template.parse("<R>{sequence}<+><M>{half_life:number*8}<=><M>{expression?:number}"))
    ('number_embedding', 'number_head')
    """
    answered = {item.kind == "number" for item in template.answered}
    needed = {
        "number_embedding": any(item.kind == "number" for item in template.fields),
        "token_head": False in answered,
        "number_head": True in answered,
    }
    return tuple(part for part in PARTS if needed[part])


def kmer_table(vocabulary: Vocabulary) -> KmerTable:
    """Tell a network where a vocabulary keeps its k-mers.

    >>> kmer_table(Vocabulary.preset("dna-3mers")).end == Vocabulary.preset("dna-3mers").size
    True
    """
    first_id = vocabulary.kmer_ids(vocabulary.shortest).start
    return KmerTable(
        first_id=first_id, letters=len(vocabulary.alphabet), shortest=vocabulary.shortest, length=vocabulary.k
    )


def refuse_unwritable(template: Template, vocabulary: Vocabulary) -> None:
    """Refuse a template whose answers, tokens or letters a vocabulary cannot write."""
    answer_spans(vocabulary, template)
    for part in template.parts:
        if isinstance(part, Literal):
            vocabulary.reserved_id(part.token)
        if isinstance(part, LiteralSequence):
            encode_sequence(vocabulary, part.text, where=f"the letters {part.text}")
