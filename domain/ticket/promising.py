"""What became of the promises about a ticket: which policy it is under, what was late, whom it was brought to mind (E1-E4)."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.permissions import Permission
from domain.receivers import Receivers
from domain.ticket.commands import TicketCommand
from domain.ticket.escalating import TicketEscalated, handed_to
from domain.ticket.events import TicketEvent
from domain.ticket.state import Promises, Ticket
from domain.values import Pinned


class TicketPromised(TicketEvent, name="ticket.sla_promised", version=1):
    """Another policy, version or calendar holds for the ticket from now on; None is none."""

    CHANGES = False
    policy: Pinned | None
    calendar: Pinned | None = None
    previous: Pinned | None = None


class TicketBreached(TicketEvent, name="ticket.sla_breached", version=1):
    """A promise was not kept in time: of what was waited for since `since`, and was due at `due_at`."""

    CHANGES = False
    measure: str
    since: datetime
    due_at: datetime
    policy: Pinned
    calendar: Pinned | None = None


class TicketReminded(TicketEvent, name="ticket.reminded", version=1):
    """People were reminded of what is due, or was: by the reminder `step`, for the `count`th time."""

    CHANGES = False
    step: str
    count: int
    measure: str
    since: datetime
    due_at: datetime | None
    to: Receivers
    policy: Pinned


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Promise(_Part):
    """The version of a policy that holds, and of the calendar that it is counted by."""

    policy: Pinned | None
    calendar: Pinned | None = None


class Breach(_Part):
    """Something that was not done in time."""

    measure: str
    since: datetime
    due_at: datetime


class Reminding(_Part):
    """A reminder whose time has come."""

    step: str
    count: int
    measure: str
    since: datetime
    due_at: datetime | None
    to: Receivers


class Step(_Part):
    """A step of a ladder whose time has come."""

    step: str
    level: int
    to: Receivers
    team: UUID | None
    reason: str | None


class KeepPromises(TicketCommand):
    """Record what the clock says of a ticket at `at`: only what was not recorded yet."""

    promise: Promise
    breaches: tuple[Breach, ...] = ()
    reminders: tuple[Reminding, ...] = ()
    steps: tuple[Step, ...] = ()


@decides(KeepPromises, needs=Permission.RULE_EDIT)
def keep(command: KeepPromises, ticket: Ticket, desk: Catalogue) -> Decision:
    """What is over is not brought to mind, and nobody is called to it; that it was late stays so."""
    ticket.must_be_readable(command.number)
    return [*_promised(command, ticket), *_late(command, ticket), *_told(command, ticket), *_up(command, ticket, desk)]


def _promised(command: KeepPromises, ticket: Ticket) -> Decision:
    wanted, has = command.promise, ticket.promises
    if (wanted.policy, wanted.calendar) == (has.policy, has.calendar):
        return []
    return [TicketPromised(policy=wanted.policy, calendar=wanted.calendar, previous=has.policy)]


def _late(command: KeepPromises, ticket: Ticket) -> Decision:
    policy, calendar = command.promise.policy, command.promise.calendar
    new = (each for each in command.breaches if (each.measure, each.since) not in ticket.promises.breached)
    return [TicketBreached(policy=policy, calendar=calendar, **dict(each)) for each in new if policy]


def _told(command: KeepPromises, ticket: Ticket) -> Decision:
    policy = command.promise.policy
    if ticket.finished or policy is None:
        return []
    new = (each for each in command.reminders if reminded(each) not in ticket.promises.reminded)
    return [TicketReminded(policy=policy, **dict(each)) for each in new]


def reminded(reminder: Reminding | TicketReminded) -> tuple[str, str, datetime, int]:
    """What makes a reminder one that there was already."""
    return reminder.step, reminder.measure, reminder.since, reminder.count


def _up(command: KeepPromises, ticket: Ticket, desk: Catalogue) -> Decision:
    events: Decision = []
    for step in command.steps:
        if ticket.finished or step.step in ticket.promises.taken:
            continue
        events.append(TicketEscalated(**dict(step)))
        # That its team may not have it by now is no reason to forget that it was late.
        with suppress(Refusal):
            events += handed_to(step.team, ticket, desk)
    return events


@evolves(TicketPromised)
def _(ticket: Ticket, event: TicketPromised) -> Ticket:
    return _with(ticket, policy=event.policy, calendar=event.calendar)


@evolves(TicketBreached)
def _(ticket: Ticket, event: TicketBreached) -> Ticket:
    return _with(ticket, breached=ticket.promises.breached | {(event.measure, event.since)})


@evolves(TicketReminded)
def _(ticket: Ticket, event: TicketReminded) -> Ticket:
    return _with(ticket, reminded=ticket.promises.reminded | {reminded(event)})


def _with(ticket: Ticket, **changed: object) -> Ticket:
    promises: Promises = replace(ticket.promises, **changed)
    return replace(ticket, promises=promises)
