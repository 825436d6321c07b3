"""The library's own conformance classes on our recorders, and a stock application on our log."""

import threading
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    PersistenceError,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.utils import Environment, register_topic
from psycopg.conninfo import conninfo_to_dict

from domain.ticket.commands import OpenTicket
from eventstore import library
from tests.desks import Office, an_office
from tests.waiting import wait_until

MODULE = "eventstore.library"


def environment(url: str, **more: str) -> Environment:
    parts = conninfo_to_dict(url)
    given = {
        "PERSISTENCE_MODULE": MODULE,
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": "",
    }
    return Environment("Elsewhere", {**given, **more})


class OnOurLog:
    """Gives the library's test classes a factory over the test's database."""

    env: Environment
    factory: library.LedgerFactory

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> Iterator[None]:
        self.env = environment(database_url)
        self.factory = cast("library.LedgerFactory", InfrastructureFactory.construct(self.env))
        yield
        self.factory.close()


class TestAggregateRecorder(OnOurLog, AggregateRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.aggregate_recorder()


class TestApplicationRecorder(OnOurLog, ApplicationRecorderTestCase):  # type: ignore[type-arg]
    def create_recorder(self) -> Any:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnOurLog, TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.tracking_recorder()


class TestProcessRecorder(OnOurLog, ProcessRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.process_recorder()


class TestNonInterleaving(OnOurLog, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> Any:
        return self.factory.application_recorder()


class OtherTracking(library.LedgerTrackingRecorder):
    """A process's own tracking."""


class TestFactory(OnOurLog, InfrastructureFactoryTestCase[library.LedgerFactory]):
    def expected_factory_class(self) -> type[library.LedgerFactory]:
        return library.LedgerFactory

    def expected_aggregate_recorder_class(self) -> type[library.LedgerAggregateRecorder]:
        return library.LedgerAggregateRecorder

    def expected_application_recorder_class(self) -> type[library.LedgerApplicationRecorder]:
        return library.LedgerApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[library.LedgerTrackingRecorder]:
        return library.LedgerTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return OtherTracking

    def expected_process_recorder_class(self) -> type[library.LedgerProcessRecorder]:
        return library.LedgerProcessRecorder


@pytest.fixture
def recorder(database_url: str) -> Iterator[library.LedgerApplicationRecorder]:
    factory = InfrastructureFactory.construct(environment(database_url))
    yield cast("library.LedgerApplicationRecorder", factory.application_recorder())
    factory.close()


def stored(stream: UUID, version: int) -> StoredEvent:
    return StoredEvent(stream, version, "thing.happened", b"{}")


def test_an_insert_whose_answer_was_lost_is_found_again(
    recorder: library.LedgerApplicationRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, lost = recorder._insert, iter([True])

    def losing(*given: Any) -> Any:
        positions = insert(*given)
        if next(lost, False):
            raise library.OperationalError("the connection is lost")
        return positions

    monkeypatch.setattr(recorder, "_insert", losing)
    stream = uuid4()
    assert recorder.insert_events([stored(stream, 1), stored(stream, 2)]) == [1, 2]
    assert recorder.max_notification_id() == 2


def test_a_subscription_outlives_its_connection(
    recorder: library.LedgerApplicationRecorder, superuser_url: str
) -> None:
    stream = uuid4()
    recorder.insert_events([stored(stream, 1)])
    with recorder.subscribe() as subscription, psycopg.connect(superuser_url, autocommit=True) as db:
        assert next(subscription).id == 1
        ended = db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ledgerdesk-feed'"
            " AND datname = current_database()"
        ).fetchall()
        assert ended == [(True,)]
        recorder.insert_events([stored(stream, 2)])
        assert next(subscription).id == 2


def test_a_waiting_subscription_can_be_stopped_from_another_thread(
    recorder: library.LedgerApplicationRecorder,
) -> None:
    with recorder.subscribe() as subscription:
        waiting = threading.Thread(target=lambda: list(subscription))
        waiting.start()
        subscription.stop()
        waiting.join(30)
        assert not waiting.is_alive()


def test_a_bound_recorder_writes_to_its_workspace_and_no_other(database_url: str) -> None:
    mine, theirs = uuid4(), uuid4()
    stream = uuid4()
    for workspace in (mine, theirs):
        factory = InfrastructureFactory.construct(environment(database_url, LEDGERDESK_WORKSPACE=str(workspace)))
        recorder = factory.application_recorder()
        if workspace == mine:
            recorder.insert_events([stored(stream, 1)])
        else:
            with pytest.raises(PersistenceError, match="another workspace"):
                recorder.insert_events([stored(stream, 2)])
        factory.close()
    with psycopg.connect(database_url) as db:
        rows = db.execute("SELECT workspace_id, originator_version FROM log.stored_events").fetchall()
    assert rows == [(mine, 1)]


def test_a_workspace_that_is_no_uuid_is_refused(database_url: str) -> None:
    with pytest.raises(InfrastructureFactoryError, match="LEDGERDESK_WORKSPACE"):
        InfrastructureFactory.construct(environment(database_url, LEDGERDESK_WORKSPACE="acme"))


def test_the_log_takes_no_snapshots_of_others(database_url: str) -> None:
    factory = InfrastructureFactory.construct(environment(database_url))
    with pytest.raises(InfrastructureFactoryError, match="not snapshots"):
        factory.aggregate_recorder(purpose="snapshots")
    factory.close()


class Seen:
    """What a stock mapper makes of one of our events."""

    originator_id: UUID
    originator_version: int
    metadata: dict[str, Any]
    data: dict[str, Any]


@pytest.fixture
def stock(database_url: str) -> Iterator[Application[UUID]]:
    """An application of the library as it is, pointed at our tables."""
    register_topic("ticket.opened", Seen)
    env = environment(
        database_url, PERSISTENCE_MODULE="eventsourcing.postgres", POSTGRES_SCHEMA="log", CREATE_TABLE="no"
    )
    # The library names its table after the application.
    named = type("Stored", (Application,), {"name": "stored"})
    with named(env=dict(env)) as application:
        yield application


async def test_a_stock_application_reads_our_log(database_url: str, stock: Application[UUID]) -> None:
    async with an_office(database_url) as office:
        receipt = await opened(office)
    stored_events = stock.recorder.select_events(receipt.stream_id)
    notifications = stock.recorder.select_notifications(start=receipt.position, limit=10)
    assert [n.topic for n in notifications] == ["ticket.opened"]
    assert [e.state for e in stored_events] == [n.state for n in notifications]
    event = cast("Seen", stock.mapper.to_domain_event(notifications[0]))
    assert (event.originator_id, event.originator_version) == (receipt.stream_id, 1)
    assert event.metadata["channel"] == "api"
    assert event.data["status"] == "new"
    assert "牛" not in str(vars(event))


async def test_a_stock_subscription_follows_our_log(database_url: str, stock: Application[UUID]) -> None:
    async with an_office(database_url) as office:
        first = await opened(office)
        with stock.recorder.subscribe(gt=first.position - 1, topics=["ticket.opened"]) as subscription:
            assert next(subscription).id == first.position
            wait_until(lambda: listeners(database_url) > 0)
            second = await opened(office)
            assert next(subscription).id == second.position


async def opened(office: Office) -> Any:
    return await office.do(OpenTicket, title="蜗牛 ate the router")


def listeners(url: str) -> int:
    with psycopg.connect(url) as db:
        rows = db.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
        return rows.rowcount
