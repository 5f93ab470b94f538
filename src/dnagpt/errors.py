"""What can go wrong, told to a person: every message says what, where, why and what to do."""


class DnagptError(Exception):
    """Something stopped the work; the message is one or two sentences for the person at the keyboard."""

    exit_code = 1


class InputError(DnagptError):
    """The input cannot be used as it is: a file, a sequence, a table, a template, a setting, a checkpoint."""

    exit_code = 2


class StorageError(DnagptError):
    """A result could not be written: the disk is full, read-only or failing."""

    exit_code = 1
