"""Whom a token belongs to, remembered for a moment."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from api.access import Found
from api.errors import NotSignedIn

# How long a revoked key or an ended session may still be good in this process.
SECONDS = 1.0
REMEMBERED = 10_000

Lookup = Callable[[str], Awaitable[Found | None]]


class Tokens:
    """Remembers whom a token belongs to, for a second."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Found, float]] = OrderedDict()

    async def owner(self, token: str, lookup: Lookup) -> Found:
        """Whom it belongs to, or NotSignedIn."""
        known = self._known.get(token)
        now = time.monotonic()
        if known is not None and now - known[1] < SECONDS:
            return known[0]
        if known is not None:
            # One request looks it up; those that come meanwhile make do with what was good a moment ago.
            self._known[token] = (known[0], now)
        found = await lookup(token)
        if found is None:
            self._known.pop(token, None)
            raise NotSignedIn()
        self._known[token] = (found, now)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def knows(self, token: str) -> bool:
        """Whether it was somebody's when last looked up, however long ago."""
        return token in self._known

    def forget(self, token: str) -> None:
        """Look it up next time."""
        self._known.pop(token, None)
