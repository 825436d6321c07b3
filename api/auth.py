"""Who is asking, and what they may do: checked before every handler, at most a second old."""

import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import Depends, Request

from api import metrics
from api.access import Found
from api.errors import MissingCsrfToken, NotSignedIn, ScopeMissing
from api.scopes import permissions
from api.secrets import KEY_PREFIX, csrf_token, same
from api.services import Services, services
from api.tokens import Lookup
from api.versions import expected_version, what_happened_since
from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import InvalidInput, LedgerdeskError, NotAllowed, VersionConflict
from domain.event import Actor
from domain.permissions import Permission
from domain.requester import Requester
from domain.staff import Grant
from eventstore.desk import Receipt

COOKIE = "ledgerdesk_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENCY_KEY = re.compile("[!-~]{1,255}")


@dataclass(slots=True)
class Caller:
    """Who is asking."""

    services: Services
    request: Request
    found: Found
    token: str
    desk: Catalogue
    actor: Actor
    grant: Grant

    @property
    def workspace_id(self) -> UUID:
        """The only workspace that this request may touch."""
        return self.found.workspace_id

    @property
    def id(self) -> UUID:
        """The person or the requester."""
        return self.found.person_id

    @property
    def by_key(self) -> bool:
        """Whether a program is asking, with an API key."""
        return self.found.scopes is not None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role allows, within the key's scopes."""
        allowed = self.grant.permissions
        return allowed if self.found.scopes is None else allowed & permissions(self.found.scopes)

    def require(self, permission: Permission) -> None:
        """Let the caller pass, or NotAllowed naming what is missing."""
        if permission not in self.grant.permissions:
            raise NotAllowed(permission=permission, role=self.grant.role)
        if self.found.scopes is not None and permission not in permissions(self.found.scopes):
            raise ScopeMissing(permission=permission)

    def context(self) -> dict[str, Any]:
        """The common part of a command of this request."""
        return {
            "workspace_id": self.found.workspace_id,
            "by": self.actor,
            "at": self.services.desk.clock(),
            "command_id": self.command_id(),
            "channel": "api" if self.by_key else "web",
            "expected_version": expected_version(self.request.headers.get("if-match")),
        }

    def command_id(self) -> UUID:
        """The same for the same Idempotency-Key of the same person; otherwise a new one."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return uuid4()
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidInput(field="Idempotency-Key", reason="must have 1 to 255 visible ASCII characters, no spaces")
        return uuid5(self.found.workspace_id, f"{self.actor.id}\n{key}")

    async def execute(self, command: Command) -> Receipt:
        """Execute it; a conflict says what happened since the version that the caller saw."""
        return await self.explaining(command, self.services.desk.execute(command))

    async def explaining(self, command: Command, doing: Awaitable[Receipt]) -> Receipt:
        """What is being done with the command, its conflict explained."""
        verdict = "failed"
        try:
            receipt = await doing
            verdict = "repeated" if receipt.repeated else "done"
            return receipt
        except LedgerdeskError as error:
            verdict = error.code
            if isinstance(error, VersionConflict):
                error.fields["since"] = await what_happened_since(self.services, command)
            raise
        finally:
            metrics.command(type(command).__name__, verdict).inc()


async def caller_of(request: Request) -> Caller:
    """The caller, or NotSignedIn; takes from their rate limit, or from their address's."""
    here, origin = services(request), address(request)
    try:
        token, lookup = _credentials(request, here)
        if not here.tokens.knows(token):
            # The database is not asked about one made-up token after another.
            here.strangers.check(origin)
        caller = await _owner(request, token, lookup)
    except NotSignedIn:
        here.strangers.take(origin)
        raise
    here.callers.take(caller.found.key_id or caller.token)
    if not caller.by_key and request.method not in SAFE:
        _check_csrf(request, caller.token)
    return caller


async def identified(request: Request) -> Caller:
    """The caller as they are now, or NotSignedIn; for long answers to ask again whether they may go on."""
    return await _owner(request, *_credentials(request, services(request)))


async def _owner(request: Request, token: str, lookup: Lookup) -> Caller:
    here = services(request)
    found = await here.tokens.owner(token, lookup)
    desk, actor = await _actor(here, found)
    return Caller(here, request, found, token, desk, actor, desk.grant(actor))


def _credentials(request: Request, here: Services) -> tuple[str, Lookup]:
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.startswith(KEY_PREFIX):
            raise NotSignedIn()
        return key, here.access.api_key
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn()
    return token, here.access.session


async def _actor(here: Services, found: Found) -> tuple[Catalogue, Actor]:
    """The person or the requester whom the token belongs to, or NotSignedIn."""
    desk = await here.desk.catalogue(found.workspace_id)
    if found.person_id not in desk.people:
        requester = await here.desk.recalled(found.workspace_id, "requester", found.person_id)
        if isinstance(requester.state, Requester) and requester.state.registered and not requester.state.erasing:
            return desk, Actor(kind="requester", id=str(found.person_id))
        # Added a moment ago, perhaps through another process.
        desk = (await here.desk.state(found.workspace_id, "workspace", found.workspace_id)).state
    person = desk.people.get(found.person_id)
    if person is None or not person.active:
        raise NotSignedIn()
    return desk, Actor(kind="person", id=str(person.id))


def _check_csrf(request: Request, token: str) -> None:
    if not same(request.headers.get("x-csrf-token", ""), csrf_token(token)):
        raise MissingCsrfToken()


def address(request: Request) -> str:
    """Where the request comes from; uvicorn has put the proxy's word in place where the proxy is trusted."""
    return request.client.host if request.client else ""


class Needs:
    """A dependency that gives the handler its caller, once they have the permission."""

    def __init__(self, permission: Permission | None = None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Caller:
        """The caller, NotSignedIn or NotAllowed."""
        caller = await caller_of(request)
        if self.permission is not None:
            caller.require(self.permission)
        return caller


def needs(permission: Permission | None = None) -> Any:
    """`Depends` on a caller with the permission; None asks for any signed-in person."""
    return Depends(Needs(permission))
