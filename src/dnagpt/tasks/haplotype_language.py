"""Haplotypes as language: each site written as the base that a chromosome copy carries there, cut into k-mers.

`<R>{haplotype?:sequence}` is read as `<R>`, the k-mers, and the end token. Where the sites do not fit the context they
are read in windows; each is told its number, in three digits, and the alleles of its left neighbour's tail.

Shapes: N haplotypes, S sites (of a window, where one is spoken of), P k-mers of a window, A = 2**k patterns of alleles.
"""

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError
from dnagpt.haplotypes.legend import legend_text, read_saved_legend
from dnagpt.haplotypes.values import Alleles, Sites
from dnagpt.language.grammar import Field, Literal
from dnagpt.language.kmers import Ids
from dnagpt.language.template import Rows, Template, encode_template
from dnagpt.language.tokenizer import encode_sequence
from dnagpt.language.vocabulary import Vocabulary

Integers = npt.NDArray[np.int64]

POPULATION = "population"
"""The name of the token field that tells a model whose haplotype it is to write."""
BASES = "ACGT"
NO_BASES = "AT"
"""How the two alleles of a site are written that are not single bases: insertions, deletions and so on."""
NUMBER_DIGITS = 3
"""The digits in which the number of a window is written."""
_KINDS = {"field": str, "window": int, "tail": int, "legend_sha256": str, "populations": dict, "counts": dict}
MOST_LEGEND = 1 << 24
"""The most bytes of a legend: some 400,000 sites."""


