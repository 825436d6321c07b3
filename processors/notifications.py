"""Tells people what happens to tickets: in their inboxes, and by mail where they want it (A13, A24, E5, E6)."""

from collections.abc import Iterable, Iterator
from uuid import UUID, uuid5

from domain.happening import Happening
from domain.inbox.notification import SendNotification, Told, notification_id
from domain.inbox.preferences import Channel
from domain.inbox.telling import told
from domain.ticket.telling import TicketNoticeGiven
from processors.mail.queueing import mails
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
            sent = _notification(happening, which, people)
            yield Do(sent)
            yield from mails(sent, happening.desk)
        if not happening.told:
            yield from _to_customer(happening)


def _action(happening: Happening) -> UUID:
    return happening.origin.action if happening.origin else happening.metadata.command_id


def _notification(happening: Happening, which: UUID, people: tuple[Told, ...]) -> SendNotification:
    ticket = happening.after.row
    return SendNotification(
        notification_id=which,
        ticket_id=ticket.ticket_id,
        number=ticket.number,
        doer=happening.metadata.doer,
        happened_at=happening.at,
        first=happening.events[0].version,
        last=happening.events[-1].version,
        told=people,
        **because_of(happening),
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
