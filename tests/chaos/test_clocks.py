"""The clock jumps: what comes later in the log came later, whatever the time says."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest

from domain.ticket.commands import NoteOnTicket
from eventstore.database import Role, connect
from eventstore.feed import decode_page, read_page
from tests.desks import an_office

JUMPS = (0, -1, 3600, -86_400 * 365, 86_400 * 365 * 100, -3600, 0.001)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Moments of a clock that jumps; the ids' clock jumps with it."""
    jumps = cycle(JUMPS)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + int(next(jumps) * 1e9))
    return (datetime.now(UTC) + timedelta(seconds=jump) for jump in cycle(JUMPS))


async def test_order_does_not_depend_on_the_clock(database_url: str, jumping: Iterator[datetime]) -> None:
    async with an_office(database_url) as office:
        opened = await office.ticket("T-1")
        told = [next(jumping) for _ in range(40)]
        receipts = [await office.do(NoteOnTicket, number="T-1", body=f"note {n}", at=at) for n, at in enumerate(told)]
    assert [receipt.version for receipt in receipts] == list(range(2, 42))
    assert [receipt.position for receipt in receipts] == list(range(opened.position + 1, opened.position + 41))
    with connect(database_url, Role.WORKER) as db:
        events = decode_page(db.cursor(), office.desk.keyring, read_page(db.cursor(), opened.position))
    assert [event.metadata.occurred_at for event in events] == told
    assert [event.event.model_dump()["body"] for event in events] == [f"note {n}" for n in range(40)]
