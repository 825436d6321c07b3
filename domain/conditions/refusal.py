"""How a condition that cannot be understood is refused."""

from collections.abc import Iterable
from difflib import get_close_matches

from domain.errors import Refusal


class InvalidCondition(Refusal):
    """A condition that names an unknown field or operator, or gives a value of the wrong kind."""

    code = "invalid_condition"
    status = 422
    sentence = "{place}: {reason}"


# Of more than so many names only those close to what was written are said.
FEW = 20


def near(name: str, known: Iterable[str], where: str = "docs/conditions.md") -> str:
    """A hint that names what was probably meant, or all that there is, or `where` to find them."""
    known = list(known)
    close = get_close_matches(name, known, n=3)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Use one of: {', '.join(known)}." if len(known) <= FEW else f"All names are in {where}."
