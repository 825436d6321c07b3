"""Webhooks over TLS: only those are told anything who can prove that they are who was named."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.webhooks import posting
from tests.certificates import Authority
from tests.processors.endpoints import endpoint
from tests.processors.test_webhooks_posting import posted

NAME = "hooks.example"
YESTERDAY = timedelta(days=-1)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """One that the desk trusts, as it trusts those of the machine; and a name that leads here."""

    async def here(self: Any, host: str, port: int, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", here)
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    posting._tls.cache_clear()

    yield made
    posting._tls.cache_clear()


def test_who_proves_its_name_is_told(authority: Authority) -> None:
    with endpoint(certificate=authority.certificate(NAME)) as there:
        assert posted(there.url.replace("127.0.0.1", NAME)).outcome == "delivered"
    assert there.came[0].headers["host"] == f"{NAME}:{there.port}"


def test_an_address_in_a_certificate_is_a_name_too(authority: Authority) -> None:
    with endpoint(certificate=authority.certificate("127.0.0.1")) as there:
        assert posted(there.url).outcome == "delivered"


@pytest.mark.parametrize("what", ["expired", "of another name", "of an unknown authority"])
def test_who_does_not_is_told_nothing(authority: Authority, tmp_path: Path, what: str) -> None:
    (tmp_path / "unknown").mkdir()
    bad = {
        "expired": authority.certificate(NAME, ends_in=YESTERDAY),
        "of another name": authority.certificate("other.example"),
        "of an unknown authority": Authority(tmp_path / "unknown").certificate(NAME),
    }
    with endpoint(certificate=bad[what]) as there:
        answer = posted(there.url.replace("127.0.0.1", NAME))
    assert (answer.outcome, answer.status, there.came) == ("not_secure", None, [])
