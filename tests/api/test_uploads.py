"""Uploads over HTTP: what is taken from whom, and that nothing half is kept."""

import os
import re
import socket
from collections import Counter
from contextlib import suppress
from urllib.parse import quote, urlsplit

import httpx
import pytest

from domain.event import Actor
from domain.permissions import RoleName
from eventstore.files.desk import Owner
from eventstore.files.s3 import S3Files
from eventstore.files.sealing import FRAME
from tests.api.conftest import Server
from tests.api.filing import LIMIT, kept
from tests.api.filing import files as files
from tests.api.filing import served as served
from tests.eventstore.files import NOWHERE
from tests.waiting import wait_until


def named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Content-Type": "application/pdf"}


def owner(server: Server, role: RoleName = RoleName.ADMIN) -> Owner:
    return Owner(server.acme.id, Actor(kind="person", id=str(server.acme.people[role])))


async def test_a_file_larger_than_other_bodies_is_kept_and_can_be_attached(server, admin, files):
    data = os.urandom(LIMIT)
    answer = admin.post("/uploads", content=data, headers=named("打印机 \u201cA\u201d.pdf"))
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    [attachment] = files.uploaded(owner(server), [upload["upload"]])
    assert upload | {"key": attachment.key} == {
        **attachment.model_dump(mode="json"),
        "upload": upload["upload"],
    }
    assert (upload["name"], upload["media_type"], upload["size"]) == (
        "打印机 \u201cA\u201d.pdf",
        "application/pdf",
        LIMIT,
    )
    assert b"".join([piece async for piece in files.stream_of(server.acme.id, attachment)]) == data


def test_a_streamed_file_is_counted_as_it_comes(admin, tmp_path):
    def endless():
        while True:
            yield bytes(1 << 16)

    # The answer may come while we are still sending, and the connection be closed.
    with suppress(httpx.TransportError):
        assert admin.post("/uploads", content=endless()).status_code == 413
    wait_until(lambda: kept(tmp_path) == [])
    answer = admin.post("/uploads", content=bytes(LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "attachment_too_large")
    assert admin.post("/uploads", content=iter([bytes(LIMIT)])).status_code == 201


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"attachment; filename*=UTF-8''%E6%89%93.pdf", "打.pdf"),
        (b"attachment; filename=\"plain.pdf\"; filename*=UTF-8''%E6%89%93.pdf", "打.pdf"),
        ('form-data; name="f"; filename="打.pdf"'.encode(), "打.pdf"),
        (b'attachment; FILENAME="a\\"b;c.pdf"', 'a"b;c.pdf'),
        (b'attachment; filename="../../x.pdf"', "x.pdf"),
        (b"attachment; filename*=nonsense''%ff%fe", "\u00ff\u00fe"),
        (b"attachment; filename*=idna''x%C0.pdf", "x\u00c0.pdf"),
        (b"attachment; filename*=UTF-8''%ff%00.pdf", "\ufffd.pdf"),
        (b"attachment", "file"),
        (b'";;;=', "file"),
        (b"", "file"),
        (b"attachment; filename*=UTF-8''" + b"n" * 300 + b".pdf", "n" * 196 + ".pdf"),
    ],
)
def test_a_name_comes_as_rfc_6266_says_or_as_programs_send_it(admin, disposition, name):
    answer = admin.post("/uploads", content=b"x", headers={b"Content-Disposition": disposition})
    assert (answer.status_code, answer.json().get("name")) == (201, name)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (named("setup.exe"), 415, "file_type_refused"),
        ({"Content-Type": "nonsense"}, 422, "invalid_input"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 422, "invalid_input"),
        ({"Content-Disposition": '";' * 2001}, 422, "invalid_input"),
    ],
)
def test_what_is_not_taken_is_said(admin, tmp_path, headers, status, code):
    answer = admin.post("/uploads", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "setup" not in answer.text
    assert kept(tmp_path) == []


def test_an_empty_file_is_a_file(admin):
    assert admin.post("/uploads").json()["size"] == 0


@pytest.mark.parametrize(("role", "status"), [(RoleName.AGENT, 201), (RoleName.AUDITOR, 403)])
def test_who_may_write_may_upload(server, role, status):
    with server.acting(role) as client:
        assert client.post("/uploads", content=b"x").status_code == status
    with server.client() as nobody:
        assert nobody.post("/uploads", content=b"x").status_code == 401


def test_a_sender_who_goes_away_leaves_nothing_and_is_no_failure_of_ours(server, admin, tmp_path):
    address = urlsplit(server.url)
    head = (
        f"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT}\r\n"
        f"Authorization: Bearer {server.acme.keys[RoleName.ADMIN]}\r\n\r\n"
    )
    before = answered(admin)
    with socket.create_connection((address.hostname, address.port), timeout=20) as sock:
        sock.sendall(head.encode() + bytes(2 * FRAME))
        wait_until(lambda: kept(tmp_path))
    wait_until(lambda: answered(admin) != before)
    assert kept(tmp_path) == []
    assert answered(admin) - before == {"400": 1}


def answered(admin: httpx.Client) -> Counter[str]:
    """How often uploads were answered with each status, since the process began."""
    line = r'^ledgerdesk_http_requests_total\{.*route="/api/v1/uploads",status="(\d+)"\} (\S+)'
    found = re.findall(line, admin.get("/metrics").text, re.MULTILINE)
    return Counter({status: int(float(count)) for status, count in found})


def test_a_store_that_is_away_is_said_and_the_desk_goes_on(monkeypatch, admin, files):
    for name, value in {"ENDPOINT_URL": NOWHERE, "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    files.store = S3Files("desk")
    answer = admin.post("/uploads", content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (503, "file_store_unavailable")
    assert "Retry-After" in answer.headers
    assert "127.0.0.1" not in answer.text
    assert admin.post("/tickets", json={"title": "still open"}).status_code == 201
