"""One request to endpoints that fail, hang, flood and lie, and to addresses that are nobody's business."""

import asyncio
import socket
from typing import Any

import pytest

from processors.webhooks import addresses
from processors.webhooks.posting import MOST_BYTES, Answer, post
from processors.webhooks.settings import WebhookSettings, networks
from tests.processors.endpoints import (
    HERE,
    IMPATIENT,
    Answering,
    babbles,
    drips,
    endpoint,
    floods,
    floods_headers,
    hangs,
    leaves,
    lies,
    puts_off,
    says,
)


def posted(url: str, settings: WebhookSettings = HERE) -> Answer:
    return asyncio.run(post(url, {"webhook-id": "1"}, b"{}", settings))


@pytest.mark.parametrize(
    ("answering", "outcome", "status"),
    [
        (says(204), "delivered", 204),
        (says(500, b"Oops"), "refused", 500),
        (says(404), "refused", 404),
        (says(410), "gone", 410),
        (hangs, "no_answer", None),
        (drips, "no_answer", None),
        (floods, "delivered", 200),
        (floods_headers, "bad_answer", None),
        (puts_off, "bad_answer", None),
        (lies, "refused", 500),
        (leaves, "bad_answer", None),
        (babbles, "bad_answer", None),
    ],
)
def test_whatever_an_endpoint_does_is_an_answer(answering: Answering, outcome: str, status: int | None) -> None:
    with endpoint(answering) as there:
        answer = posted(there.url, IMPATIENT if outcome == "no_answer" else HERE)
    assert (answer.outcome, answer.status) == (outcome, status)
    assert len(answer.beginning) <= MOST_BYTES


def test_secrets_in_an_answer_are_not_kept() -> None:
    with endpoint(says(200, set_cookie="session=4711", x_request="7")) as there:
        headers = dict(posted(there.url).headers)
    assert (headers["set-cookie"], headers["x-request"]) == ("...", "7")


def test_a_redirect_is_not_followed() -> None:
    with endpoint() as elsewhere, endpoint(says(307, location=elsewhere.url)) as there:
        assert posted(there.url).outcome == "redirected"
        assert elsewhere.came == []


def test_nobody_listening_is_no_connection() -> None:
    with endpoint() as there:
        url = there.url
    assert posted(url).outcome == "no_connection"


def test_an_unknown_name_is_said() -> None:
    assert posted("https://nowhere.invalid/").outcome == "name_unknown"


def test_what_is_not_public_is_not_called_unless_an_operator_allows_it() -> None:
    with endpoint() as there:
        assert posted(there.url, WebhookSettings()).outcome == "address_forbidden"
        assert posted(there.url.replace("127.0.0.1", "localhost"), WebhookSettings()).outcome == "address_forbidden"
        assert there.came == []


def test_a_name_that_leads_elsewhere_the_next_time_is_called_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def rebinding(self: Any, host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", rebinding)
    only = WebhookSettings(webhook_allow="127.0.0.1")
    with endpoint() as there:
        url = there.url.replace("127.0.0.1", "rebinding.example")
        assert posted(url, only).outcome == "delivered"
        assert there.came[0].headers["host"] == f"rebinding.example:{there.port}"
        assert posted(url, only).outcome == "address_forbidden"


def test_without_tls_only_what_an_operator_allows_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(self: Any, host: str, port: int, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", elsewhere)
    assert posted("http://example.com/", HERE).outcome == "not_secure"


def test_a_server_that_cannot_prove_its_name_is_not_told_anything() -> None:
    with endpoint() as there:
        answer = posted(there.url.replace("http:", "https:"))
    assert answer.outcome in ("not_secure", "no_connection", "no_answer")
    assert all(not request.body for request in there.came)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.5",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - to be refused
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "2001:0:808:808::f7f7:f7f7",
        "3fff::1",
        "5f00::1",
        "fec0::1",
    ],
)
def test_an_address_that_is_not_public_is_found_out_however_it_is_written(address: str) -> None:
    assert not addresses.public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_may_be_called(address: str) -> None:
    assert addresses.public(address)


def test_an_allowed_network_allows_what_is_in_it_and_no_more() -> None:
    allow = networks("10.1.0.0/16, fd00::/8")
    assert [addresses.allowed(each, allow) for each in ("10.1.2.3", "10.2.0.1", "fd00::5", "::ffff:10.1.0.1")] == [
        True,
        False,
        True,
        True,
    ]
