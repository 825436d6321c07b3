"""Credentials, sessions and API keys in the database: each call one function of the schema `access`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import Cursor

from api.errors import LoginTaken, WeakPassword
from api.scopes import known_scopes
from api.secrets import SHORTEST_PASSWORD, digest, hash_password, new_api_key
from eventstore.database import Lent, Role, async_pool, connect, explaining
from eventstore.identifiers import uuid7
from eventstore.reading import bind

SET_CREDENTIAL = "SELECT access.set_credential(%s, %s, %s, %s)"
ADD_API_KEY = "SELECT access.add_api_key(%s, %s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a token belongs to. `scopes` is None for a session, which may do all that its person may."""

    workspace_id: UUID
    person_id: UUID
    key_id: UUID | None = None
    scopes: tuple[str, ...] | None = None


class ApiKey(NamedTuple):
    """An API key, without its secret."""

    key_id: UUID
    person_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


SELECT_LOGINS = "SELECT person_id, login FROM access.credentials WHERE workspace_id = %s"
SELECT_LOGIN = "SELECT person_id FROM access.credentials WHERE workspace_id = %s AND login = %s"
SELECT_API_KEYS = (
    "SELECT key_id, person_id, name, scopes, created_at, expires_at, used_at, revoked_at FROM access.api_keys "
    "WHERE workspace_id = %s ORDER BY created_at DESC, key_id LIMIT 1000"
)


class Access:
    """The API's own small pool with the writer's rights. Open it with `async with`."""

    def __init__(self, url: str, *, size: int = 2) -> None:
        self._pool = async_pool(url, Role.WRITER, "ledgerdesk-access", size=size)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def session(self, token: str) -> Found | None:
        """Whose session it is, unless it ended."""
        row = await self._call("SELECT workspace_id, person_id FROM access.session(%s)", digest(token))
        return Found(*row) if row else None

    async def api_key(self, secret: str) -> Found | None:
        """Whose key it is, unless it was revoked or expired."""
        asked = "SELECT workspace_id, person_id, key_id, scopes FROM access.api_key(%s)"
        row = await self._call(asked, digest(secret))
        return Found(row[0], row[1], row[2], tuple(row[3])) if row else None

    async def credential(self, workspace: UUID, login: str) -> tuple[UUID, str] | None:
        """The person of a login and the hash of their password."""
        asked = "SELECT person_id, password_hash FROM access.credential(%s, %s)"
        row = await self._call(asked, workspace, normal_login(login))
        return (row[0], row[1]) if row else None

    async def locked_for(self, subjects: list[bytes]) -> float:
        """Seconds until the next password may be tried."""
        row = await self._call("SELECT access.locked_for(%s)", subjects)
        return float(row[0]) if row else 0.0

    async def count_guess(self, subjects: list[bytes], allowed: list[int]) -> None:
        """A wrong password was tried."""
        await self._call("SELECT access.count_guess(%s, %s)", subjects, allowed)

    async def forgive(self, login: bytes, address: bytes) -> None:
        """The right password was given: nothing is wrong with the login, and one less with its address."""
        await self._call("SELECT access.forgive(%s, %s)", login, address)

    async def open_session(self, found: Found, token: str, lasts: timedelta) -> None:
        """Begin a session."""
        asked = "SELECT access.open_session(%s, %s, %s, %s)"
        await self._call(asked, found.workspace_id, found.person_id, digest(token), lasts)

    async def close_session(self, token: str) -> None:
        """End one session."""
        await self._call("SELECT access.close_session(%s)", digest(token))

    async def close_sessions(self, workspace: UUID, person: UUID) -> None:
        """End a person's sessions everywhere."""
        await self._call("SELECT access.close_sessions(%s, %s)", workspace, person)

    async def revoke_person(self, workspace: UUID, person: UUID) -> None:
        """End a person's sessions and API keys."""
        await self._call("SELECT access.revoke_person(%s, %s)", workspace, person)

    async def set_login(self, workspace: UUID, person: UUID, login: str, password_hash: str) -> None:
        """Let a person sign in; LoginTaken where another has the login."""
        try:
            await self._call(SET_CREDENTIAL, workspace, person, normal_login(login), password_hash)
        except psycopg.errors.UniqueViolation:
            raise LoginTaken() from None

    async def add_api_key(
        self, found: Found, name: str, scopes: list[str], expires_at: datetime | None
    ) -> tuple[UUID, str]:
        """A new key's id and secret."""
        key_id, secret = uuid7(), new_api_key()
        owner = (found.workspace_id, found.person_id)
        await self._call(ADD_API_KEY, *owner, key_id, digest(secret), name, scopes, expires_at)
        return key_id, secret

    async def revoke_api_key(self, workspace: UUID, key_id: UUID) -> bool:
        """Whether there was such a key."""
        row = await self._call("SELECT access.revoke_api_key(%s, %s)", workspace, key_id)
        return bool(row and row[0])

    async def _call(self, query: str, *values: object) -> Any:
        async with Lent(self._pool) as db:
            return await (await db.execute(query.encode(), values)).fetchone()


def normal_login(login: str) -> str:
    """Logins differ by more than case and surrounding space."""
    return login.strip().lower()


def strong(password: str) -> str:
    """The password, or WeakPassword."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(shortest=SHORTEST_PASSWORD)
    return password


def create_login(url: str, workspace: UUID, person_id: UUID, login: str, password: str) -> None:
    """Let a person sign in with this password; again with another changes it and ends their sessions."""
    with explaining(url), connect(url, Role.WRITER, "ledgerdesk-access") as db:
        try:
            db.execute(SET_CREDENTIAL, [workspace, person_id, normal_login(login), hash_password(strong(password))])
        except psycopg.errors.UniqueViolation:
            raise LoginTaken() from None


def create_api_key(
    url: str, workspace: UUID, person_id: UUID, name: str, scopes: list[str], expires_at: datetime | None = None
) -> str:
    """A new API key for a person; the secret can never be read again."""
    secret = new_api_key()
    with explaining(url), connect(url, Role.WRITER, "ledgerdesk-access") as db:
        values = [workspace, person_id, uuid7(), digest(secret), name, known_scopes(scopes), expires_at]
        db.execute(ADD_API_KEY, values)
    return secret


def logins(url: str, workspace: UUID) -> dict[UUID, str]:
    """What each person of the workspace signs in with."""
    return dict(_selected(url, workspace, SELECT_LOGINS))


def signing_in(db: Cursor[Any], workspace: UUID, login: str) -> list[UUID]:
    """Who signs in with that: one or nobody, of the desk or a customer."""
    return [person for (person,) in db.execute(SELECT_LOGIN, [workspace, normal_login(login)])]


def api_keys(url: str, workspace: UUID) -> list[ApiKey]:
    """The newest thousand API keys of the workspace."""
    return [ApiKey(*row) for row in _selected(url, workspace, SELECT_API_KEYS)]


def _selected(url: str, workspace: UUID, query: str) -> list[Any]:
    with explaining(url), connect(url, Role.READER, "ledgerdesk-access") as connection, connection.cursor() as db:
        bind(db, workspace)
        return db.execute(query.encode(), [workspace]).fetchall()
