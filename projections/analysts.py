"""Database sign-ins of analysts: read-only, and only the rows of their own workspaces."""

import secrets
from uuid import UUID

from psycopg.sql import SQL, Identifier, Literal

from eventstore.database import connect


def grant(url: str, login: str, workspace: UUID) -> str | None:
    """Let the login read the workspace's rows; made where it is missing, and then its password is the answer."""
    with connect(url) as db, db.transaction():
        password = None
        if db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone() is None:
            password = secrets.token_urlsafe(18)
            db.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(login), Literal(password)))
        db.execute(SQL("GRANT analyst TO {}").format(Identifier(login)))
        db.execute("SET LOCAL ROLE ledgerdesk_worker")
        db.execute(
            "INSERT INTO ops.analyst_workspaces (login, workspace_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [login, workspace],
        )
    return password
