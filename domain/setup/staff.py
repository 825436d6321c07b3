"""People of the desk: their names, skills, limits, duty, absences and shifts (B6)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.errors import InvalidInput, Refusal, UnknownPerson
from domain.event import Content, Event
from domain.granting import grantable, must_be_allowed
from domain.permissions import Permission
from domain.staff import Absence, Person, Shift
from domain.values import Key, Line, Moment, Whole, Zone
from domain.workspace import EmailTaken, WorkspaceCommand

MOST_ABSENCES = 500
_DAY = 24 * 60


class AbsenceOverlaps(Refusal):
    """A person is absent once at a time."""

    code = "absence_overlaps"
    sentence = "The absence {absence} covers some of that time already. Remove it, or choose another time."


class UnknownAbsence(Refusal):
    """The person has no absence of that id."""

    code = "unknown_absence"
    status = 404
    sentence = "No absence {absence} of that person. List them at /api/v1/people."


class PersonEvent(Event):
    """Something about a person of the desk."""

    person_id: UUID

    def subject(self, _: UUID, /) -> UUID:
        """The person."""
        return self.person_id


class PersonChanged(PersonEvent, name="workspace.person_changed", version=1):
    """A person has another name or address; both as they are now."""

    person_name: Content[str]
    email: Content[str | None] = None


class PersonReactivated(PersonEvent, name="workspace.person_reactivated", version=1):
    """A person who had left works on the desk again."""


class SkillsSet(PersonEvent, name="workspace.skills_set", version=1):
    """What a person is good at, each from 1 to 5; all of it."""

    skills: dict[str, int]
    previous: dict[str, int]


class LoadLimitSet(PersonEvent, name="workspace.load_limit_set", version=1):
    """How many open tickets a person takes at once; None is any number."""

    limit: int | None
    previous: int | None


class DutyChanged(PersonEvent, name="workspace.duty_changed", version=1):
    """A person takes tickets from now on, or no longer."""

    on_duty: bool


class AbsenceAdded(PersonEvent, name="workspace.absence_added", version=1):
    """A person takes no tickets from `starts` up to `ends`."""

    absence_id: UUID
    starts: datetime
    ends: datetime


class AbsenceRemoved(PersonEvent, name="workspace.absence_removed", version=1):
    """A person is there after all."""

    absence_id: UUID


class Hours(BaseModel):
    """Working hours of a weekday (0 is Monday), in minutes after midnight; an end past 1440 is on the next day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekday: Whole = Field(ge=0, le=6)
    starts: Whole = Field(ge=0, lt=_DAY)
    ends: Whole = Field(gt=0, le=2 * _DAY)

    @model_validator(mode="after")
    def _within_a_day(self) -> "Hours":
        """A shift is shorter than a day and has a length."""
        if not self.starts < self.ends <= self.starts + _DAY:
            raise ValueError("a shift ends after it starts, at most 24 hours later")
        return self


class ShiftsSet(PersonEvent, name="workspace.shifts_set", version=1):
    """When a person works each week, by the clock of `zone`; none is always."""

    shifts: tuple[Hours, ...]
    zone: str
    previous: tuple[Hours, ...]
    previous_zone: str


Level = Annotated[Whole, Field(ge=1, le=5)]


class PersonCommand(WorkspaceCommand):
    """Something about a person."""

    person_id: UUID


class ChangePerson(PersonCommand):
    """Correct a name or an address; what is not given stays, `no_email` takes the address away."""

    person_name: Line | None = None
    email: Line | None = None
    no_email: bool = False


class ReactivatePerson(PersonCommand):
    """Take somebody who left onto the desk again, with the role that they had."""


class SetSkills(PersonCommand):
    """Say what a person is good at, all of it."""

    skills: dict[Key, Level] = Field(max_length=100)


class SetLoadLimit(PersonCommand):
    """Say how many open tickets a person takes at once."""

    limit: Annotated[Whole, Field(ge=0, le=10_000)] | None


class SetDuty(PersonCommand):
    """Go on or off duty, or put somebody on or off."""

    on_duty: bool


class AddAbsence(PersonCommand):
    """Be away for a time."""

    absence_id: UUID
    starts: Moment
    ends: Moment


class RemoveAbsence(PersonCommand):
    """Be there after all."""

    absence_id: UUID


class SetShifts(PersonCommand):
    """Say when a person works each week."""

    shifts: tuple[Hours, ...] = Field(max_length=50)
    zone: Zone


@decides(ChangePerson, needs=Permission.ACCESS_EDIT)
def change_person(command: ChangePerson, desk: Catalogue, _: Catalogue) -> Decision:
    """An address signs in one person."""
    person = desk.person(command.person_id)
    if command.email and command.no_email:
        raise InvalidInput(field="email", reason="cannot be given and taken away at once")
    email = None if command.no_email else command.email or person.email
    changed = replace(person, name=command.person_name or person.name, email=email)
    if changed == person:
        return []
    _must_be_free(command.email, person, desk)
    return [PersonChanged(person_id=person.id, person_name=changed.name, email=changed.email)]


def _must_be_free(email: str | None, person: Person, desk: Catalogue) -> None:
    owner = desk.person_with_email(email) if email else None
    if owner is not None and owner.id != person.id:
        raise EmailTaken(person=owner.id)


