"""Reads that want to see their reader's own change: `min_position`."""

import asyncio
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Depends, Query, Request

from api.errors import NotCaughtUp, ReadModelMissing
from api.services import Services, services
from domain.errors import InvalidInput
from eventstore.database import explaining

# How long a read waits for its position.
PATIENCE = 2.0
WHERE = "SELECT position, head FROM desk.freshness WHERE read_model = %s AND state = 'live'"
MinPosition = Annotated[
    int | None,
    Query(ge=0, le=2**63 - 1, description="Wait (at most 2 s) until the list has reached this position of the log."),
]


class Reached:
    """A dependency that lets a request go on once the read model has come to `min_position`."""

    def __init__(self, read_model: str) -> None:
        self._read_model = read_model

    async def __call__(self, request: Request, min_position: MinPosition = None) -> None:
        """Return when it has; NotCaughtUp after two seconds."""
        if min_position is None:
            return
        here, clock = services(request), asyncio.get_running_loop().time
        deadline = clock() + PATIENCE
        while True:
            mark = here.tail.mark()
            position, head = await anyio.to_thread.run_sync(self._where, here)
            if position >= min_position:
                return
            if min_position > head:
                raise InvalidInput(
                    field="min_position", reason="is beyond the end of the log; send one that we answered"
                )
            if clock() >= deadline:
                raise NotCaughtUp(position=position, wanted=min_position)
            await here.tail.wait(mark, deadline - clock())

    def _where(self, here: Services) -> tuple[int, int]:
        # What is asked is of no workspace, so it does not matter which one the connection sees, and binding it would cost.
        with explaining(here.url), here.readers.connection() as db:
            row = db.execute(WHERE, [self._read_model]).fetchone()
        if row is None:
            raise ReadModelMissing()
        return row[0], row[1]


def reached(read_model: str) -> Any:
    """`Depends` on the read model having come to `min_position`."""
    return Depends(Reached(read_model))
