"""A caller of one workspace can neither read, list, guess nor write another's: through every route, and without the API."""

import re
from collections import defaultdict
from uuid import uuid4

import psycopg
import pytest

from api.app import create_app
from api.auth import Needs
from api.routing import operations
from eventstore.database import Role, connect
from tests.api.conftest import settings
from tests.api.matrix.sharing import shared as shared
from tests.waiting import wait_until

SECRET = "a secret of the other company"
# Routes that tell of the caller alone, or of nobody.
OPEN = {"sign_in", "live", "ready", "read_metrics"}
# Routes that take a name which any workspace may use: it means our own thing, or none.
NAMED = {"retire_tag"}
# Routes for what nobody who works on a desk may do: they refuse before they look.
OF_REQUESTERS = {"rate_ticket"}
# Routes that would wait for more.
STREAMS = {"stream_events", "stream_notifications"}


@pytest.fixture(scope="module")
def admin(shared):
    """Our caller."""
    with shared.acting() as client:
        yield client


@pytest.fixture(scope="module")
def theirs(shared):
    """What the other workspace has: ids, numbers and keys that our caller may try."""
    with shared.acting(other=True) as other:
        requester = other.post("/requesters", json={"name": SECRET, "email": "secret@example.com"}).json()["id"]
        body = {"number": "SECRET-1", "title": SECRET, "requester_id": requester, "tags": [SECRET]}
        other.post("/tickets", json=body)
        other.post("/tickets/SECRET-1/notes", json={"body": SECRET})
        key = other.post("/api-keys", json={"name": SECRET, "scopes": ["read"]}).json()["key_id"]
        company = other.post("/organisations", json={"name": SECRET}).json()["id"]
        person = str(shared.other.people["agent"])
        away = {"starts": "2026-12-24T00:00:00Z", "ends": "2026-12-27T00:00:00Z"}
        absence = other.post(f"/people/{person}/absences", json=away).json()["id"]
        for path, more in (("/roles/theirs", {"permissions": []}), ("/canned-replies/theirs", {"body": SECRET})):
            other.put(path, json={"title": SECRET} | more)
        wait_until(lambda: SECRET in other.get("/tickets").text)
    known = {"number": "SECRET-1", "requester_id": requester, "key_id": key, "person_id": person, "tag": SECRET}
    known |= {"team_id": str(shared.other.team), "organisation_id": company, "absence_id": absence, "key": "theirs"}
    # Whatever else is named by an id has none that could be guessed.
    return defaultdict(lambda: str(uuid4()), known)


# Bodies that would do something, with ids of the other workspace wherever an id is taken.
def bodies(theirs, server):
    return {
        "open_ticket": {"title": "x", "requester_id": theirs["requester_id"]},
        "edit_ticket": {"title": "overwritten"},
        "change_priority": {"priority": "urgent"},
        "assign_ticket": {"person": theirs["person_id"]},
        "move_ticket": {"status": "closed"},
        "tag_ticket": {"tags": ["t"]},
        "reply_to_ticket": {"body": "b"},
        "note_on_ticket": {"body": "b"},
        "delete_ticket": {"reason": "r"},
        "register_requester": {"name": "n"},
        "change_requester": {"name": "overwritten"},
        "delete_requester": {"reason": "r"},
        "change_organisation": {"name": "overwritten"},
        "merge_requester": {"into": theirs["requester_id"]},
        "merge_organisation": {"into": theirs["organisation_id"]},
        "set_requester_login": {"login": "taken over", "password": "taken over by us"},
        "add_organisation": {"name": "n"},
        "change_person": {"name": "overwritten"},
        "set_duty": {"on_duty": False},
        "set_skills": {"skills": {}},
        "set_load_limit": {"limit": 0},
        "set_shifts": {"shifts": [], "zone": "UTC"},
        "add_absence": {"starts": "2026-12-24T00:00:00Z", "ends": "2026-12-27T00:00:00Z"},
        "rename_team": {"title": "overwritten"},
        "set_team_leads": {"leads": [theirs["person_id"]]},
        "retire_role": {},
        "add_team": {"title": "t"},
        "add_status": {"key": "k", "title": "t", "kind": "open"},
        "add_category": {"path": ["c"]},
        "add_person": {"name": "p", "role": "agent", "teams": [str(server.other.team)]},
        "change_role": {"role": "analyst"},
        "change_teams": {"teams": []},
        "set_login": {"login": "taken over", "password": "taken over by us"},
        "create_api_key": {"name": "k", "scopes": ["read"], "person_id": theirs["person_id"]},
    }


