"""Jobs over HTTP: asked for, watched, cancelled, downloaded, and out of others' sight."""

import csv
import io
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from domain.permissions import RoleName
from eventstore.keyring import Keyring
from processors.jobs import runner
from tests.api.conftest import Server, settings

Json = dict[str, Any]
MAPPING = {"No": "number", "Subject": "title", "Prio": "priority"}


@pytest.fixture
def working(followed: Server) -> Iterator[Server]:
    """The server with its read models, and a worker for its jobs."""
    stop = threading.Event()
    keyring = Keyring(settings(followed.database_url).master_key_bytes())
    worker = threading.Thread(target=runner.run, args=(followed.database_url, keyring, stop))
    worker.start()
    yield followed
    stop.set()
    worker.join(30)
    assert not worker.is_alive()


def ended(client: httpx.Client, job: Json) -> Json:
    """The job once it is over."""
    while job["finished_at"] is None:
        answer = client.get(f"/jobs/{job['job_id']}", params={"wait": 15})
        assert answer.status_code == 200, answer.text
        job = answer.json()
    return job


def exported(client: httpx.Client, **wanted: Any) -> Json:
    answer = client.post("/exports", json=wanted)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['job_id']}"
    return ended(client, answer.json())


def sent(client: httpx.Client, data: bytes) -> str:
    answer = client.post("/import-files", content=data, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json().get("size")) == (201, len(data)), answer.text
    return str(answer.json()["file_id"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_export_is_asked_for_watched_and_downloaded(working: Server) -> None:
    with working.acting(RoleName.LEAD) as lead:
        opened = lead.post("/tickets", json={"title": "打印机坏了"}).json()
        lead.get("/tickets", params={"min_position": opened["position"]}).raise_for_status()
        job = exported(lead, columns=["number", "title"])
        assert (job["state"], job["done"], job["total"], job["result"]["rows"]) == ("done", 1, 1, 1)
        file = lead.get(f"/jobs/{job['job_id']}/file")
        assert file.content.decode("utf-8-sig") == f"number,title\r\n{opened['number']},打印机坏了\r\n"
        assert file.headers["Content-Disposition"] == 'attachment; filename="tickets.csv"'
        assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert [each["job_id"] for each in lead.get("/jobs").json()["jobs"]] == [job["job_id"]]


def test_the_same_key_asks_for_one_job(server: Server) -> None:
    with server.acting() as admin:
        headers = {"Idempotency-Key": "once"}
        first, again = (admin.post("/exports", json={}, headers=headers).json() for _ in range(2))
        assert first["job_id"] == again["job_id"]
        assert refused(admin.post("/exports", json={"what": "notes"}, headers=headers)) == (
            422,
            "idempotency_key_reused",
        )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"what": "everything"}, 422, "invalid_request"),
        ({"format": "pdf"}, 422, "invalid_request"),
        ({"columns": ["number", "secret"]}, 422, "unknown_column"),
        ({"wat": 1}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(server: Server, body: Json, status: int, code: str) -> None:
    with server.acting() as admin:
        assert refused(admin.post("/exports", json=body)) == (status, code)
        assert admin.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("role", "path", "body"),
    [
        (RoleName.AGENT, "/exports", {}),
        (RoleName.ANALYST, "/exports", {"what": "events"}),
        (
            RoleName.LEAD,
            "/imports",
            {"file_id": "018f0000-0000-7000-8000-000000000001", "format": "csv", "mapping": {"a": "title"}},
        ),
        (RoleName.LEAD, "/import-files", None),
    ],
)
def test_who_may_not_ask_is_refused(server: Server, role: RoleName, path: str, body: Json | None) -> None:
    with server.acting(role) as client:
        answer = client.post(path, json=body) if body is not None else client.post(path, content=b"x")
        assert refused(answer) == (403, "not_allowed")


