"""The tokens that a model knows: reserved tokens, k-mers, and how letters are read.

Ids run: reserved tokens, then runs of the unknown letter (only where the alphabet lacks it), then k-mers, short
lengths first, each length in the Cartesian product order of the alphabet with the first letter slowest.
"""

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain, islice
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.language.presets import PRESETS

MOST_TOKENS = 10_000_000


@dataclass(frozen=True)
class Vocabulary:
    """The dictionary between text and the ids that a model sees.

    >>> vocabulary = Vocabulary.preset("released-1to6mers")
    >>> vocabulary.size, vocabulary.id_of("<R>"), vocabulary.id_of("ACGTAC"), vocabulary.token(19563)
    (19564, 21, 9297, 'TTTTTT')

    The id order of the two released vocabularies is that of the DNAGPT release (arXiv 2307.05628).
    """

    name: str
    """What people call it."""
    alphabet: str
    """The letters of k-mers, in id order."""
    k: int
    """The longest k-mer, and the length in which sequences are cut."""
    shortest: int
    """The shortest k-mer: 1 for all lengths 1..k, k for full k-mers only."""
    reserved: tuple[str, ...]
    """The tokens written `<X>`, ids 0, 1, 2 ... in this order."""
    unknown: str = "N"
    """The letter that stands for any letter."""
    ambiguous: str = "RYSWKMBDHV"
    """Letters that are read as the unknown letter, and counted."""
    synonyms: tuple[tuple[str, str], ...] = (("U", "T"),)
    """Letters that are read as another one, such as U as T."""
    pad: str = "P"
    """The reserved token that fills the end of short rows, and the place of a number."""
    end: str = "&"
    """The reserved token after an answered sequence."""
    true: str = "N"
    """The token that answers yes: a reserved one, or else a k-mer."""
    false: str = "A"
    """The token that answers no: a reserved one, or else a k-mer."""

    def __post_init__(self) -> None:
        for problem_of in (_letters_problem, _size_problem, _reserved_problem, _roles_problem):
            if problem := problem_of(self):  # what a later one computes is bounded by the earlier ones
                raise InputError(f"Vocabulary {self.name!r}: {problem}.")

    @cached_property
    def size(self) -> int:
        """How many tokens there are."""
        return self._kmer_starts[-1]

    @cached_property
    def dtype(self) -> type[np.uint16 | np.uint32]:
        """The smallest of the two unsigned types that ids are kept in."""
        return np.uint16 if self.size <= 0xFFFF else np.uint32

    @property
    def pad_id(self) -> int:
        """The id of the filling token."""
        return self.reserved_id(self.pad)

    @property
    def end_id(self) -> int:
        """The id that ends an answered sequence."""
        return self.reserved_id(self.end)

    @property
    def true_id(self) -> int:
        """The id that answers yes."""
        return self._role_id(self.true)

    @property
    def false_id(self) -> int:
        """The id that answers no."""
        return self._role_id(self.false)

    @property
    def first_kmer_id(self) -> int:
        """The id of the first k-mer; all ids from it on are k-mers."""
        return self._kmer_starts[0]

    @property
    def unknown_in_alphabet(self) -> bool:
        """Whether k-mers mix known and unknown letters, as in the released vocabularies."""
        return self.unknown in self.alphabet

    def reserved_id(self, name: str) -> int:
        """Look up a reserved token by the text between its brackets.

        >>> Vocabulary.preset("dna-4mers").reserved_id("=")
        14
        """
        found = self._reserved_ids.get(name)
        if found is None:
            listed = " ".join(f"<{token}>" for token in self.reserved[:100])
            raise InputError(f"<{name}> is not a reserved token of the vocabulary {self.name}. It has {listed}.")
        return found

    def id_of(self, token: str) -> int:
        """Look up a token by its text: `<R>` for a reserved token, letters for a k-mer.

        >>> Vocabulary.preset("dna-4mers").id_of("ACGT"), Vocabulary.preset("dna-4mers").id_of("NN")
        (161, 35)
        """
        if token.startswith("<") and token.endswith(">"):
            return self.reserved_id(token[1:-1])
        found = self.kmer_id(token)
        if found is None:
            raise InputError(f"{token!r} is not a token of the vocabulary {self.name}, which has {self.describe()}.")
        return found

    def kmer_id(self, letters: str) -> int | None:
        """Look up letters exactly as they stand (no case folding, no synonyms); None where no token has them.

        >>> vocabulary = Vocabulary.preset("dna-4mers")
        >>> vocabulary.kmer_id("ACGT"), vocabulary.kmer_id("acgt")
        (161, None)
        """
        if not self.shortest <= len(letters) <= self.k:
            return None
        if set(letters) <= set(self.alphabet):
            value = 0
            for letter in letters:
                value = value * len(self.alphabet) + self.alphabet.index(letter)
            return self.kmer_ids(len(letters)).start + value
        if set(letters) == {self.unknown}:
            return len(self.reserved) + len(letters) - self.shortest
        return None

    def token(self, token_id: int) -> str:
        """Write a token as text.

        >>> [Vocabulary.preset("dna-4mers").token(id) for id in (21, 35, 161)]
        ['<R>', 'NN', 'ACGT']
        """
        if not 0 <= token_id < self.size:
            raise InputError(
                f"{token_id} is not an id of the vocabulary {self.name}, whose ids are 0 to {self.size - 1}."
            )
        if token_id < len(self.reserved):
            return f"<{self.reserved[token_id]}>"
        if token_id < self._kmer_starts[0]:
            return self.unknown * (token_id - len(self.reserved) + self.shortest)
        place = next(place for place, start in enumerate(self._kmer_starts) if token_id < start) - 1
        rest, letters = token_id - self._kmer_starts[place], []
        for _ in range(self.shortest + place):
            rest, digit = divmod(rest, len(self.alphabet))
            letters.append(self.alphabet[digit])
        return "".join(reversed(letters))

    def kmer_ids(self, length: int) -> range:
        """List the ids of all k-mers of one length (runs of an unknown letter outside the alphabet are not k-mers).

        >>> Vocabulary.preset("dna-4mers").kmer_ids(1)
        range(38, 42)
        """
        if not self.shortest <= length <= self.k:
            raise InputError(f"The vocabulary {self.name} has no k-mers of {length} letters, only {self.describe()}.")
        place = length - self.shortest
        return range(self._kmer_starts[place], self._kmer_starts[place + 1])

    def unknown_run_ids(self) -> range:
        """List the ids of runs of the unknown letter, shortest first; empty where k-mers hold that letter.

        >>> Vocabulary.preset("dna-4mers").unknown_run_ids()
        range(34, 38)
        """
        return range(len(self.reserved), self._kmer_starts[0])

    def known_kmer_ids(self, length: int) -> npt.NDArray[np.int64]:
        """List the ids of the k-mers of one length that are free of the unknown letter.

        >>> Vocabulary.preset("released-1to6mers").known_kmer_ids(1).tolist()
        [35, 36, 37, 38]
        """
        ids = np.arange(len(self.kmer_ids(length)), dtype=np.int64)
        known = np.ones(len(ids), dtype=bool)
        if self.unknown_in_alphabet:
            for place in range(length):
                known &= ids // len(self.alphabet) ** place % len(self.alphabet) != self.alphabet.index(self.unknown)
        return ids[known] + self.kmer_ids(length).start

    def choice_ids(self, count: int) -> tuple[int, ...]:
        """Give the ids that stand for the choices of a `choice(...)`: reserved tokens but pad and end, then k-mers.

        >>> vocabulary = Vocabulary.preset("dna-4mers")
        >>> vocabulary.choice_ids(3), [vocabulary.token(id) for id in vocabulary.choice_ids(34)[-3:]]
        ((0, 1, 2), ['<Z>', 'A', 'G'])

        A k-mer that stands in an answer's place is read as the choice. InputError says how many choices there can be.
        """
        reserved = [place for place, token in enumerate(self.reserved) if token not in (self.pad, self.end)]
        kmers = range(self.first_kmer_id, self.size)
        if not 1 <= count <= len(reserved) + len(kmers):
            raise InputError(
                f"A choice of {count:,} cannot be written: the vocabulary {self.name} has {len(reserved)} reserved "
                f"tokens and {len(kmers):,} k-mers for choices. Give 1 to {len(reserved) + len(kmers):,} choices."
            )
        return tuple(islice(chain(reserved, kmers), count))

    def describe(self) -> str:
        """Say in words which k-mers there are.

        >>> Vocabulary.preset("released-6mers").describe()
        'k-mers of 6 letters of NAGCT'
        """
        lengths = f"{self.k}" if self.shortest == self.k else f"{self.shortest} to {self.k}"
        runs = "" if self.unknown_in_alphabet else f" and runs of {self.unknown}"
        return f"k-mers of {lengths} letters of {self.alphabet}{runs}"

    def to_json(self) -> str:
        """Write the vocabulary as JSON text, from which `from_json` makes an equal one."""
        content = {"format": 1, **{field.name: getattr(self, field.name) for field in fields(self)}, "size": self.size}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str = "vocabulary.json") -> Self:
        """Read a vocabulary from JSON text; anything missing, unknown or inconsistent is an error.

        >>> vocabulary = Vocabulary.preset("protein")
        >>> Vocabulary.from_json(vocabulary.to_json()) == vocabulary
        True
        """
        content = _read_object(text, where)
        wanted = {"format", "size", *_FIELD_CHECKS}
        for key in (*(wanted - content.keys()), *(content.keys() - wanted)):
            state = "is missing" if key in wanted else "is not known"
            raise InputError(f"{where}: the key {key!r} {state}. The keys are {', '.join(sorted(wanted))}.")
        if content.pop("format") != 1:
            raise InputError(f"{where}: this format is not known; only format 1 can be read.")
        size = content.pop("size")
        for key, (holds, wish) in _FIELD_CHECKS.items():
            if not holds(content[key]):
                raise InputError(f"{where}: {key} is {str(content[key])[:60]!r}, but should be {wish}.")
        content["reserved"] = tuple(content["reserved"])
        content["synonyms"] = tuple((letter, read_as) for letter, read_as in content["synonyms"])
        vocabulary = cls(**content)
        if size != vocabulary.size or isinstance(size, bool):
            raise InputError(
                f"{where}: size is {str(size)[:60]}, but the alphabet, lengths and reserved tokens make "
                f"{vocabulary.size} tokens. The file was changed by hand or damaged; restore the original."
            )
        return vocabulary

    @classmethod
    def preset(cls, name: str) -> Self:
        """Make a vocabulary that has a name.

        `released-1to6mers` and `released-6mers` are those of the released weights; `dna-1mers` to `dna-6mers` are
        compact ones for new models; `rna` is the released 1..6-mer one with U for T (T is read as U, answers are
        written with U); `protein` has one token a residue.

        >>> Vocabulary.preset("dna-4mers").size
        378
        """
        if name not in PRESETS:
            raise InputError(f"There is no vocabulary {name!r}. There are {', '.join(PRESETS)}.")
        return cls(name=name, **PRESETS[name])

    @cached_property
    def _reserved_ids(self) -> dict[str, int]:
        return {token: place for place, token in enumerate(self.reserved)}

    @cached_property
    def _kmer_starts(self) -> list[int]:
        """The first id of each k-mer length, and the size last."""
        runs = 0 if self.unknown_in_alphabet else self.k - self.shortest + 1
        starts = [len(self.reserved) + runs]
        for length in range(self.shortest, self.k + 1):
            starts.append(starts[-1] + len(self.alphabet) ** length)
        return starts

    def _role_id(self, token: str) -> int:
        return self._reserved_ids[token] if token in self._reserved_ids else self.id_of(token)


