"""The people of a desk, and how they sign in."""

from typing import Any
from uuid import UUID, uuid5

import anyio.to_thread
from fastapi import Response
from pydantic import BaseModel

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import LoginBody, PersonBody, RoleBody, TeamsBody
from api.errors import LoginTaken
from api.problems import problems
from api.secrets import hash_password
from api.workspace import SETS_UP, catalogue_now
from domain.catalogue import shown
from domain.errors import CommandIdReused, UnknownPerson, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.requester import Requester
from domain.staff import Person
from domain.workspace import AddPerson, ChangeRole, ChangeTeams, DeactivatePerson

router = routing.router("people")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(UnknownPerson, UnknownTeam, VersionConflict, CommandIdReused),
}


class PersonView(BaseModel):
    """Somebody who works, or worked, on the desk."""

    id: UUID
    name: str | None
    email: str | None
    role: str
    teams: list[UUID]
    active: bool


class Me(PersonView):
    """The person that the credentials belong to, with what they may do."""

    permissions: list[Permission]


def viewed(person: Person) -> dict[str, Any]:
    """The fields of a PersonView."""
    return {
        "id": person.id,
        "name": shown(person.name),
        "email": shown(person.email),
        "role": person.role,
        "teams": sorted(person.teams),
        "active": person.active,
    }


async def seen(me: Caller) -> dict[str, Any]:
    """The fields of a PersonView of who is asking."""
    if me.actor.kind == "person":
        return viewed(me.desk.people[me.id])
    state: Requester = (await me.services.desk.recalled(me.workspace_id, "requester", me.id)).state
    role = {"role": me.grant.role, "teams": [], "active": True}
    return {"id": me.id, "name": shown(state.requester_name), "email": shown(state.email), **role}


@router.get("/me")
async def read_me(me: Caller = needs()) -> Me:
    """Who you are and what you may do."""
    return Me(**await seen(me), permissions=sorted(me.permissions))


@router.get("/people")
async def list_people(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[PersonView]:
    """Everybody who works, or worked, on the desk."""
    desk = await catalogue_now(me, response)
    return [PersonView(**viewed(person)) for person in desk.people.values()]


@router.post("/people", **SETS_UP)
async def add_person(body: PersonBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Take somebody onto the desk; the answer's id is the person's."""
    context = me.context()
    person = uuid5(context["command_id"], "person")
    given = {"person_name": body.name, "email": body.email, "role": body.role, "teams": body.teams}
    receipt = await me.execute(AddPerson(**context, person_id=person, **given))
    return changed(receipt, status=201, id=person)


@router.put("/people/{person_id}/role", **_CHANGES)
async def change_role(person_id: UUID, body: RoleBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Give a person another role."""
    return changed(await me.execute(ChangeRole(**me.context(), person_id=person_id, role=body.role)))


@router.put("/people/{person_id}/teams", **_CHANGES)
async def change_teams(person_id: UUID, body: TeamsBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Put a person into these teams and no others."""
    return changed(await me.execute(ChangeTeams(**me.context(), person_id=person_id, teams=body.teams)))


@router.put("/people/{person_id}/login", status_code=204, responses=problems(UnknownPerson, LoginTaken))
async def set_login(person_id: UUID, body: LoginBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Set how a person signs in; ends their sessions everywhere."""
    # An admin key restricted to managing people must not become its owner's full rights by a sign-in.
    for permission in me.desk.role(me.desk.person(person_id).role).permissions:
        me.require(permission)
    hashed = await anyio.to_thread.run_sync(hash_password, body.password.get_secret_value())
    await me.services.access.set_login(me.workspace_id, person_id, body.login, hashed)
    return Response(status_code=204)


@router.delete("/people/{person_id}", **_CHANGES)
async def deactivate_person(person_id: UUID, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """End a person's access; what they did stays."""
    receipt = await me.execute(DeactivatePerson(**me.context(), person_id=person_id))
    await me.services.access.revoke_person(me.workspace_id, person_id)
    return changed(receipt)
