"""Tells people what happens to tickets: in their inboxes, and by mail where they want it (A13, A24, E5, E6)."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID, uuid5

from domain.event import Actor
from domain.happening import Happening
from domain.inbox.notification import SendNotification, Told, notification_id
from domain.inbox.preferences import Channel
from domain.inbox.telling import told
from domain.ticket.telling import TicketNoticeGiven
from processors.process import Deliver, Do, Memory, Output, TicketProcess, because_of


class Notifications(TicketProcess):
    """One notification for one action, with everybody whom it is for; a delivery for each who wants a mail."""

    NAME = "notifications"
    OPENS = frozenset()
    FROM_NOW = True
    # Whose action triggers went by is read from the ticket's own events.
    PARTITIONED = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """Everything follows from the log: who follows, who may see, what each wants, as of then."""
        people = told(happening, happening.origin and happening.origin.person)
        which = notification_id(happening.after.row.ticket_id, _action(happening))
        if people:
            yield Do(_notification(happening, which, people))
            yield from _mails(happening, which, people)
        if not happening.told:
            yield from _to_customer(happening)


def _action(happening: Happening) -> UUID:
    return happening.origin.action if happening.origin else happening.metadata.command_id


def _doer(happening: Happening) -> Actor:
    return happening.metadata.doer


def _versions(happening: Happening) -> dict[str, Any]:
    return {"first": happening.events[0].version, "last": happening.events[-1].version}


def _notification(happening: Happening, which: UUID, people: tuple[Told, ...]) -> SendNotification:
    ticket = happening.after.row
    return SendNotification(
        notification_id=which,
        ticket_id=ticket.ticket_id,
        number=ticket.number,
        doer=_doer(happening),
        happened_at=happening.at,
        told=people,
        **_versions(happening),
        **because_of(happening),
    )


def _mails(happening: Happening, which: UUID, people: tuple[Told, ...]) -> Iterator[Deliver]:
    doer = _doer(happening)
    for each in people:
        if Channel.MAIL in each.channels:
            wishes = happening.desk.people[each.person_id].notifications
            detail = {"kinds": [*each.kinds], "doer": doer.model_dump(), "notification": str(which)}
            yield Deliver(
                uuid5(which, f"mail:{each.person_id}"),
                Channel.MAIL,
                f"person:{each.person_id}",
                happening.after.row.ticket_id,
                wishes.mailed_at(happening.at),
                detail | _versions(happening),
                gathered=wishes.digest is not None,
            )


def _to_customer(happening: Happening) -> Iterator[Deliver]:
    """Each notice by itself: it says what it says, not that something happened."""
    row = happening.after.row
    for recorded in happening.events:
        if isinstance(recorded.event, TicketNoticeGiven) and recorded.event.requester and row.requester_id:
            yield Deliver(
                uuid5(recorded.metadata.event_id, "mail"),
                Channel.MAIL,
                f"requester:{row.requester_id}",
                row.ticket_id,
                happening.at,
                {"kinds": [], "first": recorded.version, "last": recorded.version},
            )
