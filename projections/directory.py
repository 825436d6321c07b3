"""Directory: the names behind the keys and ids that other read models carry, for those who join by SQL."""

from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from psycopg import Cursor
from pydantic_core import to_json

from domain import workspace as w
from domain.event import Event, Recorded
from domain.setup import roles, staff, statuses, teams
from projections.read_model import Page, ReadModel


class Directory(ReadModel):
    """Workspaces, statuses, teams, categories, roles and people. Names of people are content and not in it."""

    NAME = "directory"
    VERSION = 2
    EVENTS = (
        w.WorkspaceCreated,
        w.StatusAdded,
        w.TeamAdded,
        w.CategoryAdded,
        w.PersonAdded,
        w.RoleChanged,
        w.TeamsChanged,
        w.PersonDeactivated,
        statuses.StatusRenamed,
        statuses.StatusRetired,
        statuses.StatusRestored,
        teams.TeamRenamed,
        teams.TeamRetired,
        teams.TeamRestored,
        staff.PersonReactivated,
        staff.SkillsSet,
        staff.LoadLimitSet,
        staff.DutyChanged,
        roles.RoleSet,
        roles.RoleRetired,
    )
    TABLES = """
        CREATE TABLE workspaces (workspace_id uuid PRIMARY KEY, slug text NOT NULL, title text NOT NULL);
        CREATE TABLE statuses (workspace_id uuid, status text, title text NOT NULL, kind text NOT NULL,
            active boolean NOT NULL DEFAULT true, PRIMARY KEY (workspace_id, status));
        CREATE TABLE teams (workspace_id uuid, team_id uuid, title text NOT NULL, active boolean NOT NULL DEFAULT true,
            PRIMARY KEY (workspace_id, team_id));
        CREATE TABLE roles (workspace_id uuid, role text, title text NOT NULL, permissions text[] NOT NULL,
            active boolean NOT NULL DEFAULT true, PRIMARY KEY (workspace_id, role));
        CREATE TABLE categories (workspace_id uuid, path text[], PRIMARY KEY (workspace_id, path));
        CREATE TABLE people (workspace_id uuid, person_id uuid, role text NOT NULL, teams uuid[] NOT NULL,
            active boolean NOT NULL DEFAULT true, skills jsonb NOT NULL DEFAULT '{}', load_limit int,
            on_duty boolean NOT NULL DEFAULT true, PRIMARY KEY (workspace_id, person_id))"""
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
        "statuses.active": "Whether tickets are put into it.",
        "teams": "The teams that a desk's tickets can be given to.",
        "teams.workspace_id": "The desk that it belongs to.",
        "teams.team_id": "The team.",
        "teams.title": "What people call it.",
        "teams.active": "Whether it is given tickets.",
        "roles": "A desk's own roles, beside the built-in ones.",
        "roles.workspace_id": "The desk that it belongs to.",
        "roles.role": "Key of the role.",
        "roles.title": "What people call it.",
        "roles.permissions": "What its bearers may do.",
        "roles.active": "Whether people are given it.",
        "categories": "The category tree, a row a branch or leaf.",
        "categories.workspace_id": "The desk that it belongs to.",
        "categories.path": "From the root.",
        "people": "Who works on a desk; names are content and shown by the API only.",
        "people.workspace_id": "The desk.",
        "people.person_id": "The person.",
        "people.role": "What they may do: a built-in role, or one of the desk's own.",
        "people.teams": "The teams they work in.",
        "people.active": "Whether they still work on the desk.",
        "people.skills": "What they are good at, from 1 to 5.",
        "people.load_limit": "The most open tickets at once, or NULL.",
        "people.on_duty": "Whether they take tickets.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Every event sets something absolutely, in its order, so that the same page again ends in the same rows."""
        for statement, rows in groupby(map(_statement, page), key=itemgetter(0)):
            db.executemany(statement.encode(), [values for _, values in rows])


def _sets(table: str, key: str, change: str) -> str:
    return f"UPDATE {table} SET {change} WHERE workspace_id = %(workspace)s AND {key}"  # noqa: S608 - our own texts


_STATUS, _TEAM, _ROLE = "status = %(key)s", "team_id = %(team_id)s", "role = %(key)s"
_PERSON = "person_id = %(person_id)s"
_ROLES = (
    "INSERT INTO roles VALUES (%(workspace)s, %(key)s, %(title)s, %(permissions)s) ON CONFLICT (workspace_id, role) "
)
_STATEMENTS: dict[type[Event], str] = {
    w.WorkspaceCreated: "INSERT INTO workspaces VALUES (%(workspace)s, %(slug)s, %(title)s) ON CONFLICT DO NOTHING",
    w.StatusAdded: "INSERT INTO statuses VALUES (%(workspace)s, %(key)s, %(title)s, %(kind)s) ON CONFLICT DO NOTHING",
    w.TeamAdded: "INSERT INTO teams VALUES (%(workspace)s, %(team_id)s, %(title)s) ON CONFLICT DO NOTHING",
    w.CategoryAdded: "INSERT INTO categories VALUES (%(workspace)s, %(path)s) ON CONFLICT DO NOTHING",
    w.PersonAdded: "INSERT INTO people VALUES (%(workspace)s, %(person_id)s, %(role)s, %(teams)s::uuid[]) ON CONFLICT DO NOTHING",
    w.RoleChanged: _sets("people", _PERSON, "role = %(role)s"),
    w.TeamsChanged: _sets("people", _PERSON, "teams = %(teams)s::uuid[]"),
    w.PersonDeactivated: _sets("people", _PERSON, "active = false"),
    statuses.StatusRenamed: _sets("statuses", _STATUS, "title = %(title)s"),
    statuses.StatusRetired: _sets("statuses", _STATUS, "active = false"),
    statuses.StatusRestored: _sets("statuses", _STATUS, "active = true"),
    teams.TeamRenamed: _sets("teams", _TEAM, "title = %(title)s"),
    teams.TeamRetired: _sets("teams", _TEAM, "active = false"),
    teams.TeamRestored: _sets("teams", _TEAM, "active = true"),
    staff.PersonReactivated: _sets("people", _PERSON, "active = true"),
    staff.SkillsSet: _sets("people", _PERSON, "skills = %(skills)s::jsonb"),
    staff.LoadLimitSet: _sets("people", _PERSON, "load_limit = %(limit)s"),
    staff.DutyChanged: _sets("people", _PERSON, "on_duty = %(on_duty)s"),
    roles.RoleSet: _ROLES + "DO UPDATE SET title = excluded.title, permissions = excluded.permissions, active = true",
    roles.RoleRetired: _sets("roles", _ROLE, "active = false"),
}


def _statement(recorded: Recorded[Event]) -> tuple[str, dict[str, Any]]:
    """The event's statement and its values. Events stay in order: what is changed twice ends as it was last."""
    values = {name: _plain(value) for name, value in recorded.event}
    return _STATEMENTS[type(recorded.event)], {**values, "workspace": recorded.metadata.workspace_id}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return to_json(value).decode()
    return list(value) if isinstance(value, tuple) else value
