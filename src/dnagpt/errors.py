"""What can go wrong, told to a person: every message says what, where, why and what to do."""


def visible(text: str) -> str:
    r"""Return text from a file so that it cannot steer a terminal: control characters are written as escapes.

    >>> visible("contig \x1b[31mchr1")
    'contig \\x1b[31mchr1'

    Line breaks stay, since some messages are lists. Marks that turn the direction of writing are escaped too, and so
    are the parts of a file name that are not UTF-8.
    """
    kept = (letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)
    return text if text.isprintable() else "".join(kept)


class DnagptError(Exception):
    """Something stopped the work; the message is one or two sentences for the person at the keyboard.

    Names from files stand in messages, so whatever could steer a terminal is made visible.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class InputError(DnagptError):
    """The input cannot be used as it is: a file, a sequence, a table, a template, a setting, a checkpoint."""

    exit_code = 2


class StorageError(DnagptError):
    """A result could not be written: the disk is full, read-only or failing."""

    exit_code = 1
