"""How often somebody may ask: token buckets in process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from api.errors import RateLimited

REMEMBERED = 10_000


class Buckets:
    """A bucket for each key: holds ten seconds' worth, refills evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._size = max(1.0, per_minute / 6)
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> None:
        """Take one, or raise RateLimited saying when to come back."""
        if not self._rate:
            return
        left, now = self._level(key)
        self._left[key] = (left - 1, now)
        self._left.move_to_end(key)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)

    def check(self, key: Hashable) -> None:
        """Take nothing, but raise RateLimited where there is nothing to take."""
        if self._rate:
            self._level(key)

    def _level(self, key: Hashable) -> tuple[float, float]:
        now = self._clock()
        left, then = self._left.get(key, (self._size, now))
        left = min(self._size, left + (now - then) * self._rate)
        if left < 1:
            # Whoever keeps asking must not be forgotten: they would begin again with a full bucket.
            self._left.move_to_end(key)
            raise RateLimited(retry_after=math.ceil((1 - left) / self._rate))
        return left, now
