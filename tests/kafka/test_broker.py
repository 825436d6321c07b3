"""The broker that tests and `ledgerdesk up --kafka` run."""

from contextlib import closing
from pathlib import Path

import pytest
import yaml
from kafka import KafkaProducer
from kafka.errors import InvalidReplicationFactorError

from cli.broker import jars
from cli.broker.jars import NoKafka
from cli.broker.server import Broker
from processors.stream import topics
from processors.stream.settings import SOON
from tests.kafka.brokers import BACK_SOON
from tests.kafka.kit import make_topic, read_all, unique
from tests.kafka.publishing import position_published, settings_of
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def send(servers: str, topic: str, *values: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=servers, **SOON)) as producer:
        sent = [producer.send(topic, value) for value in values]
        producer.flush(timeout=30)
        assert [future.get(timeout=0).topic for future in sent] == [topic] * len(values)


def test_what_was_sent_is_there_after_a_kill(make_broker):
    broker = make_broker(BACK_SOON)
    topic = make_topic(broker.servers, unique("t"))
    send(broker.servers, topic, b"before")
    broker.kill()
    assert not broker.running
    broker.start()
    send(broker.servers, topic, b"after")
    assert {record.value for record in read_all(broker.servers, topic)} == {b"before", b"after"}


def test_a_broker_that_was_left_behind_is_ended_by_the_next(make_broker):
    left = make_broker(BACK_SOON)
    topic = make_topic(left.servers, unique("t"))
    follower = Broker(left.folder, BACK_SOON)
    try:
        follower.start()
        assert not left.running
        send(follower.servers, topic, b"here")
    finally:
        follower.kill()


def test_the_shared_broker_answers(kafka):
    topic = make_topic(kafka, unique("t"))
    send(kafka, topic, b"1", b"2")
    assert len(read_all(kafka, topic)) == 2


def test_jars_that_are_not_those_pinned_are_refused(monkeypatch, tmp_path):
    def other(folder):
        folder.mkdir()
        for name in jars.pinned():
            (folder / name).write_bytes(b"other")

    monkeypatch.setattr(jars, "_folder", lambda: tmp_path / "kafka")
    monkeypatch.setattr(jars, "_resolve", other)
    with pytest.raises(NoKafka, match="not what was pinned"):
        jars.jars()
    assert not (tmp_path / "kafka").exists()


def test_without_java_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "apt-get install" in str(jars.lacking())
    with pytest.raises(NoKafka):
        jars.program("java")


def test_the_settings_of_compose_are_those_of_a_broker_that_takes_transactions(make_broker):
    environment = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]["environment"]
    # As the image of apache/kafka makes properties of its variables.
    given = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in environment.items()}
    del given["log.dirs"]
    places = {"//kafka:": "//127.0.0.1:", "//:": "//127.0.0.1:", "@kafka:": "@127.0.0.1:"}
    for there, here in {**places, "9092": "{port}", "9093": "{controller}"}.items():
        given = {name: value.replace(there, here) for name, value in given.items()}
    broker = make_broker(given)
    # Fifty partitions of transactions are made at the first.
    settings = settings_of(broker.servers, kafka_deadline=60)
    # It answers before it takes topics.
    wait_until(lambda: made(settings), 60)
    assert position_published(settings, 12) == 12


def made(settings):
    try:
        topics.ensure(settings)
    except InvalidReplicationFactorError:
        return False
    return True
