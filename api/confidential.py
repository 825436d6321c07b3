"""The confidential field of a ticket (机密信息, A16): whoever may leave it, only some may see it, each view recorded."""

from uuid import uuid4

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.auth import Caller, needs
from api.bodies import Body
from api.problems import problems
from api.ticket_changes import TicketNumber, changes, done
from domain.catalogue import shown
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket.confidential import SetConfidential, ViewConfidential
from domain.ticket.state import Ticket, TicketErasedForEver, TicketNotOpen, UnknownTicket
from domain.values import Message

router = routing.router("tickets")


class ConfidentialBody(Body):
    """Confidential information; null takes it away."""

    text: Message | None = Field(examples=["PIN 1234"])


class ConfidentialView(BaseModel):
    """What was left."""

    text: str | None = Field(description="Null where there is none.")


@router.put("/tickets/{number}/confidential", **changes(TicketNotOpen))
async def set_confidential(
    number: TicketNumber, body: ConfidentialBody, me: Caller = needs(Permission.CONFIDENTIAL_EDIT)
) -> Response:
    """Leave confidential information on the ticket: encrypted, and in no history, list, search or export."""
    return await done(me, SetConfidential(**me.context(), number=number, text=body.text))


@router.post("/tickets/{number}/confidential/views", responses=problems(UnknownTicket, TicketErasedForEver))
async def view_confidential(
    number: TicketNumber, response: Response, me: Caller = needs(Permission.CONFIDENTIAL_VIEW)
) -> ConfidentialView:
    """See it; that you did is in the ticket's history first."""
    # Each view is one of its own, whatever key the request repeats; and none depends on the version.
    context = me.context() | {"command_id": uuid4(), "expected_version": None}
    await me.execute(ViewConfidential(**context, number=number))
    loaded = await me.services.desk.state(me.workspace_id, "ticket", ticket_id(me.workspace_id, number))
    ticket: Ticket = loaded.state
    response.headers["Cache-Control"] = "no-store"
    return ConfidentialView(text=shown(ticket.confidential))
