"""Ambiguity codes: letters such as R (A or G) that the vocabulary reads as its unknown letter, counted and said."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from dnagpt.language.vocabulary import Vocabulary


def ambiguous_letters(vocabulary: Vocabulary, text: str) -> Counter[str]:
    """Count the ambiguity codes of a sequence or prompt, in capitals; what stands in brackets is no letter.

    >>> ambiguous_letters(Vocabulary.preset("dna-4mers"), "<R>ACRYr<=>")
    Counter({'R': 2, 'Y': 1})
    """
    if not vocabulary.ambiguous:
        return Counter()
    letters = re.compile(f"<[^<>]*>|([{vocabulary.ambiguous}])", re.IGNORECASE)
    return Counter(match[1].upper() for match in letters.finditer(text) if match[1])


def ambiguity_message(vocabulary: Vocabulary, found: Sequence[Mapping[str, int]], what: str) -> str:
    """Say in one line how many codes of how many texts became the unknown letter; nothing where there are none.

    >>> ambiguity_message(Vocabulary.preset("dna-4mers"), [{"R": 2}, {}, {"R": 1, "Y": 1}], "records")
    '4 ambiguity codes in 2 of 3 records are read as N: R 3, Y 1.'
    """
    total: Counter[str] = Counter()
    for one in found:
        total.update(one)
    if not total:
        return ""
    codes = ", ".join(f"{letter} {count:,}" for letter, count in sorted(total.items()))
    return (
        f"{total.total():,} ambiguity codes in {sum(map(bool, found)):,} of {len(found):,} {what} are read as "
        f"{vocabulary.unknown}: {codes}."
    )
