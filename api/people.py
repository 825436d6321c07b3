"""The people of a desk, and how they sign in."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import anyio.to_thread
from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, Identity, needs
from api.bodies import LoginBody
from api.errors import LoginTaken
from api.problems import problems
from api.secrets import hash_password
from api.services import Services
from api.setup_bodies import PersonBody, PersonChanges, RoleBody, TeamsBody
from api.workspace import SETS_UP, catalogue_now
from domain.catalogue import Catalogue, RetiredTeam, shown
from domain.errors import CommandIdReused, UnknownPerson, UnknownRole, UnknownTeam, VersionConflict
from domain.granting import must_cover
from domain.permissions import Permission
from domain.requester import Requester
from domain.setup.staff import ChangePerson, Hours, ReactivatePerson
from domain.staff import Person, RoleTooWide, available
from domain.workspace import AddPerson, ChangeRole, ChangeTeams, DeactivatePerson, EmailTaken, LastAdmin

router = routing.router("people")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(
        UnknownPerson,
        UnknownTeam,
        RetiredTeam,
        UnknownRole,
        RoleTooWide,
        LastAdmin,
        EmailTaken,
        VersionConflict,
        CommandIdReused,
    ),
}


class AbsenceView(BaseModel):
    """A time in which somebody takes no tickets."""

    id: UUID
    starts: datetime
    ends: datetime


class PersonView(BaseModel):
    """Somebody who works, or worked, on the desk; or the customer who asks."""

    id: UUID
    name: str | None
    email: str | None
    role: str
    teams: list[UUID]
    active: bool
    skills: dict[str, int] = Field(default_factory=dict, description="From 1 to 5.")
    load_limit: int | None = Field(default=None, description="The most open tickets at once.")
    on_duty: bool = True
    available: bool = Field(default=True, description="Whether they take tickets now.")
    absences: list[AbsenceView] = Field(default_factory=list)
    shifts: list[Hours] = Field(default_factory=list, description="When they work each week; none is always.")
    zone: str = Field(default="UTC", description="By whose clock the shifts are.")


class Me(PersonView):
    """The person that the credentials belong to, with what they may do."""

    permissions: list[Permission]


def viewed(person: Person, now: datetime) -> dict[str, Any]:
    """The fields of a PersonView."""
    return {
        "id": person.id,
        "name": shown(person.name),
        "email": shown(person.email),
        "role": person.role,
        "teams": sorted(person.teams),
        "active": person.active,
        "skills": person.skills,
        "load_limit": person.load_limit,
        "on_duty": person.on_duty,
        "available": available(person, now),
        "absences": [AbsenceView(id=each.id, starts=each.starts, ends=each.ends) for each in person.absences],
        "shifts": [Hours(weekday=each.weekday, starts=each.starts, ends=each.ends) for each in person.shifts],
        "zone": person.zone,
    }


async def described(here: Services, workspace: UUID, who: Identity) -> dict[str, Any]:
    """The fields of a PersonView of a person or a requester."""
    own_id = UUID(who.actor.id)
    if who.actor.kind == "person":
        return viewed(who.desk.people[own_id], here.desk.clock())
    state: Requester = (await here.desk.recalled(workspace, "requester", own_id)).state
    role = {"role": who.desk.grant(who.actor).role, "teams": [], "active": True}
    return {"id": own_id, "name": shown(state.requester_name), "email": shown(state.email), **role}


async def seen(me: Caller) -> dict[str, Any]:
    """The fields of a PersonView of who is asking."""
    return await described(me.services, me.workspace_id, Identity(me.desk, me.actor))


def must_hold(me: Caller, desk: Catalogue, role: str) -> None:
    """Let the caller pass who has all that the role gives: a key restricted to managing people has only its scopes."""
    given = desk.staff_role(role)
    for permission in given.permissions:
        me.require(permission)
    must_cover(me.grant, given)


@router.get("/me")
async def read_me(me: Caller = needs()) -> Me:
    """Who you are and what you may do."""
    return Me(**await seen(me), permissions=sorted(me.permissions))


@router.get("/people")
async def list_people(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[PersonView]:
    """Everybody who works, or worked, on the desk."""
    desk, now = await catalogue_now(me, response), me.services.desk.clock()
    return [PersonView(**viewed(person, now)) for person in desk.people.values()]


@router.post("/people", **SETS_UP)
async def add_person(body: PersonBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Take somebody onto the desk; the answer's id is the person's."""
    must_hold(me, await me.desk_now(), body.role)
    context = me.context()
    person = uuid5(context["command_id"], "person")
    given = {"person_name": body.name, "email": body.email, "role": body.role, "teams": body.teams}
    receipt = await me.execute(AddPerson(**context, person_id=person, **given))
    return changed(receipt, status=201, id=person)


@router.patch("/people/{person_id}", **_CHANGES)
async def change_person(person_id: UUID, body: PersonChanges, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Correct a name or an address; null takes the address away."""
    given = {"person_name": body.name, "email": body.email}
    cleared = "email" in body.model_fields_set and body.email is None
    return changed(await me.execute(ChangePerson(**me.context(), person_id=person_id, **given, no_email=cleared)))


@router.post("/people/{person_id}/reactivation", **_CHANGES)
async def reactivate_person(person_id: UUID, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Take somebody who left onto the desk again; they need a new password or key."""
    desk = await me.desk_now()
    if (former := desk.people.get(person_id)) is not None:
        must_hold(me, desk, former.role)
    return changed(await me.execute(ReactivatePerson(**me.context(), person_id=person_id)))


@router.put("/people/{person_id}/role", **_CHANGES)
async def change_role(person_id: UUID, body: RoleBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Give a person another role: at most what you may do yourself."""
    must_hold(me, await me.desk_now(), body.role)
    return changed(await me.execute(ChangeRole(**me.context(), person_id=person_id, **dict(body))))


@router.put("/people/{person_id}/teams", **_CHANGES)
async def change_teams(person_id: UUID, body: TeamsBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Put a person into these teams and no others."""
    return changed(await me.execute(ChangeTeams(**me.context(), person_id=person_id, teams=body.teams)))


@router.put("/people/{person_id}/login", status_code=204, responses=problems(UnknownPerson, RoleTooWide, LoginTaken))
async def set_login(person_id: UUID, body: LoginBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Set how a person signs in; ends their sessions everywhere."""
    # An admin key restricted to managing people must not become its owner's full rights by a sign-in.
    desk = await me.desk_now()
    must_hold(me, desk, desk.person(person_id).role)
    hashed = await anyio.to_thread.run_sync(hash_password, body.password.get_secret_value())
    await me.services.access.set_login(me.workspace_id, person_id, body.login, hashed)
    return Response(status_code=204)


@router.delete("/people/{person_id}", **_CHANGES)
async def deactivate_person(person_id: UUID, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """End a person's access; what they did stays."""
    receipt = await me.execute(DeactivatePerson(**me.context(), person_id=person_id))
    await me.services.access.revoke_person(me.workspace_id, person_id)
    return changed(receipt)
