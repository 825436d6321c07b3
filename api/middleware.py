"""Around every request: an id, a log line, metrics, security headers, and refusals that need no handler."""

import itertools
import secrets
import time

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.problems import BodyTooLarge, NotAcceptable, ProblemResponse, UnsupportedMediaType, answer_to
from domain.errors import LedgerdeskError

log = structlog.get_logger()

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
SECURITY_UNCACHED = (*SECURITY, (b"cache-control", b"no-store"))
_LOOKED_AT = frozenset({b"accept", b"content-length", b"content-type", b"transfer-encoding"})
_BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# They take bytes of any type, as many as a file may have: their handlers count them as they come.
STREAMED = frozenset({"/api/v1/uploads", "/api/v1/import-files"})
_ANSWERS = (b"json", b"*/*", b"application/*", b"text/")


class Surroundings:
    """Pure ASGI: one layer for all, since each costs every request."""

    def __init__(self, app: ASGIApp, body_limit: int) -> None:
        self._app, self._body_limit = app, body_limit
        self._ids = itertools.count(1)
        self._run = secrets.token_hex(8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"{self._run}-{next(self._ids):x}"
        status = 0

        async def finishing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _decorate(message, request_id)
            await send(message)

        try:
            await self._serve(scope, receive, finishing)
        except Exception as error:
            answer = None if status else await answer_to(Request(scope), error)
            if answer is None:
                log.exception("request.failed", request_id=request_id, error=type(error).__name__)
            if status:
                raise  # the answer has begun: cutting it off is the only way to say that it is not whole
            await (answer or ProblemResponse(LedgerdeskError()))(scope, receive, finishing)
        finally:
            _account(scope, status, time.perf_counter() - began, request_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value for name, value in scope["headers"] if name in _LOOKED_AT}
        streamed = scope["path"] in STREAMED
        refused = self._refusal(scope["method"], headers, streamed=streamed)
        if refused is not None:
            await ProblemResponse(refused)(scope, receive, send)
        elif b"transfer-encoding" in headers and not streamed:
            await self._app(scope, self._counted(receive), send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: dict[bytes, bytes], *, streamed: bool) -> LedgerdeskError | None:
        accept = headers.get(b"accept")
        if accept and not any(kind in accept for kind in _ANSWERS):
            return NotAcceptable()
        if streamed or method not in _BODIES:
            return None
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._body_limit:
            return BodyTooLarge(limit=self._body_limit)
        if length == b"0" and b"transfer-encoding" not in headers:
            return None
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        return None if kind == b"application/json" else UnsupportedMediaType()

    def _counted(self, receive: Receive) -> Receive:
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._body_limit:
                raise HTTPException(BodyTooLarge.status)
            return message

        return counting


def _decorate(message: Message, request_id: str) -> None:
    headers = list(message.get("headers", ()))
    headers.append((b"x-request-id", request_id.encode()))
    own_caching = any(name == b"cache-control" for name, _ in headers)
    headers.extend(SECURITY if own_caching else SECURITY_UNCACHED)
    message["headers"] = headers


def _account(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    # The route's pattern, not the address: a query string or a tag may be what a customer wrote.
    route = getattr(scope.get("route"), "path", "")
    metrics.observe(scope["method"], route, status, seconds)
    log.info(
        "request",
        method=scope["method"],
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        request_id=request_id,
    )
