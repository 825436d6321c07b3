"""Merging customers: cut off in between it is finished, finished it is not done again."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.requester import RegisterRequester
from domain.requester_ties import MergeRequester, UndoRequesterMerge
from eventstore import requester_merging
from eventstore.keyring import Keyring
from processors import runner
from processors.requester_merging import RequesterMerging
from tests.desks import MASTER, Office
from tests.threads import working
from tests.waiting import wait_until

Db = psycopg.Connection[Any]
EVENTS = "SELECT topic FROM log.stored_events WHERE originator_id = %s ORDER BY originator_version"
FAR = "SELECT coalesce(max(notification_id), 0) FROM log.notification_tracking WHERE application_name = 'requester_merging'"
HEAD = "SELECT max(notification_id) FROM log.stored_events"


@pytest.fixture
def running(database_url: str) -> Iterator[None]:
    """The process, until the test ends."""
    stop = threading.Event()
    with working(stop, [partial(runner.run, database_url, Keyring(MASTER), stop, (RequesterMerging(),))]):
        yield


async def two(office: Office) -> tuple[UUID, UUID]:
    """Two records of one customer."""
    twin, zoe = uuid4(), uuid4()
    for requester in (twin, zoe):
        await office.do(RegisterRequester, requester_id=requester, requester_name="Zoe")
    return twin, zoe


def story(database: Db, requester: UUID) -> list[str]:
    return [topic for (topic,) in database.execute(EVENTS, [requester])][1:]


def caught_up(database: Db) -> bool:
    return database.execute(FAR).fetchone() == database.execute(HEAD).fetchone()


async def test_what_was_cut_off_in_between_is_finished(office: Office, database: Db, running: None) -> None:
    twin, zoe = await two(office)
    await office.do(MergeRequester, requester_id=twin, into=zoe)
    wait_until(lambda: story(database, zoe) == ["requester.absorbed"])
    await office.do(UndoRequesterMerge, requester_id=twin)
    wait_until(lambda: story(database, zoe) == ["requester.absorbed", "requester.released"])
    state = (await office.desk.state(office.workspace, "requester", zoe)).state
    assert state.absorbed == frozenset()


async def test_what_was_done_at_once_is_not_done_again(office: Office, database: Db, running: None) -> None:
    twin, zoe = await two(office)
    merge = office.command(MergeRequester, requester_id=twin, into=zoe)
    undo = office.command(UndoRequesterMerge, requester_id=twin)
    await requester_merging.merge(office.desk, merge)
    await requester_merging.undo_merge(office.desk, undo)
    assert (await requester_merging.merge(office.desk, merge)).repeated
    wait_until(lambda: caught_up(database))
    assert story(database, zoe) == ["requester.absorbed", "requester.released"]
    assert story(database, twin) == ["requester.merged_into", "requester.merge_undone"]


async def test_taking_back_what_was_cut_off_does_the_other_half_first(office: Office, database: Db) -> None:
    twin, zoe = await two(office)
    await office.do(MergeRequester, requester_id=twin, into=zoe)
    await requester_merging.undo_merge(office.desk, office.command(UndoRequesterMerge, requester_id=twin))
    assert story(database, zoe) == ["requester.absorbed", "requester.released"]
