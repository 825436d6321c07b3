"""A process of an earlier release beside a newer one says so, instead of failing or of passing over what was set up."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.event import SYSTEM, Event
from domain.setup.tags import SetTag, TagSet
from eventstore.append import Appender
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from tests.api.conftest import Server, settings
from tests.waiting import wait_until

KNOWN = b'"class_version":1'


async def appended(server: Server, topic: str, state: tuple[bytes, bytes]) -> None:
    """A change of the workspace as another release would write it."""
    keyring, workspace = Keyring(settings(server.database_url).master_key_bytes()), server.acme.id
    event: Event = TagSet(tag="vip", colour="#ff0000")
    context: dict[str, Any] = {"workspace_id": workspace, "by": SYSTEM, "at": datetime.now(UTC), "command_id": uuid4()}
    async with Desk(server.database_url, keyring) as desk:
        before = await desk.state(workspace, "workspace", workspace)
        call, _ = stamp(keyring, SetTag(tag="vip", **context), workspace, before, [event])
    newer = [each._replace(topic=topic, state=each.state.replace(*state)) for each in call.events]
    assert newer != list(call.events)
    async with Appender(server.database_url) as appender:
        await appender.append(call._replace(events=newer))


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        pytest.param("workspace.teleported", (KNOWN, KNOWN), id="an event of another name"),
        pytest.param("workspace.tag_set", (KNOWN, b'"class_version":9'), id="another version of one"),
        pytest.param("workspace.tag_set", (b'"tag":', b'"label":'), id="one that says something else"),
    ],
)
def test_what_a_newer_release_set_up_is_a_reason_to_upgrade(
    server: Server, admin: httpx.Client, topic: str, state: tuple[bytes, bytes]
) -> None:
    assert admin.get("/me").status_code == 200
    asyncio.run(appended(server, topic, state))
    # What is set up is looked at anew within a second.
    wait_until(lambda: admin.get("/me").status_code != 200)
    answers = [admin.get("/me"), admin.get("/tags"), admin.post("/tickets", json={"title": "Still here"})]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(503, "newer_release")] * 3
    assert "Upgrade it" in answers[0].json()["detail"]
    assert "vip" not in answers[0].text
