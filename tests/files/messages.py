"""What every message to a user must be: one or two sentences that name the file and the place."""

import re

from dnagpt.errors import DnagptError

_SENTENCE_END = re.compile(r"(?<!\.\.)[.?](?=\s|$)")


def check_message(error: DnagptError, *parts: str) -> None:
    """Assert that a message is a sentence or two, on one line, with these parts in it."""
    message = str(error)
    assert 1 <= len(_SENTENCE_END.findall(message)) <= 2, message
    assert message[-1] in ".?", message
    assert message.isprintable(), message
    assert len(message) < 400, message
    for part in parts:
        assert part in message, f"{part!r} is not in: {message}"