def _letters_problem(vocabulary: Vocabulary) -> str | None:
    sources = [letter for letter, _ in vocabulary.synonyms]
    letters = [*vocabulary.alphabet, *vocabulary.ambiguous, *sources]
    if vocabulary.unknown not in list(vocabulary.alphabet):
        letters.append(vocabulary.unknown)
    for letter in (*letters, *(read_as for _, read_as in vocabulary.synonyms)):
        if len(letter) != 1 or letter not in string.ascii_uppercase:
            return f"{letter!r} cannot be a letter; letters are single capitals A to Z"
    if len(set(letters)) < len(letters):
        return f"the letter {_first_repeat(letters)} stands twice among alphabet, unknown, ambiguous and synonyms"
    if len(vocabulary.alphabet) < 2:
        return "the alphabet needs two letters or more"
    for letter, read_as in vocabulary.synonyms:
        if read_as not in vocabulary.alphabet:
            return f"{letter} is read as {read_as}, which is not in the alphabet {vocabulary.alphabet}"
    return None


def _size_problem(vocabulary: Vocabulary) -> str | None:
    if not 1 <= vocabulary.shortest <= vocabulary.k:
        return (
            f"k-mers of {vocabulary.shortest} to {vocabulary.k} letters are asked for; lengths run from 1 or more to k"
        )
    total, length = len(vocabulary.reserved), 0
    while total <= MOST_TOKENS and length < vocabulary.k:
        length += 1
        total += 1 + len(vocabulary.alphabet) ** length if length >= vocabulary.shortest else 0
        if len(vocabulary.alphabet) ** length > MOST_TOKENS:
            total = MOST_TOKENS + 1
    if total > MOST_TOKENS:
        return f"k = {vocabulary.k:,} makes more than {MOST_TOKENS:,} tokens; choose a smaller k"
    return None


