"""Brings a database to the schema of this code: numbered SQL files, forward only, each once."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg.rows import TupleRow

from domain.errors import LedgerdeskError
from eventstore import database

# Any number will do, as long as every process that migrates takes the same one.
LOCK = 0x1ED9E7DE5
NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")


class MigrationChanged(LedgerdeskError):
    """A file that this database has already had reads differently now."""

    code = "migration_changed"
    sentence = (
        "{name} was changed after this database had it. Restore the file as it was and put the change in a new one."
    )


class DatabaseNewer(LedgerdeskError):
    """The database has had migrations that this code does not know."""

    code = "database_newer"
    sentence = "The database has had {names}, which this version of Ledgerdesk does not know. Run a newer version."


class MigrationRefused(LedgerdeskError):
    """The login lacks a right that the migrations need."""

    code = "migration_refused"
    sentence = "{name}: {reason}. The user of DATABASE_URL must own the database and may create roles: ALTER ROLE {user} CREATEROLE."


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """What this code brings, in order."""
    files = (resources.files("eventstore") / "migrations").iterdir()
    return sorted(
        (Migration(file.name, file.read_text()) for file in files if NAME.fullmatch(file.name)), key=lambda m: m.name
    )


def migrate(url: str, known: list[Migration] | None = None) -> list[str]:
    """Apply what is missing and return the names; two processes at once do each file once."""
    database.check_server(url)
    known = migrations() if known is None else known
    with database.connect(url, application_name="ledgerdesk-migrate") as db:
        # Held by the session, so that it spans the files' own transactions and dies with us.
        db.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        return [_apply(db, each) for each in _missing(db, known)]


def pending(url: str) -> list[str]:
    """Names of the migrations that the database has not had yet."""
    with database.connect(url, application_name="ledgerdesk-migrate") as db:
        return [each.name for each in _missing(db, migrations())]


def _missing(db: psycopg.Connection[TupleRow], known: list[Migration]) -> list[Migration]:
    applied = _applied(db)
    if unknown := applied.keys() - {each.name for each in known}:
        raise DatabaseNewer(names=", ".join(sorted(unknown)))
    for each in known:
        if applied.get(each.name, each.checksum) != each.checksum:
            raise MigrationChanged(name=each.name)
    return [each for each in known if each.name not in applied]


def _applied(db: psycopg.Connection[TupleRow]) -> dict[str, str]:
    if db.execute("SELECT to_regclass('public.ledgerdesk_migrations')").fetchone() == (None,):
        return {}
    return dict(db.execute("SELECT name, checksum FROM public.ledgerdesk_migrations").fetchall())


def _apply(db: psycopg.Connection[TupleRow], migration: Migration) -> str:
    try:
        with db.transaction():
            db.execute(
                "CREATE TABLE IF NOT EXISTS public.ledgerdesk_migrations "
                "(name text PRIMARY KEY, checksum text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
            )
            db.execute(migration.sql.encode())
            db.execute("RESET ROLE")  # a file may have worked with another role's rights
            db.execute(
                "INSERT INTO public.ledgerdesk_migrations (name, checksum) VALUES (%s, %s)",
                [migration.name, migration.checksum],
            )
    except psycopg.errors.InsufficientPrivilege as error:
        reason = error.diag.message_primary
        raise MigrationRefused(name=migration.name, reason=reason, user=db.info.user) from None
    return migration.name
