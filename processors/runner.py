"""Runs process managers: each by one owner at a time, timers by whoever is free, and again after every failure."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from kafka.errors import KafkaError
from psycopg import Connection

from domain.event import EVENTS
from eventstore.database import Role, connect
from eventstore.desk import Clock, Desk
from eventstore.feed import erases
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY
from eventstore.newest import Newest, Pace, following
from processors.automations import Automations
from processors.checkpoint import Overtaken
from processors.counterparts import Counterparts
from processors.effects import EffectFollower
from processors.erasure import Erasure
from processors.firing import MOST, Poller
from processors.following import Follower
from processors.given import Given, Moved
from processors.lookout import Lookout
from processors.notifications import Notifications
from processors.process import Process, TicketProcess
from processors.requester_merging import RequesterMerging
from processors.sla_clock import SlaClock
from processors.stream import sharing
from processors.stream.group import NeedsOneOwner
from processors.stream.settings import KafkaSettings
from processors.triggers import Triggers
from processors.waking import Waking
from processors.webhooks.process import Webhooks
from processors.witness import OTHERS

log = structlog.get_logger()

AnyProcess = Process | TicketProcess

PROCESSES: tuple[AnyProcess, ...] = (
    Erasure(),
    Counterparts(),
    RequesterMerging(),
    Waking(),
    Triggers(),
    Automations(),
    SlaClock(),
    Notifications(),
    Webhooks(),
)
# How often one who waits for the lease asks for it, and how long a failed process rests, in seconds.
LEASE_PAUSE = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
# How often somebody looks whether a timer is due, in seconds.
TICK = 0.2
# Nobody sits and waits for what processes do: on a busy desk they look once in so many seconds.
LEISURE = 0.25
# Then at once: what was erased is to be in nobody's memory.
URGENT = frozenset(filter(erases, EVENTS))
# Who fires gives way to who follows: it has locked its timers already, and would wait in a ring.
GIVE_WAY = "SET lock_timeout = '500ms'"

_LEASE = "SELECT pg_try_advisory_lock(7305803, hashtext(%s))"
# Members share what one who follows the log has alone: one way at a time.
_SHARE = "SELECT pg_try_advisory_lock_shared(7305803, hashtext(%s))"
# An owner whose machine has gone without a word is found out within seconds, and its lease ends.
_ALIVE = (
    "SELECT set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '2'), ('tcp_keepalives_interval', '1'), "
    "('tcp_keepalives_count', '2'), ('tcp_user_timeout', '4000')) AS v (name, value)"
)


def now() -> datetime:
    """The time of the machine."""
    return datetime.now(UTC)


def run(
    url: str,
    keyring: Keyring,
    stop: threading.Event,
    processes: Sequence[AnyProcess] = PROCESSES,
    clock: Clock = now,
    kafka: KafkaSettings | None = None,
) -> None:
    """Run the processes, and nothing else, until stopped; those that another owner runs wait for him to go."""
    with following(url, stop) as newest:
        run_along(newest, url, keyring, stop, processes, clock, kafka)


def run_along(
    newest: Newest,
    url: str,
    keyring: Keyring,
    stop: threading.Event,
    processes: Sequence[AnyProcess] = PROCESSES,
    clock: Clock = now,
    kafka: KafkaSettings | None = None,
) -> None:
    """The same, beside others who follow the newest stretch of the log; with Kafka sharing those that can be shared."""
    given = Given(url, keyring, stop, clock, newest)
    alone = [process for process in processes if kafka is None or not process.PARTITIONED]
    lookout = Lookout(newest, keyring, [process for process in alone if isinstance(process, TicketProcess)])
    work: dict[str, Callable[[Moved], None]] = {}
    for process in processes:
        if kafka is not None and process.PARTITIONED:
            work[process.NAME] = partial(share, process, given, kafka)
        elif isinstance(process, Process):
            work[process.NAME] = partial(_follow_effects, process, given)
        else:
            work[process.NAME] = partial(_follow, process, lookout, given)
    for name, timed in _timed(processes).items():
        work[name] = partial(_fire, timed, given)
    with ThreadPoolExecutor(max(1, len(work)), thread_name_prefix="process") as threads:
        for running in [threads.submit(keep_running, name, do, stop) for name, do in work.items()]:
            running.result()


def _timed(processes: Sequence[AnyProcess]) -> dict[str, list[TicketProcess]]:
    """Who fires whose timers: those that remember act one after the other, and must not hold others up."""
    groups: dict[str, list[TicketProcess]] = {}
    for process in processes:
        if isinstance(process, TicketProcess):
            groups.setdefault("timers-remembering" if process.REMEMBERS else "timers", []).append(process)
    return groups


def keep_running(name: str, do: Callable[[Moved], None], stop: threading.Event) -> None:
    """Begin again after every failure: nothing is skipped, the checkpoint says where to go on."""
    pause = FIRST_PAUSE
    while not stop.is_set():
        moved = threading.Event()
        try:
            do(moved.set)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is to be done stays to be done
            # Its text is left out: it may quote what a customer wrote.
            log.error("process.failed", process=name, error=type(error).__qualname__)
            # The same failure again and again must not keep the database busy.
            pause = FIRST_PAUSE if moved.is_set() else min(pause * 2, LONGEST_PAUSE)
            stop.wait(pause)


@contextmanager
def lease(name: str, url: str, stop: threading.Event, *, shared: bool = False) -> Iterator[Connection[Any]]:
    """The connection that holds the lease, or a share of it. It ends with the connection, however its owner dies."""
    with connect(url, Role.WORKER, f"ledgerdesk-{name}") as db:
        for statement in (_ALIVE, BY_KEY):
            db.execute(statement.encode())
        while not stop.is_set() and db.execute(_SHARE if shared else _LEASE, [name]).fetchone() != (True,):
            stop.wait(LEASE_PAUSE)
        yield db


def _follow(process: TicketProcess, lookout: Lookout, given: Given, moved: Moved) -> None:
    with lease(process.NAME, given.url, given.stop) as db:
        follower = Follower(process, given.keyring, db, given.clock, lookout)
        pace = Pace(given.newest, given.stop, LEISURE, URGENT)
        topics = None if process.TOPICS is None else process.TOPICS | OTHERS
        while not given.stop.is_set():
            if follower.step():
                moved()
            pace.wait(follower.checkpoint.reached, follower.checkpoint.patience, topics)


def share(process: AnyProcess, given: Given, kafka: KafkaSettings, moved: Moved) -> None:
    """Take part with other workers until stopped; NeedsOneOwner where the process does not allow it."""
    if not process.PARTITIONED:
        raise NeedsOneOwner(name=process.NAME)
    with lease(process.NAME, given.url, given.stop, shared=True) as db:
        try:
            asyncio.run(_share(process, given, kafka, db, moved))
        except Overtaken:
            # To begin again where others have come to.
            return
        except KafkaError as error:
            log.warning("process.kafka_away", process=process.NAME, error=type(error).__name__)
            given.stop.wait(LEASE_PAUSE)


async def _share(process: AnyProcess, given: Given, kafka: KafkaSettings, db: Connection[Any], moved: Moved) -> None:
    if isinstance(process, TicketProcess):
        await sharing.share(process.NAME, sharing.of_tickets(process, given, db), given, kafka, db, moved)
        return
    async with Desk(given.url, given.keyring, given.clock) as desk:
        await sharing.share(process.NAME, sharing.of_effects(process, given, db, desk), given, kafka, db, moved)


def _follow_effects(process: Process, given: Given, moved: Moved) -> None:
    with lease(process.NAME, given.url, given.stop) as db:
        asyncio.run(_have_effects(process, given, moved, db))


async def _have_effects(process: Process, given: Given, moved: Moved, db: Connection[Any]) -> None:
    async with Desk(given.url, given.keyring, given.clock) as desk:
        follower = EffectFollower(process, given.keyring, db, desk, given.newest)
        topics = {event.NAME for event in process.EVENTS}
        while not given.stop.is_set():
            if await follower.step():
                moved()
            await asyncio.to_thread(
                given.newest.wait, follower.checkpoint.reached, follower.checkpoint.patience, topics
            )


def _fire(processes: Sequence[TicketProcess], given: Given, moved: Moved) -> None:
    """Fire what comes due; while more is due than one takes at once, and no memory is in the way, beside somebody else."""
    shareable = not any(process.REMEMBERS for process in processes)
    with _firing(processes, given) as poller, ThreadPoolExecutor(1, thread_name_prefix="process-beside") as beside:
        helping: Future[None] | None = None
        while not given.stop.is_set():
            if fired := poller.step():
                moved()
            else:
                given.stop.wait(TICK)
            if helping is not None and helping.done():
                # What it failed at is said by who runs us, and tried again.
                helping.result()
                helping = None
            # One decides while the database records what the other has decided.
            if fired == MOST and shareable and helping is None:
                helping = beside.submit(_help, processes, given)


def _help(processes: Sequence[TicketProcess], given: Given) -> None:
    with _firing(processes, given) as poller:
        while not given.stop.is_set() and poller.step():
            pass


@contextmanager
def _firing(processes: Iterable[TicketProcess], given: Given) -> Iterator[Poller]:
    with connect(given.url, Role.WORKER, "ledgerdesk-timers") as db:
        db.execute(BY_KEY)
        db.execute(GIVE_WAY)
        yield Poller(processes, given.keyring, db, given.clock)