def _reserved_problem(vocabulary: Vocabulary) -> str | None:
    if len(set(vocabulary.reserved)) < len(vocabulary.reserved):
        return f"the reserved token <{_first_repeat(vocabulary.reserved)}> stands twice"
    for token in vocabulary.reserved:
        if not token or not token.isprintable() or set(token) & set("<>{} "):
            return f"{token!r} cannot be a reserved token: it is empty or holds a blank, a bracket or a brace"
    return None


def _roles_problem(vocabulary: Vocabulary) -> str | None:
    for role in ("pad", "end"):
        if getattr(vocabulary, role) not in vocabulary.reserved:
            return f"the {role} token <{getattr(vocabulary, role)}> is not among the reserved tokens"
    for role in ("true", "false"):
        token = getattr(vocabulary, role)
        if token not in vocabulary.reserved and vocabulary.kmer_id(token) is None:
            return f"the {role} token {token!r} is neither reserved nor one of its {vocabulary.describe()}"
    roles = (vocabulary.pad, vocabulary.end, vocabulary.true, vocabulary.false)
    if len(set(roles)) < len(roles):
        return f"{_first_repeat(roles)!r} cannot have two of the roles pad, end, true and false"
    return None


def _first_repeat(values: Sequence[str]) -> str:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    raise AssertionError("nothing stands twice")


def _read_object(text: str, where: str) -> dict[str, Any]:
    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise InputError(f"{where}: the key {_first_repeat(keys)!r} stands twice; keep one of them.")
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON: {error}. Restore the original file.") from error
    if not isinstance(content, dict):
        raise InputError(f"{where} does not hold a JSON object. Restore the original file.")
    return content


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1000


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(item) for item in value)


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(_is_texts(pair) and len(pair) == 2 for pair in value)


_TEXT = (_is_text, "text of at most 1,000 characters")
_COUNT = (_is_count, "a whole number")
_FIELD_CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(("name", "alphabet", "unknown", "ambiguous", "pad", "end", "true", "false"), _TEXT),
    **dict.fromkeys(("k", "shortest"), _COUNT),
    "reserved": (_is_texts, "a list of texts"),
    "synonyms": (_is_pairs, "a list of pairs of letters"),
}
