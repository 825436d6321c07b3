"""When to begin with those who wait: a round trip costs as much as many who share it."""

import asyncio
from collections.abc import Collection, Sized

# Up to so many, those who are about to come are waited for: of 32 callers fewer, larger batches cost a reply a tenth less ...
ENOUGH = 32
# ... until nobody came during so many turns of the event loop. On a quiet desk that is no time at all.
QUIET_TURNS = 3
# Those who come once the database has answered them are waited for so long at most, in seconds: it may be a long answer.
LONGEST = 0.01

Coming = Collection["asyncio.Future[None]"]


async def gathered(waiting: Sized, coming: Coming = ()) -> None:
    """Return when enough wait, or nobody comes any more. `coming` is what others wait for who come afterwards."""
    await _quiet(waiting)
    if coming and len(waiting) < ENOUGH:
        await asyncio.wait(set(coming), timeout=LONGEST)
        await _quiet(waiting)


async def _quiet(waiting: Sized) -> None:
    quiet = 0
    while len(waiting) < ENOUGH and quiet < QUIET_TURNS:
        before = len(waiting)
        await asyncio.sleep(0)
        quiet = 0 if len(waiting) > before else quiet + 1
