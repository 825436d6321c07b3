"""Tags that an undo puts back, on tickets whose tags were renamed since."""

from contextlib import closing
from uuid import uuid4

import pytest

from domain.setup.tags import RenameTag
from domain.ticket.commands import TagTicket
from eventstore.undo import undo
from projections.ticket_list import TicketList
from tests.desks import an_office
from tests.projections.tables import built, working

TAGS = "SELECT tags FROM desk.ticket_list"


@pytest.mark.parametrize("before_the_undo", [True, False])
async def test_an_undo_puts_tags_back_under_their_present_names(database_url: str, before_the_undo: bool) -> None:
    async with an_office(database_url) as office:
        await office.ticket(tags=("vip", "printer"))
        added = uuid4()
        await office.do(TagTicket, number="T-1", add={"wrong"}, command_id=added)
        await office.do(RenameTag, tag="vip", to="VIP")
        if before_the_undo:
            built(database_url, TicketList())
        command = office.command(TagTicket, number="T-1")
        context = {name: getattr(command, name) for name in ("workspace_id", "by", "at", "command_id")}
        await undo(office.desk, "T-1", added, context)
    built(database_url, TicketList())
    with closing(working(database_url)) as db:
        row = db.execute(TAGS).fetchone()
    assert row is not None
    assert sorted(row[0]) == ["VIP", "printer"]
