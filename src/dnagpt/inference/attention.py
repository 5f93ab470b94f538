"""Where a model looks when it answers: the attention from the place of the answer back to every base.

Shapes: B rows, L positions, D width, H heads, C channels a head.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dnagpt.data.batches import collate, similar_lengths
from dnagpt.errors import InputError
from dnagpt.inference.answers import TOKENS_AT_ONCE
from dnagpt.inference.predict import Record, fitting_rows
from dnagpt.language.grammar import Field
from dnagpt.language.kmers import Ids
from dnagpt.language.template import Rows, Template, encode_template
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.model import DNAGPT, RotaryPositions, autocast
from dnagpt.model.layers import Attention
from dnagpt.store.model import Model
from dnagpt.tasks import Task

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AttentionProfile:
    """How the attention of an answer is spread over the bases of a given sequence, by class of record."""

    field: str
    """The sequence looked at."""
    attention: Mapping[str, Floats]
    """For each class, (bases,): the part of all attention that each base gets, averaged over heads, layers asked for,
    and the records that are so long; base 0 is the first of the sequence. nan beyond the longest record of a class."""
    elsewhere: Mapping[str, float]
    """For each class, the part that goes to other positions: reserved tokens, numbers, another sequence."""
    counts: Mapping[str, int]
    """Records of each class."""


def attention_profile(
    model: Model,
    task: Task,
    records: Sequence[Record],
    classes: Sequence[str],
    *,
    layer: int | None = -1,
    field: str | None = None,
    where: Callable[[int], str] = lambda place: f"record {place + 1}",
    precision: str = "float32",
    done: Callable[[int], None] = lambda _: None,
) -> AttentionProfile:
    """Average the attention with which a model answers the first field of a task, for each class of records.

    Only the row of attention of the answer's place is computed, so memory grows with the length of a sequence, not
    with its square. The attention to a k-mer is spread evenly over its bases.

    Args:
        model: The model.
        task: One of its tasks, which is given at least one sequence.
        records: The records, with all that the task is given.
        classes: The class of each record, true or called; there is one profile a class.
        layer: Which block's attention, from 0, or from -1 backwards; None averages over all.
        field: Which given sequence, where there are several; the first, if not said.
        where: Names a record in messages.
        precision: In which numbers to compute.
        done: Is told how many records are finished.

    Raises:
        InputError: The task is given no such sequence, there is no such layer, or a record cannot be read.
    """
    blocks = _chosen_blocks(model.network, layer)
    if len(classes) != len(records):
        raise InputError(f"{len(records)} records need as many classes, got {len(classes)}. Give one for each record.")
    prompt = _prompt_task(task)
    name, place = _sequence_place(prompt.template, field)
    rows = [fitting_rows(model, prompt, record, where(number)) for number, record in enumerate(records)]
    bases = _bases_of_tokens(model.vocabulary)
    spans = [_sequence_span(model.vocabulary, prompt.template, place, record) for record in records]
    sums = _Sums(dict.fromkeys(classes, 0))
    device = next(model.network.parameters()).device
    was_training = model.network.training
    model.network.eval()
    with torch.inference_mode(), autocast(device, precision):
        for group in similar_lengths([len(row.ids) for row in rows], TOKENS_AT_ONCE):
            found_BL = _asked_attention(model, [rows[number] for number in group], blocks)
            for number, found_L in zip(group, found_BL, strict=True):
                start, ids = spans[number]
                lengths, on_kmers = bases[ids], found_L[start : start + len(ids)]
                sums.add(classes[number], np.repeat(on_kmers / lengths, lengths))
            done(len(group))
    model.network.train(was_training)
    return sums.profile(name)


class _Sums:
    """Attention added up by class and base."""

    def __init__(self, classes: Mapping[str, int]) -> None:
        self._totals = {name: np.zeros(0) for name in classes}
        self._records = {name: np.zeros(0, dtype=np.int64) for name in classes}
        self._counts = dict(classes)

    def add(self, name: str, on_bases: Floats) -> None:
        missing = len(on_bases) - len(self._totals[name])
        if missing > 0:
            self._totals[name] = np.pad(self._totals[name], (0, missing))
            self._records[name] = np.pad(self._records[name], (0, missing))
        self._totals[name][: len(on_bases)] += on_bases
        self._records[name][: len(on_bases)] += 1
        self._counts[name] += 1

    def profile(self, field: str) -> AttentionProfile:
        longest = max((len(total) for total in self._totals.values()), default=0)
        attention = {
            name: np.pad(total / self._records[name], (0, longest - len(total)), constant_values=np.nan)
            for name, total in self._totals.items()
        }
        elsewhere = {name: 1 - float(total.sum()) / self._counts[name] for name, total in self._totals.items()}
        return AttentionProfile(field, attention, elsewhere, self._counts)


def _chosen_blocks(network: DNAGPT, layer: int | None) -> list[Attention]:
    layers = network.config.layers
    if layer is not None and not -layers <= layer < layers:
        raise InputError(f"There is no layer {layer}: the model has {layers}, 0 to {layers - 1}, or -1 for the last.")
    blocks = [module for module in network.modules() if isinstance(module, Attention)]
    return blocks if layer is None else [blocks[layer]]


def _prompt_task(task: Task) -> Task:
    """Leave of a task what stands before its first answer."""
    parts = task.template.parts
    asked = next((place for place, part in enumerate(parts) if isinstance(part, Field) and part.answered), len(parts))
    names = {part.name for part in parts[:asked] if isinstance(part, Field)}
    kept = {name: transform for name, transform in task.transforms.items() if name in names}
    return Task(task.name, Template(parts[:asked]), kept)


def _sequence_place(template: Template, name: str | None) -> tuple[str, int]:
    """Find a given sequence among the parts of a template: the first, if no name is asked for."""
    places = {
        part.name: place
        for place, part in enumerate(template.parts)
        if isinstance(part, Field) and part.kind == "sequence"
    }
    found = next(iter(places), None) if name is None else name
    if found is None or found not in places:
        raise InputError(
            f"The prompt {template} is given no sequence{f' called {name}' if name else ''}; "
            f"it has {', '.join(places) or 'none'}."
        )
    return found, places[found]


def _sequence_span(vocabulary: Vocabulary, template: Template, place: int, record: Record) -> tuple[int, Ids]:
    """Say at which position the tokens of a sequence begin, and which they are."""
    before = template.parts[:place]
    start = len(encode_template(vocabulary, Template(before), record)) if before else 0
    return start, encode_template(vocabulary, Template(template.parts[place : place + 1]), record).ids


def _bases_of_tokens(vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """Count the bases that each token of the vocabulary holds; reserved tokens hold none."""
    bases = np.zeros(vocabulary.size, dtype=np.int64)
    for length in range(vocabulary.shortest, vocabulary.k + 1):
        kmers = vocabulary.kmer_ids(length)
        bases[kmers.start : kmers.stop] = length
    runs = vocabulary.unknown_run_ids()
    bases[runs.start : runs.stop] = vocabulary.shortest + np.arange(len(runs))
    return bases


def _asked_attention(model: Model, rows: Sequence[Rows], blocks: Sequence[Attention]) -> Floats:
    """Read rows and give the attention of the last position of each, averaged over blocks and heads, (B, L)."""
    batch = collate(rows, model.vocabulary.pad_id)
    device = next(model.network.parameters()).device
    ids_BL, numbers_BL, is_number_BL = (
        torch.from_numpy(row).to(device) for row in (batch.ids_BL, batch.numbers_BL, batch.is_number_BL)
    )
    last_B = [len(row.ids) - 1 for row in rows]
    found: list[torch.Tensor] = []
    with _listening(blocks, last_B, found):
        model.network(ids_BL, numbers_BL, is_number_BL)
    return torch.stack(found).mean(dim=0).double().cpu().numpy()


@contextmanager
def _listening(blocks: Sequence[Attention], last_B: Sequence[int], found: list[torch.Tensor]) -> Iterator[None]:
    """Collect the attention of some blocks while the network runs."""

    def listen(attention: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(attention, Attention)
        found.append(_last_attention(attention, inputs[0], inputs[1], last_B))

    handles = [block.register_forward_pre_hook(listen) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _last_attention(
    attention: Attention, x_BLD: torch.Tensor, rotary: RotaryPositions | None, last_B: Sequence[int]
) -> torch.Tensor:
    """Weigh all positions by how well their keys match the query of each row's last one, heads averaged: (B, L)."""
    batch, length, _ = x_BLD.shape
    q_BHLC, k_BHLC, _ = attention.qkv(x_BLD).view(batch, length, 3, attention.heads, -1).permute(2, 0, 3, 1, 4)
    places_B1 = torch.tensor(last_B, device=x_BLD.device)[:, None]
    q_BH1C = q_BHLC.take_along_dim(places_B1[:, None, :, None], dim=2)
    if rotary is not None:
        q_BH1C, k_BHLC = rotary(q_BH1C, places_B1), rotary(k_BHLC, slice(length))
    scores_BHL = (q_BH1C.float() @ k_BHLC.float().transpose(2, 3))[:, :, 0] / q_BH1C.shape[-1] ** 0.5
    behind_BL = torch.arange(length, device=x_BLD.device) > places_B1
    return scores_BHL.masked_fill(behind_BL[:, None], float("-inf")).softmax(dim=-1).mean(dim=1)