def test_a_job_is_seen_by_its_asker_and_by_those_who_may_ask_for_its_kind(server: Server) -> None:
    with server.acting(RoleName.LEAD) as lead:
        job = lead.post("/exports", json={}).json()["job_id"]
    for role, status in ((RoleName.ADMIN, 200), (RoleName.AUDITOR, 200), (RoleName.AGENT, 404)):
        with server.acting(role) as client:
            assert client.get(f"/jobs/{job}").status_code == status
            assert client.get(f"/jobs/{job}/items").status_code == status
            assert len(client.get("/jobs").json()["jobs"]) == (status == 200)
            # The rows are those that the asker may see.
            assert refused(client.get(f"/jobs/{job}/file")) == (404, "unknown_job")
    with server.acting(other=True) as stranger:
        for path in ("", "/items", "/errors", "/file"):
            assert refused(stranger.get(f"/jobs/{job}{path}")) == (404, "unknown_job")
        assert refused(stranger.post(f"/jobs/{job}/cancel")) == (404, "unknown_job")


def test_a_job_without_a_file_says_so_and_is_cancelled(server: Server) -> None:
    with server.acting() as admin:
        asked = admin.post("/exports", json={}).json()
        job = asked["job_id"]
        assert refused(admin.get(f"/jobs/{job}/file")) == (409, "no_file_yet")
        cancelled = admin.post(f"/jobs/{job}/cancel").json()
        assert (cancelled["state"], asked["position"]) == ("cancelled", None)
        assert cancelled["position"] > 0
        assert admin.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"


def test_jobs_are_listed_by_page(server: Server) -> None:
    with server.acting() as admin:
        asked = [admin.post("/exports", json={}).json()["job_id"] for _ in range(5)]
        found: list[str] = []
        after = None
        while True:
            page = admin.get("/jobs", params={"limit": 2} | ({"after": after} if after else {})).json()
            found += [job["job_id"] for job in page["jobs"]]
            after = page["next"]
            if after is None:
                break
        assert found == asked[::-1]
        assert refused(admin.get("/jobs", params={"after": "nonsense"})) == (422, "invalid_input")


def test_an_import_is_rehearsed_done_and_reported_by_row_and_column(working: Server) -> None:
    data = "No,Subject,Prio\nA-1,打印机坏了,high\nA-2,,=cmd\nA-3,x,\n".encode()
    with working.acting() as admin:
        body = {"file_id": sent(admin, data), "format": "csv", "mapping": MAPPING}
        rehearsed = ended(admin, admin.post("/imports", json=body | {"dry_run": True}).json())
        assert (rehearsed["done"], rehearsed["failed"]) == (2, 1)
        assert refused(admin.get("/tickets/A-1")) == (404, "unknown_ticket")
        job = ended(admin, admin.post("/imports", json=body).json())
        assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", 3, 2, 1)
        assert admin.get("/tickets/A-1").json()["title"] == "打印机坏了"
        page = admin.get(f"/jobs/{job['job_id']}/items", params={"state": "done", "limit": 1}).json()
        assert (page["items"][0]["item"], page["items"][0]["detail"]) == ("2", {"number": "A-1"})
        rest = admin.get(f"/jobs/{job['job_id']}/items", params={"state": "done", "after": page["next"]}).json()
        assert ([item["item"] for item in rest["items"]], rest["next"]) == (["4"], None)
        report = list(csv.reader(io.StringIO(admin.get(f"/jobs/{job['job_id']}/errors").text)))
        assert report[0] == ["row", "column", "code", "reason"]
        assert {(row[0], row[1], row[2]) for row in report[1:]} == {("3", "Prio", "invalid_row")}
        assert "cmd" not in report[1][3]
        # Imported, it is not kept.
        assert refused(admin.post("/imports", json=body)) == (404, "unknown_file")


def test_a_file_is_its_senders_alone(server: Server) -> None:
    with server.acting() as admin, server.acting(other=True) as stranger:
        body = {"file_id": sent(admin, b"No,Subject\n"), "format": "csv", "mapping": MAPPING}
        assert refused(stranger.post("/imports", json=body)) == (404, "unknown_file")
        wrong = admin.post("/imports", json=body | {"mapping": {"a": "titel"}})
        assert refused(wrong) == (422, "unknown_target")
        assert "Did you mean title" in wrong.json()["detail"]


def test_a_file_larger_than_other_bodies_is_taken_and_one_too_large_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.acting() as admin:
        sent(admin, b"x" * (3 << 20))
        monkeypatch.setattr("eventstore.job_files.LARGEST_UPLOAD", 1 << 20)
        for content in (b"x" * ((1 << 20) + 1), iter([b"x" * (1 << 20), b"x"])):
            assert refused(admin.post("/import-files", content=content)) == (413, "file_too_large")
