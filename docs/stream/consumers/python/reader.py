"""An example of a service that reads ledgerdesk.events: it keeps each ticket's history in SQLite, every event exactly once.

    pip install 'kafka-python[crc32c,lz4,zstd]' jsonschema-rs
    python reader.py localhost:9092 ledgerdesk.events history.sqlite ../..

The last argument is the folder with the schemas. Kill it whenever you like: it goes on where it was.
"""

import json
import sqlite3
import sys
from pathlib import Path

import jsonschema_rs
from kafka import KafkaConsumer, TopicPartition

TABLES = """
CREATE TABLE IF NOT EXISTS place (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS subject (id TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS history (subject TEXT, version INTEGER, type TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (subject, version));
CREATE TABLE IF NOT EXISTS set_aside (partition INTEGER, next INTEGER, why TEXT NOT NULL, PRIMARY KEY (partition, next));
"""
ERASED = ("ticket.erased", "requester.erased", "organisation.erased")


class Mismatch(Exception):
    """A message that is not what the contract says."""


class Contract:
    """The schemas of a folder, each read when it is first needed."""

    def __init__(self, folder):
        self._folder, self._validators = Path(folder), {}

    def knows(self, kind):
        """Whether there is a schema of that type: a desk of a newer release sends more."""
        if kind not in self._validators:
            path = self._folder / f"{kind}.json"
            made = jsonschema_rs.Draft202012Validator(json.loads(path.read_text())) if path.exists() else None
            self._validators[kind] = made
        return self._validators[kind] is not None

    def check(self, kind, data):
        """Mismatch says what is wrong, without the content."""
        for error in self._validators[kind].iter_errors(data):
            raise Mismatch(f"{kind}: {'/'.join(map(str, error.instance_path))} is not as its schema says")


def attributes(message):
    """The CloudEvents attributes of a message."""
    return {name.removeprefix("ce_"): value.decode() for name, value in message.headers if name.startswith("ce_")}


def take(message, contract, db):
    """Do what is to be done about one message."""
    told = attributes(message)
    kind, subject, version = told["type"], told["subject"], int(told["version"])
    if not contract.knows(kind):
        return
    [last] = db.execute("SELECT max(version) FROM subject WHERE id = ?", [subject]).fetchone()
    if version <= (last or 0):
        return  # a repeat
    data = json.loads(message.value)
    contract.check(kind, data)
    db.execute("INSERT OR REPLACE INTO subject VALUES (?, ?)", [subject, version])
    if kind.rpartition(".v")[0] in ERASED:
        db.execute("DELETE FROM history WHERE subject = ?", [subject])
    db.execute("INSERT INTO history VALUES (?, ?, ?, ?)", [subject, version, kind, json.dumps(data)])


def take_all(messages, contract, db):
    """A page of one partition, with the place to go on from, in one transaction."""
    with db:
        for message in messages:
            try:
                take(message, contract, db)
            except (Mismatch, KeyError, ValueError) as error:
                # Somebody must look at it; the others do not wait for that.
                why = str(error) if isinstance(error, Mismatch) else "is not a CloudEvent with JSON"
                db.execute("INSERT INTO set_aside VALUES (?, ?, ?)", [message.partition, message.offset + 1, why])
        last = messages[-1]
        db.execute("INSERT OR REPLACE INTO place VALUES (?, ?)", [last.partition, last.offset + 1])


def read(servers, topic, database, schemas):
    """For ever."""
    db, contract = sqlite3.connect(database), Contract(schemas)
    db.executescript(TABLES)
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        reconnect_backoff_max_ms=500,
    )
    parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    for number, place in db.execute("SELECT partition, next FROM place"):
        consumer.seek(TopicPartition(topic, number), place)
    while True:
        for messages in consumer.poll(timeout_ms=1000).values():
            take_all(messages, contract, db)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    read(*sys.argv[1:])
