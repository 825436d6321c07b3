"""A commit that hangs is given up by its deadline; whether it happened is read back, so that every event is there once."""

import pytest
from kafka.producer.transaction_manager import TransactionManager
from structlog.testing import capture_logs

from cli.broker.server import free_port
from tests.desks import an_office
from tests.kafka.between import Lost, between
from tests.kafka.brokers import PATIENT
from tests.kafka.kit import read_all
from tests.kafka.publishing import log_head, positions, published, publishing, settings_of
from tests.waiting import until, wait_until


@pytest.fixture
def way(make_broker):
    """Clients of one listener of the broker are sent this way; others reach it directly."""
    with between() as found:
        found.broker = free_port()
        listeners = f"PLAINTEXT://127.0.0.1:{{port}},BETWEEN://127.0.0.1:{found.broker}"
        broker = make_broker(
            {
                "listeners": listeners + ",CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{{port}},BETWEEN://127.0.0.1:{found.port}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BETWEEN:PLAINTEXT,CONTROLLER:PLAINTEXT",
                **PATIENT,
            }
        )
        found.servers = broker.servers
        yield found


@pytest.fixture
def time_flies(monkeypatch, way):
    """The deadline of a commit is over as soon as it is lost, so that everything else can have the time that a busy machine needs."""
    begin_commit = TransactionManager.begin_commit

    def begun(manager):
        hangs, result = way.losing, begin_commit(manager)
        if hangs:
            result.wait = lambda timeout_ms: wait_until(way.lost.is_set, timeout_ms / 1000)
        return result

    monkeypatch.setattr(TransactionManager, "begin_commit", begun)


@pytest.mark.usefixtures("time_flies")
@pytest.mark.parametrize("what", Lost)
async def test_every_event_is_there_once_whatever_became_of_the_commit(database_url, way, what):
    through = settings_of(f"127.0.0.1:{way.port}", kafka_deadline=60)
    directly = settings_of(way.servers, kafka_topics=through.kafka_topics)
    async with an_office(database_url) as office:
        await office.ticket("T-0")
        with capture_logs() as said, publishing(database_url, through):
            before = len(published(database_url, directly))
            way.lose(what)
            await office.ticket("T-1")
            # Nobody answers: what goes on has given it up.
            await until(way.lost.is_set, 60)
            await office.ticket("T-2")
            found = published(database_url, directly)
    assert positions(found) == list(range(1, log_head(database_url) + 1))
    assert [each for each in said if each["event"] == "stream.retrying"]
    # What the broker never heard of was undone and sent again; what it had done was not.
    sent = positions(read_all(way.servers, through.events, isolation_level="read_uncommitted"))
    assert (sent.count(before + 1) > 1) == (what is Lost.REQUEST)
