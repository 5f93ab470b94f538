"""The vocabularies that have a name, as the fields that `Vocabulary` takes."""

from typing import Any

_RESERVED = tuple("0123456789+-*/=&|!MBPRIKLOQSUVWYXZ")
"""The reserved tokens of the DNAGPT release, in id order; every preset keeps them."""

_ALL_LENGTHS = {"alphabet": "NAGCT", "k": 6, "shortest": 1, "reserved": _RESERVED}
_WITHOUT_BASES_FOR_ANSWERS = {"true": "1", "false": "0"}

PRESETS: dict[str, dict[str, Any]] = {
    "released-1to6mers": _ALL_LENGTHS,
    "released-6mers": {**_ALL_LENGTHS, "shortest": 6, **_WITHOUT_BASES_FOR_ANSWERS},
    **{f"dna-{k}mers": {**_ALL_LENGTHS, "alphabet": "AGCT", "k": k} for k in range(1, 7)},
    "rna": {**_ALL_LENGTHS, "alphabet": "NAGCU", "synonyms": (("T", "U"),)},
    "protein": {
        "alphabet": "ACDEFGHIKLMNPQRSTVWY",
        "k": 1,
        "shortest": 1,
        "reserved": _RESERVED,
        "unknown": "X",
        "ambiguous": "BZJUO",
        "synonyms": (),
        **_WITHOUT_BASES_FOR_ANSWERS,
    },
}
"""RNA keeps the ids of the released 1..6-mers and writes U; a protein has one token a residue."""
