"""Endpoints on 127.0.0.1 that take what they are sent, or do what bad ones do."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from processors.webhooks.settings import WebhookSettings

# Endpoints of this machine may be called. A busy machine has its time; it is short only for who says nothing, or never ends.
HERE = WebhookSettings(webhook_allow="127.0.0.0/8")
IMPATIENT = WebhookSettings(webhook_allow="127.0.0.0/8", webhook_timeout=0.5)

Answering = Callable[["Endpoint", socket.socket, "Request"], None]


@dataclass
class Request:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its webhook-id."""
        return self.headers["webhook-id"]

    def read(self, secret: str) -> Any:
        """What it says, once its signature is found good."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Endpoint:
    """Keeps what came. `answering` does what comes next, on the bare connection."""

    port: int
    answering: Answering
    tls: ssl.SSLContext | None = None
    came: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hooks"

    def serve(self, connection: socket.socket) -> None:
        """One connection, of one request."""
        with connection, suppress(OSError, ValueError, IndexError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            request = _read(connection)
            if request is not None:
                self.came.append(request)
                self.answering(self, connection, request)


def _read(connection: socket.socket) -> Request | None:
    stream = connection.makefile("rb")
    first = stream.readline().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.decode().lower()] = value.strip().decode()
    return Request(first[1].decode(), headers, stream.read(int(headers.get("content-length", 0))))


def says(status: int, body: bytes = b"", **headers: str) -> Answering:
    """An ordinary answer."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    def answer(_: Endpoint, connection: socket.socket, __: Request) -> None:
        head = f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n{more}connection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return answer


def hangs(endpoint: Endpoint, _: socket.socket, __: Request) -> None:
    """Takes it and says nothing."""
    endpoint.closing.wait()


def drips(endpoint: Endpoint, connection: socket.socket, _: Request) -> None:
    """One byte of the answer after the other, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not endpoint.closing.wait(0.05):
        connection.sendall(b"a")


def floods(endpoint: Endpoint, connection: socket.socket, _: Request) -> None:
    """An answer without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not endpoint.closing.is_set():
        connection.sendall(b"x" * 65536)


def floods_headers(endpoint: Endpoint, connection: socket.socket, _: Request) -> None:
    """Headers without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not endpoint.closing.is_set():
        connection.sendall(b"x: " + b"y" * 1000 + b"\r\n")


def puts_off(_: Endpoint, connection: socket.socket, __: Request) -> None:
    """Says that it goes on, again and again, before it answers."""
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def lies(_: Endpoint, connection: socket.socket, __: Request) -> None:
    """Promises more than it says."""
    connection.sendall(b"HTTP/1.1 500 Oops\r\ncontent-length: 9999\r\n\r\nshort")


def leaves(_: Endpoint, __: socket.socket, ___: Request) -> None:
    """Closes without a word."""


def babbles(_: Endpoint, connection: socket.socket, __: Request) -> None:
    """Says what is no HTTP."""
    connection.sendall(b"220 mail.example ESMTP\r\n")


@contextmanager
def endpoint(answering: Answering | None = None, certificate: Path | None = None) -> Iterator[Endpoint]:
    """An endpoint that is up, with that key and certificate or without TLS."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Endpoint(listening.getsockname()[1], answering or says(204), tls)
        threading.Thread(target=_accept, args=(found, listening), daemon=True).start()
        try:
            yield found
        finally:
            found.closing.set()
            # Wakes whoever waits for a connection.
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", found.port)).close()


def _accept(found: Endpoint, listening: socket.socket) -> None:
    while not found.closing.is_set():
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=found.serve, args=(connection,), daemon=True).start()