def everything_of(client):
    """All that the other workspace sees of itself."""
    paths = ["/tickets/SECRET-1", "/people", "/teams", "/statuses", "/categories", "/api-keys", "/workspace"]
    paths += ["/roles", "/organisations", "/requesters", "/canned-replies", "/tags"]
    return [client.get(path).text for path in paths]


def described(server):
    return [route for route in operations(create_app(settings(server.database_url))) if route.name not in OPEN]


def test_no_route_reads_or_writes_another_workspace(shared, theirs, admin):
    with shared.acting(other=True) as other:
        before = everything_of(other)
        given = bodies(theirs, shared)
        for route in described(shared):
            path = re.sub(r"\{(\w+)(:path)?\}", lambda m: theirs[m[1]], route.path.removeprefix("/api/v1"))
            for method in route.methods:
                body = {"json": given[route.name]} if route.name in given else {}
                wait = {"params": {"wait": False}} if route.name in STREAMS else {}
                answer = admin.request(method, path, **body, **wait)
                assert SECRET not in answer.text, route.name
                if route.name in NAMED:
                    assert answer.is_success, (route.name, answer.text)
                elif route.name in OF_REQUESTERS:
                    assert answer.status_code == 403, (route.name, answer.text)
                elif "{" in route.path or route.name == "open_ticket":
                    assert answer.status_code in (404, 422), (route.name, answer.text)
        assert everything_of(other) == before


def test_every_route_asks_who_is_there(shared):
    for route in described(shared):
        assert any(isinstance(each.call, Needs) for each in route.dependant.dependencies), route.name


def test_an_idempotency_key_is_of_one_workspace(shared, admin):
    key = {"Idempotency-Key": "shared"}
    with shared.acting(other=True) as other:
        theirs = other.post("/tickets", json={"title": "a"}, headers=key)
        ours = admin.post("/tickets", json={"title": "b"}, headers=key)
    assert (theirs.status_code, ours.status_code) == (201, 201)
    assert theirs.json()["id"] != ours.json()["id"]


TABLES = (
    "log.stored_events",
    "log.commands",
    "log.snapshots",
    "vault.keys",
    "access.credentials",
    "access.sessions",
    "access.api_keys",
    "processes.timers",
    "processes.memories",
    "processes.dead_letters",
    "desk.ticket_list",
    "desk.ticket_timeline",
    "desk.ticket_history",
    "desk.requester_cards",
    "desk.organisations",
)


@pytest.mark.parametrize("table", TABLES)
def test_a_reader_bound_to_one_workspace_sees_nothing_of_another(shared, theirs, table):
    with connect(shared.database_url, Role.READER) as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(shared.acme.id)])
        seen = db.execute(f"SELECT count(*) FROM {table} WHERE workspace_id <> %s", [shared.acme.id]).fetchone()
        assert seen == (0,)
        db.execute("RESET ledgerdesk.workspace")
        assert db.execute(f"SELECT count(workspace_id) FROM {table}").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"DELETE FROM {table}")


def test_a_writer_bound_to_one_workspace_cannot_write_another(shared, theirs):
    other, person = shared.other.id, shared.other.people["agent"]
    calls = [
        ("access.set_credential(%s, %s, 'x', 'x')", [other, person]),
        ("access.open_session(%s, %s, 'x', '1 day')", [other, person]),
        ("access.add_api_key(%s, %s, %s, 'x', 'x', '{}', NULL)", [other, person, uuid4()]),
        ("access.revoke_api_key(%s, %s)", [other, theirs["key_id"]]),
        ("access.revoke_person(%s, %s)", [other, person]),
        ("log.reserve_numbers(%s, 1)", [other]),
        ("processes.resolve(%s, 1, 'skipped', '{}')", [other]),
        ("vault.destroy_key(%s, %s)", [other, theirs["requester_id"]]),
    ]
    with connect(shared.database_url, Role.WRITER) as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(shared.acme.id)])
        for call, values in calls:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(f"SELECT {call}", values)
        found = db.execute("SELECT count(*) FROM access.credential(%s, 'ann')", [other]).fetchone()
        assert found == (0,)
        for table in TABLES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(f"SELECT FROM {table}")
