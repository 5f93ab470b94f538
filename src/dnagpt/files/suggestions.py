"""Names that a person may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Comparing spellings takes about a microsecond a name; beyond this many only the usual variants are tried.
_SPELLING_LIMIT = 20_000


def nearest_names(name: str, choices: Iterable[str], *, limit: int = 3) -> list[str]:
    """The names most like the one that was not found, best first.

    >>> nearest_names("1", ["chr1", "chr2"]), nearest_names("lable", ["sequence", "label"])
    (['chr1'], ['label'])
    """
    known = list(dict.fromkeys(choices))
    plain = _plain(name)
    variants = [choice for choice in known if _plain(choice) == plain]
    if len(known) > _SPELLING_LIMIT:
        return variants[:limit]
    return list(dict.fromkeys(variants + difflib.get_close_matches(name, known, n=limit)))[:limit]


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A closing question for an error message, or nothing when no name comes close.

    >>> did_you_mean("chrx", ["chrX", "chr2"])
    " Did you mean 'chrX' or 'chr2'?"
    """
    found = nearest_names(name, choices)
    return f" Did you mean {' or '.join(repr(choice) for choice in found)}?" if found else ""


def _plain(name: str) -> str:
    """A name without what naming schemes disagree on: case, `chr`, the version after a dot, M or MT."""
    plain = name.strip().lower().removeprefix("chr").partition(".")[0]
    return "mt" if plain == "m" else plain
