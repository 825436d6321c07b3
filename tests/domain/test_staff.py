"""People and teams: when they work, what they can do, who leads."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain import workspace as w
from domain.catalogue import NotOfTeam, RetiredTeam
from domain.classification import TicketType
from domain.errors import InvalidInput, NotAllowed, UnknownPerson, UnknownRole, UnknownTeam
from domain.permissions import RoleName
from domain.setup import classification as k
from domain.setup import staff as p
from domain.setup import teams as t
from domain.setup.uses import StillInUse
from domain.staff import Absence, Person, Shift, available
from domain.ticket import commands as c
from domain.values import Assignee
from tests.domain.kit import ANN, BILLING, BOB, DESK, LEFT, NETWORK, NOON, folded, given, id_of, opened, person, wish

ADMIN = id_of("admin")
HOLIDAY = {"absence_id": id_of("holiday"), "starts": NOON, "ends": NOON + timedelta(days=3)}


def test_a_team_is_renamed_but_never_like_another():
    renamed = t.TeamRenamed(team_id=BILLING, title="Payments", previous="Billing")
    assert given().when(t.RenameTeam, team_id=BILLING, title="Payments").then(renamed).team(BILLING).name == "Payments"
    given().when(t.RenameTeam, team_id=BILLING, title="Billing").then_nothing()
    given().when(t.RenameTeam, team_id=BILLING, title="Network").then_refused(w.AlreadyThere, key="Network")
    given().when(t.RenameTeam, team_id=ANN, title="x").then_refused(UnknownTeam)


def test_a_lead_is_one_of_the_team():
    led = t.TeamLeadsSet(team_id=BILLING, leads=(ANN,), previous=())
    assert given().when(t.SetTeamLeads, team_id=BILLING, leads=(ANN, ANN)).then(led).team(BILLING).leads == {ANN}
    given(led).when(t.SetTeamLeads, team_id=BILLING, leads=(ANN,)).then_nothing()
    given().when(t.SetTeamLeads, team_id=BILLING, leads=(BOB,)).then_refused(NotOfTeam, person=BOB)
    given().when(t.SetTeamLeads, team_id=BILLING, leads=(LEFT,)).then_refused(UnknownPerson)


def test_a_retired_team_keeps_its_tickets_and_takes_no_new_ones():
    retired = t.TeamRetired(team_id=BILLING)
    desk = given().when(t.RetireTeam, team_id=BILLING).then(retired)
    to_billing = Assignee(team=BILLING)
    given(opened(), desk=desk).when(c.AssignTicket, to=to_billing).then_refused(RetiredTeam, team=BILLING)
    assert desk.assignee(to_billing, former=True) == to_billing
    given(retired).when(w.ChangeTeams, person_id=BOB, teams=(BILLING,)).then_refused(RetiredTeam)
    given(retired).when(w.ChangeTeams, person_id=ANN, teams=(BILLING, NETWORK)).then(
        w.TeamsChanged(person_id=ANN, teams=(BILLING, NETWORK), previous=(BILLING,))
    )
    given(retired).when(t.RetireTeam, team_id=BILLING).then_nothing()
    given(retired).when(t.RestoreTeam, team_id=BILLING).then(t.TeamRestored(team_id=BILLING))
    given().when(t.RestoreTeam, team_id=BILLING).then_nothing()


def test_a_team_that_tickets_are_given_to_is_not_retired():
    by_type = k.TypeSet(type=TicketType(key="invoice", title="Invoice", team=BILLING))
    refused = given(by_type).when(t.RetireTeam, team_id=BILLING).then_refused(StillInUse, what="team", key="Billing")
    assert "the type «invoice»" in str(refused)
    elsewhere = k.TypeSet(type=TicketType(key="invoice", title="Invoice", team=NETWORK))
    given(by_type, elsewhere).when(t.RetireTeam, team_id=BILLING).then(t.TeamRetired(team_id=BILLING))


@pytest.mark.parametrize("to", [{"team": NETWORK, "person": ANN}, {"team": NETWORK, "people": (ANN,)}])
def test_a_person_of_a_team_is_of_that_team(to):
    given(opened()).when(c.AssignTicket, to=Assignee(**to)).then_refused(NotOfTeam, person=ANN, team=NETWORK)


@pytest.mark.parametrize("role", ["requester", "wizard"])
def test_a_person_has_a_role_of_the_desk(role):
    given().when(w.ChangeRole, person_id=BOB, role=role).then_refused(UnknownRole, role=role)
    given().when(w.AddPerson, person_id=id_of("new"), person_name="N", role=role).then_refused(UnknownRole)
    people = (w.NewPerson(person_id=id_of("new"), person_name="N", role=role),)
    given().when(w.ExtendCatalogue, people=people).then_refused(UnknownRole)
    given(opened()).when(c.AssignTicket, to=Assignee(role=role)).then_refused(UnknownRole)


@pytest.mark.parametrize(
    ("kind", "asked"), [(w.ChangeRole, {"role": "agent"}), (w.DeactivatePerson, {})], ids=["role", "leaving"]
)
def test_a_desk_keeps_an_admin(kind, asked):
    given().when(kind, person_id=ADMIN, **asked).then_refused(w.LastAdmin)
    another = w.RoleChanged(person_id=BOB, role=RoleName.ADMIN, previous=RoleName.AGENT)
    assert len(given(another).when(kind, person_id=ADMIN, **asked).events) == 1


def test_a_name_and_an_address_are_corrected():
    changed = p.PersonChanged(person_id=ANN, person_name="Ann Lee", email="ann@acme.example")
    assert (
        given().when(p.ChangePerson, person_id=ANN, person_name="Ann Lee").then(changed).person(ANN).name == "Ann Lee"
    )
    bare = p.PersonChanged(person_id=ANN, person_name="Ann", email=None)
    assert given().when(p.ChangePerson, person_id=ANN, no_email=True).then(bare).person(ANN).email is None
    given().when(p.ChangePerson, person_id=ANN, email="ann@acme.example").then_nothing()
    given().when(p.ChangePerson, person_id=ANN, email="x@y", no_email=True).then_refused(InvalidInput, field="email")
    given().when(p.ChangePerson, person_id=BOB, email="Ann@acme.example").then_refused(w.EmailTaken, person=ANN)
    given().when(p.ChangePerson, person_id=ANN, email="ANN@acme.example").then(
        p.PersonChanged(person_id=ANN, person_name="Ann", email="ANN@acme.example")
    )


def test_somebody_who_left_comes_back_unless_their_address_is_taken():
    assert given().when(p.ReactivatePerson, person_id=LEFT).then(p.PersonReactivated(person_id=LEFT)).person(LEFT)
    given().when(p.ReactivatePerson, person_id=ANN).then_nothing()
    given().when(p.ReactivatePerson, person_id=BILLING).then_refused(UnknownPerson)
    heir = w.PersonAdded(person_id=id_of("heir"), person_name="H", email="lena@acme.example", role=RoleName.AGENT)
    given(heir).when(p.ReactivatePerson, person_id=LEFT).then_refused(w.EmailTaken)


def test_skills_have_levels():
    skilled = p.SkillsSet(person_id=ANN, skills={"french": 3}, previous={})
    assert given().when(p.SetSkills, person_id=ANN, skills={"french": 3}).then(skilled).person(ANN).skills == {
        "french": 3
    }
    given(skilled).when(p.SetSkills, person_id=ANN, skills={"french": 3}).then_nothing()
    for level in (0, 6):
        with pytest.raises(ValidationError):
            wish(p.SetSkills, person_id=ANN, skills={"french": level})


def test_a_load_limit_is_set_and_taken_away():
    limited = p.LoadLimitSet(person_id=ANN, limit=5, previous=None)
    assert given().when(p.SetLoadLimit, person_id=ANN, limit=5).then(limited).person(ANN).load_limit == 5
    given(limited).when(p.SetLoadLimit, person_id=ANN, limit=5).then_nothing()
    given(limited).when(p.SetLoadLimit, person_id=ANN, limit=None).then(
        p.LoadLimitSet(person_id=ANN, limit=None, previous=5)
    )


def test_one_goes_off_duty_oneself_and_a_lead_sends_others():
    off = p.DutyChanged(person_id=ANN, on_duty=False)
    for who in ("ann", "lead", "admin"):
        given().when(p.SetDuty, by=person(who), person_id=ANN, on_duty=False).then(off)
    given().when(p.SetDuty, by=person("bob"), person_id=ANN, on_duty=False).then_refused(
        NotAllowed, permission="team.edit", role="agent"
    )
    given(off).when(p.SetDuty, by=person("ann"), person_id=ANN, on_duty=False).then_nothing()


def test_an_absence_is_once_at_a_time():
    away = p.AbsenceAdded(person_id=ANN, **HOLIDAY)
    given().when(p.AddAbsence, by=person("ann"), person_id=ANN, **HOLIDAY).then(away)
    given().when(p.AddAbsence, by=person("bob"), person_id=ANN, **HOLIDAY).then_refused(NotAllowed)
    again = {"absence_id": id_of("again"), "starts": HOLIDAY["ends"] - timedelta(seconds=1), "ends": HOLIDAY["ends"]}
    given(away).when(p.AddAbsence, person_id=ANN, **again).then_refused(p.AbsenceOverlaps, absence=id_of("holiday"))
    after = again | {"starts": HOLIDAY["ends"], "ends": HOLIDAY["ends"] + timedelta(days=1)}
    given(away).when(p.AddAbsence, person_id=ANN, **after).then(p.AbsenceAdded(person_id=ANN, **after))
    gone = p.AbsenceRemoved(person_id=ANN, absence_id=id_of("holiday"))
    assert (
        given(away).when(p.RemoveAbsence, person_id=ANN, absence_id=id_of("holiday")).then(gone).person(ANN).absences
        == ()
    )
    given().when(p.RemoveAbsence, person_id=ANN, absence_id=id_of("holiday")).then_refused(p.UnknownAbsence)
    given().when(p.AddAbsence, person_id=ANN, **HOLIDAY | {"ends": NOON}).then_refused(InvalidInput, field="ends")


def test_shifts_are_set_in_order_and_once():
    hours = p.Hours(weekday=0, starts=540, ends=1020), p.Hours(weekday=4, starts=1320, ends=1800)
    event = p.ShiftsSet(person_id=ANN, shifts=hours, zone="Asia/Shanghai", previous=(), previous_zone="UTC")
    asked = {"person_id": ANN, "shifts": (hours[1], hours[0], hours[1]), "zone": "Asia/Shanghai"}
    assert given().when(p.SetShifts, **asked).then(event).person(ANN).shifts == (
        Shift(0, 540, 1020),
        Shift(4, 1320, 1800),
    )
    given(event).when(p.SetShifts, **asked).then_nothing()


@pytest.mark.parametrize(("starts", "ends"), [(600, 600), (600, 500), (600, 600 + 1441), (1440, 1500), (-1, 10)])
def test_a_shift_has_a_length_below_a_day(starts, ends):
    with pytest.raises(ValidationError):
        p.Hours(weekday=0, starts=starts, ends=ends)


def test_a_zone_is_one_of_the_world():
    with pytest.raises(ValidationError, match="IANA"):
        wish(p.SetShifts, person_id=ANN, shifts=(), zone="Mars/Olympus")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def somebody(**given_values):
    return Person(ANN, "Ann", None, "agent", **given_values)


# 2026-11-20 is a Friday.
@pytest.mark.parametrize(
    ("moment", "works"),
    [
        ("2026-11-20T13:59", False),
        ("2026-11-20T14:00", True),
        ("2026-11-20T16:00", True),
        ("2026-11-20T21:59", True),
        ("2026-11-20T22:00", False),
        ("2026-11-19T16:00", False),
    ],
)
def test_a_night_shift_goes_on_past_midnight_by_the_clock_there(moment, works):
    # Friday 22:00 to Saturday 06:00 in Shanghai, eight hours ahead of UTC.
    night = somebody(shifts=(Shift(4, 1320, 1800),), zone="Asia/Shanghai")
    assert available(night, at(moment)) is works


def test_the_clock_on_the_wall_counts_when_clocks_change():
    # Berlin goes back an hour on 2026-10-25, a Sunday: nine o'clock is 07:00 UTC on Saturday, 08:00 UTC on Monday.
    early = somebody(shifts=(Shift(5, 540, 600), Shift(0, 540, 600)), zone="Europe/Berlin")
    assert [
        available(early, at(f"2026-10-{day}T{hour}:30"))
        for day, hour in ((24, "07"), (24, "08"), (26, "07"), (26, "08"))
    ] == [
        True,
        False,
        False,
        True,
    ]


def test_who_is_off_duty_absent_or_gone_takes_nothing():
    holiday = Absence(ANN, NOON, NOON + timedelta(hours=1))
    assert available(somebody(), NOON)
    assert not available(somebody(on_duty=False), NOON)
    assert not available(somebody(active=False), NOON)
    assert not available(somebody(absences=(holiday,)), NOON)
    assert available(somebody(absences=(holiday,)), NOON + timedelta(hours=1))
    assert available(DESK.person(ANN), NOON)
    assert not available(folded(DESK, p.DutyChanged(person_id=ANN, on_duty=False)).person(ANN), NOON)
