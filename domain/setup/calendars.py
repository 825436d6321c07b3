"""Setting up business calendars, and which of them teams and the desk go by (B10). A changed one is a new version."""

from dataclasses import replace
from uuid import UUID, uuid5

from domain.calendars.calendar import Calendar, CalendarDefinition
from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.permissions import Permission
from domain.setup.uses import must_be_unused
from domain.values import Key
from domain.workspace import ReasonedCommand, ReasonedEvent


class CalendarSet(ReasonedEvent, name="workspace.calendar_set", version=1):
    """Business time is what this version says; what was counted by an older one is counted anew while it lasts."""

    calendar: Calendar


class CalendarRetired(ReasonedEvent, name="workspace.calendar_retired", version=1):
    """Nothing further goes by the calendar."""

    key: str


class TeamCalendarSet(ReasonedEvent, name="workspace.team_calendar_set", version=1):
    """A team works by that calendar; None is that of the desk."""

    team_id: UUID
    calendar: str | None
    previous: str | None


class DefaultCalendarSet(ReasonedEvent, name="workspace.default_calendar_set", version=1):
    """Who has no calendar of their own goes by that one; None is round the clock."""

    calendar: str | None
    previous: str | None


# What changes when it is open.
HOURS = (CalendarSet, CalendarRetired, TeamCalendarSet, DefaultCalendarSet)


class SetCalendar(ReasonedCommand):
    """Set up a calendar, or change it: a new version."""

    key: Key
    definition: CalendarDefinition


class RetireCalendar(ReasonedCommand):
    """Let nothing further go by the calendar."""

    key: Key


class SetTeamCalendar(ReasonedCommand):
    """Say by which calendar a team works."""

    team_id: UUID
    calendar: Key | None


class SetDefaultCalendar(ReasonedCommand):
    """Say by which calendar everybody works who has none of their own."""

    calendar: Key | None


@decides(SetCalendar, needs=Permission.WORKSPACE_EDIT)
def set_calendar(command: SetCalendar, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing."""
    versions = desk.calendars.get(command.key, ())
    calendar_id = uuid5(command.workspace_id, f"calendar:{command.key}")
    wanted = Calendar(key=command.key, calendar_id=calendar_id, version=len(versions) + 1, **dict(command.definition))
    if versions and versions[-1] == wanted.model_copy(update={"version": len(versions)}):
        return []
    return [CalendarSet(calendar=wanted, **command.reasons)]


@decides(RetireCalendar, needs=Permission.WORKSPACE_EDIT)
def retire_calendar(command: RetireCalendar, desk: Catalogue, _: Catalogue) -> Decision:
    """Not while a team, a policy, a rule or the desk goes by it."""
    if command.key in desk.calendars and desk.calendars[command.key][-1].retired:
        return []
    desk.calendar(command.key)
    must_be_unused(desk, "calendar", command.key)
    return [CalendarRetired(key=command.key, **command.reasons)]


@decides(SetTeamCalendar, needs=Permission.WORKSPACE_EDIT)
def set_team_calendar(command: SetTeamCalendar, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    team, has = desk.team(command.team_id), desk.team_calendars.get(command.team_id)
    if command.calendar == has:
        return []
    if command.calendar is not None:
        desk.calendar(command.calendar)
    return [TeamCalendarSet(team_id=team.id, calendar=command.calendar, previous=has, **command.reasons)]


@decides(SetDefaultCalendar, needs=Permission.WORKSPACE_EDIT)
def set_default_calendar(command: SetDefaultCalendar, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    if command.calendar == desk.default_calendar:
        return []
    if command.calendar is not None:
        desk.calendar(command.calendar)
    return [DefaultCalendarSet(calendar=command.calendar, previous=desk.default_calendar, **command.reasons)]


@evolves(CalendarSet)
def _(desk: Catalogue, event: CalendarSet) -> Catalogue:
    key = event.calendar.key
    return replace(desk, calendars={**desk.calendars, key: (*desk.calendars.get(key, ()), event.calendar)})


@evolves(CalendarRetired)
def _(desk: Catalogue, event: CalendarRetired) -> Catalogue:
    *before, last = desk.calendars[event.key]
    retired = last.model_copy(update={"retired": True})
    return replace(desk, calendars={**desk.calendars, event.key: (*before, retired)})


@evolves(TeamCalendarSet)
def _(desk: Catalogue, event: TeamCalendarSet) -> Catalogue:
    others = {team: key for team, key in desk.team_calendars.items() if team != event.team_id}
    own = {event.team_id: event.calendar} if event.calendar else {}
    return replace(desk, team_calendars={**others, **own})


@evolves(DefaultCalendarSet)
def _(desk: Catalogue, event: DefaultCalendarSet) -> Catalogue:
    return replace(desk, default_calendar=event.calendar)
