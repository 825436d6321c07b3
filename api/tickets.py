"""Changes of tickets."""

from fastapi import Response

from api import routing
from api.answers import CHANGES, TicketChanged, changed, documented
from api.auth import Caller, needs
from api.bodies import ReasonBody
from api.known import must_know_requester
from api.picking import picked_at_first
from api.problems import problems
from api.ticket_bodies import EditBody, OpenBody, PriorityBody, StatusBody, TagsBody
from api.ticket_changes import TicketNumber as TicketNumber
from api.ticket_changes import changes, done, uploaded
from domain.classification import MayNotHandle, RetiredCategory, UnknownType
from domain.errors import (
    CommandIdReused,
    InvalidInput,
    NotAllowed,
    UnknownPerson,
    UnknownRole,
    UnknownStatus,
    UnknownTeam,
    VersionConflict,
)
from domain.forms import InvalidField
from domain.permissions import Permission
from domain.requester import RequesterErased, RequesterMergedAway, UnknownRequester
from domain.requester_ties import RequesterBlocked
from domain.ticket import commands as c
from domain.ticket.decisions import TicketNumberTaken
from domain.ticket.handling import CannotWork
from domain.ticket.moving import IllegalMove, TicketFinished
from domain.ticket.state import TicketNotOpen
from domain.values import Assignee, Tag
from eventstore.erasure import erase
from eventstore.files.errors import UploadInvalid

router = routing.router("tickets")

# What a requester may be whom no ticket can be for.
NO_TICKET_FOR = (UnknownRequester, RequesterErased, RequesterMergedAway, RequesterBlocked)


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
        UnknownRole,
        *NO_TICKET_FOR,
        CannotWork,
        MayNotHandle,
        InvalidInput,
        InvalidField,
        UnknownType,
        RetiredCategory,
        UploadInvalid,
        NotAllowed,
        VersionConflict,
        CommandIdReused,
    ),
)
async def open_ticket(body: OpenBody, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Create a ticket (A1). A confidential field needs `confidential.edit` too, followers `ticket.follow`."""
    requester = me.id if me.actor.kind == "requester" else body.requester_id
    if requester is not None:
        await must_know_requester(me, requester)
    given = dict(body.model_copy(update={"number": body.number or ""}))
    context, files = me.context(), uploaded(me, given.pop("uploads"))
    pick = await picked_at_first(me, body.type, body.category, context["command_id"])
    command = c.OpenTicket(**context, attachments=files, pick=pick, **given)
    receipt = await me.execute(command)
    number = receipt.number or command.number
    return changed(receipt, status=201, location=f"/api/v1/tickets/{number}", number=number)


@router.patch(
    "/tickets/{number}",
    **changes(TicketNotOpen, *NO_TICKET_FOR, InvalidInput, InvalidField, UnknownType, RetiredCategory),
)
async def edit_ticket(number: TicketNumber, body: EditBody, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Change what was written on the ticket (A4); null takes a value away."""
    if body.requester_id is not None:
        await must_know_requester(me, body.requester_id)
    return await done(me, c.EditTicket(**me.context(), number=number, **body.changes()))


@router.put("/tickets/{number}/priority", **changes(TicketNotOpen))
async def change_priority(
    number: TicketNumber, body: PriorityBody, me: Caller = needs(Permission.TICKET_EDIT)
) -> Response:
    """Set the priority (A5)."""
    return await done(me, c.ChangePriority(**me.context(), number=number, priority=body.priority))


@router.put(
    "/tickets/{number}/assignment",
    **changes(TicketNotOpen, UnknownPerson, UnknownTeam, UnknownRole, CannotWork, MayNotHandle),
)
async def assign_ticket(number: TicketNumber, body: Assignee, me: Caller = needs(Permission.TICKET_ASSIGN)) -> Response:
    """Make a person responsible, or a team, a role or several people of whom one must claim it; none is nobody (A9)."""
    return await done(me, c.AssignTicket(**me.context(), number=number, to=body))


@router.put("/tickets/{number}/status", **changes(IllegalMove, UnknownStatus, NotAllowed))
async def move_ticket(number: TicketNumber, body: StatusBody, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Put the ticket into another status that may follow its present one (A6); into one that is confirmed, rated or closed also with `ticket.confirm`, `ticket.rate` or `ticket.close`."""
    return await done(me, c.MoveTicket(**me.context(), number=number, status=body.status))


@router.post("/tickets/{number}/resolve", **changes(IllegalMove))
async def resolve_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Say that the work is done."""
    return await done(me, c.ResolveTicket(**me.context(), number=number))


@router.post("/tickets/{number}/reopen", **changes(IllegalMove))
async def reopen_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Begin finished work again."""
    return await done(me, c.ReopenTicket(**me.context(), number=number))


@router.post("/tickets/{number}/close", **changes(IllegalMove, TicketNotOpen, TicketFinished))
async def close_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_CLOSE)) -> Response:
    """End the ticket (A14); its requester may while it is still worked on (A7)."""
    return await done(me, c.CloseTicket(**me.context(), number=number))


@router.post("/tickets/{number}/tags", **changes(TicketNotOpen))
async def tag_ticket(number: TicketNumber, body: TagsBody, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Put tags on."""
    return await done(me, c.TagTicket(**me.context(), number=number, add=body.tags))


@router.delete("/tickets/{number}/tags/{tag:path}", **changes(TicketNotOpen))
async def untag_ticket(number: TicketNumber, tag: Tag, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Take a tag off; nothing happens where it is not on."""
    return await done(me, c.TagTicket(**me.context(), number=number, remove=frozenset({tag})))


@router.delete("/tickets/{number}", **changes())
async def delete_ticket(
    number: TicketNumber, body: ReasonBody, me: Caller = needs(Permission.TICKET_ERASE)
) -> Response:
    """Delete the ticket for ever (A15): its content can be read by nobody again, its history's structure stays."""
    command = c.EraseTicket(**me.context(), number=number, reason=body.reason)
    receipt = await me.explaining(command, erase(me.services.desk, command))
    return changed(receipt, number=number)
