"""The packages of the `popgen` extra (cyvcf2, tskit), asked for only where they are used."""

from collections.abc import Iterator
from contextlib import contextmanager

from dnagpt.errors import InputError


@contextmanager
def popgen_extra(purpose: str) -> Iterator[None]:
    """Turn a missing optional package into one sentence that says what to install.

    Wrap the imports only, so that no other failure is caught.

    >>> with popgen_extra("Reading panel.vcf.gz"):
    ...     import no_such_package
    Traceback (most recent call last):
    dnagpt.errors.InputError: Reading panel.vcf.gz needs the package no_such_package, which is not installed; \
install it with: pip install 'dnagpt[popgen]'
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise InputError(
            f"{purpose} needs the package {missing.name}, which is not installed; "
            "install it with: pip install 'dnagpt[popgen]'"
        ) from missing
