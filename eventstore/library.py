"""The `eventsourcing` library's interfaces over our log: PERSISTENCE_MODULE=eventstore.library.
The library looks for the one factory among this module's names, so its own is not imported by name.

A connection has the rights of its login and, where LEDGERDESK_WORKSPACE is set, is bound to that workspace.
"""

from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any
from uuid import UUID

from eventsourcing import postgres
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
    Tracking,
)
from eventsourcing.utils import Environment, EnvType
from psycopg import Cursor
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from eventstore.arrays import Bytes, Longs, Texts, Uuids
from eventstore.feed import Feed
from eventstore.identifiers import uuid7

WORKSPACE = "LEDGERDESK_WORKSPACE"
# Events of an application that is bound to no workspace belong to none of ours.
_INSERT = """
    SELECT * FROM log.insert_events(
        coalesce(log.bound_workspace(), '00000000-0000-0000-0000-000000000000'), %b, %b, %b, %b, %b, %b, %b
    ) AS position
"""
_RECORDED = "SELECT notification_id FROM log.stored_events WHERE event_id = ANY(%b) ORDER BY notification_id"
_TRACK = "SELECT log.insert_tracking(%b, %b)"
# Together as long as the library's own recorders keep trying.
_ATTEMPTS, _PAUSE = 10, 0.2


class LedgerAggregateRecorder(postgres.PostgresAggregateRecorder):
    """Appends to and reads the streams of the log."""

    def __init__(self, datastore: postgres.PostgresDatastore, **_: str) -> None:
        super().__init__(datastore)

    def create_table(self) -> None:
        """Nothing: the tables come with `ledgerdesk migrate`."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append, all or nothing. A connection lost meanwhile is resolved by looking the events' ids up."""
        self._append(stored_events, None)
        return None

    def _append(self, events: Sequence[StoredEvent], tracking: Tracking | None) -> Sequence[int] | None:
        if not events and tracking is None:
            return None
        ids = [uuid7() for _ in events]
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._insert(events, ids, tracking)
            except IntegrityError:
                if recorded := self._recorded(ids):
                    return recorded
                raise
            except (InterfaceError, OperationalError):
                sleep(_PAUSE)
        return self._insert(events, ids, tracking)

    def _insert(self, events: Sequence[StoredEvent], ids: list[UUID], tracking: Tracking | None) -> Sequence[int]:
        columns = (
            Uuids([event.originator_id for event in events]),
            Longs([event.originator_version for event in events]),
            Texts([event.topic for event in events]),
            Bytes([event.state for event in events]),
            Uuids(ids),
            tracking.application_name if tracking else None,
            tracking.notification_id if tracking else None,
        )
        with self.datastore.get_connection() as db:
            return [row["position"] for row in db.execute(_INSERT, columns)]

    def _recorded(self, ids: list[UUID]) -> Sequence[int]:
        with self.datastore.get_connection() as db:
            return [row["notification_id"] for row in db.execute(_RECORDED, [Uuids(ids)])]


class LedgerApplicationRecorder(LedgerAggregateRecorder, postgres.PostgresApplicationRecorder):
    """Reads the whole log in order as well."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append and return the positions."""
        return self._append(stored_events, None)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LedgerSubscription":
        """Everything above a position, for ever."""
        return LedgerSubscription(self, gt, topics)


class LedgerSubscription(Subscription[LedgerApplicationRecorder]):
    """The feed as the library's subscription; reads in the thread that iterates."""

    def __init__(self, recorder: LedgerApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._feed = Feed(_conninfo(recorder.datastore), role=None)
        self._found = self._notifications()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._feed.close()

    def stop(self) -> None:
        """Make the iteration end soon; safe from any thread."""
        super().stop()
        self._feed.stop()

    def __next__(self) -> Notification:
        if self._has_been_stopped:
            raise StopIteration
        return next(self._found)

    def _notifications(self) -> Iterator[Notification]:
        for page in self._feed.pages(self._last_notification_id or 0):
            for row in page:
                if not self._topics or row.topic in self._topics:
                    yield Notification(
                        row.originator_id, row.originator_version, row.topic, row.state, id=row.notification_id
                    )


class LedgerTrackingRecorder(postgres.PostgresTrackingRecorder):
    """Keeps how far a process has come."""

    def __init__(self, datastore: postgres.PostgresDatastore, **_: str) -> None:
        super().__init__(datastore)

    def create_table(self) -> None:
        """Nothing: the tables come with `ledgerdesk migrate`."""

    def _insert_tracking(self, curs: Cursor[DictRow], tracking: Tracking) -> None:
        curs.execute(_TRACK, (tracking.application_name, tracking.notification_id))


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, postgres.PostgresProcessRecorder):
    """Appends what a process leads to together with how far it has come."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append and move the tracking in one transaction."""
        return self._append(stored_events, kwargs.get("tracking"))


class LedgerFactory(postgres.PostgresFactory):
    """Builds the recorders from the library's POSTGRES_* environment and LEDGERDESK_WORKSPACE."""

    aggregate_recorder_class = LedgerAggregateRecorder
    application_recorder_class = LedgerApplicationRecorder
    tracking_recorder_class = LedgerTrackingRecorder
    process_recorder_class = LedgerProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore.schema = "log"
        workspace = self.env.get(WORKSPACE)
        if workspace:
            _bind(self.datastore, workspace)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """For events only: the log takes no snapshots of others."""
        if purpose != "events":
            raise InfrastructureFactoryError(f"The log keeps events, not {purpose}. Set IS_SNAPSHOTTING_ENABLED=no.")
        return super().aggregate_recorder(purpose)


def _bind(datastore: postgres.PostgresDatastore, workspace: str) -> None:
    try:
        option = f"-c ledgerdesk.workspace={UUID(workspace)}"
    except ValueError:
        raise InfrastructureFactoryError(f"{WORKSPACE} must be the UUID of a workspace.") from None
    _connection_settings(datastore)["options"] = option


def _conninfo(datastore: postgres.PostgresDatastore) -> str:
    settings = _connection_settings(datastore)
    return make_conninfo(**{name: value for name, value in settings.items() if name != "row_factory"})


def _connection_settings(datastore: postgres.PostgresDatastore) -> dict[str, Any]:
    settings = datastore.pool.kwargs
    assert isinstance(settings, dict)  # noqa: S101 - the datastore gives its pool a dict, never a callable
    return settings
