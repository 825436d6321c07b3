"""A ticket's place is its own: nobody gets that of a deleted one, and a rebuild gives everybody the same."""

from contextlib import closing

from domain.ticket.commands import EraseTicket
from eventstore.erasure import erase
from projections.ticket_list import TicketList
from tests.desks import an_office
from tests.projections.busy import follow
from tests.projections.tables import built, contents, live, working

MODEL = TicketList()


def places(database_url: str) -> list[tuple[str, int]]:
    """Every ticket and its place, by place."""
    with closing(working(database_url)) as db:
        return db.execute("SELECT number, place FROM desk.ticket_list ORDER BY place").fetchall()


async def test_the_place_of_a_deleted_ticket_stays_empty(database_url: str) -> None:
    async with an_office(database_url) as office:
        for number in ("A", "B", "C"):
            await office.ticket(number)
        built(database_url, MODEL)
        for number in ("C", "A"):
            await erase(office.desk, office.command(EraseTicket, number=number, reason="asked"))
        follow(database_url, pages_of=1)
        await office.ticket("D")
        follow(database_url, pages_of=1)
    assert places(database_url) == [("B", 2), ("D", 4)]
    before = contents(database_url, MODEL)
    with closing(working(database_url)) as db:
        db.execute("UPDATE ops.builds SET position = 0 WHERE build = %s", [live(db, MODEL).build])
    follow(database_url, pages_of=2)
    assert contents(database_url, MODEL) == before
    built(database_url, MODEL)
    assert contents(database_url, MODEL) == before
