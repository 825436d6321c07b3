"""Processes that are shared by partitions: whatever the interleaving, each event once, in order, with the desk as it was then."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.cluster import Cluster
from domain.event import Actor
from domain.happening import Happening
from domain.ids import ticket_id
from domain.requester import RegisterRequester
from domain.requester_ties import BlockRequester
from domain.setup.policies import SetPolicy
from domain.sla.policy import PolicyDefinition, Target
from domain.ticket.commands import EraseTicket, NoteOnTicket, ReplyToTicket, ResolveTicket, TagTicket
from domain.ticket.events import TicketNoted
from domain.workspace import AddTeam
from eventstore.desk import Desk
from eventstore.erasure import erase
from eventstore.feed import head, read_page
from eventstore.keyring import Keyring
from eventstore.stories import stream
from processors.checkpoint import Overtaken
from processors.erasure import Erasure
from processors.firing import Poller
from processors.following import Follower
from processors.process import Do, Output, TicketProcess, because_of
from processors.runner import lease
from processors.sla_clock import SlaClock
from processors.witness import Witness
from tests.conftest import scratch
from tests.desks import MASTER, Office, an_office
from tests.minds import in_mind
from tests.processors.greeter import connected, rows
from tests.processors.shared import COUNT, EffectMember, Member, begin, partition, published
from tests.threads import working
from tests.waiting import wait_until

Db = psycopg.Connection[Any]
NUMBERS = [f"T-{number}" for number in range(5)]
ALL = range(COUNT)


class Noting(TicketProcess):
    """Notes on a ticket what it met: which version of it, how many teams the desk had then, and whether the customer was blocked."""

    NAME = "noting"
    PARTITIONED = True
    fails = True

    def __init__(self) -> None:
        self.met: list[int] = []

    def react(self, happening: Happening, memory: Any) -> Iterator[Output]:
        """Once for each action of others; a ticket that is tagged "bad" is too much for it."""
        if happening.metadata.channel == "process":
            return
        if self.fails and "bad" in happening.after.row.tags:
            raise ZeroDivisionError
        self.met.append(happening.position)
        yield Do(NoteOnTicket(number=happening.after.row.number, body=met(happening), **because_of(happening)))


def met(happening: Happening) -> str:
    blocked = happening.requester.blocked if happening.requester else None
    return f"{happening.position} at {happening.after.version}: {len(happening.desk.teams)} teams, blocked: {blocked}"


def now() -> datetime:
    return datetime.now(UTC)


async def opened(office: Office, *numbers: str) -> None:
    """Tickets, and between them changes of the desk."""
    for number in numbers:
        requester = uuid4()
        await office.do(RegisterRequester, requester_id=requester, requester_name=f"Customer {number}")
        await office.ticket(number, requester_id=requester)
        await office.do(AddTeam, team_id=uuid4(), title=f"Team {number}")
        await office.do(ResolveTicket, number=number)
        # Two events by one command, which messages may cut in two.
        customer = Actor(kind="requester", id=str(requester))
        assert (await office.do(ReplyToTicket, number=number, body="Still so", by=customer)).events == 2
        await office.do(BlockRequester, requester_id=requester)
        await office.do(TagTicket, number=number, add=("a",))


def at(office: Office, number: str) -> UUID:
    return ticket_id(office.workspace, number)


def written(db: Db, office: Office) -> list[str]:
    """All that it noted, in the order of what it met."""
    events = (each for number in NUMBERS for each in stream(db.cursor(), Keyring(MASTER), at(office, number)))
    notes = [str(each.event.body) for each in events if isinstance(each.event, TicketNoted)]
    return sorted(notes, key=lambda note: int(note.split()[0]))


def expected(db: Db, office: Office) -> list[str]:
    """What one who has the whole log before him would note."""
    told = Witness(Keyring(MASTER)).happenings(db.cursor(), read_page(db.cursor(), 0, 10_000))
    happenings = [each for each in told if isinstance(each, Happening)]
    ours = [each for each in happenings if each.metadata.workspace_id == office.workspace]
    return [met(each) for each in ours if each.metadata.channel != "process"]


def followed(db: Db, process: TicketProcess) -> None:
    """By one who reads the log, to its end."""
    follower = Follower(process, Keyring(MASTER), db, now)
    while follower.step():
        pass
    follower.checkpoint.keep()


def shared(db: Db, member: Member) -> None:
    """All partitions by one member, to their ends."""
    member.given(ALL)
    while member.take(published(db)):
        pass
    member.sharer.checkpoint.keep()


@pytest.fixture
def three(database_url: str) -> Iterator[list[Db]]:
    """Connections of three workers."""
    with ExitStack() as all_:
        yield [all_.enter_context(connected(database_url)) for _ in range(3)]


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), max_size=25)


@settings(max_examples=10)
@given(steps=STEPS, split=st.lists(st.integers(0, 2), min_size=COUNT, max_size=COUNT), led=st.booleans())
def test_however_partitions_move_each_event_is_met_once_and_as_it_was(
    cluster: Cluster, steps: list[tuple[int, int, bool]], split: list[int], led: bool
) -> None:
    """Three members, some of them given partitions anew in between, with few messages at a time."""
    with scratch(cluster) as url, ExitStack() as all_:
        office = asyncio.run(_busy(url))
        databases = [all_.enter_context(connected(url)) for _ in range(3)]
        process = Noting()
        begin(databases[0], process)
        members = [Member(url, db, process, now) for db in databases]
        told = published(databases[0])
        for number, member in enumerate(members):
            member.given(part for part in ALL if split[part] == number)
        for who, most, moves in steps:
            if moves:
                # What the others do not know of yet.
                members[who].given(ALL)
            try:
                members[who].take(told, most)
            except Overtaken:
                members[who] = Member(url, databases[who], process, now)
                members[who].given(part for part in ALL if split[part] == who)
        if led:
            followed(databases[1], process)
        shared(databases[0], Member(url, databases[0], process, now))
        assert written(databases[0], office) == expected(databases[0], office)


async def _busy(url: str) -> Office:
    async with an_office(url, f"desk-{uuid4().hex[:8]}") as office:
        await opened(office, *NUMBERS)
        return office


async def test_handed_over_both_ways_nothing_is_lost_or_looked_at_twice(
    office: Office, database_url: str, three: list[Db]
) -> None:
    db, process = three[0], Noting()
    begin(db, process)
    await opened(office, *NUMBERS[:2])
    followed(db, process)
    await opened(office, *NUMBERS[2:4])
    # One partition comes further than the others before somebody follows the log again.
    member = Member(database_url, three[1], process, now)
    member.given([partition(at(office, NUMBERS[2]))])
    member.take(published(db))
    followed(db, process)
    await opened(office, NUMBERS[4])
    shared(db, Member(database_url, three[2], process, now))
    followed(db, process)
    assert written(db, office) == expected(db, office)
    assert sorted(process.met) == [int(note.split()[0]) for note in expected(db, office)]


async def test_nothing_is_before_who_follows_a_log_that_was_shared(
    office: Office, database_url: str, three: list[Db]
) -> None:
    process = Noting()
    begin(three[0], process)
    await opened(office, *NUMBERS)
    shared(three[0], Member(database_url, three[1], process, now))
    shared(three[0], Member(database_url, three[1], process, now))
    (progress,) = three[0].execute("SELECT position, lag_events FROM processes.progress").fetchall()
    reached = Follower(process, Keyring(MASTER), three[0], now).checkpoint.reached
    assert progress == (reached, head(three[0].cursor()) - reached)


async def test_a_member_that_lost_its_partition_and_does_not_know_it_writes_nothing(
    office: Office, database_url: str, three: list[Db]
) -> None:
    await opened(office, *NUMBERS)
    process = Noting()
    begin(three[0], process)
    dead, heir = (Member(database_url, db, process, now) for db in three[:2])
    for each in (dead, heir):
        each.given(ALL)
    told = published(three[2])
    assert heir.take(told)
    end, kept = head(three[2].cursor()), rows(three[2], "places", "partition, next_offset, position")
    with pytest.raises(Overtaken):
        dead.take(told)
    assert (head(three[2].cursor()), rows(three[2], "places", "partition, next_offset, position")) == (end, kept)


async def test_nor_has_it_effects(office: Office, database_url: str, three: list[Db], monkeypatch: Any) -> None:
    process, performed = Erasure(), []
    begin(three[0], process)
    await office.ticket("T-0")
    await office.do(EraseTicket, number="T-0", reason="asked")

    async def perform(_: Any, command: Any) -> None:
        performed.append(command)

    monkeypatch.setattr(process, "perform", perform)
    told = published(three[2])
    async with Desk(database_url, Keyring(MASTER)) as desk:
        dead, heir = (EffectMember(database_url, db, process, desk) for db in three[:2])
        for each in (dead, heir):
            each.given(ALL)
        assert await heir.take(told)
        with pytest.raises(Overtaken):
            await dead.take(told)
    assert len(performed) == 1


async def test_erased_content_is_in_no_members_mind(office: Office, database_url: str, three: list[Db]) -> None:
    class Tagged(Noting):
        TOPICS = frozenset({"ticket.tagged"})

    secret, process = "A secret", Tagged()
    begin(three[0], process)
    await office.ticket("T-0", title=secret)
    await office.do(TagTicket, number="T-0", add=("a",))
    member = Member(database_url, three[1], process, now)
    member.given(ALL)
    member.take(published(three[2]))
    mind = member.sharer._witness_of_parts._tickets
    assert secret in in_mind(mind)
    await erase(office.desk, office.command(EraseTicket, number="T-0", reason="asked"))
    member.take(published(three[2]))
    assert secret not in in_mind(mind)


async def test_what_happened_before_a_change_that_others_came_to_first_is_looked_at_again(
    office: Office, database_url: str, three: list[Db]
) -> None:
    process = SlaClock()
    begin(three[0], process)
    definition = PolicyDefinition(title="Usual", targets=(Target(measure="resolution", normal=600),))
    await office.do(SetPolicy, key="usual", definition=definition)
    number = next(n for n in NUMBERS if partition(at(office, n)) != partition(office.workspace))
    await office.ticket(number)
    sooner = definition.model_copy(update={"targets": (Target(measure="resolution", normal=60),)})
    await office.do(SetPolicy, key="usual", definition=sooner)
    first, late = (Member(database_url, db, process, now) for db in three[:2])
    told = published(three[2])
    first.given([partition(office.workspace)])
    first.take(told)
    late.given([partition(at(office, number))])
    late.take(told)
    assert Poller([process], Keyring(MASTER), three[2], now).step() == 1
    assert [row[0] for row in rows(three[2], "sla_clocks", "target_seconds, measure")] == [3600]


async def test_dead_letters_are_tried_again_by_who_has_the_partition_and_hold_up_what_comes(
    office: Office, database_url: str, three: list[Db]
) -> None:
    process = Noting()
    begin(three[0], process)
    one, other = (Member(database_url, db, process, now) for db in three[:2])
    await opened(office, "T-0")
    await office.do(TagTicket, number="T-0", add=("bad",))
    mine = partition(at(office, "T-0"))
    one.given([mine])
    other.given(part for part in ALL if part != mine)
    one.take(published(three[2]))
    await office.do(TagTicket, number="T-0", add=("b",))
    one.take(published(three[2]))
    assert rows(three[2], "dead_letters", "error, state") == [
        ("ZeroDivisionError", "waiting"),
        (None, "waiting"),
    ]
    three[2].execute("UPDATE processes.dead_letters SET state = 'retry'")
    process.fails = False
    other.take({})
    assert {state for _, state in rows(three[2], "dead_letters", "letter_id, state")} == {"retry"}
    one.take({})
    assert {state for _, state in rows(three[2], "dead_letters", "letter_id, state")} == {"done"}
    assert written(three[2], office) == expected(three[2], office)


def test_who_shares_it_and_who_has_it_alone_do_not_meet(database_url: str) -> None:
    stop = threading.Event()
    asked = "SELECT pg_try_advisory_lock(7305803, hashtext('noting'))"
    with connected(database_url) as other:
        with lease("noting", database_url, stop, shared=True), lease("noting", database_url, stop, shared=True):
            assert other.execute(asked).fetchone() == (False,)
        with lease("noting", database_url, stop):
            shared_one = asked.replace("lock(", "lock_shared(")
            assert other.execute(shared_one).fetchone() == (False,)


def test_what_remembers_over_tickets_cannot_say_that_it_may_be_shared() -> None:
    with pytest.raises(TypeError, match="has one owner"):
        type("Both", (Noting,), {"REMEMBERS": True})


async def test_who_hastens_waits_for_the_timers_that_are_being_set_by_what_was_set_up_before(
    office: Office, three: list[Db]
) -> None:
    firing, changed = threading.Event(), threading.Event()

    class Slow(SlaClock):
        def fire(self, *given: Any) -> Any:
            firing.set()
            assert changed.wait(30)
            return super().fire(*given)

    async def promise(minutes: int) -> None:
        definition = PolicyDefinition(title="Usual", targets=(Target(measure="resolution", normal=minutes),))
        await office.do(SetPolicy, key="usual", definition=definition)

    def waits() -> bool:
        return three[2].execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").rowcount > 0

    await office.ticket("T-0")
    await promise(600)
    following = Follower(SlaClock(), Keyring(MASTER), three[0], now)
    following.step()
    poller = Poller([Slow()], Keyring(MASTER), three[1], now)
    stop = threading.Event()
    with working(stop, [poller.step]):
        wait_until(firing.is_set)
        await promise(60)
        with working(stop, [following.step]):
            wait_until(waits)
            changed.set()
    assert Poller([SlaClock()], Keyring(MASTER), three[1], now).step() == 1
    assert [row[0] for row in rows(three[2], "sla_clocks", "target_seconds, measure")] == [3600]
