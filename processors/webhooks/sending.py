"""Sends what is due to webhooks, many at once, and records what came of it; an endpoint that is dead for days is paused."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid5

import structlog
from psycopg import Connection
from pydantic_core import to_json

from domain.event import SYSTEM
from domain.setup.webhooks import LastDelivery, PauseWebhook
from domain.webhooks import Because, UnknownWebhook
from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY
from processors import deliveries
from processors.deliveries import Ended
from processors.webhooks import rows
from processors.webhooks.finding import Finder, Sendable
from processors.webhooks.posting import Answer, post
from processors.webhooks.rows import MOST
from processors.webhooks.settings import WebhookSettings

log = structlog.get_logger()

# A pause is as long as all has taken so far, give or take a half: so it doubles. After three days it is dead.
FIRST_PAUSE, LONGEST_PAUSE, GIVEN_UP = timedelta(seconds=5), timedelta(hours=6), timedelta(days=3)
# An endpoint that has taken nothing for so long is paused; the last attempt of a delivery is a pause earlier, at most.
DEAD_AFTER, ALMOST = timedelta(days=3), GIVEN_UP - 1.5 * LONGEST_PAUSE
TICK = 0.5
FAILED_PAUSE = 2.0
SWEEP = timedelta(hours=1)

Post = Callable[[str, Mapping[str, str], bytes, WebhookSettings], Awaitable[Answer]]


class _Made(NamedTuple):
    """A request that was made."""

    what: Sendable
    headers: Mapping[str, str]
    answer: Answer


def run(
    url: str,
    keyring: Keyring,
    settings: WebhookSettings,
    stop: threading.Event,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Send until stopped. Meant for a thread of its own; any number of workers may."""
    while not stop.is_set():
        try:
            asyncio.run(_keep_sending(url, keyring, settings, stop, now))
        except Exception as error:  # noqa: BLE001 - whatever it is, what is due stays due
            # Its text is left out: it may name people or addresses.
            log.error("channel.failed", channel="webhook", error=type(error).__qualname__)
            stop.wait(FAILED_PAUSE)


async def _keep_sending(
    url: str, keyring: Keyring, settings: WebhookSettings, stop: threading.Event, now: Callable[[], datetime]
) -> None:
    # Names are looked up in threads, and who serves a name may take long to answer: nobody waits for a thread because of that.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * MOST, "webhooks"))
    with closing(connect(url, Role.WORKER, "ledgerdesk-webhooks")) as db:
        db.execute(BY_KEY)
        async with Desk(url, keyring, now) as desk:
            courier = Courier(db, keyring, settings, desk, now)
            while not stop.is_set():
                await courier.step(TICK)
            await courier.finish()


