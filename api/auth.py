"""Who is asking, and what they may do: checked before every handler, at most a second old."""

import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4, uuid5

from fastapi import Depends, Request

from api import metrics
from api.access import Found
from api.errors import MissingCsrfToken, NotSignedIn
from api.scopes import permissions
from api.secrets import KEY_PREFIX, csrf_token, same
from api.services import Services, services
from api.tokens import Lookup
from api.versions import expected_version, what_happened_since
from domain.access import reach, reaches
from domain.catalogue import Catalogue
from domain.command import Command
from domain.conditions import Condition
from domain.errors import InvalidInput, LedgerdeskError, NotAllowed, ScopeMissing, VersionConflict
from domain.event import Actor
from domain.permissions import Permission
from domain.requester import Requester
from domain.staff import Grant
from domain.ticket import Ticket
from domain.ticket.state import UnknownTicket
from eventstore.database import DatabaseUnavailable
from eventstore.desk import Receipt

C = TypeVar("C", bound=Command)
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
    # Records that were merged into the requester who is asking: their tickets are theirs too.
    absorbed: frozenset[UUID] = frozenset()

    @property
    def workspace_id(self) -> UUID:
        """The only workspace that this request may touch."""
        return self.found.workspace_id

    @property
    def id(self) -> UUID:
        """The person or the requester; one who was merged into another is the other."""
        return UUID(self.actor.id)

    @property
    def reach(self) -> Condition | None:
        """Which tickets the caller may see, for lists, searches and exports; None is all."""
        return reach(self.desk, self.actor, self.absorbed)

    @property
    def by_key(self) -> bool:
        """Whether a program is asking, with an API key."""
        return self.found.scopes is not None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role allows, within the key's scopes."""
        return self.grant.permissions if self.within is None else self.grant.permissions & self.within

    @property
    def within(self) -> frozenset[Permission] | None:
        """All that an API key allows; a session sets no bounds."""
        return None if self.found.scopes is None else permissions(self.found.scopes)

    def require(self, *permissions: Permission) -> None:
        """Let the caller pass who has one of them, or NotAllowed naming what is missing."""
        if self.grant.permissions.isdisjoint(permissions):
            raise NotAllowed(permission=permissions[0], role=self.grant.role)
        if self.permissions.isdisjoint(permissions):
            raise ScopeMissing(permission=permissions[0])

    def context(self) -> dict[str, Any]:
        """The common part of a command of this request."""
        return {
            "workspace_id": self.found.workspace_id,
            "by": self.actor,
            "within": self.within,
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

    async def desk_now(self) -> Catalogue:
        """The workspace as the log has it now: what `desk` remembers may be a second old, too old to refuse by."""
        return await self.services.desk.set_up(self.workspace_id)

    async def execute(self, command: Command) -> Receipt:
        """Execute it; a conflict says what happened since the version that the caller saw."""
        command = await self.in_own_name(command)
        return await self.explaining(command, self.services.desk.execute(command))

    async def in_own_name(self, command: C) -> C:
        """The command by whichever of the requester's merged records its ticket is of."""
        if not self.absorbed or command.AGGREGATE != "ticket":
            return command
        ticket = (await self.services.desk.recalled(self.workspace_id, "ticket", command.stream_id)).state
        if not isinstance(ticket, Ticket) or ticket.requester_id not in self.absorbed:
            return command
        return command.model_copy(update={"by": Actor(kind="requester", id=str(ticket.requester_id))})

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
                await self._must_see(command)
                about = command.workspace_id, command.stream_id, command.expected_version
                error.fields["since"] = await what_happened_since(self.services, command.by, *about)
            raise
        finally:
            metrics.command(type(command).__name__, verdict)

    def sees(self, ticket: Ticket) -> bool:
        """Whether the ticket is within reach; of merged customers each has the tickets of all."""
        return ticket.requester_id in self.absorbed or reaches(self.actor, self.grant, ticket, self.desk)

    async def _must_see(self, command: Command) -> None:
        """UnknownTicket where the version is that of a ticket out of reach: versions are compared before anything else."""
        if command.AGGREGATE != "ticket" or self.reach is None:
            return
        ticket = (await self.services.desk.state(self.workspace_id, "ticket", command.stream_id)).state
        theirs = self.sees(ticket) if ticket.opened else ticket.drafted_by == self.actor
        if not theirs:
            raise UnknownTicket(number=getattr(command, "number", ""))


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


async def as_of_now(me: Caller, permission: Permission) -> Caller | None:
    """The caller with the rights that they have by now; None where they may not go on."""
    try:
        now = await identified(me.request)
        now.require(permission)
    except (NotSignedIn, NotAllowed):
        return None
    except DatabaseUnavailable:
        return me
    return now


async def _owner(request: Request, token: str, lookup: Lookup) -> Caller:
    here = services(request)
    found = await here.tokens.owner(token, lookup)
    known = await identity(here, found)
    if known is None:
        raise NotSignedIn()
    return Caller(here, request, found, token, known.desk, known.actor, known.desk.grant(known.actor), known.absorbed)


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


class Identity(NamedTuple):
    """Whom credentials act for now."""

    desk: Catalogue
    actor: Actor
    absorbed: frozenset[UUID] = frozenset()


async def identity(here: Services, found: Found) -> Identity | None:
    """The person or the requester whom the credentials belong to; None where they are gone."""
    desk = await here.desk.catalogue(found.workspace_id)
    if found.person_id not in desk.people:
        if (requester := await _requester(here, found)) is not None:
            actor = Actor(kind="requester", id=str(requester[0]))
            return Identity(desk, actor, requester[1].absorbed)
        # Added a moment ago, perhaps through another process.
        desk = await here.desk.set_up(found.workspace_id)
    person = desk.people.get(found.person_id)
    if person is None or not person.active:
        return None
    return Identity(desk, Actor(kind="person", id=str(person.id)))


async def _requester(here: Services, found: Found) -> tuple[UUID, Requester] | None:
    """The requester, or whom they were merged into, however often."""
    requester_id, met = found.person_id, set[UUID]()
    while requester_id not in met:
        met.add(requester_id)
        loaded = await here.desk.recalled(found.workspace_id, "requester", requester_id)
        if not loaded.version:
            # Registered a moment ago: what is remembered is that there was nobody.
            loaded = await here.desk.state(found.workspace_id, "requester", requester_id)
        state = loaded.state
        if not isinstance(state, Requester) or not state.registered or state.erasing:
            return None
        if state.merged_into is None:
            return requester_id, state
        requester_id = state.merged_into
    return None


def _check_csrf(request: Request, token: str) -> None:
    if not same(request.headers.get("x-csrf-token", ""), csrf_token(token)):
        raise MissingCsrfToken()


def address(request: Request) -> str:
    """Where the request comes from; uvicorn has put the proxy's word in place where the proxy is trusted."""
    return request.client.host if request.client else ""


class Needs:
    """A dependency that gives the handler its caller, once they have one of the permissions."""

    def __init__(self, *permissions: Permission) -> None:
        self.permissions = permissions

    @property
    def permission(self) -> Permission | None:
        """The one that is named where none is there; None asks for any signed-in person."""
        return self.permissions[0] if self.permissions else None

    async def __call__(self, request: Request) -> Caller:
        """The caller, NotSignedIn or NotAllowed."""
        caller = await caller_of(request)
        if self.permissions:
            caller.require(*self.permissions)
        return caller


def needs(*permissions: Permission) -> Any:
    """`Depends` on a caller with one of the permissions; without any, on a signed-in person."""
    return Depends(Needs(*permissions))
