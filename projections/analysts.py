"""Database sign-ins of analysts: read-only, and only the rows of their own workspaces."""

import secrets
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal
from pydantic import TypeAdapter, ValidationError

from domain.errors import InvalidInput, Refusal
from domain.values import Key
from eventstore.database import connect


class LoginTaken(Refusal):
    """The database has a role of that name that is no analyst's."""

    code = "login_taken"
    sentence = "The database has a role {login} already, and it is not an analyst's. Choose another name."


def grant(url: str, login: str, workspace: UUID) -> str | None:
    """Let the login read the workspace's rows. A new login's password is the answer, None where it was there before."""
    _check(login)
    with connect(url) as db, db.transaction():
        password = None
        if db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone() is None:
            password = _create(db, login)
        db.execute("SET LOCAL ROLE ledgerdesk_worker")
        if password is None and not _is_analyst(db, login):
            raise LoginTaken(login=login)
        db.execute(
            "INSERT INTO ops.analyst_workspaces (login, workspace_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [login, workspace],
        )
    return password


def _create(db: Connection[Any], login: str) -> str:
    password = secrets.token_urlsafe(18)
    # The server gets what it checks passwords by, so that the password itself is in none of its logs.
    verifier = db.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    db.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(login), Literal(verifier)))
    db.execute(SQL("GRANT analyst TO {}").format(Identifier(login)))
    return password


def _is_analyst(db: Connection[Any], login: str) -> bool:
    return db.execute("SELECT 1 FROM ops.analyst_workspaces WHERE login = %s LIMIT 1", [login]).fetchone() is not None


def _check(login: str) -> None:
    try:
        TypeAdapter[str](Key).validate_python(login)
    except ValidationError:
        reason = "a login has small letters, digits, - and _, at most 50"
        raise InvalidInput(field="login", reason=reason) from None
    if login.startswith("pg_"):
        raise InvalidInput(field="login", reason="names that begin with pg_ belong to PostgreSQL")
