"""Runs process managers: feed → react → commands → checkpoint, each process by one owner at a time."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import structlog
from psycopg import Connection, Cursor

from domain.event import Event, Recorded
from eventstore.codec import StoredRow, UnknownEvent
from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.feed import Feed, decode_page
from eventstore.keyring import Keyring
from processors.counterparts import Counterparts
from processors.erasure import Erasure
from processors.process import NewerEvent, Process
from processors.requester_merging import RequesterMerging

log = structlog.get_logger()

PROCESSES: tuple[Process, ...] = (Erasure(), Counterparts(), RequesterMerging())
# How often one who waits for the lease asks for it, and how long a failed process rests, in seconds.
LEASE_PAUSE = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0

_LEASE = "SELECT pg_try_advisory_lock(7305803, hashtext(%s))"
_POSITION = "SELECT notification_id FROM log.notification_tracking WHERE application_name = %s"
_CHECKPOINT = "SELECT log.insert_tracking(%s, %s)"


def run(url: str, keyring: Keyring, stop: threading.Event, processes: Sequence[Process] = PROCESSES) -> None:
    """Run the processes until stopped; those that another owner runs wait for him to go."""
    with ThreadPoolExecutor(len(processes), thread_name_prefix="process") as threads:
        for process in [threads.submit(_keep_running, each, url, keyring, stop) for each in processes]:
            process.result()


def _keep_running(process: Process, url: str, keyring: Keyring, stop: threading.Event) -> None:
    """Begin again after every failure: an event is never skipped, the checkpoint says where to go on."""
    pause = FIRST_PAUSE
    while not stop.is_set():
        moved = threading.Event()
        try:
            with _lease(process, url, stop) as db:
                asyncio.run(_follow(process, url, keyring, stop, db, moved))
        except Exception as error:  # noqa: BLE001 - whatever it is, the event stays the next one until it succeeds
            # Its text is left out: it may quote what a customer wrote.
            log.error("process.failed", process=process.NAME, error=type(error).__qualname__)
            # The same event again and again must not keep the database busy.
            pause = FIRST_PAUSE if moved.is_set() else min(pause * 2, LONGEST_PAUSE)
            stop.wait(pause)


@contextmanager
def _lease(process: Process, url: str, stop: threading.Event) -> Iterator[Connection[Any]]:
    """The connection that holds the lease. It ends with the connection, however its owner dies."""
    with connect(url, Role.WORKER, f"ledgerdesk-{process.NAME}") as db:
        while not stop.is_set() and db.execute(_LEASE, [process.NAME]).fetchone() != (True,):
            stop.wait(LEASE_PAUSE)
        yield db


async def _follow(
    process: Process,
    url: str,
    keyring: Keyring,
    stop: threading.Event,
    lease: Connection[Any],
    moved: threading.Event,
) -> None:
    position = lease.execute(_POSITION, [process.NAME]).fetchone()
    async with Desk(url, keyring) as desk:
        with closing(Feed(url, stop=stop)) as feed:
            pages = feed.pages(position[0] if position else 0)
            while page := await asyncio.to_thread(next, pages, None):
                await _react(process, desk, _wanted(process, lease.cursor(), keyring, page))
                # On the lease's connection: one who has lost the lease cannot move the checkpoint.
                lease.execute(_CHECKPOINT, [process.NAME, page[-1].notification_id])
                moved.set()


def _wanted(process: Process, db: Cursor[Any], keyring: Keyring, page: list[StoredRow]) -> list[Recorded[Event]]:
    names = {event.NAME for event in process.EVENTS}
    return decode_page(db, keyring, [row for row in page if row.topic in names])


async def _react(process: Process, desk: Desk, events: list[Recorded[Event]]) -> None:
    for recorded in events:
        if isinstance(recorded.event, UnknownEvent):
            raise NewerEvent(process=process.NAME, event=recorded.event.unknown_name)
        # The first part of an event's name is its aggregate's.
        aggregate = recorded.event.NAME.partition(".")[0]
        loaded = await desk.state(recorded.metadata.workspace_id, aggregate, recorded.stream_id)
        for command in process.react(recorded, loaded.state):
            await process.perform(desk, command.model_copy(update={"at": desk.clock()}))
