"""What happens on two tickets happens on both, once, whoever is interrupted."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.errors import LedgerdeskError, Refusal
from domain.event import SYSTEM
from domain.ids import ticket_id
from domain.requester import RegisterRequester
from domain.ticket import commands as c
from domain.ticket import ties as t
from domain.ticket.linking import INVERSE, HasParent, LinkCycle
from domain.ticket.marking import FollowTicket, MarkSpam, UnmarkSpam
from domain.ticket.splitting import SplitWorkedOn
from domain.ticket.state import Link, Ticket, TicketMergedAway, TicketNotOpen, Ties, UnknownTicket
from domain.values import Attachment
from eventstore import counterparts
from eventstore.database import DatabaseUnavailable
from eventstore.desk import Desk
from eventstore.erasure import erase
from eventstore.keyring import Keyring
from processors import runner
from processors.counterparts import Counterparts
from tests.desks import MASTER, Office
from tests.waiting import until

Db = psycopg.Connection[TupleRow]


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[[], None]]:
    """Starts the process as another one of the desk would run it."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start_one() -> None:
        run = (database_url, Keyring(MASTER), stop, (Counterparts(),))
        threads.append(threading.Thread(target=runner.run, args=run))
        threads[-1].start()

    yield start_one
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def seen_all(database: Db) -> bool:
    return database.execute(
        "SELECT (SELECT max(notification_id) FROM log.stored_events) ="
        " (SELECT notification_id FROM log.notification_tracking WHERE application_name = 'counterparts')"
    ).fetchone() == (True,)


def topics(database: Db, office: Office, number: str) -> list[str]:
    rows = database.execute(
        "SELECT topic FROM log.stored_events WHERE originator_id = %s ORDER BY originator_version",
        [ticket_id(office.workspace, number)],
    )
    return [row[0].removeprefix("ticket.") for row in rows]


async def state_of(office: Office, number: str) -> Ticket:
    loaded = await office.desk.state(office.workspace, "ticket", ticket_id(office.workspace, number))
    state: Ticket = loaded.state
    return state


async def two(office: Office) -> None:
    await office.ticket("T-1")
    await office.ticket("T-2")


