"""What is gone is told apart from what never was only to those who could see it."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.known import ticket_seen
from domain.ticket.commands import EraseTicket
from domain.ticket.state import TicketErasedForEver, UnknownTicket
from tests.desks import an_office


async def test_a_deleted_ticket_out_of_reach_is_unknown(database_url: str) -> None:
    async with an_office(database_url, "shop") as office:
        await office.ticket("T-1")
        await office.do(EraseTicket, number="T-1", reason="r")
        here: Any = {"services": SimpleNamespace(desk=office.desk), "workspace_id": office.workspace}
        blind, seeing = (SimpleNamespace(**here, sees=lambda _, sees=sees: sees) for sees in (False, True))
        with pytest.raises(UnknownTicket):
            await ticket_seen(blind, "T-1")  # type: ignore[arg-type]
        with pytest.raises(TicketErasedForEver):
            await ticket_seen(seeing, "T-1")  # type: ignore[arg-type]
        with pytest.raises(UnknownTicket):
            await ticket_seen(seeing, "T-2")  # type: ignore[arg-type]
