"""Optional packages, asked for only where they are used: the extras of the package."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from dnagpt.errors import InputError


@contextmanager
def needs_extra(extra: Literal["hf", "popgen", "report", "tables"], purpose: str) -> Iterator[None]:
    """Turn a missing optional package into one sentence that says what to install.

    Wrap the imports only, so that no other failure is caught.

    >>> with needs_extra("popgen", "reading panel.vcf.gz"):
    ...     import no_such_package
    Traceback (most recent call last):
    dnagpt.errors.InputError: reading panel.vcf.gz needs the package no_such_package, which is not installed. \
Run `pip install 'dnagpt[popgen]'`.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise InputError(
            f"{purpose} needs the package {missing.name}, which is not installed. Run `pip install 'dnagpt[{extra}]'`."
        ) from missing
