"""Directory: the names behind the keys and ids that other read models carry, for those who join by SQL."""

from collections.abc import Iterable
from typing import Any, ClassVar

from psycopg import Cursor

from domain import workspace as w
from domain.event import Event, Recorded
from projections.read_model import Page, ReadModel


class Directory(ReadModel):
    """Workspaces, statuses, teams, categories and people. Names of people are content and not in it."""

    NAME = "directory"
    VERSION = 1
    EVENTS = (
        w.WorkspaceCreated,
        w.StatusAdded,
        w.TeamAdded,
        w.CategoryAdded,
        w.PersonAdded,
        w.RoleChanged,
        w.TeamsChanged,
        w.PersonDeactivated,
    )
    TABLES = """
        CREATE TABLE workspaces (workspace_id uuid PRIMARY KEY, slug text NOT NULL, title text NOT NULL);
        CREATE TABLE statuses (workspace_id uuid, status text, title text NOT NULL, kind text NOT NULL,
            PRIMARY KEY (workspace_id, status));
        CREATE TABLE teams (workspace_id uuid, team_id uuid, title text NOT NULL, PRIMARY KEY (workspace_id, team_id));
        CREATE TABLE categories (workspace_id uuid, path text[], PRIMARY KEY (workspace_id, path));
        CREATE TABLE people (workspace_id uuid, person_id uuid, role text NOT NULL, teams uuid[] NOT NULL,
            active boolean NOT NULL DEFAULT true, PRIMARY KEY (workspace_id, person_id))"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "workspaces": "The desks of this installation.",
        "workspaces.workspace_id": "The desk.",
        "workspaces.slug": "Its short name.",
        "workspaces.title": "Its name.",
        "statuses": "The statuses that a desk's tickets can be in.",
        "statuses.workspace_id": "The desk that it belongs to.",
        "statuses.status": "Key of the status.",
        "statuses.title": "What people call it.",
        "statuses.kind": "What it means: new, open, pending, resolved, confirmed, rated or closed.",
        "teams": "The teams that a desk's tickets can be given to.",
        "teams.workspace_id": "The desk that it belongs to.",
        "teams.team_id": "The team.",
        "teams.title": "What people call it.",
        "categories": "The category tree, a row a branch or leaf.",
        "categories.workspace_id": "The desk that it belongs to.",
        "categories.path": "From the root.",
        "people": "Who works on a desk; names are content and shown by the API only.",
        "people.workspace_id": "The desk.",
        "people.person_id": "The person.",
        "people.role": "What they may do: agent, lead, admin, auditor or analyst.",
        "people.teams": "The teams they work in.",
        "people.active": "Whether they still work on the desk.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Every event sets something absolutely, so that the same page again ends in the same rows."""
        for statement, rows in _statements(page).items():
            db.executemany(statement.encode(), rows)


_INSERTS: dict[type[Event], str] = {
    w.WorkspaceCreated: "INSERT INTO workspaces VALUES (%(workspace)s, %(slug)s, %(title)s) ON CONFLICT DO NOTHING",
    w.StatusAdded: "INSERT INTO statuses VALUES (%(workspace)s, %(key)s, %(title)s, %(kind)s) ON CONFLICT DO NOTHING",
    w.TeamAdded: "INSERT INTO teams VALUES (%(workspace)s, %(team_id)s, %(title)s) ON CONFLICT DO NOTHING",
    w.CategoryAdded: "INSERT INTO categories VALUES (%(workspace)s, %(path)s) ON CONFLICT DO NOTHING",
    w.PersonAdded: "INSERT INTO people VALUES (%(workspace)s, %(person_id)s, %(role)s, %(teams)s::uuid[]) ON CONFLICT DO NOTHING",
    w.RoleChanged: "UPDATE people SET role = %(role)s WHERE workspace_id = %(workspace)s AND person_id = %(person_id)s",
    w.TeamsChanged: "UPDATE people SET teams = %(teams)s::uuid[] WHERE workspace_id = %(workspace)s AND person_id = %(person_id)s",
    w.PersonDeactivated: "UPDATE people SET active = false WHERE workspace_id = %(workspace)s AND person_id = %(person_id)s",
}


def _statements(page: Iterable[Recorded[Event]]) -> dict[str, list[dict[str, Any]]]:
    """Each kind's statement with its rows. Kinds follow one another as listed: what is changed was inserted before."""
    rows: dict[type[Event], list[dict[str, Any]]] = {kind: [] for kind in _INSERTS}
    for recorded in page:
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in recorded.event}
        rows[type(recorded.event)].append({**values, "workspace": recorded.metadata.workspace_id})
    return {_INSERTS[kind]: found for kind, found in rows.items() if found}
