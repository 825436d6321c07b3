"""The way to PostgreSQL: whose rights a connection has, and what its refusals mean for people."""

import select
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from domain.errors import LedgerdeskError

OLDEST_SERVER = 150000
READER_STATEMENT_TIMEOUT = "30s"
# How soon a silent server is given up, unless the address says otherwise. Keepalives rest while something sent is
# unanswered: without tcp_user_timeout (in milliseconds) a cable pulled just then would be noticed after 15 minutes.
PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# A pool doubles its pause after every failed attempt, so that an outage would last twice as long for us: after so many
# seconds it begins anew.
BEGIN_ANEW = 2.0


# What a database that is away is met with.
AWAY = (psycopg.OperationalError, PoolTimeout)


class Role(StrEnum):
    """Whose rights a connection assumes; none of them can sign in by itself."""

    OWNER = "ledgerdesk_owner"
    WRITER = "ledgerdesk_writer"
    READER = "ledgerdesk_reader"
    WORKER = "ledgerdesk_worker"


class DatabaseUnavailable(LedgerdeskError):
    """No connection could be made in time."""

    code = "database_unavailable"
    status = 503
    sentence = "The database at {server} does not answer ({reason}). Check that it runs and that DATABASE_URL is right."


class StorageFull(LedgerdeskError):
    """The database has no room left; nothing was recorded."""

    code = "storage_full"
    status = 503
    sentence = "The database has no room left, so nothing was recorded. Try again once the operator has made room."


class DatabaseTooOld(LedgerdeskError):
    """The server is older than what the SQL needs."""

    code = "database_too_old"
    sentence = (
        "PostgreSQL {version} is too old: Ledgerdesk needs 15 or newer. Upgrade the server that DATABASE_URL names."
    )


class DatabaseNotMigrated(LedgerdeskError):
    """The tables or roles of Ledgerdesk are not there yet."""

    code = "database_not_migrated"
    status = 503
    sentence = "The database at {server} has not been prepared for Ledgerdesk. Run `ledgerdesk migrate` once."


class DatabaseRefused(LedgerdeskError):
    """The server answers, but does not let us in; trying again would not help."""

    code = "database_refused"
    status = 503
    sentence = "The database at {server} refuses the connection ({reason}). Correct the user, password or database in DATABASE_URL."


def conninfo(url: str, role: Role | None = None, application_name: str = "ledgerdesk", **params: str) -> str:
    """A connection string whose session starts with the role's rights, which RESET ROLE does not shed."""
    given = conninfo_to_dict(url)
    options = [str(given.get("options") or ""), "-c timezone=UTC", "-c idle_in_transaction_session_timeout=60s"]
    if role is Role.READER:
        options.append(f"-c statement_timeout={READER_STATEMENT_TIMEOUT}")
    if role:
        options.append(f"-c role={role}")
    defaults = {name: value for name, value in PATIENCE.items() if name not in given}
    return make_conninfo(
        url, **{**defaults, **params, "options": " ".join(filter(None, options)), "application_name": application_name}
    )


def connect(url: str, role: Role | None = None, application_name: str = "ledgerdesk") -> psycopg.Connection[TupleRow]:
    """An autocommit connection; every failure to connect is one of this module's errors."""
    try:
        return psycopg.connect(conninfo(url, role, application_name), autocommit=True)
    except psycopg.OperationalError as error:
        raise explained(url, error) from None


@contextmanager
def explaining(url: str) -> Iterator[None]:
    """Turn what psycopg says about a lost or refused connection into a sentence for people."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise explained(url, error) from None


def explained(url: str, error: psycopg.Error) -> LedgerdeskError:
    """What a failure of the database means for the operator; never carries the password."""
    text, server = str(error), server_name(url)
    if isinstance(error, psycopg.errors.DiskFull):
        return StorageFull()
    if 'role "ledgerdesk_' in text or isinstance(
        error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName
    ):
        return DatabaseNotMigrated(server=server)
    if "authentication failed" in text or "does not exist" in text or "no pg_hba.conf entry" in text:
        return DatabaseRefused(server=server, reason=_last_line(text))
    return DatabaseUnavailable(server=server, reason=_last_line(text))


def server_name(url: str) -> str:
    """Host, port and database of an address, without user and password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def wait_until_ready(url: str, seconds: float = 30.0) -> None:
    """Return when the server takes connections; DatabaseUnavailable after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connect(url).close()
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def check_server(url: str) -> None:
    """DatabaseTooOld when the server is older than PostgreSQL 15."""
    with connect(url) as db:
        if db.info.server_version < OLDEST_SERVER:
            raise DatabaseTooOld(version=db.info.parameter_status("server_version"))


def pool(url: str, role: Role, application_name: str, *, size: int = 4) -> ConnectionPool:
    """A small pool of autocommit connections with the role's rights, opened by the caller."""
    return ConnectionPool(
        conninfo(url, role, application_name),
        min_size=1,
        max_size=size,
        timeout=10.0,
        open=False,
        kwargs={"autocommit": True},
        check=_check,
        reconnect_timeout=BEGIN_ANEW,
        reconnect_failed=ConnectionPool.check,
        name=application_name,
    )


def async_pool(
    url: str,
    role: Role,
    application_name: str,
    *,
    size: int = 4,
    configure: Callable[[psycopg.AsyncConnection[TupleRow]], Awaitable[None]] | None = None,
) -> AsyncConnectionPool:
    """The same for an event loop."""
    return AsyncConnectionPool(
        conninfo(url, role, application_name),
        min_size=1,
        max_size=size,
        timeout=10.0,
        open=False,
        kwargs={"autocommit": True},
        configure=configure,
        check=_check_async,
        reconnect_timeout=BEGIN_ANEW,
        reconnect_failed=AsyncConnectionPool.check,
        name=application_name,
    )


def explained_of(pool: ConnectionPool | AsyncConnectionPool, error: psycopg.Error) -> LedgerdeskError:
    """What a failure of the pool's database means."""
    return explained(pool.conninfo if isinstance(pool.conninfo, str) else "", error)


class Lent:
    """A connection of one of these pools for a moment; a database that is away becomes DatabaseUnavailable.

    The pool's own way goes through two generators and commits what was committed already: a tenth of a short read.
    """

    __slots__ = ("_db", "_pool")
    _db: psycopg.AsyncConnection[TupleRow]

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def __aenter__(self) -> psycopg.AsyncConnection[TupleRow]:
        try:
            self._db = await self._pool.getconn()
        except AWAY as error:
            raise explained_of(self._pool, error) from None
        return self._db

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self._pool.putconn(self._db)
        if isinstance(error, AWAY):
            raise explained_of(self._pool, error) from None


def _told(db: psycopg.Connection[TupleRow] | psycopg.AsyncConnection[TupleRow]) -> bool:
    """Whether the server has said something unasked; to a connection that it ends it does."""
    listening = select.poll()
    listening.register(db.fileno(), select.POLLIN)
    return bool(listening.poll(0))


def _check(db: psycopg.Connection[TupleRow]) -> None:
    # To ask every time would cost every reader a round trip.
    if db.closed or _told(db):
        ConnectionPool.check_connection(db)


async def _check_async(db: psycopg.AsyncConnection[TupleRow]) -> None:
    if db.closed or _told(db):
        await AsyncConnectionPool.check_connection(db)


def reader_pool(url: str, *, size: int = 4) -> ConnectionPool:
    """The API's pool for queries, under row-level security."""
    return pool(url, Role.READER, "ledgerdesk-reader", size=size)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    return lines[-1] if lines else "no answer"
