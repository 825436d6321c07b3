"""Which workspaces the log knows, for operators who name them by their short name."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from pydantic_core import from_json


class KnownWorkspace(NamedTuple):
    """A workspace as people call it."""

    id: UUID
    slug: str
    title: str


# One index probe a workspace, however long the log is; needs the rights of the worker.
_SELECT = """
    WITH RECURSIVE found AS (
        (SELECT workspace_id FROM log.stored_events ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.workspace_id FROM log.stored_events e WHERE e.workspace_id > f.workspace_id
                ORDER BY e.workspace_id LIMIT 1)
        FROM found f WHERE f.workspace_id IS NOT NULL
    )
    SELECT e.workspace_id, e.state FROM found f JOIN log.stored_events e
    ON e.originator_id = f.workspace_id AND e.originator_version = 1 AND e.topic = 'workspace.created'
    ORDER BY e.notification_id
"""


def known_workspaces(db: Cursor[Any]) -> list[KnownWorkspace]:
    """All of them, oldest first."""
    rows = db.execute(_SELECT, binary=True).fetchall()
    return [KnownWorkspace(workspace, *_names(state)) for workspace, state in rows]


def _names(state: bytes) -> tuple[str, str]:
    data = from_json(state)["data"]
    return data["slug"], data["title"]
