"""A member that is given a partition again after others had it."""

from collections.abc import Iterator
from typing import Any

from domain.happening import Happening
from domain.ticket.commands import TagTicket
from processors.process import Output, TicketProcess
from tests.desks import Office
from tests.processors.shared import Member, begin
from tests.processors.test_shares import Db, now, shared, three

__all__ = ["three"]


class Tagged(TicketProcess):
    """Remembers the tags that it met on a ticket."""

    NAME = "tagged"
    PARTITIONED = True

    def __init__(self) -> None:
        self.met: list[tuple[str, ...]] = []

    def react(self, happening: Happening, memory: Any) -> Iterator[Output]:
        """As they are after what happened."""
        self.met.append(tuple(sorted(happening.after.row.tags)))
        yield from ()


async def test_who_is_given_a_partition_again_sees_what_others_took_in_meanwhile(
    office: Office, database_url: str, three: list[Db]
) -> None:
    process = Tagged()
    begin(three[0], process)
    await office.ticket("T-0")
    first, second = (Member(database_url, db, process, now) for db in three[:2])
    for number, member in enumerate((first, second, first)):
        await office.do(TagTicket, number="T-0", add=(f"tag-{number}",))
        shared(three[2], member)
    assert process.met == [(), ("tag-0",), ("tag-0", "tag-1"), ("tag-0", "tag-1", "tag-2")]
