"""The packages of the `report` extra (scikit-learn, matplotlib, Jinja2), asked for only where they are used."""

from collections.abc import Iterator
from contextlib import contextmanager

from dnagpt.errors import InputError


@contextmanager
def report_extra(purpose: str) -> Iterator[None]:
    """Turn a missing optional package into one sentence that says what to install.

    Wrap the imports only, so that no other failure is caught.

    >>> with report_extra("a plot"):
    ...     import no_such_package
    Traceback (most recent call last):
    dnagpt.errors.InputError: a plot needs the package no_such_package, which is not installed; \
install it with: pip install 'dnagpt[report]'
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise InputError(
            f"{purpose} needs the package {missing.name}, which is not installed; "
            "install it with: pip install 'dnagpt[report]'"
        ) from missing
