"""One HTTP request to an endpoint that nobody trusts: to a checked address, within a deadline, of a bounded answer."""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore

from processors.webhooks import addresses
from processors.webhooks.settings import Network, WebhookSettings

# Of an answer so much is read and kept; of its headers so many, each cut.
MOST_BYTES, MOST_HEADERS, LONGEST_HEADER = 2_000, 30, 200
# And so much is listened to: one that says «continue» without an end must not keep us busy with it for as long as it may take.
MOST_HEARD = 65_536

# Whoever serves a name may be slow; who sets something up does not wait for long.
PATIENCE = 3.0

# Whose values are the endpoint's own secrets.
THEIRS = frozenset({"set-cookie", "authorization", "proxy-authenticate", "www-authenticate", "authentication-info"})

OK = range(200, 300)
REDIRECTS = range(300, 400)
GONE = 410


class _Forbidden(Exception):
    """The name leads to an address that may not be called."""


class _NotSecure(Exception):
    """Without TLS only what an operator allows is called."""


class _NotResolved(Exception):
    """The name leads nowhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: a code, and as much of the answer as is kept."""

    outcome: str
    seconds: float
    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    beginning: str = ""

    @property
    def taken(self) -> bool:
        """Whether the endpoint has it."""
        return self.outcome == "delivered"

    @property
    def retry_after(self) -> int:
        """How many seconds it asks to be left alone; 0 where it does not."""
        said = dict(self.headers).get("retry-after", "")
        return int(said) if re.fullmatch(r"\d{1,6}", said) else 0


@dataclass(slots=True)
class _Heard:
    """As much of an answer as has come."""

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


async def post(url: str, headers: Mapping[str, str], body: bytes, settings: WebhookSettings) -> Answer:
    """Send it once. Whatever the other side does is an answer, never an exception."""
    began, heard = time.monotonic(), _Heard()
    try:
        async with asyncio.timeout(settings.webhook_timeout):
            await _exchange(url, headers, body, settings.allowed, heard)
        failure = "bad_answer"
    except Exception as error:  # noqa: BLE001 - all that can go wrong between strangers
        failure = _blamed(error)
    return Answer(
        _outcome(heard.status, failure),
        time.monotonic() - began,
        heard.status,
        heard.headers,
        heard.body[:MOST_BYTES].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )


async def objection(url: str, settings: WebhookSettings) -> str | None:
    """Why nothing would be sent there now, as an outcome has it; None where it would."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(PATIENCE):
            found = await _resolved(parts.hostname or "", parts.port or 443)
        _must_be_callable(found, settings.allowed, secure=parts.scheme == "https")
    except Exception as error:  # noqa: BLE001 - as for what is sent
        return _blamed(error)
    return None


async def _exchange(
    url: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[Network], heard: _Heard
) -> None:
    backend = _Checked(allowed, secure=urlsplit(url).scheme == "https")
    # No connection is used twice: the name may lead elsewhere next time, and is looked up and checked each time.
    async with (
        httpcore.AsyncConnectionPool(_tls(), max_connections=1, network_backend=backend) as pool,
        pool.stream("POST", url, headers=[("Host", _host(url)), *headers.items()], content=body) as answer,
    ):
        heard.status = answer.status
        heard.headers += _kept(answer.headers)
        async for piece in answer.aiter_stream():
            heard.body += piece
            if len(heard.body) >= MOST_BYTES:
                return


class _Checked(httpcore.AsyncNetworkBackend):
    """Resolves a name itself and connects to the very address that it checked, so that a name cannot change in between."""

    def __init__(self, allowed: Sequence[Network], *, secure: bool) -> None:
        self._allowed, self._secure = allowed, secure
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await _resolved(host, port)
        _must_be_callable(found, self._allowed, secure=self._secure)
        for address in found[:-1]:
            try:
                return await self._connected(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._connected(found[-1], port, timeout, local_address, socket_options)

    async def _connected(self, *where: Any) -> httpcore.AsyncNetworkStream:
        return _Bounded(await self._network.connect_tcp(*where))


class _Bounded(httpcore.AsyncNetworkStream):
    """A connection that ends once the other side has said too much."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream, self._left = stream, MOST_HEARD

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._left:
            return b""
        piece = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(piece)
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _must_be_callable(found: Iterable[str], allowed: Sequence[Network], *, secure: bool) -> None:
    """Raise _Forbidden or _NotSecure. One that is not allowed among others that are looks like an attempt, so none of them is called."""
    for address in found:
        if addresses.allowed(address, allowed):
            continue
        if not addresses.public(address):
            raise _Forbidden
        if not secure:
            raise _NotSecure


async def _resolved(host: str, port: int) -> list[str]:
    """The addresses that the name leads to now, or _NotResolved."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _NotResolved from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in list(headers)[:MOST_HEADERS]]
    return [(name, "..." if name in THEIRS else value[:LONGEST_HEADER]) for name, value in pairs]


def _outcome(status: int | None, failure: str) -> str:
    """What counts is the status; what became of the rest of an answer does not matter."""
    if status is None:
        return failure
    if status in OK:
        return "delivered"
    if status in REDIRECTS:
        return "redirected"
    return "gone" if status == GONE else "refused"


def _blamed(error: Exception) -> str:
    match error:
        case _Forbidden():
            return "address_forbidden"
        case _NotResolved():
            return "name_unknown"
        case _NotSecure():
            return "not_secure"
        case TimeoutError() | httpcore.TimeoutException():
            return "no_answer"
        case httpcore.ConnectError():
            return "not_secure" if _distrusted(error) else "no_connection"
        case _:
            return "bad_answer"


def _distrusted(error: BaseException | None) -> bool:
    """Whether it comes of TLS, however often it was put into other words on the way."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
