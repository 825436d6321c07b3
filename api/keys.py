"""API keys."""

from datetime import datetime
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.access import SELECT_API_KEYS, ApiKey, Found
from api.auth import Caller, needs
from api.bodies import ApiKeyBody
from api.errors import ScopeTooWide, UnknownApiKey, UnknownScope
from api.known import requester_of
from api.problems import problems
from api.scopes import known_scopes, permissions
from domain.errors import InvalidInput, UnknownPerson
from domain.granting import must_reach_as_far
from domain.permissions import OF_REQUESTERS_ALONE, Permission
from domain.requester import GONE
from domain.staff import RoleTooWide

router = routing.router("api keys")


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    key_id: UUID
    person_id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="Last use, exact to a minute.")
    revoked_at: datetime | None


class NewApiKey(BaseModel):
    """A new API key."""

    key_id: UUID
    secret: str = Field(description="Shown this once: keep it.")


@router.get("/api-keys")
def list_api_keys(me: Caller = needs(Permission.ACCESS_EDIT)) -> list[ApiKeyView]:
    """The newest thousand API keys of the workspace."""
    with me.services.reading(me.workspace_id) as db:
        rows = db.execute(SELECT_API_KEYS, [me.workspace_id]).fetchall()
    return [ApiKeyView(**ApiKey(*row)._asdict()) for row in rows]


@router.post(
    "/api-keys",
    status_code=201,
    responses=problems(UnknownScope, UnknownPerson, ScopeTooWide, RoleTooWide, InvalidInput, *GONE),
)
async def create_api_key(body: ApiKeyBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> NewApiKey:
    """Make an API key for yourself or another; its secret is shown this once."""
    scopes = known_scopes(body.scopes)
    # What requesters alone may do is theirs by being one: a scope gives it to nobody else.
    if missing := permissions(tuple(scopes)) - me.permissions - OF_REQUESTERS_ALONE:
        raise ScopeTooWide(scopes=", ".join(sorted(missing)))
    owner = Found(me.workspace_id, await _owner(body, me))
    key_id, secret = await me.services.access.add_api_key(owner, body.name, scopes, body.expires_at)
    return NewApiKey(key_id=key_id, secret=secret)


async def _owner(body: ApiKeyBody, me: Caller) -> UUID:
    if body.requester_id is None:
        desk = await me.desk_now()
        person = desk.person(body.person_id or me.id)
        # The scopes are the maker's own; which tickets they are for is the bearer's.
        must_reach_as_far(me.grant, desk.role(person.role))
        return person.id
    if body.person_id is not None:
        raise InvalidInput(field="requester_id", reason="a key acts for a person or for a requester, not for both")
    must_reach_as_far(me.grant, me.desk.role("requester"))
    requester = (await requester_of(me, body.requester_id)).state
    requester.must_be_there(body.requester_id)
    return body.requester_id


@router.delete("/api-keys/{key_id}", status_code=204, responses=problems(UnknownApiKey))
async def revoke_api_key(key_id: UUID, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Make a key invalid, everywhere within a second."""
    if not await me.services.access.revoke_api_key(me.workspace_id, key_id):
        raise UnknownApiKey(key=key_id)
    return Response(status_code=204)
