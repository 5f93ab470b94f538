"""What config.json says to transformers of a model: its special tokens, labels and prompt."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from dnagpt.errors import InputError
from dnagpt.language.grammar import Field, Literal, Part
from dnagpt.language.template import answer_spans
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.store.model import Model

OF_TRANSFORMERS = {
    "answer_ids", "architectures", "auto_map", "boolean_ids", "bos_token_id", "choice_ids", "chunk_size_feed_forward",
    "dtype", "eos_token_id", "first_kmer_id", "id2label", "is_encoder_decoder", "label2id", "output_attentions",
    "output_hidden_states", "pad_token_id", "problem_type", "prompt", "prompt_end_ids", "prompt_start_ids",
    "return_dict", "tie_word_embeddings", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip
"""Keys of config.json that say nothing of the network: transformers reads and writes them."""


def for_transformers(model: Model) -> dict[str, Any]:
    """Say in the terms of transformers which tokens fill, end and answer, and how the task is asked."""
    vocabulary = model.vocabulary
    settings: dict[str, Any] = {
        "architectures": ["DNAGPTForCausalLM"],
        "pad_token_id": vocabulary.pad_id,
        "eos_token_id": vocabulary.end_id,
        "boolean_ids": [vocabulary.false_id, vocabulary.true_id],
        "choice_ids": list(vocabulary.choice_ids(len(vocabulary.reserved) - 2)),
        "first_kmer_id": vocabulary.first_kmer_id,
    }
    try:
        template = model.task().template
    except InputError:
        return settings
    spans = answer_spans(vocabulary, template)
    labels = {"boolean": ("false", "true"), "choice": spans[0].field.choices, "number": (spans[0].field.name,)}
    if len(spans) != 1 or spans[0].field.kind not in labels or spans[0].field.count > 1:
        return settings
    names = labels[spans[0].field.kind]
    settings["id2label"] = {str(place): name for place, name in enumerate(names)}
    settings["label2id"] = {name: place for place, name in enumerate(names)}
    if spans[0].field.kind == "number":
        settings["problem_type"] = "regression"
    else:
        settings["answer_ids"] = list(spans[0].token_ids)
    asked = template.parts[: template.parts.index(spans[0].field)]
    settings["prompt_start_ids"] = _first_tokens(vocabulary, asked)
    settings["prompt_end_ids"] = _first_tokens(vocabulary, asked[::-1])[::-1]
    if all(field.kind == "sequence" for field in template.given):
        settings["prompt"] = "".join(map(_in_prompt, asked))
    return settings


def _first_tokens(vocabulary: Vocabulary, parts: Sequence[Part]) -> list[int]:
    """Give the ids of the reserved tokens that stand before any field or letter."""
    literals = takewhile(lambda part: isinstance(part, Literal), parts)
    return [vocabulary.reserved_id(part.token) for part in literals if isinstance(part, Literal)]


def _in_prompt(part: Part) -> str:
    """Write a part of a template as Python's `str.format` takes it."""
    return f"{{{part.name}}}" if isinstance(part, Field) else str(part)
