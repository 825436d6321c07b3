"""When people take tickets, how many, and what they are good at (B6)."""

from typing import Any
from uuid import UUID, uuid5

from fastapi import Response

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import AbsenceBody, DutyBody, LoadLimitBody, ShiftsBody, SkillsBody
from domain.errors import CommandIdReused, InvalidInput, UnknownPerson, VersionConflict
from domain.permissions import Permission
from domain.setup.staff import (
    AbsenceOverlaps,
    AddAbsence,
    RemoveAbsence,
    SetDuty,
    SetLoadLimit,
    SetShifts,
    SetSkills,
    UnknownAbsence,
)

router = routing.router("people")

_REFUSALS = (UnknownPerson, AbsenceOverlaps, UnknownAbsence, InvalidInput, VersionConflict, CommandIdReused)
_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(*_REFUSALS),
}


@router.put("/me/duty", **_CHANGES)
async def set_own_duty(body: DutyBody, me: Caller = needs(Permission.DUTY_EDIT)) -> Response:
    """Take tickets from now on, or no longer."""
    return changed(await me.execute(SetDuty(**me.context(), person_id=me.id, on_duty=body.on_duty)))


@router.put("/people/{person_id}/duty", **_CHANGES)
async def set_duty(person_id: UUID, body: DutyBody, me: Caller = needs(Permission.DUTY_EDIT)) -> Response:
    """Put somebody on or off duty; others than yourself with the permission `team.edit`."""
    return changed(await me.execute(SetDuty(**me.context(), person_id=person_id, on_duty=body.on_duty)))


@router.put("/people/{person_id}/skills", **_CHANGES)
async def set_skills(person_id: UUID, body: SkillsBody, me: Caller = needs(Permission.TEAM_EDIT)) -> Response:
    """Say what a person is good at, all of it."""
    return changed(await me.execute(SetSkills(**me.context(), person_id=person_id, skills=body.skills)))


@router.put("/people/{person_id}/load-limit", **_CHANGES)
async def set_load_limit(person_id: UUID, body: LoadLimitBody, me: Caller = needs(Permission.TEAM_EDIT)) -> Response:
    """Say how many open tickets a person takes at once."""
    return changed(await me.execute(SetLoadLimit(**me.context(), person_id=person_id, limit=body.limit)))


@router.put("/people/{person_id}/shifts", **_CHANGES)
async def set_shifts(person_id: UUID, body: ShiftsBody, me: Caller = needs(Permission.TEAM_EDIT)) -> Response:
    """Say when a person works each week."""
    return changed(await me.execute(SetShifts(**me.context(), person_id=person_id, **dict(body))))


@router.post(
    "/people/{person_id}/absences",
    status_code=201,
    response_model=Changed,
    openapi_extra=CHANGES,
    responses=documented(201) | problems(*_REFUSALS),
)
async def add_absence(person_id: UUID, body: AbsenceBody, me: Caller = needs(Permission.DUTY_EDIT)) -> Response:
    """Be away for a time; others than yourself with the permission `team.edit`. The answer's id is the absence's."""
    context = me.context()
    absence = uuid5(context["command_id"], "absence")
    receipt = await me.execute(AddAbsence(**context, person_id=person_id, absence_id=absence, **dict(body)))
    return changed(receipt, status=201, id=absence)


@router.delete("/people/{person_id}/absences/{absence_id}", **_CHANGES)
async def remove_absence(person_id: UUID, absence_id: UUID, me: Caller = needs(Permission.DUTY_EDIT)) -> Response:
    """Be there after all; others than yourself with the permission `team.edit`."""
    return changed(await me.execute(RemoveAbsence(**me.context(), person_id=person_id, absence_id=absence_id)))
