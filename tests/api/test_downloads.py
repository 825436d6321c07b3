"""Downloading what is on a ticket: who gets what, so that no browser runs it, and what is said of a damaged file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from api import downloads, problems
from api.access import create_api_key
from domain.event import Actor
from domain.permissions import RoleName
from eventstore.files.desk import Files, Owner
from eventstore.files.sealing import FRAME
from tests.api.conftest import Server
from tests.api.filing import files as files
from tests.api.filing import kept
from tests.api.filing import served as served
from tests.eventstore.files import ACME, pieces

Put = Callable[[bytes, str], Awaitable[None]]
Attach = Callable[..., str]


@pytest.fixture
def attach(admin: httpx.Client) -> Attach:
    """Uploads a file and attaches it; where to download it."""

    def attached(number: str, text: bytes = b"hello", **how: object) -> str:
        upload = admin.post("/uploads", content=text, headers={"Content-Type": "text/plain"}).json()
        answer = admin.post(f"/tickets/{number}/attachments", json={"uploads": [upload["upload"]], **how})
        assert answer.status_code == 200, answer.text
        return f"/tickets/{number}/attachments/{upload['attachment_id']}"

    return attached


@pytest.fixture
def requester(admin: httpx.Client, server: Server) -> Iterator[tuple[UUID, httpx.Client]]:
    """Somebody who asks for help, with an API key."""
    answer = admin.post("/requesters", json={"name": "Rita"})
    assert answer.status_code == 201, answer.text
    requester_id = UUID(answer.json()["id"])
    key = create_api_key(server.database_url, server.acme.id, requester_id, "tests", ["admin"])
    with server.client(key) as client:
        yield requester_id, client


def test_what_was_attached_can_be_downloaded_by_colleagues(server, opened, attach):
    place = attach(opened(), b"x" * 200_000)
    for role in (RoleName.AGENT, RoleName.AUDITOR):
        with server.acting(role) as client:
            answer = client.get(place)
            assert (answer.status_code, answer.content) == (200, b"x" * 200_000)


def test_a_message_brings_its_files(admin, opened):
    number, upload = opened(), admin.post("/uploads", content=b"log").json()
    said = admin.post(f"/tickets/{number}/replies", json={"body": "see this", "uploads": [upload["upload"]]})
    assert said.status_code == 200, said.text
    assert admin.get(f"/tickets/{number}/attachments/{upload['attachment_id']}").content == b"log"


def test_somebody_elses_upload_cannot_be_attached(server, admin, opened):
    number = opened()
    with server.acting(RoleName.AGENT) as agent:
        upload = agent.post("/uploads", content=b"x").json()
    answer = admin.post(f"/tickets/{number}/attachments", json={"uploads": [upload["upload"]]})
    assert (answer.status_code, answer.json()["code"]) == (422, "upload_invalid")


def test_requesters_get_what_is_theirs_and_not_internal(requester, opened, attach):
    requester_id, client = requester
    mine, other = opened(requester_id=str(requester_id)), opened()
    public, internal, foreign = attach(mine), attach(mine, internal=True), attach(other)
    assert client.get(public).content == b"hello"
    answers = {place: client.get(place) for place in (internal, foreign)}
    assert [a.status_code for a in answers.values()] == [404, 404]
    assert [a.json()["code"] for a in answers.values()] == ["unknown_attachment", "unknown_ticket"]


def test_a_requester_known_twice_keeps_the_files_of_both(admin, requester, opened, attach):
    requester_id, client = requester
    duplicate = admin.post("/requesters", json={"name": "Rita R."}).json()["id"]
    place = attach(opened(requester_id=duplicate))
    assert client.get(place).status_code == 404
    assert admin.put(f"/requesters/{duplicate}/merge", json={"into": str(requester_id)}).status_code == 200
    assert client.get(place).content == b"hello"


def test_no_other_workspace_and_no_stranger_gets_it(server, opened, attach):
    place = attach(opened())
    with server.acting(other=True) as client:
        assert client.get(place).json()["code"] == "unknown_ticket"
    with server.client() as nobody:
        assert nobody.get(place).status_code == 401


def test_a_file_taken_off_and_one_of_another_ticket_are_not_there(admin, opened, attach):
    here, there = opened(), opened()
    off, elsewhere = attach(here), attach(there)
    assert admin.request("DELETE", off, json={"reason": "wrong file"}).status_code == 200
    for place in (off, elsewhere.replace(there, here), f"/tickets/{here}/attachments/{uuid4()}"):
        assert admin.get(place).json()["code"] == "unknown_attachment"
    assert admin.get(elsewhere).status_code == 200


def test_a_file_of_an_erased_ticket_is_gone_for_ever(admin, opened, attach):
    number = opened()
    place = attach(number)
    assert admin.request("DELETE", f"/tickets/{number}", json={"reason": "asked"}).status_code == 200
    assert admin.get(place).json()["code"] == "ticket_erased"


@pytest.fixture
async def downloading(files: Files) -> AsyncIterator[tuple[Put, httpx.AsyncClient]]:
    """Downloads of what is put, over an application that has nothing else."""
    app, attached = FastAPI(), []
    problems.install(app)

    @app.get("/x")
    async def read() -> object:
        return await downloads.download(files, ACME, attached[-1])

    async def put(text: bytes, name: str) -> None:
        owner = Owner(ACME, Actor(kind="person", id=str(uuid4())))
        attached.append((await files.take(owner, pieces(text), name, "text/html"))[1])

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield put, http


async def test_a_download_is_no_page(downloading):
    put, http = downloading
    await put(b"<script>alert(1)</script>" * 10_000, '打"%.html')
    answer = await http.get("/x")
    assert answer.content == b"<script>alert(1)</script>" * 10_000
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"___.html\"; filename*=UTF-8''%E6%89%93%22%25.html"
    )
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-type"].startswith("text/html")
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_an_empty_file_downloads_as_one(downloading):
    put, http = downloading
    await put(b"", "empty.txt")
    answer = await http.get("/x")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


async def test_a_missing_file_is_a_clear_refusal(downloading, tmp_path):
    put, http = downloading
    await put(b"x", "x.txt")
    for path in kept(tmp_path):
        path.unlink()
    answer = await http.get("/x")
    assert (answer.status_code, answer.json()["code"]) == (502, "file_damaged")


async def test_a_changed_beginning_sends_nothing_and_a_changed_end_is_cut_off(downloading, tmp_path):
    put, http = downloading
    await put(bytes(3 * FRAME), "x.bin")
    [path] = kept(tmp_path)
    good = path.read_bytes()
    path.write_bytes(good[:100] + b"!" + good[101:])
    assert (await http.get("/x")).status_code == 502
    path.write_bytes(good[:-1] + b"!")
    # The server closes the connection: fewer bytes than were promised.
    with pytest.raises(RuntimeError, match="response already started"):
        await http.get("/x")
