"""Runs one read model: owns it by a lease, applies pages with the checkpoint, and never skips an event."""

import threading
import time
from contextlib import closing, suppress
from typing import Any, ClassVar

import psycopg
import structlog
from psycopg import Connection

from eventstore.codec import StoredRow
from eventstore.database import Role, conninfo
from eventstore.feed import POLL, read_page
from eventstore.keyring import Keyring
from eventstore.newest import REST, Newest, Pace
from projections import builds
from projections.apply import apply_rows, interesting
from projections.builds import Build, BuildOvertaken, NewerIsLive
from projections.catch_up import RebuildStopped, RebuildUnderWay, catch_up
from projections.read_model import ReadModel

log = structlog.get_logger()

# A dead owner is replaced within this many seconds.
LEASE_POLL = 1.0
ATTEMPTS = 5
FIRST_WAIT = 0.1
# A read model that stopped says so this often.
SHOUT_EVERY = 60.0


# SQLSTATE classes of a database that is away or cannot now: connection, roll-back, resources, busy, intervention.
OUTAGES = frozenset({"08", "40", "53", "55", "57"})


def is_outage(error: Exception) -> bool:
    """Whether the database is away or short of something: then an event is not to blame, and waiting helps."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate is None or error.sqlstate[:2] in OUTAGES)


class Runner:
    """Keeps one read model up to date until stopped. Meant for a thread of its own."""

    _LEASE: ClassVar[str] = "SELECT pg_try_advisory_lock(hashtext('read model'), hashtext(%s))"

    def __init__(self, url: str, keyring: Keyring, model: ReadModel, stop: threading.Event, newest: Newest) -> None:
        self._url, self._keyring, self._model, self._stop, self._newest = url, keyring, model, stop, newest
        self._wanted = {event.NAME for event in model.EVENTS}
        self._failures = 0
        self.failed: str | None = None

    def run(self) -> None:
        """Own, follow, and start over whenever the connection, the lease or the build is lost."""
        while not self._stop.is_set():
            try:
                self._connected()
            except (BuildOvertaken, RebuildStopped):
                continue
            except RebuildUnderWay:
                self._stop.wait(LEASE_POLL)
            except NewerIsLive as error:
                log.warning("projection.newer_is_live", read_model=self._model.NAME, version=error.fields["version"])
                self._stop.wait(SHOUT_EVERY)
            except Exception as error:  # noqa: BLE001 - whatever the fold raises: retried, then said aloud, never skipped
                if is_outage(error):
                    log.warning("projection.reconnecting", read_model=self._model.NAME, error=type(error).__name__)
                    self._stop.wait(0.5)
                else:
                    self._stumble(error)

    def _connected(self) -> None:
        address = conninfo(self._url, Role.WORKER, f"ledgerdesk-{self._model.NAME}")
        with closing(psycopg.connect(address, autocommit=True)) as db:
            if self._owned(db):
                self._keep(db)

    def _keep(self, db: Connection[Any]) -> None:
        while not self._stop.is_set():
            build = self._live(db)
            builds.enter(db.cursor(), build)
            # The build made live in our place is followed at once, under the same lease.
            with suppress(BuildOvertaken):
                self._follow(db, build)

    def _owned(self, db: Connection[Any]) -> bool:
        """Wait for the lease; it is the session's, so it ends with its owner."""
        while not self._stop.is_set():
            if db.execute(self._LEASE.encode(), [self._model.NAME]).fetchone() == (True,):
                return True
            self._stop.wait(LEASE_POLL)
        return False

    def _live(self, db: Connection[Any]) -> Build:
        """The live build of this version; built first where there is none yet."""
        build = builds.live(db.cursor(), self._model)
        if build is None or build.version < self._model.VERSION:
            build = catch_up(self._url, self._keyring, self._model, db, stop=self._stop)
        return build

    def _follow(self, db: Connection[Any], build: Build) -> None:
        passed: StoredRow | None = None
        due = 0.0
        pace = Pace(self._newest, self._stop, self._model.LEISURE, {event.NAME for event in self._model.URGENT})
        while not self._stop.is_set():
            reached = passed.notification_id if passed else build.position
            rows = self._rows(db, reached)
            passed = rows[-1] if rows else passed
            # What does not concern it moves its checkpoint too, but not at every page.
            if passed and (not rows or time.monotonic() >= due or interesting(self._model, rows)):
                build = apply_rows(self._model, self._keyring, db, build, rows or [passed])
                passed, due = None, time.monotonic() + REST
                self._failures = 0
                self.failed = None
            reached = passed.notification_id if passed else build.position
            rest = due - time.monotonic()
            # Until its checkpoint is to be moved it need not know of what does not concern it.
            pace.wait(reached, *(rest, self._wanted) if rest > 0 else (POLL,))

    def _rows(self, db: Connection[Any], after: int) -> list[StoredRow]:
        rows = self._newest.after(after)
        return read_page(db.cursor(), after) if rows is None else rows

    def _stumble(self, error: Exception) -> None:
        self._failures += 1
        if self._failures < ATTEMPTS:
            log.warning("projection.retrying", read_model=self._model.NAME, error=type(error).__name__, exc_info=False)
            self._stop.wait(FIRST_WAIT * 2**self._failures)
            return
        self.failed = type(error).__name__
        self._record(error)
        log.error("projection.stopped", read_model=self._model.NAME, error=self.failed)
        self._stop.wait(SHOUT_EVERY)

    def _record(self, error: Exception) -> None:
        with suppress(psycopg.Error), closing(psycopg.connect(conninfo(self._url, Role.WORKER), autocommit=True)) as db:
            for state in ("live", "building"):
                if build := builds.find(db.cursor(), self._model.NAME, state):
                    builds.fail(db, build, error)