class Courier:
    """Has requests under way and records each when its answer is there, over one connection."""

    def __init__(
        self,
        db: Connection[Any],
        keyring: Keyring,
        settings: WebhookSettings,
        desk: Desk,
        now: Callable[[], datetime],
        send: Post = post,
    ) -> None:
        self._db, self._settings, self._desk, self._now, self._send = db, settings, desk, now, send
        self._cursor = db.cursor()
        self._finder = Finder(self._cursor, keyring)
        self._under_way: dict[asyncio.Task[_Made], Sendable] = {}
        self._swept: datetime | None = None

    async def step(self, patience: float) -> bool:
        """Record what came back and send what is due; then wait for an answer. False where there is nothing to do."""
        done = [task.result() for task in self._under_way if task.done()]
        self._under_way = {task: what for task, what in self._under_way.items() if not task.done()}
        # Off the loop: a database that is slow must not use up what endpoints have of time.
        await self._recorded(done)
        claimed = await asyncio.to_thread(self._claimed)
        for each in claimed:
            self._under_way[asyncio.create_task(self._made(each))] = each
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        elif not done:
            await asyncio.sleep(patience)
        return bool(done or self._under_way)

    async def finish(self) -> None:
        """Wait for what is under way, which takes no longer than a request may, and record it."""
        if self._under_way:
            await asyncio.wait(self._under_way)
            done = [task.result() for task in self._under_way]
            self._under_way = {}
            await self._recorded(done)

    def _claimed(self) -> list[Sendable]:
        """What is to be sent now; what its webhook does not take now is ended at once."""
        now, free = self._now(), MOST - len(self._under_way)
        self._sweep(now)
        if not free:
            return []
        busy = Counter(each.delivery.recipient for each in self._under_way.values())
        found = self._finder.find(rows.claim(self._cursor, busy, now, free))
        deliveries.end(self._cursor, [each for each in found if isinstance(each, Ended)], now)
        return [each for each in found if isinstance(each, Sendable)]

    def _sweep(self, now: datetime) -> None:
        if self._swept is None or now - self._swept > SWEEP:
            self._swept = now
            deliveries.sweep(self._cursor, now)

    async def _made(self, what: Sendable) -> _Made:
        headers = what.headers(self._now())
        return _Made(what, headers, await self._send(what.url, headers, what.body, self._settings))

    async def _recorded(self, made: list[_Made]) -> None:
        if not made:
            return
        now = self._now()
        ended = [_ended(each, now) for each in made]
        failing = await asyncio.to_thread(self._ended, ended, now)
        given_up = {each.delivery.recipient for each in ended if each.state == "dead"}
        for each in {each.what.delivery.recipient: each for each in made if not each.answer.taken}.values():
            recipient = each.what.delivery.recipient
            since = failing.get(recipient)
            if each.answer.outcome == Because.GONE:
                await self._pause(each.what, Because.GONE, now)
            elif since is not None and now - since >= (ALMOST if recipient in given_up else DEAD_AFTER):
                await self._pause(each.what, Because.FAILING, now)

    def _ended(self, ended: list[Ended], now: datetime) -> dict[str, datetime]:
        deliveries.end(self._cursor, ended, now)
        return rows.tried(self._cursor, ended, now)

    async def _pause(self, what: Sendable, because: Because, now: datetime) -> None:
        delivery = what.delivery
        # The same however many workers find it out by the same delivery.
        id_ = uuid5(delivery.delivery_id, f"pause:{delivery.attempts}")
        command = PauseWebhook(
            workspace_id=delivery.workspace_id,
            by=SYSTEM,
            at=now,
            command_id=id_,
            channel="process",
            key=what.subscription.key,
            because=because,
            failed=_last(what),
        )
        # Somebody may have retired it meanwhile: then there is nothing to pause.
        with suppress(UnknownWebhook):
            await self._desk.execute(command)


def _last(what: Sendable) -> LastDelivery | None:
    """What the endpoint failed to take, where that was of a ticket."""
    ticket, number, version = what.delivery.ticket_id, what.number, what.delivery.detail["first"]
    if ticket is None or number is None:
        return None
    return LastDelivery(ticket_id=ticket, number=number, first=version, last=version)


def _ended(made: _Made, now: datetime) -> Ended:
    what, answer = made.what, made.answer
    state, again = "sent", None
    if not answer.taken:
        again = _again(what.delivery.asked_at, now, answer.retry_after)
        state = "dead" if again is None or answer.outcome == Because.GONE else "waiting"
    return Ended(
        what.delivery,
        state,
        answer.outcome,
        again if state == "waiting" else None,
        answer.status,
        round(answer.seconds * 1000),
        _closed(made),
    )


def _again(began: datetime, now: datetime, asked: int) -> datetime | None:
    """When to try again, or None where that would be too late."""
    pause = min(max(now - began, FIRST_PAUSE), LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
    again = now + max(pause, min(timedelta(seconds=asked), LONGEST_PAUSE))
    return again if again - began < GIVEN_UP else None


def _closed(made: _Made) -> bytes | None:
    """What was said, encrypted: an endpoint may answer with what it was sent."""
    if made.what.key is None:
        return None
    answer = made.answer
    said = {
        "request": {"headers": dict(made.headers), "bytes": len(made.what.body)},
        "answer": {"headers": list(answer.headers), "beginning": answer.beginning},
    }
    delivery = made.what.delivery
    return made.what.key.seal(to_json(said), rows.identity(delivery.delivery_id, delivery.attempts))
