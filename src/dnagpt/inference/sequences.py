"""New sequences for a template: from the text of a prompt to the letters that continue it."""

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.sampling import Sampling
from dnagpt.language.ambiguity import ambiguity_message, ambiguous_letters
from dnagpt.language.grammar import Field, LiteralSequence
from dnagpt.language.template import Template, encode_template
from dnagpt.language.tokenizer import decode_sequence
from dnagpt.store.model import Model

logger = logging.getLogger("dnagpt")


def generate_sequences(
    model: Model, template_text: str, *, count: int, max_tokens: int, sampling: Sampling, seed: int,
    batch_size: int = 64, precision: str = "float32", any_kmer: bool = False,
    done: Callable[[int], None] = lambda _: None,
) -> list[str]:  # fmt: skip
    """Generate the answered sequence of a template `count` times, letters of the prompt's own sequence included.

    A prompt that ends within a k-mer is continued there: its loose letters restrict the first token. With `any_kmer`,
    k-mers that hold the unknown letter and shorter ones may follow too, as in the released code.
    """
    template = Template.parse(template_text)
    field = _answered_sequence(template)
    if count < 1 or max_tokens < 1:
        raise InputError(
            f"Ask for at least one sequence of at least one token; given were {count} sequences of up to "
            f"{max_tokens} tokens."
        )
    prompt_template, letters = _without_loose_letters(template, field, model.vocabulary.k)
    loose = letters[len(letters) // model.vocabulary.k * model.vocabulary.k :]
    prompt = encode_template(model.vocabulary, prompt_template, {}, prompt_only=True)
    letters_of = [ambiguous_letters(model.vocabulary, template_text.partition("{")[0])]
    if message := ambiguity_message(model.vocabulary, letters_of, "prompts"):
        logger.warning(message)
    grammar = _any_kmer(model) if any_kmer else _grammar(model, template)
    first = tuple(kmer for kmer in grammar.allowed if model.vocabulary.token(kmer).startswith(loose)) if loose else None
    if first == ():
        raise InputError(
            f"No k-mer of the vocabulary {model.vocabulary.name} begins with {loose!r}. "
            "Correct the letters of the template."
        )
    found = generate(
        model.network, [Continuation(prompt, sample, first) for sample in range(count)], grammar,
        max_tokens=max_tokens, sampling=sampling, seed=seed, batch_size=batch_size, precision=precision, done=done,
    )  # fmt: skip
    kept = letters[: len(letters) - len(loose)]
    return [kept + decode_sequence(model.vocabulary, _bases(model, ids)) for ids in found]


def _answered_sequence(template: Template) -> Field:
    given = [field.name for field in template.given] + [field.name for field in template.token_fields]
    if given:
        raise InputError(
            f"The template gives no value for {', '.join(given)}. Write the tokens and letters "
            "themselves, as in <R>ACGT{continuation?:sequence}."
        )
    answered = [field for field in template.answered if field.kind == "sequence"]
    if len(answered) != 1 or template.answered[0] != answered[0]:
        raise InputError(f"{template} does not answer one sequence first. Write, for example, <R>{{window?:sequence}}.")
    return answered[0]


def _without_loose_letters(template: Template, field: Field, k: int) -> tuple[Template, str]:
    """Take the letters right before the answer that do not fill a k-mer out of the prompt."""
    place = template.parts.index(field)
    before = template.parts[place - 1]
    if not isinstance(before, LiteralSequence):
        return template, ""
    letters = before.text.upper()
    whole = letters[: len(letters) // k * k]
    parts = (*template.parts[: place - 1], *([LiteralSequence(whole)] if whole else []), *template.parts[place:])
    return Template(parts), letters


def _grammar(model: Model, template: Template) -> Grammar:
    """Allow whole k-mers of known bases; and an end only where the model was taught this very task's end."""
    vocabulary = model.vocabulary
    allowed = vocabulary.known_kmer_ids(vocabulary.k).tolist()
    taught = any(_ends_with_answer(task.template) for task in model.tasks.values())
    if not (taught and _ends_with_answer(template)):
        return Grammar(tuple(sorted(allowed)))
    shorter: list[int] = []
    for length in range(vocabulary.shortest, vocabulary.k):
        shorter += vocabulary.known_kmer_ids(length).tolist()
    last = frozenset({vocabulary.end_id, *shorter})
    return Grammar(tuple(sorted([*allowed, *last])), last)


def _any_kmer(model: Model) -> Grammar:
    return Grammar(tuple(range(len(model.vocabulary.reserved), model.vocabulary.size)))


def _ends_with_answer(template: Template) -> bool:
    last = template.parts[-1]
    return isinstance(last, Field) and last.answered and last.kind == "sequence"


def _bases(model: Model, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return ids[:-1] if len(ids) and ids[-1] == model.vocabulary.end_id else ids
