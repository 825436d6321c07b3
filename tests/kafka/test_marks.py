"""A broker that calls a transaction complete and has not marked all of its partitions: readers get what is there all the same."""

from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.producer.transaction_manager import TransactionManager
from structlog.testing import capture_logs

from processors.stream import marks, topics
from processors.stream.settings import KafkaSettings
from tests.desks import an_office
from tests.kafka.publishing import log_head, positions, published, publishing, settings_of


@pytest.fixture
def settings(make_broker):
    """Of a broker that takes messages of a transaction that it was not told of; asked for by nobody, it gives them no mark."""
    return settings_of(make_broker({"transaction.partition.verification.enable": "false"}).servers, kafka_deadline=60)


@pytest.fixture
def losing(monkeypatch):
    """The partitions that the broker is not told of: no mark is written there when the transaction ends."""
    lost = set()
    add = TransactionManager.maybe_add_partition_to_transaction

    def adding(manager, partition):
        if partition.topic.endswith(".events") and partition not in lost:
            lost.add(partition)
            manager._partitions_in_transaction.add(partition)
        else:
            add(manager, partition)

    monkeypatch.setattr(TransactionManager, "maybe_add_partition_to_transaction", adding)
    monkeypatch.setattr(marks, "PAUSE", 0.2)
    return lost


async def test_what_has_no_mark_is_marked(database_url, settings, losing):
    async with an_office(database_url) as office:
        for number in range(20):
            await office.ticket(f"T-{number}")
        with capture_logs() as said, publishing(database_url, settings):
            found = published(database_url, settings)
    assert positions(found) == list(range(1, log_head(database_url) + 1))
    (marking,) = [each for each in said if each["event"] == "stream.marking"]
    assert set(marking["partitions"]) == {f"{each.topic}-{each.partition}" for each in losing}


def test_only_a_partition_that_stands_still_is_marked(monkeypatch):
    part, other = TopicPartition("t", 0), TopicPartition("t", 1)
    ends = iter([{part: 5, other: 3}, {part: 7, other: 3}, {}])
    marked = []
    monkeypatch.setattr(marks, "PAUSE", 0.0)
    monkeypatch.setattr(topics, "unmarked", lambda *_: next(ends))
    looking = marks.Marks(KafkaSettings(), SimpleNamespace(partitions=lambda _: 2, mark=marked.append), "t")
    # Nothing was published: nobody looks.
    looking.look()
    looking.published()
    for _ in range(5):
        looking.look()
    assert marked == [[other]]
