"""How a condition that cannot be understood is refused."""

from collections.abc import Iterable
from difflib import get_close_matches

from domain.errors import Refusal


class InvalidCondition(Refusal):
    """A condition that names an unknown field or operator, or gives a value of the wrong kind."""

    code = "invalid_condition"
    status = 422
    sentence = "{place}: {reason}"


def near(name: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or all that there is."""
    known = list(known)
    close = get_close_matches(name, known, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else f"Use one of: {', '.join(known)}."
