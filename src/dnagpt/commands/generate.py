"""`dnagpt generate`: new sequences that continue a prompt."""

from pathlib import Path

import numpy as np

from dnagpt.checkpoint import Model, load_model
from dnagpt.commands.progress import progress
from dnagpt.errors import InputError
from dnagpt.genome.fasta_writer import write_fasta
from dnagpt.genome.sequences import SequenceRecord
from dnagpt.inference.generate import Continuation, Grammar, generate
from dnagpt.inference.sampling import Sampling
from dnagpt.language.grammar import Field, LiteralSequence
from dnagpt.language.template import Template, encode_template
from dnagpt.language.tokenizer import decode_sequence


def generate_file(
    model_folder: Path, template: str, output: str, *, count: int, max_tokens: int, sampling: Sampling, seed: int,
    batch_size: int, precision: str, quiet: bool,
) -> None:  # fmt: skip
    """Generate sequences for a template and write them as FASTA."""
    model = load_model(model_folder)
    with progress("Generating", count, unit="sequences", quiet=quiet) as track:
        finished = 0

        def done(number: int) -> None:
            nonlocal finished
            finished += number
            track(finished)

        sequences = generate_sequences(
            model, template, count=count, max_tokens=max_tokens, sampling=sampling, seed=seed,
            batch_size=batch_size, precision=precision, done=done,
        )  # fmt: skip
    settings = f"seed={seed} temperature={sampling.temperature:g} top_k={sampling.top_k} top_p={sampling.top_p:g}"
    empty = sum(not sequence for sequence in sequences)
    if empty:
        raise InputError(
            f"{empty:,} of {count:,} sequences ended before their first base. Ask for a higher temperature or another prompt."
        )
    write_fasta(
        [
            SequenceRecord(f"generated_{number + 1}", f"template={template.replace(' ', '_')} sample={number} {settings}", sequence)
            for number, sequence in enumerate(sequences)
        ],
        output,
    )


def generate_sequences(
    model: Model, template_text: str, *, count: int, max_tokens: int, sampling: Sampling, seed: int,
    batch_size: int = 64, precision: str = "float32", done=lambda _: None,
) -> list[str]:  # fmt: skip
    """Generate the answered sequence of a template `count` times, letters of the prompt's own sequence included.

    A prompt that ends within a k-mer is continued there: its loose letters restrict the first token.
    """
    template = Template.parse(template_text)
    field = _answered_sequence(template)
    if count < 1 or max_tokens < 1:
        raise InputError(f"Ask for at least one sequence (-n) of at least one token (--max-tokens); given were {count} and {max_tokens}.")
    prompt_template, letters = _without_loose_letters(template, field, model.vocabulary.k)
    loose = letters[len(letters) // model.vocabulary.k * model.vocabulary.k :]
    prompt = encode_template(model.vocabulary, prompt_template, {}, prompt_only=True)
    grammar = _grammar(model, template)
    first = tuple(id for id in grammar.allowed if model.vocabulary.token(id).startswith(loose)) if loose else None
    if first == ():
        raise InputError(f"No k-mer of the vocabulary {model.vocabulary.name} begins with {loose!r}. Correct the letters of the template.")
    found = generate(
        model.network, [Continuation(prompt, sample, first) for sample in range(count)], grammar,
        max_tokens=max_tokens, sampling=sampling, seed=seed, batch_size=batch_size, precision=precision, done=done,
    )  # fmt: skip
    kept = letters[: len(letters) - len(loose)]
    return [kept + decode_sequence(model.vocabulary, _bases(model, ids)) for ids in found]


def _answered_sequence(template: Template) -> Field:
    given = [*template.given, *template.token_fields]
    if given:
        raise InputError(
            f"The template gives no value for {', '.join(field.name for field in given)}. Write the tokens and letters "
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
    taught = any(
        task.template.parts and task.template.parts[-1] in task.template.answered and task.template.parts[-1].kind == "sequence"
        for task in model.tasks.values()
        if isinstance(task.template.parts[-1], Field)
    )
    if not (taught and template.parts[-1] in template.answered):
        return Grammar(tuple(sorted(allowed)))
    shorter = [id for length in range(vocabulary.shortest, vocabulary.k) for id in vocabulary.known_kmer_ids(length).tolist()]
    last = frozenset([vocabulary.end_id, *shorter])
    return Grammar(tuple(sorted([*allowed, *last])), last)


def _bases(model: Model, ids: np.ndarray) -> np.ndarray:
    return ids[:-1] if len(ids) and ids[-1] == model.vocabulary.end_id else ids
