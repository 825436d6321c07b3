"""What claimed deliveries are to say, as it may be told now; read set-wise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Cursor

from domain.catalogue import Catalogue
from domain.event import Event, Recorded
from domain.stream.telling import TAKING_BACK, parts
from domain.ticket.state import Ticket
from domain.webhooks import Subscription, recipient
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import ContentKey, Keyring, Keys, read_keys
from eventstore.loading import load_many
from eventstore.streams import Loaded
from processors.deliveries import Delivery, Ended
from processors.webhooks import message
from processors.webhooks.rows import sealing

log = structlog.get_logger()

_EVENTS = f"""
    SELECT e.* FROM unnest(%s::uuid[], %s::bigint[]) AS w (stream, version)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = w.stream AND originator_version = w.version) e
"""  # noqa: S608 - put together of our own texts
_TAKEN_BACK = f"{SELECT_EVENTS} WHERE originator_id = ANY(%s) AND topic = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Sendable:
    """A request to be made, and the key under which it is recorded what was said in it."""

    delivery: Delivery
    subscription: Subscription
    number: str | None
    url: str
    body: bytes
    key: ContentKey | None

    def headers(self, at: datetime) -> dict[str, str]:
        """Signed for this attempt."""
        return message.headers(self.delivery.delivery_id, at, self.body, self.subscription.secrets(at))


class _Met(NamedTuple):
    """What deliveries are about, as it is now."""

    tickets: Mapping[UUID, Ticket]
    events: Mapping[tuple[UUID, int], Recorded[Event]]
    taken_back: frozenset[UUID]
    keys: Keys


class Finder:
    """Reads on one connection. It remembers what workspaces have set up, and reads only what is new of it."""

    def __init__(self, db: Cursor[Any], keyring: Keyring) -> None:
        self._db, self._keyring = db, keyring
        self._desks: dict[UUID, Loaded] = {}

    def find(self, deliveries: Sequence[Delivery]) -> list[Sendable | Ended]:
        """Each as it is to be sent, or what becomes of it where its webhook takes nothing now."""
        if not deliveries:
            return []
        workspaces = {each.workspace_id: each.workspace_id for each in deliveries}
        self._desks |= load_many(self._db, self._keyring, "workspace", workspaces, self._desks)
        about = {each.ticket_id: each.workspace_id for each in deliveries if each.ticket_id}
        met = _Met(
            {ticket: loaded.state for ticket, loaded in load_many(self._db, self._keyring, "ticket", about).items()},
            self._events(deliveries),
            self._taken_back(list(about)),
            self._keys(deliveries),
        )
        return [self._sayable(each, met) for each in deliveries]

    def _sayable(self, delivery: Delivery, met: _Met) -> Sendable | Ended:
        """What nothing can be made of must not keep the others from going out."""
        try:
            return self._one(delivery, met)
        except Exception as error:  # noqa: BLE001 - whatever it is, it would be the same next time
            # Its text is left out: it may quote what a customer wrote.
            log.error("webhook.unsendable", delivery=str(delivery.delivery_id), error=type(error).__qualname__)
            return Ended(delivery, "dead", "unsendable")

    def _one(self, delivery: Delivery, met: _Met) -> Sendable | Ended:
        found = _subscription(self._desks[delivery.workspace_id].state, delivery.recipient)
        if found is None or found.retired or not isinstance(found.url, str):
            return Ended(delivery, "dropped", "retired")
        if found.paused is not None:
            return Ended(delivery, "dead", "paused")
        recorded = met.events[delivery.stream_id, delivery.detail["first"]]
        ticket = met.tickets[delivery.ticket_id] if delivery.ticket_id else None
        return Sendable(
            delivery,
            found,
            ticket.number if ticket else None,
            found.url,
            message.body(recorded, ticket, found, met.taken_back),
            sealing(met.keys, delivery.stream_id, delivery.workspace_id),
        )

    def _keys(self, deliveries: Sequence[Delivery]) -> Keys:
        wanted = {(each.workspace_id, of) for each in deliveries for of in (each.stream_id, each.workspace_id)}
        return read_keys(self._db, self._keyring, wanted)

    def _events(self, deliveries: Sequence[Delivery]) -> dict[tuple[UUID, int], Recorded[Event]]:
        places = {(each.stream_id, each.detail["first"]) for each in deliveries}
        asked = [[stream for stream, _ in places], [version for _, version in places]]
        rows = [StoredRow(*row) for row in self._db.execute(_EVENTS, asked, binary=True)]
        return {(each.stream_id, each.version): each for each in decode_page(self._db, self._keyring, rows)}

    def _taken_back(self, tickets: list[UUID]) -> frozenset[UUID]:
        rows = [StoredRow(*row) for row in self._db.execute(_TAKEN_BACK, [tickets, list(TAKING_BACK)], binary=True)]
        return frozenset(part for each in decode_page(self._db, self._keyring, rows) for part in parts(each.event))


def _subscription(desk: Catalogue, name: str) -> Subscription | None:
    return next((each for each in desk.webhooks.values() if recipient(each.webhook.webhook_id) == name), None)
