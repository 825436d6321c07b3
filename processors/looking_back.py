"""What happened to one ticket, seen again as it was then: for whoever asks why something was done, or was not (D7)."""

from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.happening import Happening
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.keyring import Keyring
from eventstore.stories import stream
from processors.witness import Witness

# What the ticket met on its way: itself, what was set up, and whom it was for.
_SELECT = SELECT_EVENTS + " WHERE originator_id = ANY(%s) AND notification_id >= %s ORDER BY notification_id"


def happenings_of(db: Cursor[Any], keyring: Keyring, workspace: UUID, ticket: UUID) -> list[Happening]:
    """All that happened to the ticket, oldest first."""
    events = stream(db, keyring, ticket)
    if not events:
        return []
    requesters = {getattr(recorded.event, "requester_id", None) for recorded in events} - {None}
    streams = [ticket, workspace, *requesters]
    rows = db.execute(_SELECT, [streams, events[0].position], binary=True)
    told = Witness(keyring).happenings(db, [StoredRow(*row) for row in rows])
    return [each for each in told if isinstance(each, Happening)]
