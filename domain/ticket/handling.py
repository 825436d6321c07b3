"""How a ticket goes from hand to hand: accepted, claimed, transferred, returned, urged (A6, A9-A12)."""

from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue, shown
from domain.classification import MayNotHandle
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.event import Actor, Content
from domain.permissions import Permission, RoleName
from domain.ticket import commands as c
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketAccepted as TicketAccepted
from domain.ticket.events import TicketAssigned, TicketEvent, TicketPrioritised
from domain.ticket.moving import move_events, must_be_unfinished
from domain.ticket.state import Ticket
from domain.values import NOBODY, Assignee, CategoryPath, Message, Priority, StatusKind, Text


class TicketClaimed(TicketEvent, name="ticket.claimed", version=1):
    """One of those who could have the ticket took it (领取)."""

    assignee: Assignee
    previous: Assignee


class TicketTransferred(TicketEvent, name="ticket.transferred", version=1):
    """The ticket was handed on (转移), with a note for whoever has it next."""

    assignee: Assignee
    previous: Assignee
    note: Content[str | None] = None


class TicketReturned(TicketEvent, name="ticket.returned", version=1):
    """The ticket went back to who had it before (退单)."""

    assignee: Assignee
    previous: Assignee
    reason: Content[str]


class TicketUrged(TicketEvent, name="ticket.urged", version=1):
    """Somebody asked for haste (催单); `count` is how often by now."""

    message_id: UUID
    body: Content[str]
    count: int
    internal: bool = False


class AlreadyClaimed(Refusal):
    """Somebody else was faster; `by` is their id (A9)."""

    code = "already_claimed"
    sentence = "{name} has ticket {number} already. Ask them for it, or have it assigned to you."


class NotYours(Refusal):
    """The ticket is another person's, was given to others, or is still to be claimed."""

    code = "not_yours"
    status = 403
    sentence = "You do not have ticket {number}. {hint}"

    @classmethod
    def of(cls, actor: Actor, ticket: Ticket, desk: Catalogue) -> "NotYours":
        """With what the actor is to do first."""
        claimable = actor.kind == "person" and may_be_claimed(UUID(actor.id), ticket.assignee, desk)
        others = "Ask whoever has it, or a lead, to assign it to you first."
        return cls(number=ticket.number, hint="Claim it first." if claimable else others)


class CannotWork(Refusal):
    """The role of who is to have the ticket only watches."""

    code = "cannot_work"
    status = 422
    sentence = (
        "Nobody works on tickets in the role {role}. Choose somebody else, or give the person another role first."
    )


class NoPreviousHandler(Refusal):
    """Nobody who had the ticket before can take it back (A11)."""

    code = "no_previous_handler"
    sentence = "Nobody who is still here had ticket {number} before. Transfer it to somebody instead."


class LoadLimitReached(Refusal):
    """The claimer has as many open tickets as they may (B6)."""

    code = "load_limit_reached"
    sentence = "You have {load} open tickets, and your limit is {limit}. Finish one of them first, or ask a lead."


class LookAtTicket(TicketCommand):
    """An agent opens the ticket on their screen: the first look at a new one accepts it (A6)."""


class AcceptTicket(TicketCommand):
    """Begin work on a new ticket (受理)."""


class ClaimTicket(TicketCommand):
    """Take a ticket that was given to several (领取), or to nobody; with `accept`, begin work on it too (A9).

    `load` is how many open tickets the claimer has, where it is known: a limit of theirs is then kept.
    """

    accept: bool = False
    # Counted anew each time: no part of what is asked.
    load: int | None = Field(default=None, exclude=True)


class TransferTicket(TicketCommand):
    """Hand the ticket on to any person, team or role (A10)."""

    to: Assignee
    note: Text = ""


class ReturnTicket(TicketCommand):
    """Give the ticket back to who had it before (A11)."""

    reason: Message


class UrgeTicket(TicketCommand):
    """Ask for haste: one level of priority more, until urgent, and counted (A12)."""

    body: Message


