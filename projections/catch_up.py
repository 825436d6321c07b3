"""Fills a build from the log beside the live one, and swaps it in once it has caught up. Resumable at any point."""

import gc
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from queue import Full, Queue
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.errors import LedgerdeskError
from eventstore.codec import StoredRow
from eventstore.database import Role, conninfo
from eventstore.feed import head, read_page
from eventstore.keyring import Keyring
from projections import builds
from projections.apply import apply_rows
from projections.builds import Build
from projections.read_model import ReadModel

# Rows in a page: the larger, the fewer statements. Bounded in bytes too, for a few pages are held in memory.
PAGE, FIRST_PAGE = 10_000, 1_000
PAGE_BYTES = 32 * 2**20
# How long a swap may make readers wait, in milliseconds, and how long it rests before it tries again, in seconds.
SWAP_PATIENCE, SWAP_PAUSE = 100, 1.0
# Told after every page: position, head.
Progress = Callable[[int, int], None]


class RebuildUnderWay(LedgerdeskError):
    """One process builds a read model at a time."""

    code = "rebuild_under_way"
    status = 409
    misuse = True
    sentence = "{name} is being built by another process already. Wait for it, or stop it and run this again."


class RebuildStopped(LedgerdeskError):
    """Asked to stop before it was done; what is built so far is kept."""

    code = "rebuild_stopped"
    sentence = "Stopped while building {name}; the next run goes on from position {position}."


def catch_up(
    url: str,
    keyring: Keyring,
    model: ReadModel,
    db: Connection[Any],
    *,
    stop: threading.Event | None = None,
    progress: Progress = lambda _position, _head: None,
) -> Build:
    """Build the model's tables up to the head of the log and make them live. Uses `db` alone until done."""
    stop = stop or threading.Event()
    with _only_builder(db, model):
        build = builds.begin(db, model)
        builds.enter(db.cursor(), build)
        with closing(psycopg.connect(conninfo(url, Role.WORKER, "ledgerdesk-build"), autocommit=True)) as reader:
            build = _fill(keyring, model, db, reader, build, stop, progress)
            finish(db, model, build)
            while True:
                build = _fill(keyring, model, db, reader, build, stop, progress)
                with suppress(psycopg.errors.LockNotAvailable):
                    return _swap(keyring, model, db, reader, build)
                # Somebody reads the old tables in a long transaction; meanwhile the new ones go on following.
                stop.wait(SWAP_PAUSE)


@contextmanager
def _only_builder(db: Connection[Any], model: ReadModel) -> Iterator[None]:
    lock = ("read model build", model.NAME)
    row = db.execute("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", lock).fetchone()
    if not (row and row[0]):
        raise RebuildUnderWay(name=model.NAME)
    try:
        yield
    finally:
        if not db.closed:
            db.execute("SELECT pg_advisory_unlock(hashtext(%s), hashtext(%s))", lock)


def _fill(
    keyring: Keyring,
    model: ReadModel,
    db: Connection[Any],
    reader: Connection[Any],
    build: Build,
    stop: threading.Event,
    progress: Progress,
) -> Build:
    end = head(reader.cursor())
    with closing(_prefetched(reader, build.position, end)) as pages, _no_garbage():
        for rows in pages:
            if stop.is_set():
                raise RebuildStopped(name=model.NAME, position=build.position)
            build = apply_rows(model, keyring, db, build, rows)
            progress(build.position, end)
    if stop.is_set():
        raise RebuildStopped(name=model.NAME, position=build.position)
    return build


@contextmanager
def _no_garbage() -> Iterator[None]:
    """A page is a hundred thousand objects without a cycle among them; looking for one takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _prefetched(reader: Connection[Any], after: int, end: int) -> Generator[list[StoredRow], None, None]:
    """Pages up to `end`; the next is read while the last is being applied."""
    pages: Queue[list[StoredRow] | BaseException | None] = Queue(maxsize=2)
    done = threading.Event()

    def put(item: list[StoredRow] | BaseException | None) -> None:
        while not done.is_set():
            try:
                return pages.put(item, timeout=0.2)
            except Full:
                continue
        return None

    def read() -> None:
        position, size = after, min(PAGE, FIRST_PAGE)
        try:
            while not done.is_set() and (rows := read_page(reader.cursor(), position, size, end)):
                position, size = rows[-1].notification_id, page_after(rows)
                put(rows)
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the pages are used
            put(error)

    thread = threading.Thread(target=read, name="prefetch", daemon=True)
    thread.start()
    try:
        while (page := pages.get()) is not None:
            if isinstance(page, BaseException):
                raise page
            yield page
    finally:
        done.set()
        thread.join()


def page_after(rows: Sequence[StoredRow]) -> int:
    """How many rows to read next, when they are as large as these."""
    size = sum(len(row.state) for row in rows) / len(rows)
    return max(1, min(PAGE, int(PAGE_BYTES / size)))


def finish(db: Connection[Any], model: ReadModel, build: Build) -> None:
    """Make the indexes of a filled build, and tell the planner about it."""
    with db.transaction(), db.cursor() as cursor:
        cursor.execute(model.INDEXES.encode())
        for table in builds.tables(cursor, build):
            cursor.execute(SQL("ANALYZE {}").format(Identifier(build.schema, table)))


def _swap(keyring: Keyring, model: ReadModel, db: Connection[Any], reader: Connection[Any], build: Build) -> Build:
    with db.transaction(), db.cursor() as cursor:
        # The live build's row is held, so that it stands still while we pass it.
        cursor.execute("SELECT FROM ops.builds WHERE name = %s AND state = 'live' FOR UPDATE", [model.NAME])
        # Whoever waits for a lock makes all later readers wait behind: better to give up soon and to try again.
        cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_PATIENCE}ms'")
        while rows := read_page(reader.cursor(), build.position, PAGE):
            build = apply_rows(model, keyring, db, build, rows)
        return builds.swap(cursor, model, build)
