"""What one is told, over HTTP: paged, marked as read, live and resumed; each person's own."""

import asyncio
import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.event import SYSTEM, Actor
from domain.ids import ticket_id
from domain.inbox.notification import SendNotification, Told
from domain.inbox.preferences import Channel, Kind
from domain.permissions import RoleName
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.api.conftest import settings
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("followed")


@pytest.fixture
def tell(server):
    """Tell people of a ticket's event, or with no number that a webhook is paused; answers the position."""

    def telling(number: str | None, *roles: RoleName, version: int = 1, kinds=(Kind.FOLLOWED,), which=None) -> int:
        office = server.acme
        about, doer = {}, Actor(kind="webhook", id="crm")
        if number is not None:
            about = {"ticket_id": ticket_id(office.id, number), "number": number, "first": version, "last": version}
            doer = Actor(kind="person", id=str(office.people[RoleName.ADMIN]))
        told = tuple(Told(person_id=office.people[role], kinds=kinds, channels=(Channel.INBOX,)) for role in roles)
        command = SendNotification(
            workspace_id=office.id,
            by=SYSTEM,
            at=datetime.now(UTC),
            command_id=uuid4(),
            notification_id=which or uuid4(),
            doer=doer,
            happened_at=datetime.now(UTC),
            told=told,
            **about,
        )

        async def send() -> int:
            async with Desk(server.database_url, Keyring(settings(server.database_url).master_key_bytes())) as desk:
                return (await desk.execute(command)).position

        return asyncio.run(send())

    return telling


@pytest.fixture
def agent(server):
    """The agent's client."""
    with server.acting(RoleName.AGENT) as client:
        yield client


