"""One page of the log into one build: decode what it needs, fold, move the checkpoint."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from domain.event import Event, Recorded, UnknownEvent
from eventstore.codec import StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from projections import builds
from projections.builds import Build
from projections.read_model import Page, ReadModel


def interesting(model: ReadModel, rows: Sequence[StoredRow]) -> list[StoredRow]:
    """The rows that the read model folds; others only move its checkpoint."""
    names = {event.NAME for event in model.EVENTS}
    return [row for row in rows if row.topic in names]


def opened(model: ReadModel, keyring: Keyring, db: Connection[Any], rows: Sequence[StoredRow]) -> list[Recorded[Event]]:
    """The events of the rows; only content that the read model needs is decrypted."""
    with db.cursor() as cursor:
        found = decode_page(cursor, keyring, rows, {event.NAME for event in model.OPENS})
    # A newer release wrote the others of them: readers pass over what they do not know.
    return [recorded for recorded in found if not isinstance(recorded.event, UnknownEvent)]


def apply_rows(
    model: ReadModel, keyring: Keyring, db: Connection[Any], build: Build, rows: Sequence[StoredRow]
) -> Build:
    """Apply a page and move the checkpoint in one transaction; the build as it is afterwards."""
    page = Page(opened(model, keyring, db, interesting(model, rows)))
    end = rows[-1]
    with builds.checkpoint(db, build, end.notification_id, end.recorded_at) as cursor:
        if page.events:
            model.apply(page, cursor)
    return build._replace(position=end.notification_id)
