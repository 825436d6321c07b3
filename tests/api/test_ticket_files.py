"""Files come with what is written, and go with it."""

from collections.abc import Callable

import httpx
import pytest

from domain.ids import ticket_id
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.api.conftest import Server, settings
from tests.api.filing import files as files
from tests.api.filing import served as served

Upload = Callable[[httpx.Client], dict[str, str]]


@pytest.fixture
def upload() -> Upload:
    def kept(who: httpx.Client) -> dict[str, str]:
        answer = who.post("/uploads", content=b"hello", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return kept


async def on_ticket(server: Server, number: str) -> list[tuple[str, bool]]:
    """The files of the ticket, and which of them are internal."""
    keyring = Keyring(settings(server.database_url).master_key_bytes())
    async with Desk(server.database_url, keyring) as desk:
        ticket = (await desk.state(server.acme.id, "ticket", ticket_id(server.acme.id, number))).state
    return [(str(file.attachment_id), file.internal) for file in ticket.attachments]


async def test_whatever_is_written_can_bring_files(server, admin, upload):
    brought = [upload(admin) for _ in range(5)]
    opening, reply, note, remark, alone = ([each["upload"]] for each in brought)
    number = admin.post("/tickets", json={"title": "打印机坏了", "uploads": opening}).json()["number"]
    at = f"/tickets/{number}"
    answers = [
        admin.post(f"{at}/replies", json={"body": "看", "uploads": reply}),
        admin.post(f"{at}/notes", json={"body": "看", "uploads": note}),
        admin.post(f"{at}/remarks", json={"body": "看", "uploads": remark}),
        admin.post(f"{at}/attachments", json={"uploads": alone, "internal": True}),
        admin.post(f"{at}/attachments", json={"uploads": alone, "internal": True}),
    ]
    assert [answer.json()["events"] for answer in answers] == [2, 2, 2, 1, 0]
    internal = [False, False, True, False, True]
    ids = [each["attachment_id"] for each in brought]
    assert await on_ticket(server, number) == list(zip(ids, internal, strict=True))


def test_a_message_sent_again_brings_its_file_once(admin, opened, upload):
    at, asked = f"/tickets/{opened()}", {"body": "看", "uploads": [upload(admin)["upload"]]}
    twice = [admin.post(f"{at}/replies", json=asked, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert twice[0].json() == twice[1].json()
    assert twice[1].headers["idempotency-replayed"] == "true"


def test_only_who_uploaded_a_file_attaches_it(server, admin, opened, upload):
    at, mine = f"/tickets/{opened()}", upload(admin)["upload"]
    with server.acting("agent") as agent:
        for asked in ({"uploads": [mine]}, {"uploads": ["made up"]}):
            refused = agent.post(f"{at}/attachments", json=asked)
            assert (refused.status_code, refused.json()["code"]) == (422, "upload_invalid")


async def test_a_file_is_taken_off_once(server, admin, opened, upload):
    number, kept = opened(), upload(admin)
    admin.post(f"/tickets/{number}/attachments", json={"uploads": [kept["upload"]]})
    file = f"/tickets/{number}/attachments/{kept['attachment_id']}"
    with server.acting("agent") as agent:
        assert agent.request("DELETE", file, json={"reason": "x"}).status_code == 403
    assert admin.request("DELETE", file, json={"reason": "sent by mistake"}).json()["events"] == 1
    again = admin.request("DELETE", file, json={"reason": "sent by mistake"})
    assert (again.status_code, again.json()["code"]) == (404, "unknown_attachment")
    assert await on_ticket(server, number) == []