@decides(ReactivatePerson, needs=Permission.ACCESS_EDIT)
def reactivate(command: ReactivatePerson, desk: Catalogue, _: Catalogue) -> Decision:
    """Their address may be another's by now."""
    person = desk.people.get(command.person_id)
    if person is None:
        raise UnknownPerson(person=command.person_id, hint="List the people at /api/v1/people.")
    if person.active:
        return []
    grantable(command, desk.staff_role(person.role), desk)
    _must_be_free(person.email if isinstance(person.email, str) else None, person, desk)
    return [PersonReactivated(person_id=person.id)]


@decides(SetSkills, needs=Permission.TEAM_EDIT)
def set_skills(command: SetSkills, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    person = desk.person(command.person_id)
    if command.skills == person.skills:
        return []
    return [SkillsSet(person_id=person.id, skills=command.skills, previous=dict(person.skills))]


@decides(SetLoadLimit, needs=Permission.TEAM_EDIT)
def set_load_limit(command: SetLoadLimit, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    person = desk.person(command.person_id)
    if command.limit == person.load_limit:
        return []
    return [LoadLimitSet(person_id=person.id, limit=command.limit, previous=person.load_limit)]


def _own_or_led(command: SetDuty | AddAbsence | RemoveAbsence, desk: Catalogue) -> Person:
    """The person, once whoever acts is that person or may arrange for others."""
    _may_arrange(command, command.person_id, desk)
    return desk.person(command.person_id)


def _may_arrange(command: Command, person: UUID, desk: Catalogue) -> None:
    if command.by.kind == "system" or command.by.id == str(person):
        return
    must_be_allowed(command, Permission.TEAM_EDIT, desk)


@decides(SetDuty, needs=Permission.DUTY_EDIT)
def set_duty(command: SetDuty, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    person = _own_or_led(command, desk)
    return [] if person.on_duty is command.on_duty else [DutyChanged(person_id=person.id, on_duty=command.on_duty)]


@decides(AddAbsence, needs=Permission.DUTY_EDIT)
def add_absence(command: AddAbsence, desk: Catalogue, _: Catalogue) -> Decision:
    """One absence at a time."""
    person = _own_or_led(command, desk)
    if command.ends <= command.starts:
        raise InvalidInput(field="ends", reason="must be after starts")
    for known in person.absences:
        if known.starts < command.ends and command.starts < known.ends:
            raise AbsenceOverlaps(absence=known.id)
    if len(person.absences) == MOST_ABSENCES:
        raise InvalidInput(
            field="starts", reason=f"a person has at most {MOST_ABSENCES} absences; remove old ones first"
        )
    return [AbsenceAdded(person_id=person.id, **command.model_dump(include={"absence_id", "starts", "ends"}))]


@decides(RemoveAbsence, needs=Permission.DUTY_EDIT)
def remove_absence(command: RemoveAbsence, desk: Catalogue, _: Catalogue) -> Decision:
    """Only one that there is."""
    person = _own_or_led(command, desk)
    if all(absence.id != command.absence_id for absence in person.absences):
        raise UnknownAbsence(absence=command.absence_id)
    return [AbsenceRemoved(person_id=person.id, absence_id=command.absence_id)]


@decides(SetShifts, needs=Permission.TEAM_EDIT)
def set_shifts(command: SetShifts, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    person = desk.person(command.person_id)
    shifts = tuple(sorted(set(command.shifts), key=lambda hours: (hours.weekday, hours.starts, hours.ends)))
    previous = tuple(Hours(weekday=s.weekday, starts=s.starts, ends=s.ends) for s in person.shifts)
    if (shifts, command.zone) == (previous, person.zone):
        return []
    given = {"shifts": shifts, "zone": command.zone}
    return [ShiftsSet(person_id=person.id, **given, previous=previous, previous_zone=person.zone)]


@evolves(PersonChanged)
def _(desk: Catalogue, event: PersonChanged) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], name=event.person_name, email=event.email))


@evolves(PersonReactivated)
def _(desk: Catalogue, event: PersonReactivated) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], active=True))


@evolves(SkillsSet)
def _(desk: Catalogue, event: SkillsSet) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], skills=event.skills))


@evolves(LoadLimitSet)
def _(desk: Catalogue, event: LoadLimitSet) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], load_limit=event.limit))


@evolves(DutyChanged)
def _(desk: Catalogue, event: DutyChanged) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], on_duty=event.on_duty))


@evolves(AbsenceAdded)
def _(desk: Catalogue, event: AbsenceAdded) -> Catalogue:
    person = desk.people[event.person_id]
    absence = Absence(event.absence_id, event.starts, event.ends)
    return desk.with_person(replace(person, absences=(*person.absences, absence)))


@evolves(AbsenceRemoved)
def _(desk: Catalogue, event: AbsenceRemoved) -> Catalogue:
    person = desk.people[event.person_id]
    kept = tuple(absence for absence in person.absences if absence.id != event.absence_id)
    return desk.with_person(replace(person, absences=kept))


@evolves(ShiftsSet)
def _(desk: Catalogue, event: ShiftsSet) -> Catalogue:
    shifts = tuple(Shift(hours.weekday, hours.starts, hours.ends) for hours in event.shifts)
    return desk.with_person(replace(desk.people[event.person_id], shifts=shifts, zone=event.zone))
