"""Several actions on a ticket at once, and undoing what one request did (A22)."""

from uuid import UUID

from fastapi import Response
from pydantic import ConfigDict, Field

from api import routing
from api.answers import changed
from api.auth import Caller, needs
from api.bodies import Body
from api.known import must_know_requester, ticket_seen
from api.ticket_changes import TicketNumber, changes
from domain.actions import Action, Actions, ActOnTicket, SetRequester
from domain.errors import InvalidInput, NotAllowed, UnknownPerson, UnknownRole, UnknownStatus, UnknownTeam
from domain.permissions import Permission
from domain.requester import UnknownRequester
from domain.ticket.moving import IllegalMove, TicketFinished
from domain.ticket.state import TicketNotOpen
from domain.ticket.undoing import ChangedSince, NotUndoable, UnknownCommand
from eventstore.counterparts import both
from eventstore.undo import undo

router = routing.router("tickets")


class ActionsBody(Body):
    """What to do, in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"actions": [{"do": "add_tags", "tags": ["vip"]}, {"do": "set_priority", "priority": "high"}]}]
        }
    )

    actions: Actions


class UndoBody(Body):
    """What to undo."""

    command_id: UUID = Field(
        description="As the ticket's history has it.", examples=["0198c0de-0000-7000-8000-000000000003"]
    )


_REFUSED = (IllegalMove, TicketFinished, TicketNotOpen, UnknownStatus, UnknownPerson, UnknownTeam, UnknownRole)


@router.post("/tickets/{number}/actions", **changes(*_REFUSED, UnknownRequester, InvalidInput, NotAllowed))
async def act_on_ticket(
    number: TicketNumber, body: ActionsBody, me: Caller = needs(Permission.TICKET_VIEW)
) -> Response:
    """Do several things as one: all of them or none. Each needs its own permission; a refusal says which one it was."""
    return await acted(me, number, body.actions)


async def acted(me: Caller, number: str, actions: tuple[Action, ...]) -> Response:
    """Carry out actions for the caller, for requesters that are there. Each is allowed or refused as it is decided."""
    for action in actions:
        if isinstance(action, SetRequester) and action.requester_id is not None:
            # Who is a customer here is not for those who cannot change whose ticket it is.
            me.require(Permission.TICKET_EDIT)
            await must_know_requester(me, action.requester_id)
    command = await me.in_own_name(ActOnTicket(**me.context(), number=number, actions=actions))
    return changed(await me.explaining(command, both(me.services.desk, command)), number=number)


@router.post("/tickets/{number}/undo", **changes(UnknownCommand, NotUndoable, ChangedSince, NotAllowed))
async def undo_command(number: TicketNumber, body: UndoBody, me: Caller = needs(Permission.TICKET_UNDO)) -> Response:
    """Put back what one command changed, if nothing else has changed it since; what others did needs `ticket.bulk` too, as leads have it."""
    await ticket_seen(me, number)
    return changed(await undo(me.services.desk, number, body.command_id, me.context()), number=number)