@decides(c.AssignTicket, needs=Permission.TICKET_ASSIGN)
def assign(command: c.AssignTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_be_open(command.number)
    assignee = handler(command.to, ticket.type, ticket.category, desk)
    if assignee == ticket.assignee:
        return []
    return [TicketAssigned(assignee=assignee, previous=ticket.assignee, reason=command.reason)]


@decides(TransferTicket, needs=Permission.TICKET_TRANSFER)
def transfer(command: TransferTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """To somebody: nobody is whom a ticket is assigned to, not transferred."""
    ticket.must_be_open(command.number)
    if command.to == NOBODY:
        raise InvalidInput(field="to", reason="name a person, a team, several people or a role")
    assignee = handler(command.to, ticket.type, ticket.category, desk)
    if assignee == ticket.assignee:
        return []
    return [TicketTransferred(assignee=assignee, previous=ticket.assignee, note=command.note or None)]


def handler(to: Assignee, type_: str | None, category: CategoryPath, desk: Catalogue) -> Assignee:
    """The assignee as it is recorded, once all whom it names are here: several who are one person are that person."""
    if to == NOBODY:
        return to
    people = tuple(dict.fromkeys(to.people))
    alone = len(people) == 1
    to = Assignee(team=to.team, person=people[0] if alone else to.person, people=() if alone else people, role=to.role)
    known = desk.assignee(to)
    must_work(to, desk)
    for person in filter(None, (to.person, *to.people)):
        if not desk.may_handle(person, type_, category):
            raise MayNotHandle(person=person)
    return known


def must_work(to: Assignee, desk: Catalogue) -> None:
    """Raise CannotWork where the role that is named, or that of somebody of the desk who is, only watches."""
    if (watching := desk.watching(to)) is not None:
        named = {"person": watching.person} if watching.person else {}
        raise CannotWork(role=watching.role, **named)


@decides(LookAtTicket, needs=Permission.TICKET_VIEW)
def look(command: LookAtTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Who only watches, as auditors and requesters do, accepts nothing by looking."""
    ticket.must_exist(command.number)
    works_on_it = command.by.kind == "person" and Permission.TICKET_MOVE in desk.grant(command.by).permissions
    limited = command.within is not None and Permission.TICKET_MOVE not in command.within
    return accepted(ticket, desk) if works_on_it and not limited else []


@decides(AcceptTicket, needs=Permission.TICKET_MOVE)
def accept(command: AcceptTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """What has begun already is not begun again."""
    ticket.must_be_open(command.number)
    return accepted(ticket, desk)


def accepted(ticket: Ticket, desk: Catalogue) -> Decision:
    """A new ticket's move into the workspace's first open status."""
    return move_events(desk.status_of_kind(StatusKind.OPEN), ticket) if ticket.kind is StatusKind.NEW else []


@decides(ClaimTicket, needs=Permission.TICKET_CLAIM)
def claim(command: ClaimTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """The first one has it; who comes later is told who."""
    ticket.must_be_open(command.number)
    claimer, has = desk.acting(command.by), ticket.assignee
    begun = accepted(ticket, desk) if command.accept else []
    if has.person == claimer.id:
        return begun
    if has.person is not None:
        raise AlreadyClaimed(number=ticket.number, by=has.person, name=_name(has.person, desk))
    if not may_be_claimed(claimer.id, has, desk):
        raise NotYours.of(command.by, ticket, desk)
    if command.load is not None and claimer.load_limit is not None and command.load >= claimer.load_limit:
        raise LoadLimitReached(load=command.load, limit=claimer.load_limit)
    # One of several who were named beside a team need not work in that team.
    claimed = Assignee(team=has.team if has.team in claimer.teams else None, person=claimer.id)
    assignee = handler(claimed, ticket.type, ticket.category, desk)
    return [TicketClaimed(assignee=assignee, previous=has), *begun]


def _name(person: UUID, desk: Catalogue) -> str:
    known = desk.people.get(person)
    return (known and shown(known.name)) or "Somebody who left"


@decides(ReturnTicket, needs=Permission.TICKET_RETURN)
def give_back(command: ReturnTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """To the newest earlier handler who is still here, or else to a team or a group that had it."""
    ticket.must_be_open(command.number)
    if not (has_it(command.by, ticket) or in_charge(command.by, ticket, desk)):
        raise NotYours.of(command.by, ticket, desk)
    to = _earlier_person(ticket, desk) or _earlier_group(ticket, desk)
    if to is None:
        raise NoPreviousHandler(number=ticket.number)
    return [TicketReturned(assignee=to, previous=ticket.assignee, reason=command.reason)]


def may_be_claimed(person: UUID, assignee: Assignee, desk: Catalogue) -> bool:
    """Whether the person may claim what nobody has yet: what was given to nobody, or to several of whom they are one."""
    return assignee == NOBODY or desk.may_claim(person, assignee)


def has_it(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor is the person who is responsible for the ticket."""
    return actor.kind == "person" and actor.id == str(ticket.assignee.person)


def in_charge(actor: Actor, ticket: Ticket, desk: Catalogue) -> bool:
    """Whether the actor may settle what is another's: a lead or an admin, a lead of the ticket's team, or the desk itself."""
    if actor.kind != "person":
        return actor.trusted
    team = desk.teams.get(ticket.assignee.team) if ticket.assignee.team else None
    grant = desk.grant(actor)
    leads = grant.role in (RoleName.LEAD, RoleName.ADMIN) or (team is not None and UUID(actor.id) in team.leads)
    return leads and Permission.TICKET_ASSIGN in grant.permissions


def _earlier_person(ticket: Ticket, desk: Catalogue) -> Assignee | None:
    others = (to for to in reversed(ticket.previous_assignees) if to.person not in (None, ticket.assignee.person))
    ways = (way for to in others for way in (to, Assignee(person=to.person)))
    return next((way for way in ways if _can_have(way, ticket, desk)), None)


def _earlier_group(ticket: Ticket, desk: Catalogue) -> Assignee | None:
    groups = (Assignee(team=to.team) if to.person else to for to in reversed(ticket.previous_assignees))
    return next((to for to in groups if to.needs_claim and to != ticket.assignee and _can_have(to, ticket, desk)), None)


def _can_have(to: Assignee, ticket: Ticket, desk: Catalogue) -> bool:
    try:
        handler(to, ticket.type, ticket.category, desk)
    except Refusal:
        return False
    return True


@decides(UrgeTicket, needs=Permission.TICKET_URGE)
def urge(command: UrgeTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Each time one level more, as long as there is one."""
    must_be_unfinished(command.number, ticket)
    # Colleagues urge each other; what requesters write they see.
    internal = command.by.kind != "requester"
    count = ticket.urges + 1
    urged = TicketUrged(message_id=command.command_id, body=command.body, count=count, internal=internal)
    if ticket.priority is Priority.URGENT:
        return [urged]
    levels = list(Priority)
    raised = levels[levels.index(ticket.priority) + 1]
    return [urged, TicketPrioritised(priority=raised, previous=ticket.priority)]


@evolves(TicketClaimed)
def _(ticket: Ticket, event: TicketClaimed) -> Ticket:
    return ticket.handed_to(event.assignee)


@evolves(TicketTransferred)
def _(ticket: Ticket, event: TicketTransferred) -> Ticket:
    return replace(ticket.handed_to(event.assignee), transfers=ticket.transfers + 1)


@evolves(TicketReturned)
def _(ticket: Ticket, event: TicketReturned) -> Ticket:
    # Forgotten down to whoever has it again, so that they can return it further back.
    earlier, to = ticket.previous_assignees, event.assignee
    again = max((place for place, was in enumerate(earlier) if _is_again(to, was)), default=len(earlier))
    return replace(ticket, assignee=to, previous_assignees=earlier[:again], returns=ticket.returns + 1)


def _is_again(to: Assignee, was: Assignee) -> bool:
    if to.person is not None:
        return was.person == to.person
    return was == to or (was.person is not None and Assignee(team=was.team) == to)


@evolves(TicketUrged)
def _(ticket: Ticket, event: TicketUrged) -> Ticket:
    return replace(ticket.with_message(event.message_id, internal=event.internal), urges=event.count)
