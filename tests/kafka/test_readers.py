"""The examples of services that read the stream: each takes every event once, whenever it is killed."""

import fcntl
import hashlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from uuid import UUID

import platformdirs
import pytest
from kafka import KafkaProducer

from cli.broker import jars
from domain.stream.telling import tell
from domain.ticket.events import TicketNoted, TicketReplied
from processors.stream.settings import SOON
from tests.domain.test_stream_telling import recorded
from tests.kafka.kit import make_topic, unique
from tests.waiting import wait_until

STREAM = Path(__file__).parents[2] / "docs" / "stream"
EXAMPLES = STREAM / "consumers"
TICKETS = [UUID(int=1000 + number) for number in range(5)]


class PythonReader:
    """What it keeps is in SQLite."""

    def __init__(self, folder):
        self._file = folder / "history.sqlite"
        self.command = [sys.executable, EXAMPLES / "python" / "reader.py"]
        self.arguments = [self._file, STREAM]

    def _rows(self, query):
        if not self._file.exists():
            return []
        with closing(sqlite3.connect(self._file, timeout=30)) as db:
            try:
                return db.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []

    def taken(self):
        return sorted(self._rows("SELECT subject, version FROM history"))

    def aside(self):
        return len(self._rows("SELECT * FROM set_aside"))


class JavaReader:
    """What it keeps is in a journal."""

    def __init__(self, folder):
        self._file = folder / "journal.tsv"
        self.command = [jars.program("java"), "-cp", f"{_java_libraries()}/*", EXAMPLES / "java" / "Reader.java"]
        self.arguments = [self._file, STREAM]

    def _lines(self):
        written = self._file.read_text() if self._file.exists() else ""
        return [line.split("\t") for line in written[: written.rfind("\n") + 1].splitlines()]

    def taken(self):
        return sorted((line[3], int(line[4])) for line in self._lines() if line[2] == "taken")

    def aside(self):
        return sum(line[2] == "aside" for line in self._lines())


def _java_libraries():
    """The jars of its pom, kept outside of the tree."""
    pins = EXAMPLES / "java" / "jars.sha256"
    if why := _no_java():
        warnings.warn(pytest.PytestWarning(f"The test of Reader.java was SKIPPED: {why}"), stacklevel=1)
        pytest.skip(why)
    wanted = {name: checksum for checksum, name in (line.split() for line in pins.read_text().splitlines())}
    cache = Path(platformdirs.user_cache_dir("ledgerdesk", appauthor=False))
    folder = cache / f"reader-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    with folder.with_suffix(".gate").open("w") as gate:
        # Another test process may want them at the same time.
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as draft:
                _resolve(Path(draft) / "jars", wanted).rename(folder)
    return folder


def _resolve(draft, wanted):
    options = ["-B", "-q", "-ntp", "-f", EXAMPLES / "java" / "pom.xml", "-DincludeScope=runtime"]
    subprocess.run([jars.program("mvn"), *options, jars.COPY, f"-DoutputDirectory={draft}"], check=True)
    assert jars.found(draft) == wanted, "what Maven brought is not what was pinned in jars.sha256"
    return draft


def _no_java():
    if why := jars.lacking():
        return why
    modules = subprocess.run([jars.program("java"), "--list-modules"], capture_output=True, text=True, check=True)
    return None if "jdk.compiler" in modules.stdout else "there is Java, but no compiler: install a JDK of 17 or newer"


@pytest.fixture(params=[PythonReader, JavaReader])
def reader(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def start(kafka, reader, tmp_path):
    """Starts the reader on a topic; what is left of it is killed at the end."""
    started = []

    def begin(topic):
        with (tmp_path / "said").open("ab") as said:
            started.append(
                subprocess.Popen([*reader.command, kafka, topic, *reader.arguments], stdout=said, stderr=said)
            )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def history(upto, since=1):
    """The events of every ticket, as the stream tells them."""
    for version in range(since, upto + 1):
        for ticket in TICKETS:
            kind = TicketReplied if version % 2 else TicketNoted
            event = kind(message_id=UUID(int=version), body=f"Nr. {version} 你好")
            yield recorded(event)._replace(stream_id=ticket, version=version)


def send(servers, topic, events, spoil=lambda headers, data: (headers, data)):
    """Commit them to the topic."""
    with closing(KafkaProducer(bootstrap_servers=servers, transactional_id=unique("t"), **SOON)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for event in events:
            told = tell(event)
            headers, data = spoil(told.headers(), told.data)
            producer.send(topic, data, key=str(event.stream_id).encode(), headers=headers)
        producer.flush(timeout=30)
        producer.commit_transaction()


def wanted(upto):
    return sorted((str(ticket), version) for ticket in TICKETS for version in range(1, upto + 1))


def test_every_event_is_taken_once_however_often_the_reader_is_killed(kafka, reader, start):
    topic = make_topic(kafka, unique("events"), 3)
    send(kafka, topic, history(20))
    first = start(topic)
    wait_until(reader.taken, seconds=60)
    first.kill()
    first.wait()
    send(kafka, topic, history(30, since=10))
    second = start(topic)
    wait_until(lambda: len(reader.taken()) > len(wanted(20)), seconds=60)
    second.kill()
    second.wait()
    send(kafka, topic, history(40, since=31))
    start(topic)
    wait_until(lambda: len(reader.taken()) >= len(wanted(40)), seconds=60)
    assert reader.taken() == wanted(40)
    assert reader.aside() == 0


def test_what_is_not_as_promised_is_set_aside_and_what_is_new_passed_over(kafka, reader, start):
    topic = make_topic(kafka, unique("events"), 1)
    [first, second, third, last] = [each for each in history(4) if each.stream_id == TICKETS[0]]
    send(kafka, topic, [first], lambda headers, data: (headers, data.replace(b'"body":"', b'"body":7,"x":"')))
    send(kafka, topic, [first], lambda headers, _: (headers, b"no JSON"))
    send(kafka, topic, [first], lambda _, data: ([], data))
    send(kafka, topic, [second], lambda headers, data: (renamed(headers), data))
    send(kafka, topic, [third])
    killed = start(topic)
    wait_until(lambda: len(reader.taken()) == 1, seconds=60)
    killed.kill()
    killed.wait()
    send(kafka, topic, [last])
    start(topic)
    wait_until(lambda: len(reader.taken()) == 2, seconds=60)
    assert reader.taken() == [(str(TICKETS[0]), 3), (str(TICKETS[0]), 4)]
    assert reader.aside() == 3, "none of them is read again"


def renamed(headers):
    return [(name, re.sub(b"^ticket", b"parcel", value)) for name, value in headers]


def test_what_would_log_is_silenced_by_a_jar_of_its_own_version():
    names = re.findall(r"slf4j-\w+-([\d.]+)\.jar", (EXAMPLES / "java" / "jars.sha256").read_text())
    assert len(names) > 1
    assert len(set(names)) == 1
