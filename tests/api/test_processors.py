"""Admins see what acts on its own, and decide what becomes of what it could not take in."""

import psycopg
import pytest

from domain.permissions import RoleName
from eventstore.database import Role, connect
from tests.api.conftest import Server

PARK = (
    "INSERT INTO processes.dead_letters (process, workspace_id, stream_id, number, position, topics, error, attempts) "
    "VALUES ('waking', %s, gen_random_uuid(), '1001', %s, '{ticket.snoozed}', 'ValueError', 1) RETURNING letter_id"
)


@pytest.fixture
def letters(server: Server) -> list[int]:
    """One of ours, and one of the other workspace."""
    with connect(server.database_url, Role.WORKER) as db:
        db.execute("SELECT log.insert_tracking('waking', 3)")
        db.execute(
            "INSERT INTO processes.timers VALUES (gen_random_uuid(), 'waking', 'wake', %s, '2020-01-01', '2020-01-01')",
            [server.acme.id],
        )
        found = [
            db.execute(PARK, [office.id, place]).fetchone() for place, office in enumerate((server.acme, server.other))
        ]
    return [row[0] for row in found if row]


def test_an_admin_sees_how_far_they_are_and_what_waits(server, admin, letters):
    (process,) = admin.get("/processors").json()["processors"]
    assert (process["process"], process["position"], process["parked"], process["timers_overdue"]) == (
        "waking",
        3,
        1,
        1,
    )
    assert process["lag_events"] > 0
    (letter,) = admin.get("/processors/letters").json()["letters"]
    assert (letter["letter_id"], letter["number"], letter["error"]) == (letters[0], "1001", "ValueError")
    assert admin.get("/processors/letters", params={"process": "erasure"}).json()["letters"] == []


def test_who_decided_what_is_kept(server, admin, letters):
    assert admin.post(f"/processors/letters/{letters[0]}/skip").status_code == 204
    again = admin.post(f"/processors/letters/{letters[0]}/retry")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_letter")
    assert admin.get("/processors/letters").json()["letters"] == []
    (letter,) = admin.get("/processors/letters", params={"state": "skipped"}).json()["letters"]
    assert letter["resolved_by"] == {"kind": "person", "id": str(server.acme.people[RoleName.ADMIN])}


def test_letters_are_paged(server, admin, letters):
    with psycopg.connect(server.database_url, autocommit=True) as db:
        db.execute("SET ROLE ledgerdesk_worker")
        db.execute(PARK, [server.acme.id, 99])
    first = admin.get("/processors/letters", params={"limit": 1}).json()
    rest = admin.get("/processors/letters", params={"limit": 1, "after": first["next"]}).json()
    assert (len(first["letters"]), len(rest["letters"]), rest["next"]) == (1, 1, None)


def test_nobody_else_decides(server, admin, letters):
    assert admin.post(f"/processors/letters/{letters[1]}/skip").status_code == 404
    with server.acting(RoleName.AGENT) as agent:
        assert agent.get("/processors").status_code == 403
        assert agent.post(f"/processors/letters/{letters[0]}/skip").status_code == 403
    with server.acting(other=True) as other:
        assert [each["letter_id"] for each in other.get("/processors/letters").json()["letters"]] == [letters[1]]


def test_metrics_tell_of_every_process(server, admin, letters):
    text = admin.get("/metrics").text
    assert 'ledgerdesk_process_parked{process="waking"} 2.0' in text
    assert 'ledgerdesk_process_lag_events{process="waking"}' in text
    assert "ledgerdesk_timers_overdue_seconds" in text
