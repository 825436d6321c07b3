"""Ways out of the desk: what a channel is, and the loop that hands it what is due. One that is dead holds nothing else up."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import structlog
from psycopg import Connection, Cursor

from eventstore.database import Role, connect
from eventstore.loading import BY_KEY
from processors import deliveries
from processors.deliveries import Delivery, Ended

log = structlog.get_logger()

# Deliveries that are claimed at once, and of a recipient's gathered ones how many go into one message.
MOST, GATHERED = 20, 200
# How often one looks whether something is due, how long a channel rests whose server is away, how often old rows go.
TICK = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
SWEEP = timedelta(hours=1)


class Channel(ABC):
    """One way out. NAME is what deliveries are queued under."""

    NAME: ClassVar[str]

    @abstractmethod
    def send(self, db: Cursor[Any], claimed: Sequence[Delivery], now: Callable[[], datetime]) -> Iterator[list[Ended]]:
        """Send them, and say what came of each as soon as it is known; those not spoken of are tried once more."""

    def away(self, ended: Sequence[Ended]) -> bool:
        """Whether the server is to blame, so that it is better to rest than to go on."""
        return False


def run(
    url: str, channel: Channel, stop: threading.Event, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Send what is due until stopped. Meant for a thread of its own; any number of workers may."""
    pause = FIRST_PAUSE
    while not stop.is_set():
        try:
            with closing(connect(url, Role.WORKER, f"ledgerdesk-{channel.NAME}")) as db:
                db.execute(BY_KEY)
                sender = Sender(db, channel, now)
                while not stop.is_set():
                    did = sender.step()
                    pause = min(pause * 2, LONGEST_PAUSE) if sender.away else FIRST_PAUSE
                    if not did or sender.away:
                        stop.wait(pause if sender.away else TICK)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is due stays due
            # Its text is left out: it may name people.
            log.error("channel.failed", channel=channel.NAME, error=type(error).__qualname__)
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


class Sender:
    """Hands a channel what is due, over one connection."""

    def __init__(self, db: Connection[Any], channel: Channel, now: Callable[[], datetime]) -> None:
        self._db, self._channel, self._now = db, channel, now
        self._swept: datetime | None = None
        self.away = False

    def step(self) -> bool:
        """Send what is due now, as much as is claimed at once; False where nothing is."""
        self._sweep()
        with self._db.cursor() as cursor:
            claimed = deliveries.claim(cursor, self._channel.NAME, self._now(), MOST, GATHERED)
            self.away = False
            # Each outcome is recorded before the next message goes: a crash in between repeats one of them, not all.
            for ended in self._channel.send(cursor, claimed, self._now) if claimed else ():
                deliveries.end(cursor, ended, self._now())
                self.away = self._channel.away(ended) or self.away
        return bool(claimed)

    def _sweep(self) -> None:
        now = self._now()
        if self._swept is None or now - self._swept > SWEEP:
            self._swept = now
            with self._db.cursor() as cursor:
                deliveries.sweep(cursor, now)
