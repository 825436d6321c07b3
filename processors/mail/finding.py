"""What deliveries are about, as it is when they are sent: whoever may not be told any more gets nothing, nor what is gone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.access import reaches
from domain.catalogue import Catalogue, shown
from domain.event import Actor, Event, Recorded
from domain.inbox.preferences import Channel, Kind, Preferences
from domain.requester import Requester
from domain.ticket.state import Ticket
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from eventstore.loading import load_many
from processors.deliveries import Delivery
from projections.changes import message_of, written

# Events of one action that are looked at for what was written.
MOST_EVENTS = 50
_EVENTS = f"""
    SELECT e.* FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS w (stream, first, last)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = w.stream
        AND originator_version BETWEEN w.first AND w.last ORDER BY originator_version LIMIT {MOST_EVENTS}) e
"""  # noqa: S608 - put together of our own texts


class Dropped(NamedTuple):
    """Why a delivery is not sent: its reason is gone."""

    delivery: Delivery
    outcome: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that a mail is made of: the ticket, where it is about one; `text` is what was written, where it may still be read."""

    delivery: Delivery
    address: str
    desk: Catalogue
    ticket: Ticket | None
    preferences: Preferences | None
    text: str | None

    @property
    def kinds(self) -> list[Kind]:
        """Why it is sent, the most pressing reason first; none to a customer."""
        return [kind for kind in Kind if kind in self.delivery.detail["kinds"]]

    @property
    def doer(self) -> Actor | None:
        """Who did it."""
        told = self.delivery.detail.get("doer")
        return Actor(**told) if told else None


def find(db: Cursor[Any], keyring: Keyring, deliveries: Sequence[Delivery]) -> list[Found | Dropped]:
    """Each delivery with what it is about now, read set-wise."""
    desks = load_many(db, keyring, "workspace", {each.workspace_id: each.workspace_id for each in deliveries})
    about = {each.ticket_id: each.workspace_id for each in deliveries if each.ticket_id}
    tickets = {which: loaded.state for which, loaded in load_many(db, keyring, "ticket", about).items()}
    asking = {UUID(_id(each)): each.workspace_id for each in deliveries if _is_customer(each)}
    customers = load_many(db, keyring, "requester", asking)
    events = _events(db, keyring, deliveries)
    found: list[Found | Dropped] = []
    for each in deliveries:
        desk, ticket = desks[each.workspace_id].state, tickets[each.ticket_id] if each.ticket_id else None
        texts = _texts(each, ticket, events.get(each.stream_id, ())) if ticket else []
        if ticket and _is_customer(each):
            found.append(_to_customer(each, desk, ticket, customers[UUID(_id(each))].state, texts))
        else:
            found.append(_to_person(each, desk, ticket, texts))
    return found


def _is_customer(delivery: Delivery) -> bool:
    return delivery.recipient.startswith("requester:")


def _id(delivery: Delivery) -> str:
    return delivery.recipient.partition(":")[2]


def _events(db: Cursor[Any], keyring: Keyring, deliveries: Sequence[Delivery]) -> Mapping[UUID, list[Recorded[Event]]]:
    asked = [
        [each.stream_id for each in deliveries],
        [each.detail["first"] for each in deliveries],
        [each.detail["last"] for each in deliveries],
    ]
    rows = {(row[0], row[1]): StoredRow(*row) for row in db.execute(_EVENTS, asked, binary=True)}
    found: dict[UUID, list[Recorded[Event]]] = {}
    for recorded in decode_page(db, keyring, [rows[place] for place in sorted(rows)]):
        found.setdefault(recorded.stream_id, []).append(recorded)
    return found


def _texts(delivery: Delivery, ticket: Ticket, events: Iterable[Recorded[Event]]) -> list[str]:
    """What was written with it, but for what was taken back."""
    gone = {message.message_id for message in ticket.messages if message.redacted}
    first, last = delivery.detail["first"], delivery.detail["last"]
    ours = (each.event for each in events if first <= each.version <= last)
    said = (written(event) for event in ours if message_of(event) not in gone or message_of(event) is None)
    return [str(each.after) for each in said if each is not None and each.after is not None]


def _to_person(delivery: Delivery, desk: Catalogue, ticket: Ticket | None, texts: list[str]) -> Found | Dropped:
    person = desk.people.get(UUID(_id(delivery)))
    if person is None or not person.active:
        return Dropped(delivery, "left")
    if not isinstance(person.email, str):
        return Dropped(delivery, "no_address")
    actor = Actor(kind="person", id=str(person.id))
    if ticket and (ticket.erasing or not reaches(actor, desk.grant(actor), ticket, desk)):
        return Dropped(delivery, "out_of_reach")
    if Channel.MAIL not in person.notifications.ways(map(Kind, delivery.detail["kinds"])):
        return Dropped(delivery, "not_wanted")
    return Found(delivery, person.email, desk, ticket, person.notifications, next(iter(texts), None))


def _to_customer(
    delivery: Delivery, desk: Catalogue, ticket: Ticket, requester: Requester, texts: list[str]
) -> Found | Dropped:
    address = shown(requester.email)
    if requester.erasing or not address:
        return Dropped(delivery, "no_address")
    if ticket.erasing or not texts:
        return Dropped(delivery, "out_of_reach")
    return Found(delivery, address, desk, ticket, None, texts[0])
