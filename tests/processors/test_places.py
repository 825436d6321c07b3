"""Places of partitions: where a member goes on, and what of its messages is new."""

import threading
from types import SimpleNamespace

import psycopg
from kafka import TopicPartition
from psycopg.rows import TupleRow

from eventstore.feed import head
from eventstore.newest import Newest
from processors.stream.group import alone
from processors.stream.partitions import Kept, Place
from projections import builds
from tests.desks import Office
from tests.processors.greeter import connected
from tests.processors.shared import COUNT, TOPIC, Handed, published
from tests.projections.tables import built

Db = psycopg.Connection[TupleRow]


def test_messages_that_come_again_or_of_a_partition_that_was_taken_away_are_not_read() -> None:
    group = Handed()
    group.give({1: Place(5, 50)})
    headers = [("ce_type", b"ticket.noted.v1"), ("ce_position", b"51")]
    came = [SimpleNamespace(offset=offset, key=b"x", headers=headers) for offset in range(3, 8)]
    found = group.new({TopicPartition(TOPIC, 1): came, TopicPartition(TOPIC, 2): came})
    assert {number: [each.offset for each in messages] for number, messages in found.items()} == {1: [5, 6, 7]}


async def test_a_partition_is_quiet_where_the_log_has_nothing_that_was_not_read(office: Office, database: Db) -> None:
    for number in range(5):
        await office.ticket(f"T-{number}")
    end = head(database.cursor())
    last = {number: messages[-1].position for number, messages in published(database).items() if messages}
    unread = next(iter(last))
    group = Handed()
    group.give({n: Place(9, last.get(n, 0) - (n == unread)) for n in range(COUNT)})
    quiet = group.quiet(database, Newest(2**61), end)
    assert quiet == {n: Place(9, end) for n in range(COUNT) if n != unread and last.get(n, 0) < end}
    # What was not published yet is not said to have been read.
    group.give({n: Place(0, 0) for n in range(COUNT)})
    assert group.quiet(database, Newest(2**61), 0) == {}


def test_a_partition_given_anew_does_not_go_back_to_what_was_read_before() -> None:
    group = Handed()
    group.give({1: Place(200, 500)})
    group.passed({1: Place(150, 400), 2: Place(1, 1)})
    assert group.reached == {1: Place(200, 500)}


async def test_where_a_build_goes_on_the_log_has_a_say_too(office: Office, database_url: str) -> None:
    await office.ticket("T-0")
    built(database_url)
    with connected(database_url) as database:
        build = builds.find(database.cursor(), "ticket_history", "live")
        assert build is not None
        kept = Kept.of_build(build, TOPIC)
        with database.transaction():
            kept.begin(database.cursor(), {0: Place(3, 1), 1: Place(9, 2**40)})
        assert kept.all(database) == {0: Place(3, build.position), 1: Place(9, 2**40)}


def test_who_is_stopped_waits_for_nobody_to_begin(database_url: str) -> None:
    stop = threading.Event()
    with connected(database_url) as one, connected(database_url) as other, alone(one, "noting", stop) as first:
        stop.set()
        with alone(other, "noting", stop) as second:
            assert (first, second) == (True, False)
    with connected(database_url) as other, alone(other, "noting", stop) as third:
        assert third


def test_nor_does_its_place_in_the_database(database_url: str) -> None:
    kept, given, before = Kept.of_process("noting", TOPIC), Place(200, 500), Place(150, 400)
    with connected(database_url) as db:
        with db.transaction():
            kept.begin(db.cursor(), {1: given})
        with db.transaction():
            kept.move(db.cursor(), {1: given}, {1: before})
        assert kept.all(db) == {1: given}
