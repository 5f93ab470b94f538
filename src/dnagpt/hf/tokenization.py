"""A vocabulary as a tokenizer of the `tokenizers` library, and as a tokenizer of transformers."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from dnagpt.errors import InputError
from dnagpt.language.ambiguity import ambiguity_message, ambiguous_letters
from dnagpt.language.tokenizer import encode_prompt
from dnagpt.language.vocabulary import Vocabulary

logger = logging.getLogger("dnagpt")


def tokenizer_backend(vocabulary: Vocabulary) -> Tokenizer:
    """Build the tokenizer of a vocabulary from parts of the `tokenizers` library, which one JSON file can hold.

    >>> encoding = tokenizer_backend(Vocabulary.preset("dna-4mers")).encode("<R>ACGTNNa<=>")
    >>> encoding.tokens, encoding.offsets
    (['<R>', 'ACGT', 'NN', 'A', '<=>'], [(0, 3), (3, 7), (7, 9), (9, 10), (10, 13)])

    Reserved tokens are taken out first, exactly as they stand; letters are brought to the alphabet one by one; each
    stretch is cut in chunks of k from the left, and these at runs of the unknown letter. A chunk that is no token is an
    error, because the vocabulary has no token for what is unknown.
    """
    backend = Tokenizer(models.WordLevel({vocabulary.token(token_id): token_id for token_id in range(vocabulary.size)}))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(f"[{sources}]"), letter) for letter, sources in _spellings(vocabulary)]
    )
    steps = [
        pre_tokenizers.Split(Regex("[<>]"), "isolated"),  # or <r>, once in capitals, would be <R>
        pre_tokenizers.Split(Regex(f".{{1,{vocabulary.k}}}"), "isolated"),
    ]
    if not vocabulary.unknown_in_alphabet:
        steps.append(pre_tokenizers.Split(Regex(f"{vocabulary.unknown}+"), "isolated"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    backend.decoder = decoders.Fuse()
    backend.add_special_tokens(
        [AddedToken(f"<{name}>", normalized=False, special=True) for name in vocabulary.reserved]
    )
    return backend


def _spellings(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """Give each letter of the tokens with the other characters that are read as it."""
    for letter in dict.fromkeys((*vocabulary.alphabet, vocabulary.unknown)):
        others = "".join(source for source, target in vocabulary.synonyms if target == letter)
        others += vocabulary.ambiguous if letter == vocabulary.unknown else ""
        yield letter, letter.lower() + others + others.lower()


class DNAGPTTokenizer(PreTrainedTokenizerFast):
    """The tokenizer of a model folder, made from its vocabulary.json; it fills rows at the left, for `generate`.

    What `dnagpt` refuses is refused with the same sentence. Letters that are read as the unknown one are counted and
    reported the first time. `model_max_length` is the model's context, where config.json lies beside the vocabulary.
    """

    vocab_files_names: ClassVar = {"vocabulary_file": "vocabulary.json"}
    model_input_names: ClassVar = ["input_ids", "attention_mask"]
    padding_side = "left"

    def __init__(self, vocabulary_file: str, **settings: Any) -> None:
        text = Path(vocabulary_file).read_text(encoding="utf-8")
        vocabulary = Vocabulary.from_json(text, where=str(vocabulary_file))
        self.vocabulary = vocabulary
        self._has_reported = False
        for name in ("tokenizer_object", "tokenizer_file", "vocab", "merges", "post_processor"):
            settings.pop(name, None)
        settings = {
            "pad_token": f"<{vocabulary.pad}>", "eos_token": f"<{vocabulary.end}>",
            "model_max_length": _context(Path(vocabulary_file).with_name("config.json")), **settings,
        }  # fmt: skip
        super().__init__(
            tokenizer_object=tokenizer_backend(vocabulary), vocabulary_file=str(vocabulary_file), **settings
        )

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocabulary.json, from which the tokenizer is made again."""
        path = Path(save_directory) / f"{filename_prefix + '-' if filename_prefix else ''}vocabulary.json"
        path.write_text(self.vocabulary.to_json(), encoding="utf-8")
        return (str(path),)

    def _save_pretrained(
        self, save_directory: Any, file_names: tuple[str, ...], legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:  # fmt: skip
        saved = super()._save_pretrained(save_directory, file_names, legacy_format, filename_prefix)
        return (*saved, *self.save_vocabulary(str(save_directory), filename_prefix))

    def _encode_plus(self, text: Any, text_pair: Any = None, **settings: Any) -> Any:
        try:
            encoded = super()._encode_plus(text, text_pair, **settings)
        except Exception as error:
            for number, one in enumerate(_texts((text, text_pair)), start=1):
                encode_prompt(self.vocabulary, one, where=f"text {number}")
            raise InputError(f"The text cannot be encoded: {error}.") from error
        self._report_ambiguous(text, text_pair)
        return encoded

    def _report_ambiguous(self, text: Any, text_pair: Any) -> None:
        if self._has_reported:
            return
        found = [ambiguous_letters(self.vocabulary, one) for one in _texts((text, text_pair))]
        message = ambiguity_message(self.vocabulary, found, "texts")
        if message:
            self._has_reported = True
            logger.warning("%s (Further ones are not reported.)", message)


def _context(path: Path) -> int | None:
    """Read from config.json how many positions the model holds; None where that cannot be told."""
    try:
        context = json.loads(path.read_text(encoding="utf-8"))["context"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return context if isinstance(context, int) and context > 0 else None


def _texts(given: Any) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, list | tuple):
        for one in given:
            yield from _texts(one)
