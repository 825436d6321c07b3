"""Changes of tickets."""

from typing import Annotated, Any

from fastapi import Path, Response

from api import routing
from api.answers import CHANGES, TicketChanged, changed, documented
from api.auth import Caller, needs
from api.bodies import (
    EditBody,
    MessageBody,
    OpenBody,
    PriorityBody,
    ReasonBody,
    StatusBody,
    TagsBody,
)
from api.known import must_know_requester
from api.problems import problems
from domain.errors import CommandIdReused, InvalidInput, UnknownPerson, UnknownStatus, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.requester import UnknownRequester
from domain.ticket import commands as c
from domain.ticket.decisions import TicketNumberTaken
from domain.ticket.moving import IllegalMove
from domain.ticket.state import TicketErasedForEver, TicketNotOpen, UnknownTicket
from domain.values import Assignee, Number, Tag
from eventstore.erasure import erase

router = routing.router("tickets")
TicketNumber = Annotated[Number, Path(examples=["1001"])]


def _changes(*errors: type[Exception]) -> dict[str, Any]:
    return {
        "response_model": TicketChanged,
        "openapi_extra": CHANGES,
        "responses": documented()
        | problems(UnknownTicket, TicketErasedForEver, VersionConflict, CommandIdReused, *errors),  # type: ignore[arg-type]
    }


@router.post(
    "/tickets",
    status_code=201,
    response_model=TicketChanged,
    openapi_extra=CHANGES,
    responses=documented(201)
    | problems(
        TicketNumberTaken,
        UnknownStatus,
        UnknownTeam,
        UnknownPerson,
        UnknownRequester,
        InvalidInput,
        VersionConflict,
        CommandIdReused,
    ),
)
async def open_ticket(body: OpenBody, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Create a ticket (A1)."""
    if body.requester_id is not None:
        await must_know_requester(me, body.requester_id)
    given = dict(body)
    command = c.OpenTicket(**me.context(), **(given | {"number": body.number or ""}))
    receipt = await me.execute(command)
    number = receipt.number or command.number
    return changed(receipt, status=201, location=f"/api/v1/tickets/{number}", number=number)


@router.patch("/tickets/{number}", **_changes(TicketNotOpen, UnknownRequester, InvalidInput))
async def edit_ticket(number: TicketNumber, body: EditBody, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Change what was written on the ticket (A4); null takes a value away."""
    if body.requester_id is not None:
        await must_know_requester(me, body.requester_id)
    return await _done(me, c.EditTicket(**me.context(), number=number, **body.changes()))


@router.put("/tickets/{number}/priority", **_changes(TicketNotOpen))
async def change_priority(
    number: TicketNumber, body: PriorityBody, me: Caller = needs(Permission.TICKET_EDIT)
) -> Response:
    """Set the priority (A5)."""
    return await _done(me, c.ChangePriority(**me.context(), number=number, priority=body.priority))


@router.put("/tickets/{number}/assignment", **_changes(TicketNotOpen, UnknownPerson, UnknownTeam))
async def assign_ticket(number: TicketNumber, body: Assignee, me: Caller = needs(Permission.TICKET_ASSIGN)) -> Response:
    """Make a person, a team, or a person of a team responsible; neither is nobody."""
    return await _done(me, c.AssignTicket(**me.context(), number=number, to=body))


@router.put("/tickets/{number}/status", **_changes(IllegalMove, UnknownStatus))
async def move_ticket(number: TicketNumber, body: StatusBody, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Put the ticket into another status that may follow its present one (A6)."""
    return await _done(me, c.MoveTicket(**me.context(), number=number, status=body.status))


@router.post("/tickets/{number}/resolve", **_changes(IllegalMove))
async def resolve_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Say that the work is done."""
    return await _done(me, c.ResolveTicket(**me.context(), number=number))


@router.post("/tickets/{number}/reopen", **_changes(IllegalMove))
async def reopen_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Begin finished work again."""
    return await _done(me, c.ReopenTicket(**me.context(), number=number))


@router.post("/tickets/{number}/close", **_changes(IllegalMove))
async def close_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """End the ticket (A14)."""
    return await _done(me, c.CloseTicket(**me.context(), number=number))


@router.post("/tickets/{number}/tags", **_changes(TicketNotOpen))
async def tag_ticket(number: TicketNumber, body: TagsBody, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Put tags on."""
    return await _done(me, c.TagTicket(**me.context(), number=number, add=body.tags))


@router.delete("/tickets/{number}/tags/{tag:path}", **_changes(TicketNotOpen))
async def untag_ticket(number: TicketNumber, tag: Tag, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Take a tag off; nothing happens where it is not on."""
    return await _done(me, c.TagTicket(**me.context(), number=number, remove=frozenset({tag})))


@router.post("/tickets/{number}/replies", **_changes(TicketNotOpen))
async def reply_to_ticket(
    number: TicketNumber, body: MessageBody, me: Caller = needs(Permission.TICKET_REPLY)
) -> Response:
    """Write to the other side (A8)."""
    return await _done(me, c.ReplyToTicket(**me.context(), number=number, body=body.body))


@router.post("/tickets/{number}/notes", **_changes())
async def note_on_ticket(
    number: TicketNumber, body: MessageBody, me: Caller = needs(Permission.TICKET_NOTE)
) -> Response:
    """Write an internal note (A8)."""
    return await _done(me, c.NoteOnTicket(**me.context(), number=number, body=body.body))


@router.delete("/tickets/{number}", **_changes())
async def delete_ticket(
    number: TicketNumber, body: ReasonBody, me: Caller = needs(Permission.TICKET_ERASE)
) -> Response:
    """Delete the ticket for ever (A15): its content can be read by nobody again, its history's structure stays."""
    command = c.EraseTicket(**me.context(), number=number, reason=body.reason)
    receipt = await me.explaining(command, erase(me.services.desk, command))
    return changed(receipt, number=number)


async def _done(me: Caller, command: c.TicketCommand) -> Response:
    return changed(await me.execute(command), number=command.number)