async def test_a_merge_that_was_cut_off_is_finished_once(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await two(office)
    await office.do(FollowTicket, number="T-1", person_id=UUID(office.person.id))
    # As if its process had died before the other ticket came to know.
    await office.do(t.MergeTicket, number="T-1", into="T-2")
    assert topics(database, office, "T-2") == ["opened"]
    start()
    start()
    await until(lambda: seen_all(database) and "absorbed" in topics(database, office, "T-2"))
    assert topics(database, office, "T-2") == ["opened", "absorbed"]
    assert (await state_of(office, "T-2")).followers == {UUID(office.person.id)}


async def test_what_was_done_at_once_is_not_done_again(office: Office, database: Db, start: Callable[[], None]) -> None:
    await two(office)
    command = office.command(t.MergeTicket, number="T-1", into="T-2")
    first = await counterparts.merge(office.desk, command)
    again = await counterparts.merge(office.desk, command)
    assert (first.position, first.version, first.repeated) == (again.position, again.version, False)
    assert again.repeated
    start()
    await until(lambda: seen_all(database))
    assert topics(database, office, "T-1") == ["opened", "merged_into"]
    assert topics(database, office, "T-2") == ["opened", "absorbed"]


async def test_a_merge_taken_back_leaves_both_exactly_as_they_were(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await two(office)
    await office.do(FollowTicket, number="T-1", person_id=UUID(office.person.id))
    before = await state_of(office, "T-1"), await state_of(office, "T-2")
    # Taken back before anybody told the other ticket of it.
    await office.do(t.MergeTicket, number="T-1", into="T-2")
    await counterparts.undo_merge(office.desk, office.command(t.UndoMerge, number="T-1"))
    start()
    await until(lambda: seen_all(database))
    assert (await state_of(office, "T-1"), await state_of(office, "T-2")) == before
    assert topics(database, office, "T-2") == ["opened", "absorbed", "released"]


async def test_two_tickets_merged_into_each_other_at_once_end_as_one(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await two(office)
    await office.do(t.MergeTicket, number="T-1", into="T-2")
    await office.do(t.MergeTicket, number="T-2", into="T-1")
    start()
    await until(lambda: seen_all(database) and "absorbed" in topics(database, office, "T-1"))
    await until(lambda: seen_all(database))
    one, other = await state_of(office, "T-1"), await state_of(office, "T-2")
    assert (one.ties.merged_into, one.status, one.ties.absorbed[0].number) == (None, "new", "T-2")
    assert (other.ties.merged_into, other.ties.absorbed) == ("T-1", ())


@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        ([(c.CloseTicket, {})], TicketNotOpen),
        ([(t.MergeTicket, {"into": "T-9"})], TicketMergedAway),
    ],
)
async def test_a_ticket_is_not_merged_into_one_that_ended(
    office: Office, steps: list[Any], refusal: type[Refusal]
) -> None:
    await two(office)
    for kind, asked in steps:
        await office.do(kind, number="T-2", **asked)
    with pytest.raises(refusal):
        await counterparts.merge(office.desk, office.command(t.MergeTicket, number="T-1", into="T-2"))
    with pytest.raises(UnknownTicket):
        await counterparts.merge(office.desk, office.command(t.MergeTicket, number="T-1", into="T-99"))
    assert (await state_of(office, "T-1")).ties == Ties()


async def test_a_merge_is_answered_as_the_first_time_also_where_the_other_ticket_has_ended_since(
    office: Office,
) -> None:
    await two(office)
    command = office.command(t.MergeTicket, number="T-1", into="T-2")
    first = await counterparts.merge(office.desk, command)
    await erase(office.desk, office.command(c.EraseTicket, number="T-2", reason="asked"))
    assert (await counterparts.merge(office.desk, command)).version == first.version


async def test_a_message_becomes_a_ticket_and_comes_back(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await office.ticket("T-1", type="incident")
    said = uuid4()
    file = {"attachment_id": uuid4(), "name": "scan.png", "media_type": "image/png", "size": 3}
    brought = Attachment(**file, sha256="ab" * 32, key="k")
    await office.do(c.ReplyToTicket, number="T-1", body="The scanner too", command_id=said, attachments=(brought,))
    before = await state_of(office, "T-1")
    command = office.command(t.SplitTicket, number="T-1", message_id=said, title="Scanner")
    receipt = await counterparts.split(office.desk, command)
    again = await counterparts.split(office.desk, command)
    assert again.number == receipt.number
    assert receipt.number is not None
    new = await state_of(office, receipt.number)
    assert (new.title, new.description, new.type, new.ties.split_from) == (
        "Scanner",
        "The scanner too",
        "incident",
        "T-1",
    )
    assert [(file.name, file.key) for file in new.attachments] == [("scan.png", "k")]
    start()
    await until(lambda: seen_all(database))
    assert topics(database, office, receipt.number)[:2] == ["opened", "split_from"]
    taking_back = office.command(t.UndoSplit, number="T-1", into=receipt.number)
    await counterparts.undo_split(office.desk, taking_back)
    assert await state_of(office, "T-1") == before
    gone = await state_of(office, receipt.number)
    assert (gone.ties.withdrawn, gone.status) == (True, "closed")
    assert (await counterparts.undo_split(office.desk, taking_back)).repeated


async def test_a_split_that_somebody_works_on_stays(office: Office) -> None:
    await office.ticket("T-1")
    said = uuid4()
    await office.do(c.ReplyToTicket, number="T-1", body="The scanner too", command_id=said)
    asked = {"number": "T-1", "message_id": said, "title": "Scanner"}
    into = (await counterparts.split(office.desk, office.command(t.SplitTicket, **asked))).number
    await office.do(c.NoteOnTicket, number=into, body="On it")
    with pytest.raises(SplitWorkedOn):
        await counterparts.undo_split(office.desk, office.command(t.UndoSplit, number="T-1", into=into))


async def test_work_that_begins_while_a_split_is_taken_back_is_not_lost(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await office.ticket("T-1")
    said = uuid4()
    await office.do(c.ReplyToTicket, number="T-1", body="The scanner too", command_id=said)
    asked = {"number": "T-1", "message_id": said, "title": "Scanner"}
    into = (await counterparts.split(office.desk, office.command(t.SplitTicket, **asked))).number
    assert into is not None
    before = await state_of(office, "T-1")
    # The first half, decided when nobody had worked there; then somebody does, before the other half.
    await office.do(t.UndoSplit, number="T-1", into=into)
    await office.do(c.NoteOnTicket, number=into, body="On it")
    start()
    await until(lambda: seen_all(database) and topics(database, office, "T-1")[-1] == "split_off")
    new = await state_of(office, into)
    assert (await state_of(office, "T-1"), new.ties.withdrawn, len(new.messages)) == (before, False, 1)


async def link(office: Office, number: str, relation: str, other: str) -> None:
    command = office.command(t.LinkTicket, number=number, relation=relation, other=other)
    await counterparts.link(office.desk, command)


async def links(office: Office, number: str) -> set[Link]:
    return set((await state_of(office, number)).ties.links)


async def test_linked_tickets_both_know_and_both_forget(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await two(office)
    await link(office, "T-1", "parent", "T-2")
    assert (await links(office, "T-1"), await links(office, "T-2")) == ({Link("parent", "T-2")}, {Link("child", "T-1")})
    await counterparts.unlink(office.desk, office.command(t.UnlinkTicket, number="T-2", relation="child", other="T-1"))
    start()
    await until(lambda: seen_all(database))
    assert await links(office, "T-1") == await links(office, "T-2") == set()


async def test_a_link_taken_away_before_the_other_knew_does_not_come_up_there(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    await two(office)
    await office.do(t.LinkTicket, number="T-1", relation="related", other="T-2")
    asked = office.command(t.UnlinkTicket, number="T-1", relation="related", other="T-2")
    await counterparts.unlink(office.desk, asked)
    start()
    await until(lambda: seen_all(database))
    assert await links(office, "T-1") == await links(office, "T-2") == set()


async def test_no_ring_and_one_parent(office: Office) -> None:
    for number in ("T-1", "T-2", "T-3"):
        await office.ticket(number)
    await link(office, "T-1", "parent", "T-2")
    await link(office, "T-2", "parent", "T-3")
    with pytest.raises(LinkCycle):
        await link(office, "T-3", "parent", "T-1")
    with pytest.raises(LinkCycle):
        await link(office, "T-1", "child", "T-3")
    with pytest.raises(HasParent):
        await link(office, "T-3", "child", "T-1")


async def test_a_link_that_the_other_ticket_cannot_have_is_taken_back(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    for number in ("T-1", "T-2", "T-3"):
        await office.ticket(number)
    await link(office, "T-2", "parent", "T-3")
    # Both became a parent of T-2 at once, and each had looked before the other was recorded.
    await office.do(t.LinkTicket, number="T-1", relation="child", other="T-2")
    start()
    await until(lambda: seen_all(database) and "unlinked" in topics(database, office, "T-1"))
    assert await links(office, "T-1") == set()
    assert await links(office, "T-2") == {Link("parent", "T-3")}


async def test_the_sender_of_spam_is_blocked_and_let_in_again(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    zoe = uuid4()
    await office.do(RegisterRequester, requester_id=zoe, requester_name="Zoe")
    await office.ticket("T-1", requester_id=zoe)
    await counterparts.both(office.desk, office.command(MarkSpam, number="T-1", block=True))
    assert (await office.desk.state(office.workspace, "requester", zoe)).state.blocked
    await office.do(UnmarkSpam, number="T-1")
    start()
    await until(lambda: seen_all(database))
    assert not (await office.desk.state(office.workspace, "requester", zoe)).state.blocked


async def test_the_other_half_names_whom_it_was_done_for(office: Office) -> None:
    await two(office)
    await counterparts.merge(office.desk, office.command(t.MergeTicket, number="T-1", into="T-2"))
    first = (await office.desk.streams.events(office.workspace, ticket_id(office.workspace, "T-1")))[-1]
    second = (await office.desk.streams.events(office.workspace, ticket_id(office.workspace, "T-2")))[-1]
    assert (second.metadata.actor, second.metadata.on_behalf_of) == (SYSTEM, office.person)
    assert second.metadata.causation_id == first.metadata.event_id


async def test_killed_between_any_two_steps_it_ends_the_same(
    office: Office, database: Db, database_url: str, start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who merges dies before or after the other half was recorded; the process dies as often."""
    await two(office)
    execute = Desk.execute
    deaths = iter([True, False, True, True, False])

    async def dying(desk: Desk, command: Any) -> Any:
        if not isinstance(command, t.AbsorbTicket):
            return await execute(desk, command)
        if next(deaths, False):
            raise DatabaseUnavailable(server="here", reason="the power is gone")
        await execute(desk, command)
        if next(deaths, False):
            raise DatabaseUnavailable(server="here", reason="the power is gone")
        return await execute(desk, command)

    monkeypatch.setattr(Desk, "execute", dying)
    with pytest.raises(LedgerdeskError):
        await counterparts.merge(office.desk, office.command(t.MergeTicket, number="T-1", into="T-2"))
    start()
    await until(lambda: seen_all(database))
    assert next(deaths, None) is None
    assert topics(database, office, "T-2") == ["opened", "absorbed"]


async def test_a_ring_of_links_made_at_one_moment_is_taken_apart(office: Office) -> None:
    ring = {"T-1": "T-2", "T-2": "T-3", "T-3": "T-1"}
    for number in ring:
        await office.ticket(number)
    # Each was right when it was asked for: nothing was above the other ticket yet.
    firsts = [office.command(t.LinkTicket, number=n, relation="parent", other=above) for n, above in ring.items()]
    for command in firsts:
        await office.desk.execute(command)
    for command in firsts:
        await counterparts.both(office.desk, command)
    links = {(n, link) for n in ring for link in (await state_of(office, n)).ties.links}
    assert len(links) == 4
    for number, link in links:
        assert Link(INVERSE[link.relation], number) in (await state_of(office, link.number)).ties.links  # type: ignore[index]
    again = office.command(t.LinkTicket, number="T-1", relation="parent", other="T-2")
    with pytest.raises(LinkCycle):
        await counterparts.link(office.desk, again)


async def test_of_tickets_merged_in_a_ring_at_one_moment_one_is_kept(office: Office) -> None:
    ring = {"T-2": "T-3", "T-3": "T-1", "T-1": "T-2"}
    for number in ring:
        await office.ticket(number)
    # Each was right when it was asked for: the other ticket was open.
    firsts = [office.command(t.MergeTicket, number=number, into=into) for number, into in ring.items()]
    for command in firsts:
        await office.desk.execute(command)
    for command in firsts:
        await counterparts.both(office.desk, command)
    one, two, three = [(await state_of(office, number)) for number in ("T-1", "T-2", "T-3")]
    assert (one.ties.merged_into, two.ties.merged_into, three.ties.merged_into) == (None, "T-3", "T-1")
    assert [[known.number for known in ticket.ties.absorbed] for ticket in (one, two, three)] == [["T-3"], [], ["T-2"]]
    assert one.status == "new"
