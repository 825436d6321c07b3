"""Tickets that hang together: merged, split and linked, and each of it taken back (A17, A22)."""

from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, TicketChanged, changed, documented
from api.auth import Caller, needs
from api.bodies import Body
from api.problems import problems
from api.ticket_changes import TicketNumber, changes
from domain.access import reaches
from domain.errors import InvalidInput, NotAllowed
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket import ties as t
from domain.ticket.linking import HasParent, LinkCycle
from domain.ticket.merging import NotMerged
from domain.ticket.messages import UnknownMessage
from domain.ticket.splitting import AlreadySplit, InternalMessage, NotSplit, SplitWorkedOn
from domain.ticket.state import Ticket, TicketNotOpen, UnknownTicket
from domain.values import Number, Title
from eventstore import counterparts
from eventstore.desk import Receipt

router = routing.router("tickets")
_MESSAGE = "0198c0de-0000-7000-8000-000000000002"


class MergeBody(Body):
    """The ticket that goes on."""

    into: Number = Field(examples=["1002"])


class SplitBody(Body):
    """The message that becomes a ticket."""

    message_id: UUID = Field(examples=[_MESSAGE], description="As the ticket's timeline has it.")
    title: Title = Field(examples=["The scanner is broken too"])


class LinkBody(Body):
    """What the other ticket is, seen from this one."""

    relation: t.Relation
    other: Number = Field(examples=["1002"])


class TicketSplit(TicketChanged):
    """A message is a ticket of its own."""

    into: str = Field(description="Number of the new ticket.")


class TicketLink(BaseModel):
    """A tie to another ticket, seen from this one."""

    relation: t.Relation
    other: str


class SplitView(BaseModel):
    """A message that went on as a ticket of its own."""

    message_id: UUID
    into: str


class TicketTies(BaseModel):
    """How a ticket hangs together with others."""

    version: int
    merged_into: str | None
    absorbed: list[str] = Field(description="Tickets that were merged into this one.")
    split_from: str | None
    splits: list[SplitView]
    links: list[TicketLink]


@router.get("/tickets/{number}/ties", responses=problems(UnknownTicket))
async def read_ties(number: TicketNumber, me: Caller = needs(Permission.HISTORY_VIEW)) -> TicketTies:
    """What the ticket was merged into, split from and linked with."""
    loaded = await me.services.desk.state(me.workspace_id, "ticket", ticket_id(me.workspace_id, number))
    ticket: Ticket = loaded.state
    if not ticket.opened or not reaches(me.actor, me.grant, ticket, me.desk):
        raise UnknownTicket(number=number)
    ties = ticket.ties
    return TicketTies(
        version=loaded.version,
        merged_into=ties.merged_into,
        absorbed=[absorbed.number for absorbed in ties.absorbed],
        split_from=ties.split_from,
        splits=[SplitView(message_id=split.message_id, into=split.number) for split in ties.splits],
        links=[TicketLink(relation=_relation(link.relation), other=link.number) for link in _ordered(ties.links)],
    )


def _ordered(links: Any) -> list[Any]:
    return sorted(links, key=lambda link: (link.relation, link.number))


def _relation(name: str) -> t.Relation:
    return next(known for known in get_args(t.Relation) if known == name)


@router.post("/tickets/{number}/merge", **changes(TicketNotOpen, InvalidInput))
async def merge_ticket(number: TicketNumber, body: MergeBody, me: Caller = needs(Permission.TICKET_MERGE)) -> Response:
    """Go on under another number: this ticket is the duplicate and is closed; who follows it follows the other."""
    command = t.MergeTicket(**me.context(), number=number, into=body.into)
    return _tied(await me.explaining(command, counterparts.merge(me.services.desk, command)), number)


@router.delete("/tickets/{number}/merge", **changes(NotMerged))
async def undo_merge(number: TicketNumber, me: Caller = needs(Permission.TICKET_MERGE)) -> Response:
    """Take a merge back: both tickets are what they were."""
    command = t.UndoMerge(**me.context(), number=number)
    return _tied(await me.explaining(command, counterparts.undo_merge(me.services.desk, command)), number)


_SPLIT = changes(UnknownMessage, InternalMessage, AlreadySplit, InvalidInput)


@router.post(
    "/tickets/{number}/splits",
    status_code=201,
    response_model=TicketSplit,
    openapi_extra=CHANGES,
    responses={**{status: told for status, told in _SPLIT["responses"].items() if status != 200}, **documented(201)},
)
async def split_ticket(number: TicketNumber, body: SplitBody, me: Caller = needs(Permission.TICKET_MERGE)) -> Response:
    """Make a message that the requester sees a ticket of its own."""
    command = t.SplitTicket(**me.context(), number=number, message_id=body.message_id, title=body.title)
    receipt = await me.explaining(command, counterparts.split(me.services.desk, command))
    at = f"/api/v1/tickets/{receipt.number}"
    return changed(receipt, status=201, location=at, number=number, into=receipt.number)


@router.delete("/tickets/{number}/splits/{into}", **changes(NotSplit, SplitWorkedOn))
async def undo_split(
    number: TicketNumber, into: Annotated[Number, Path(examples=["1002"])], me: Caller = needs(Permission.TICKET_MERGE)
) -> Response:
    """Take a split back, as long as nobody has worked on the new ticket: that one is withdrawn."""
    command = t.UndoSplit(**me.context(), number=number, into=into)
    return _tied(await me.explaining(command, counterparts.undo_split(me.services.desk, command)), number)


@router.post("/tickets/{number}/links", **changes(LinkCycle, HasParent, NotAllowed))
async def link_tickets(number: TicketNumber, body: LinkBody, me: Caller = needs(Permission.TICKET_LINK)) -> Response:
    """Say that the other ticket is related, or this one's parent, child, duplicate or original."""
    command = t.LinkTicket(**me.context(), number=number, relation=body.relation, other=body.other)
    return _tied(await me.explaining(command, counterparts.link(me.services.desk, command)), number)


@router.delete("/tickets/{number}/links/{relation}/{other}", **changes())
async def unlink_tickets(
    number: TicketNumber,
    relation: t.Relation,
    other: Annotated[Number, Path(examples=["1002"])],
    me: Caller = needs(Permission.TICKET_LINK),
) -> Response:
    """Take a link away, on both sides; nothing happens where there is none."""
    command = t.UnlinkTicket(**me.context(), number=number, relation=relation, other=other)
    return _tied(await me.explaining(command, counterparts.unlink(me.services.desk, command)), number)


def _tied(receipt: Receipt, number: str) -> Response:
    return changed(receipt, number=number)