def inbox_of(client, position: int, **asked: Any) -> dict[str, Any]:
    answer = client.get("/me/notifications", params={"min_position": position, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_people_read_what_they_were_told_and_by_whom(server, admin, agent, opened, tell):
    number = opened(title="Fire")
    replied = admin.post(f"/tickets/{number}/replies", json={"body": "We come."}).json()
    position = tell(number, RoleName.AGENT, version=replied["version"], kinds=(Kind.MENTIONED, Kind.FOLLOWED))
    told = inbox_of(agent, position)
    (first, *_) = told["notifications"]
    assert (first["number"], first["kinds"], first["title"]) == (number, ["mentioned", "followed"], "Fire")
    assert (first["text"], first["read_at"]) == ("We come.", None)
    assert told["names"][first["by"]["id"]] == "Some admin"


def test_what_is_of_no_ticket_is_told_and_says_so(admin, tell):
    position = tell(None, RoleName.ADMIN, kinds=(Kind.WEBHOOK_PAUSED,))
    (told, *_) = inbox_of(admin, position)["notifications"]
    assert (told["number"], told["title"], told["text"]) == (None, None, None)
    assert (told["kinds"], told["by"]) == (["webhook_paused"], {"kind": "webhook", "id": "crm"})
    live = admin.get("/me/notifications/live", params={"after": position - 1, "wait": "false"}).text
    assert '"number":null' in live
    assert "notification.sent.v2" in admin.get("/events?wait=false&types=notification.sent").text


def test_pages_go_on_and_what_was_read_is_counted_no_more(server, admin, agent, opened, tell):
    number = opened()
    agent.post("/me/notifications/read", json={"upto": tell(number, RoleName.AGENT)})
    position = max(tell(number, RoleName.AGENT) for _ in range(3))
    page = inbox_of(agent, position, limit=2)
    assert (len(page["notifications"]), page["unread"]) == (2, 3)
    rest = inbox_of(agent, position, limit=2, before=page["next"], unread=True)
    assert (len(rest["notifications"]), rest["next"]) == (1, None)
    one = page["notifications"][0]["id"]
    read = agent.post("/me/notifications/read", json={"notifications": [one, str(uuid4())]}).json()
    assert inbox_of(agent, read["position"])["unread"] == 2
    again = agent.post("/me/notifications/read", json={"notifications": [one]}).json()
    assert again["events"] == 0
    everything = agent.post("/me/notifications/read", json={"upto": position}).json()
    assert inbox_of(agent, everything["position"])["unread"] == 0


def test_each_has_their_own_and_reads_for_nobody_else(server, admin, agent, opened, tell):
    position = tell(opened(), RoleName.LEAD)
    mine = inbox_of(agent, position)["notifications"]
    with server.acting(RoleName.LEAD) as lead:
        (theirs,) = inbox_of(lead, position, limit=1)["notifications"]
        assert theirs["id"] not in {each["id"] for each in mine}
        agent.post("/me/notifications/read", json={"notifications": [theirs["id"]]})
        read = agent.post("/me/notifications/read", json={"upto": position}).json()
        assert inbox_of(lead, read["position"], limit=1)["notifications"][0]["read_at"] is None


def test_a_key_that_may_not_view_tickets_reads_nothing_of_them(server, admin, agent, opened, tell):
    position = tell(opened(title="not for it"), RoleName.AGENT)
    (told,) = inbox_of(agent, position)["notifications"]
    asked = {"name": "what is set up", "scopes": ["workspace.view"], "person_id": str(server.acme.people["agent"])}
    with server.client(admin.post("/api-keys", json=asked).json()["secret"]) as client:
        (bare,) = inbox_of(client, position)["notifications"]
    assert told["title"] == "not for it"
    assert bare == told | {"title": None, "text": None}


def test_preferences_are_kept_and_refused_where_they_make_no_sense(agent):
    wishes = {"channels": {"followed": []}, "quiet": {"starts": 1320, "ends": 480}, "zone": "Asia/Shanghai"}
    assert agent.put("/me/notification-preferences", json=wishes).status_code == 200
    kept = agent.get("/me/notification-preferences").json()
    assert (kept["channels"], kept["quiet"], kept["language"]) == ({"followed": []}, wishes["quiet"], "en")
    assert kept["usual"]["mentioned"] == ["inbox", "mail"]
    for wrong in ({"zone": "Mars"}, {"channels": {"gossip": []}}, {"quiet": {"starts": 5, "ends": 5}}, {"x": 1}):
        assert agent.put("/me/notification-preferences", json=wrong).status_code == 422
    assert agent.put("/me/notification-preferences", json={}).status_code == 200


class Live:
    """Reads the stream in a thread of its own, until its client is closed."""

    def __init__(self, client, **headers: str) -> None:
        self.text, self._client, self._headers = "", client, headers
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        # The client is closed while we read.
        closed = suppress(httpx.HTTPError, httpx.StreamError, OSError)
        with closed, self._client.stream("GET", "/me/notifications/live", headers=self._headers, timeout=60) as answer:
            for text in answer.iter_text():
                self.text += text

    @property
    def messages(self) -> list[tuple[str, Any]]:
        return messages(self.text)

    def ids(self) -> list[str]:
        return [data["id"] for name, data in self.messages if name == "notification"]


def messages(text: str) -> list[tuple[str, Any]]:
    fields = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [(each["event"], json.loads(each["data"])) for each in fields if "data" in each]


def test_what_one_is_told_comes_live(server, agent, opened, tell):
    number, first, second = opened(), uuid4(), uuid4()
    position = tell(number, RoleName.AGENT, which=first)
    inbox_of(agent, position)
    with server.acting(RoleName.AGENT) as client:
        live = Live(client, **{"Last-Event-ID": str(position - 1)})
        wait_until(lambda: live.ids() == [str(first)])
        tell(number, RoleName.LEAD)
        newest = tell(number, RoleName.AGENT, which=second)
        wait_until(lambda: live.ids() == [str(first), str(second)])
        agent.post("/me/notifications/read", json={"upto": newest})
        wait_until(lambda: live.messages[-1] == ("unread", {"unread": 0}))


def test_a_reader_goes_on_where_it_stopped(agent, opened, tell):
    number, ids = opened(), [uuid4() for _ in range(3)]
    positions = [tell(number, RoleName.AGENT, which=each) for each in ids]
    inbox_of(agent, positions[-1])
    resumed = {"Last-Event-ID": str(positions[0])}
    answer = agent.get("/me/notifications/live", params={"wait": False}, headers=resumed)
    told = [data["id"] for name, data in messages(answer.text) if name == "notification"]
    assert told == [str(each) for each in ids[1:]]
    nothing = agent.get("/me/notifications/live", params={"wait": False})
    assert [name for name, _ in messages(nothing.text)] == ["unread"]


def test_the_stream_of_events_has_of_readings_ones_own_only(server, admin, agent, opened, tell):
    position = tell(opened(), RoleName.AGENT)
    agent.post("/me/notifications/read", json={"upto": position})
    asked = {"wait": False, "types": ["inbox.read"], "after": position}
    assert "inbox.read" in agent.get("/events", params=asked).text
    assert "inbox.read" not in admin.get("/events", params=asked).text


def test_a_customer_has_no_inbox(server):
    assert server.client().get("/me/notifications").status_code == 401


def test_unknown_ids_lead_to_nothing(agent):
    answer = agent.post("/me/notifications/read", json={"notifications": [str(UUID(int=5))]})
    assert (answer.status_code, answer.json()["events"]) == (200, 0)
