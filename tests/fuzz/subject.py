"""What is fuzzed: a reader, the small files that are damaged for it, and a reader that owes ours nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Subject:
    """A reader under attack."""

    write: Callable[[Path], object]
    """Writes the sound files into a folder."""
    read: Callable[[Path], object]
    """Reads the folder with our reader, and gives plain values; an error of dnagpt refuses it."""
    reread: Callable[[Path], object]
    """Reads the same with another program, or with the rules of the format written out; the values have to agree."""
    damaged: Sequence[str] = ("*",)
    """Patterns of the files that are damaged, one after the other."""
    tokens: Sequence[bytes] = ()
    """Words that mean something in the format."""
    may_refuse: bool = False
    """Whether the other reader may refuse, or fall over, where ours accepts."""
