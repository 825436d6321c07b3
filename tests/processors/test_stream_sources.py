"""Stretches of the log on their way to Kafka: as large as memory allows, whatever came before."""

import pytest

from domain.ticket.commands import NoteOnTicket
from processors.stream import sources
from processors.stream.sources import Rows
from tests.desks import Office
from tests.kafka.publishing import log_head
from tests.processors.greeter import connected


async def test_a_stretch_is_no_larger_than_memory_allows_also_where_large_ones_follow_small_ones(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "BYTES", 20_000)
    for number in range(30):
        await office.ticket(f"T-{number}")
    for _ in range(12):
        await office.do(NoteOnTicket, number="T-1", body="x" * 5_000)
    rows, at, sizes, seen = Rows(), 0, [], []
    with connected(database_url) as db:
        while found := rows.read(db.cursor(), at):
            at = found[-1].notification_id
            seen += [row.notification_id for row in found]
            sizes.append(sum(len(row.state) for row in found))
    assert seen == list(range(1, log_head(database_url) + 1))
    # The last one of a stretch may go over it.
    assert max(sizes) < 20_000 + 10_000
    assert len(sizes) < 20