@dataclass(frozen=True, eq=False)
class LegalTokens:
    """The tokens that may stand at each k-mer of a window, and which alleles they mean."""

    ids: Integers
    """(P, A) the ids; pattern a spells the alleles of the sites as a binary number, the first site highest."""
    counts: Integers
    """(P,) how many of them count: 2 to the power of the sites that the k-mer holds, all but the last k."""

    def alleles(self, ids_NP: npt.NDArray[np.integer[Any]]) -> Alleles:
        """Tell the alleles, (N, S), that rows of legal tokens, (N, P), mean.

        >>> legal = LegalTokens(np.array([[40, 44, 41, 45], [38, 39, -1, -1]]), np.array([4, 2]))
        >>> legal.alleles(np.array([[44, 39], [45, 38]])).tolist()
        [[0, 1, 1], [1, 1, 0]]
        """
        columns = []
        for place, count in enumerate(self.counts.tolist()):
            order = self.ids[place, :count].argsort()
            pattern_N = order[np.searchsorted(self.ids[place, order], ids_NP[:, place])]
            assert (self.ids[place, pattern_N] == ids_NP[:, place]).all(), "a token that its sites do not allow"
            bits = np.arange(count.bit_length() - 2, -1, -1)
            columns.append(pattern_N[:, np.newaxis] >> bits & 1)
        return np.concatenate(columns, axis=1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class HaplotypeLanguage:
    """How a task writes haplotypes at known sites.

    >>> sites = Sites(["15"] * 4, np.array([9, 20, 31, 44]), ["."] * 4, list("ACGT"), ["G", "T", "A", "TAA"])
    >>> template, vocabulary = Template.parse("<R>{haplotype?:sequence}"), Vocabulary.preset("dna-3mers")
    >>> language = HaplotypeLanguage.fit(template, sites, vocabulary, context=16)
    >>> language.letters(np.array([[0, 1, 1, 0]], dtype=np.uint8)), language.spans
    (['ATAA'], ((0, 4),))
    >>> rows = language.rows(vocabulary, template, "ATAA", None, 0)
    >>> [vocabulary.token(token) for token in rows.ids], rows.answer.tolist()
    (['<R>', 'ATA', 'A', '<&>'], [0, 1, 1, 1])
    """

    sites: Sites
    """The places that are written, in order."""
    field: str
    """The name of the template's answered sequence."""
    populations: Mapping[str, str]
    """The reserved token of each population; empty where the template does not ask for one."""
    counts: Mapping[str, int]
    """How many haplotypes of each population the language was made for."""
    window: int
    """How many sites a window has, a multiple of k; all of them where they fit the context."""
    tail: int
    """How many sites of its left neighbour a window is given, a multiple of k; 0 where there is one window."""

    @classmethod
    def fit(
        cls, template: Template, sites: Sites, vocabulary: Vocabulary, context: int, *, tail: int = 192,
        populations: Iterable[str] = (),
    ) -> Self:  # fmt: skip
        """Choose how haplotypes are written: in one window if the context holds it, else in several of one size.

        `populations` names that of every haplotype. In alphabetic order they get the digits and then the letters that
        the template leaves free; where it has no `<{population}>` they are not told apart.
        InputError says what cannot be written: the template, the sites, the populations, or any window at all.
        """
        name = answered_haplotype(template)
        if not len(sites) or len(legend_text(sites, "the legend")) > MOST_LEGEND:
            raise InputError(
                f"{len(sites):,} sites cannot be learned: there have to be some, and no more than a model folder "
                f"keeps (a legend of {MOST_LEGEND:,} bytes). Choose another region."
            )
        counts = Counter(populations)
        tokens = _population_tokens(template, vocabulary, sorted(counts))
        given = len(_given(vocabulary, template, next(iter(tokens.values()), "")))
        kmers, tail_kmers = -(-len(sites) // vocabulary.k), -(-tail // vocabulary.k)
        windows = 1
        if given + kmers + 1 > context:
            room = context - given - NUMBER_DIGITS - tail_kmers - 1
            windows = -(-kmers // room) if room > 0 else 0
        if not 0 < windows <= 10**NUMBER_DIGITS:
            raise InputError(
                f"A context of {context:,} tokens does not hold {len(sites):,} sites in {10**NUMBER_DIGITS:,} windows "
                f"or fewer, each given {tail:,} sites of the one before. Give the model a longer context."
            )
        window = -(-kmers // windows) * vocabulary.k
        counted = {population: counts[population] for population in tokens}
        language = cls(sites, name, tokens, counted, window, tail_kmers * vocabulary.k if windows > 1 else 0)
        language.refuse_vocabulary(vocabulary)
        return language

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The first site of each window, and the one behind its last."""
        starts = range(0, len(self.sites), self.window)
        return tuple((start, min(start + self.window, len(self.sites))) for start in starts)

    def letters(self, alleles_NS: Alleles) -> list[str]:
        """Write haplotypes, or their first sites, as bases; A and T where alleles are not single bases."""
        reference_S, alternate_S = self._codes[:, : alleles_NS.shape[1]]
        codes_NS = np.where(alleles_NS, alternate_S, reference_S)
        return [row_S.tobytes().decode() for row_S in codes_NS]

    def rows(
        self, vocabulary: Vocabulary, template: Template, letters: str, population: str | None, window: int, *,
        where: str = "haplotype", prompt_only: bool = False,
    ) -> Rows:  # fmt: skip
        """Write one window of a haplotype, given as the letters of all its sites, as the row that the model reads.

        What is given: the template up to its answer and, where there are several windows, the window's number and the
        k-mers of the sites before it. What is answered: the k-mers of the window, and the end token. With `prompt_only`
        there is only what is given, and the letters may end where the window starts.
        """
        start, stop = self.spans[window]
        parts: list[npt.NDArray[Any]] = [_given(vocabulary, template, self._token(template, population, where))]
        if len(self.spans) > 1:
            parts.append(np.array([vocabulary.reserved_id(digit) for digit in f"{window:0{NUMBER_DIGITS}}"]))
        before = sum(map(len, parts))
        if len(self.spans) > 1:
            parts.append(encode_sequence(vocabulary, letters[max(0, start - self.tail) : start], where=where).ids)
        given = sum(map(len, parts))
        if not prompt_only:
            filled = letters[start:stop] + "A" * self._filling(vocabulary, stop - start)
            parts += [encode_sequence(vocabulary, filled, where=where).ids, np.array([vocabulary.end_id])]
        ids: Ids = np.concatenate(parts).astype(vocabulary.dtype)
        answer = np.arange(len(ids)) >= given
        places = np.zeros(len(ids), np.int32)
        kmers = slice(before, len(ids) - (not prompt_only))
        first = start // vocabulary.k - (given - before)
        places[kmers] = np.arange(first, first + kmers.stop - before) + 1
        numbers, is_number = np.zeros(len(ids), np.float32), np.zeros(len(ids), np.bool_)
        return Rows(ids, numbers, is_number, answer.astype(np.int8), places=places)

    def legal(self, vocabulary: Vocabulary, window: int) -> LegalTokens:
        """Say which tokens each k-mer of a window may be, given the two alleles of its sites.

        The last k-mer holds what sites are left: it is a shorter one, or, where the vocabulary has none, filled with A.
        """
        start, stop = self.spans[window]
        k, size = vocabulary.k, stop - start
        reference, alternate = (codes_S.tobytes().decode() for codes_S in self._codes[:, start:stop])
        pairs = [*zip(reference, alternate, strict=True), *[("A", "A")] * self._filling(vocabulary, size)]
        counts = [2 ** min(k, size - first) for first in range(0, size, k)]
        ids = np.full((len(counts), 2**k), -1, dtype=np.int64)
        for place, count in enumerate(counts):
            ids[place, :count] = _patterns(vocabulary, pairs[place * k : (place + 1) * k], count)
        return LegalTokens(ids, np.array(counts))

    def tokens(self, vocabulary: Vocabulary) -> Integers:
        """Give the legal tokens of all k-mers of a haplotype, (K, A), as `legal` gives them a window."""
        return np.concatenate([self.legal(vocabulary, window).ids for window in range(len(self.spans))])

    def refuse_template(self, template: Template) -> None:
        """Raise InputError where these are not the haplotypes of a template."""
        if answered_haplotype(template) != self.field or bool(template.token_fields) != bool(self.populations):
            raise InputError(
                f"The haplotypes are the answer {self.field!r} "
                f"{'to a population' if self.populations else 'whatever the population'}, which {template} is not."
            )

    def refuse_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Raise InputError where a vocabulary cannot write the haplotypes."""
        if not set(BASES) <= set(vocabulary.alphabet):
            raise InputError(
                f"Haplotypes are written in {BASES}, but the vocabulary {vocabulary.name} has the letters "
                f"{vocabulary.alphabet}. Choose a preset such as dna-4mers."
            )
        if self.window < 1 or self.tail < 0 or self.window % vocabulary.k or self.tail % vocabulary.k:
            raise InputError(
                f"Windows of {self.window:,} sites behind {self.tail:,} are not whole k-mers of the vocabulary "
                f"{vocabulary.name}, which has {vocabulary.describe()}."
            )
        digits = string.digits if len(self.spans) > 1 else ""
        for token in (*digits, *self.populations.values()):
            vocabulary.reserved_id(token)

    def as_dict(self) -> dict[str, Any]:
        """Give all but the sites as plain values, and the digest of their legend."""
        settings = {name: getattr(self, name) for name in ("field", "window", "tail")}
        digest = sha256(legend_text(self.sites, "the legend").encode()).hexdigest()
        return {
            **settings,
            "legend_sha256": digest,
            "populations": dict(self.populations),
            "counts": dict(self.counts),
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], legend: str, where: str) -> Self:
        """Read what `as_dict` gave, and the legend beside it; `where` names its file."""
        if wrong := [name for name in {**_KINDS, **settings} if type(settings.get(name)) is not _KINDS.get(name)]:
            raise InputError(f"haplotypes.{wrong[0][:60]} is missing, strange or of another kind.")
        window, tail, populations, counts = (settings[name] for name in ("window", "tail", "populations", "counts"))
        if not (0 < window <= MOST_LEGEND and 0 <= tail <= MOST_LEGEND):
            raise InputError("haplotypes.window and haplotypes.tail are no numbers of sites.")
        kinds = {type(token) for token in populations.values()} - {str}
        if kinds or counts.keys() != populations.keys() or any(type(n) is not int or n < 1 for n in counts.values()):
            raise InputError("haplotypes.populations and haplotypes.counts are not a token and a count a population.")
        sites = read_saved_legend(legend, where)
        if sha256(legend_text(sites, where).encode()).hexdigest() != settings["legend_sha256"]:
            raise InputError(f"{where} is not the legend that the model was saved with. Restore the original file.")
        return cls(sites, settings["field"], populations, counts, window, tail)

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint8]:
        """(2, S) the letters of both alleles of each site, as ASCII."""
        pairs = zip(self.sites.reference, self.sites.alternate, strict=True)
        written = [_written(reference.upper(), alternate.upper()) for reference, alternate in pairs]
        return np.array([list(pair.encode()) for pair in written], dtype=np.uint8).T.copy()

    def _filling(self, vocabulary: Vocabulary, size: int) -> int:
        """How many letters the last k-mer of a window lacks that may not stay shorter."""
        left = size % vocabulary.k
        return vocabulary.k - left if 0 < left < vocabulary.shortest else 0

    def _token(self, template: Template, population: str | None, where: str) -> str:
        if not template.token_fields:
            return ""
        token = None if population is None else self.populations.get(population)
        if token is None:
            asked = "no population is given" if population is None else f"the population {population!r} is unknown"
            raise InputError(f"{where}: {asked}. The task has {', '.join(self.populations)}.")
        return token


def answered_haplotype(template: Template) -> str:
    """Name the answer of a template that answers a haplotype, and nothing else, at its end.

    >>> answered_haplotype(Template.parse("<R><{population}><=>{haplotype?:sequence}"))
    'haplotype'
    """
    last = template.parts[-1]
    strangers = [item.name for item in template.token_fields if item.name != POPULATION]
    if not isinstance(last, Field) or last.kind != "sequence" or template.fields != template.answered or strangers:
        raise InputError(
            f"{template} is no template of haplotypes: it is to end in its one answer, a sequence, and may be given a "
            f"population, as in <R><{{{POPULATION}}}><=>{{haplotype?:sequence}}."
        )
    return last.name


def _population_tokens(template: Template, vocabulary: Vocabulary, names: list[str]) -> dict[str, str]:
    """Choose a reserved token for each population: digits first, then letters."""
    if not template.token_fields:
        return {}
    taken = {part.token for part in template.parts if isinstance(part, Literal)} | {vocabulary.pad, vocabulary.end}
    free = [token for token in string.digits + string.ascii_uppercase if token in vocabulary.reserved]
    free = [token for token in free if token not in taken]
    if not 0 < len(names) <= len(free):
        raise InputError(
            f"{template} asks for a population, and {len(names):,} are known, of which the vocabulary "
            f"{vocabulary.name} has tokens for 1 to {len(free)}. Give a table of populations, or leave "
            f"<{{{POPULATION}}}> out."
        )
    return dict(zip(names, free, strict=False))


def _given(vocabulary: Vocabulary, template: Template, token: str) -> Ids:
    return encode_template(vocabulary, template, {POPULATION: token}, prompt_only=True).ids


def _written(reference: str, alternate: str) -> str:
    """Give the two letters of a site."""
    snv = len(reference) == len(alternate) == 1 and reference != alternate and {reference, alternate} <= set(BASES)
    return reference + alternate if snv else NO_BASES


def _patterns(vocabulary: Vocabulary, pairs: Sequence[tuple[str, str]], count: int) -> Integers:
    """Give the id of each of the `count` patterns of alleles of one k-mer; what stands behind its sites is filling."""
    patterns = np.arange(count)
    values = np.zeros(count, dtype=np.int64)
    for place, pair in enumerate(pairs, start=1):
        first, second = (vocabulary.alphabet.index(letter) for letter in pair)
        carried = patterns >> max(0, count.bit_length() - 1 - place) & 1
        values = values * len(vocabulary.alphabet) + np.where(carried, second, first)
    return values + vocabulary.kmer_ids(len(pairs)).start
