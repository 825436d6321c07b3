"""Business calendars, and who goes by which (B10)."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.holiday_presets import countries, with_holidays
from api.problems import problems
from api.promise_bodies import CalendarBody, CalendarKeyBody
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.calendars.calendar import Calendar, UnknownCalendar
from domain.calendars.hours import NONE, intervals
from domain.errors import CommandIdReused, InvalidInput, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.setup.calendars import RetireCalendar, SetCalendar, SetDefaultCalendar, SetTeamCalendar
from domain.setup.uses import StillInUse
from domain.values import Key, Moment

router = routing.router("calendars")

LONGEST = timedelta(days=100)
CalendarKey = Annotated[Key, Path(examples=["office"])]
_SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(UnknownCalendar, UnknownTeam, StillInUse, InvalidInput, VersionConflict, CommandIdReused),
}


class Calendars(BaseModel):
    """The calendars, and who goes by which."""

    calendars: list[Calendar] = Field(description="In their newest versions.")
    teams: dict[UUID, str] = Field(description="The calendars of teams that have one of their own.")
    default: str | None = Field(description="That of everybody else; null is round the clock.")


class Stretch(BaseModel):
    """Business time without a break, up to, not including, its end."""

    starts: datetime
    ends: datetime


class Hours(BaseModel):
    """Business time between two moments."""

    minutes: float = Field(description="How much it is in all.")
    stretches: list[Stretch]


class PresetCountry(BaseModel):
    """A country whose public holidays a calendar can take."""

    country: str
    subdivisions: list[str]


@router.get("/calendars")
async def list_calendars(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Calendars:
    """The calendars, and who goes by which."""
    desk = await catalogue_now(me, response)
    newest = [versions[-1] for versions in desk.calendars.values()]
    return Calendars(calendars=newest, teams=dict(desk.team_calendars), default=desk.default_calendar)


@router.get("/calendars/{key}/versions", responses=problems(UnknownCalendar))
async def list_calendar_versions(
    key: CalendarKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[Calendar]:
    """Every version of a calendar."""
    desk = await catalogue_now(me, response)
    return list(desk.calendars.get(key) or [desk.calendar(key)])


@router.get("/calendars/{key}/hours", responses=problems(UnknownCalendar, InvalidInput))
async def read_hours(
    key: CalendarKey,
    response: Response,
    after: Annotated[Moment, Query(alias="from", description="From this moment.")],
    upto: Annotated[Moment, Query(alias="to", description="Up to this moment, at most 100 days later.")],
    me: Caller = needs(Permission.WORKSPACE_VIEW),
) -> Hours:
    """When the desk is open by that calendar: to see whether it says what you mean."""
    calendar = (await catalogue_now(me, response)).calendar(key)
    if not NONE <= upto - after <= LONGEST:
        raise InvalidInput(field="to", reason=f"must be after from, at most {LONGEST.days} days later")
    found = list(intervals(calendar, after, upto))
    total = sum((ends - starts for starts, ends in found), NONE)
    stretches = [Stretch(starts=starts, ends=ends) for starts, ends in found]
    return Hours(minutes=total / timedelta(minutes=1), stretches=stretches)


@router.put("/calendars/{key}", **_SETS)
async def set_calendar(key: CalendarKey, body: CalendarBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a calendar or change it: a new version; what is due is counted anew by it."""
    definition = with_holidays(body.definition())
    return changed(
        await me.execute(
            SetCalendar(**me.context(), key=key, definition=definition, why=body.why, expected=body.expected)
        )
    )


@router.put("/calendars/{key}/retired", **_SETS)
async def retire_calendar(key: CalendarKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Let nothing further go by the calendar."""
    return changed(await me.execute(RetireCalendar(**me.context(), key=key, **dict(body))))


@router.put("/teams/{team_id}/calendar", **_SETS)
async def set_team_calendar(
    team_id: UUID, body: CalendarKeyBody, me: Caller = needs(Permission.WORKSPACE_EDIT)
) -> Response:
    """Say by which calendar a team works."""
    return changed(await me.execute(SetTeamCalendar(**me.context(), team_id=team_id, **dict(body))))


@router.put("/default-calendar", **_SETS)
async def set_default_calendar(body: CalendarKeyBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Say by which calendar everybody works who has none of their own."""
    return changed(await me.execute(SetDefaultCalendar(**me.context(), **dict(body))))


@router.get("/holiday-presets")
async def list_presets(_: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[PresetCountry]:
    """The countries whose public holidays a calendar can take."""
    return [PresetCountry(country=code, subdivisions=list(parts)) for code, parts in countries().items()]
