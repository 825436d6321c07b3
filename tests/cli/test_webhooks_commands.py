"""`ledgerdesk webhooks`: what a webhook was told, with request and answer, and sending it again."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.errors import InvalidInput
from domain.webhooks import OVERLAP
from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from processors.deliveries import UnknownDelivery
from processors.following import Follower
from processors.webhooks.process import Webhooks
from processors.webhooks.sending import Courier
from tests.commandline import MASTER_KEY, Run
from tests.commandline import ledgerdesk as ledgerdesk
from tests.processors.endpoints import HERE, endpoint, says

KEYRING = Keyring(MASTER_KEY)


@pytest.fixture
def desk(ledgerdesk: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A desk that may call this machine; the process has begun."""
    monkeypatch.setenv("LEDGERDESK_WEBHOOK_ALLOW", "127.0.0.0/8")
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    queued(database_url)
    return ledgerdesk


def queued(url: str) -> None:
    """What happened leads to deliveries."""
    with connect(url, Role.WORKER) as db:
        follower = Follower(Webhooks(), KEYRING, db, lambda: datetime.now(UTC))
        while follower.step():
            pass


async def sent(url: str) -> None:
    """What is due goes out."""
    with connect(url, Role.WORKER) as db:
        async with Desk(url, KEYRING) as office:
            courier = Courier(db, KEYRING, HERE, office, lambda: datetime.now(UTC))
            while await courier.step(0.05):
                pass


def test_of_one_delivery_request_and_answer_are_shown(desk: Run, database_url: str) -> None:
    with endpoint(says(500, b"no such day", x_reason="tired")) as there:
        desk("webhooks", "add", "crm", there.url, "--event", "ticket.opened")
        assert desk("webhooks", "log", "crm").stdout == "Nothing yet.\n"
        desk("do", "open-ticket", "1", "title=Fire")
        queued(database_url)
        asyncio.run(sent(database_url))
    which, _, _ = desk("webhooks", "log", "crm").stdout.partition(" ")
    said = desk("webhooks", "log", "crm", which).stdout
    assert "refused, status 500" in said
    for line in (f"   > webhook-id: {which}", "   < x-reason: tired", "   < no such day"):
        assert line in said.splitlines()
    assert desk("webhooks", "redeliver", "crm", which).stdout.startswith("1 sent again")


def test_what_is_no_delivery_of_the_webhook_is_refused(desk: Run) -> None:
    desk("webhooks", "add", "crm", "https://crm.example.com/")
    for doing in ("log", "redeliver"):
        for which, refusal in (("x", InvalidInput), (str(uuid4()), UnknownDelivery)):
            with pytest.raises(refusal):
                desk("webhooks", doing, "crm", which)


def test_each_command_says_what_has_become_so(desk: Run) -> None:
    def said(*words: str) -> str:
        return desk("webhooks", *words).stdout

    assert said("add", "crm", "https://crm.example.com/").startswith("Webhook crm: set.\n")
    assert said("pause", "crm") == "Webhook crm: paused; nothing is sent to it until it is resumed.\n"
    assert said("pause", "crm") == "Webhook crm: nothing to change.\n"
    assert said("resume", "crm").startswith("Webhook crm: resumed; what it missed is sent by")
    begun = datetime.now(UTC)
    rotated = said("rotate", "crm")
    days = {f"{day + OVERLAP:%Y-%m-%d}" for day in (begun, datetime.now(UTC))}
    assert any(rotated.startswith(f"Webhook crm: signs with a new secret; until {day} ") for day in days)
    assert " UTC the one before it signs too.\nIts secret, shown this once: whsec_" in rotated
    assert said("retire", "crm") == "Webhook crm: retired.\n"
