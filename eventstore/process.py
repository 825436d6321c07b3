"""What every long-running process does once it is up."""

import ctypes
import gc
from contextlib import suppress

# So many new objects, where Python looks after 700: requests under way have as many, which are all still needed, and every
# hundredth look goes through all that is remembered of tickets.
YOUNG = 10_000
# glibc's number for how many arenas there may be.
_M_ARENA_MAX = -8


def settled() -> None:
    """Keep one arena for all threads, and search for garbage seldom: never again among what was made at start, modules and models."""
    # A thread would have its own, and keep in it what it freed: ten of a desk's 250 MiB. Other C libraries know no arenas.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    # A sixth of a reply's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
