"""A workspace's own roles."""

import pytest

from domain import workspace as w
from domain.errors import NotAllowed, UnknownPerson, UnknownRole
from domain.permissions import PERMISSIONS, Permission, RoleName
from domain.setup import roles as r
from domain.staff import RoleTooWide, Scope
from domain.ticket import commands as c
from domain.ticket.state import UnknownTicket
from tests.domain.kit import BOB, DESK, folded, given, id_of, opened, person

P = Permission
HARDWARE = r.RoleSet(
    key="hardware",
    title="Hardware agent",
    permissions=("ticket.note", "ticket.view"),
    types=("incident",),
    categories=(("Hardware",),),
)
ASKED = {
    "key": "hardware",
    "title": "Hardware agent",
    "permissions": (P.TICKET_VIEW, P.TICKET_NOTE),
    "types": ("incident",),
    "categories": (("Hardware",),),
}
BOB_HAS_IT = w.RoleChanged(person_id=BOB, role="hardware", previous=RoleName.AGENT)
MANAGER = r.RoleSet(key="manager", title="Manager", permissions=("access.edit", "ticket.view"))
BOB_ACTS = person("bob")
BOB_MANAGES = w.RoleChanged(person_id=BOB, role="manager", previous=RoleName.AGENT)


def test_a_role_is_made_with_its_reasons():
    why = {"why": "Contractors", "expected": "They see hardware only"}
    made = HARDWARE.model_copy(update=why)
    role = given().when(r.SetRole, by=person("admin"), **ASKED, **why).then(made).role("hardware")
    assert role.permissions == {P.TICKET_VIEW, P.TICKET_NOTE}
    assert role.scope == Scope(frozenset({"incident"}), frozenset({("Hardware",)}))
    given(HARDWARE).when(r.SetRole, **ASKED).then_nothing()


def test_a_built_in_role_stays_as_it_is():
    given().when(r.SetRole, **ASKED | {"key": "agent"}).then_refused(r.BuiltInRole, role="agent")
    given().when(r.RetireRole, key="admin").then_refused(r.BuiltInRole, role="admin")


def test_a_role_that_somebody_has_is_not_retired():
    given(HARDWARE, BOB_HAS_IT).when(r.RetireRole, key="hardware").then_refused(r.RoleInUse, people=str(BOB))
    left = w.PersonDeactivated(person_id=BOB)
    given(HARDWARE, BOB_HAS_IT, left).when(r.RetireRole, key="hardware").then(r.RoleRetired(key="hardware"))


def test_a_retired_role_is_given_to_nobody_until_it_is_made_again():
    retired = r.RoleRetired(key="hardware")
    given(HARDWARE, retired).when(w.ChangeRole, person_id=BOB, role="hardware").then_refused(UnknownRole)
    given(HARDWARE, retired).when(r.RetireRole, key="hardware").then_nothing()
    assert given(HARDWARE, retired).when(r.SetRole, **ASKED).then(HARDWARE).role("hardware").active
    given().when(r.RetireRole, key="hardware").then_refused(UnknownRole)


def test_nobody_gives_what_they_do_not_have():
    manages = given(MANAGER, BOB_MANAGES)
    bob = person("bob")
    manages.when(r.SetRole, by=bob, **ASKED).then_refused(RoleTooWide, role="hardware", missing="ticket.note")
    manages.when(w.ChangeRole, by=bob, person_id=id_of("ann"), role="lead").then_refused(RoleTooWide)
    added = {"person_id": id_of("new"), "person_name": "N", "role": "admin"}
    manages.when(w.AddPerson, by=bob, **added).then_refused(RoleTooWide, role="admin")
    narrow = ASKED | {"permissions": (P.TICKET_VIEW,)}
    assert len(manages.when(r.SetRole, by=bob, **narrow).events) == 1


def test_nobody_takes_away_what_they_could_not_give():
    manages = given(MANAGER, BOB_MANAGES)
    manages.when(w.DeactivatePerson, by=person("bob"), person_id=id_of("lead")).then_refused(RoleTooWide)
    manages.when(w.ChangeRole, by=person("bob"), person_id=id_of("lead"), role="manager").then_refused(RoleTooWide)


def test_nobody_gives_a_wider_reach_than_their_own():
    narrow = MANAGER.model_copy(update={"types": ("incident",)})
    wide = {"key": "all", "title": "All", "permissions": (P.TICKET_VIEW,)}
    manages = given(narrow, BOB_MANAGES)
    manages.when(r.SetRole, by=person("bob"), **wide).then_refused(RoleTooWide)
    assert manages.when(r.SetRole, by=person("bob"), **wide, types=("incident",)).events


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (Scope(), Scope(), True),
        (Scope(), Scope(frozenset("a")), False),
        (Scope(frozenset("a")), Scope(), True),
        (Scope(frozenset("a")), Scope(frozenset("ab")), True),
        (Scope(frozenset("ab")), Scope(frozenset("a")), False),
        (Scope(categories=frozenset({("H", "P")})), Scope(categories=frozenset({("H",)})), True),
        (Scope(categories=frozenset({("H",)})), Scope(categories=frozenset({("H", "P")})), False),
        (Scope(frozenset("a"), frozenset({("H",)})), Scope(categories=frozenset({("H",)})), False),
    ],
)
def test_a_scope_is_within_another_that_covers_all_of_it(inner, outer, within):
    assert inner.within(outer) is within


@pytest.mark.parametrize(
    ("ticket", "reached"),
    [
        (opened(type="incident"), True),
        (opened(category=("Hardware", "Printer")), True),
        (opened(type="question", category=("Software",)), False),
        (opened(), False),
        (opened(assignee={"person": BOB}), True),
        (opened(assignee={"role": "hardware"}), True),
    ],
)
def test_a_scoped_role_reaches_its_types_and_branches_and_what_one_takes_part_in(ticket, reached):
    desk = given(HARDWARE, BOB_HAS_IT)
    folded_desk = desk.when(r.SetRole, **ASKED).state
    outcome = given(ticket, desk=folded_desk).when(c.NoteOnTicket, by=person("bob"), body="x")
    if reached:
        assert outcome.events
    else:
        outcome.then_refused(UnknownTicket, number="T-1")


def test_a_role_s_bearer_does_nothing_else():
    folded_desk = given(HARDWARE, BOB_HAS_IT).when(r.SetRole, **ASKED).state
    reply = given(opened(type="incident"), desk=folded_desk).when(c.ReplyToTicket, by=person("bob"), body="x")
    reply.then_refused(NotAllowed, permission=P.TICKET_REPLY, role="hardware")


def test_only_who_manages_access_makes_roles():
    for role in PERMISSIONS:
        outcome = given().when(r.SetRole, by=person(role), **ASKED) if role is not RoleName.REQUESTER else None
        if outcome is not None and role is not RoleName.ADMIN:
            outcome.then_refused(NotAllowed, permission=P.ACCESS_EDIT)


def test_what_somebody_may_do_is_worked_out_once_and_again_when_the_desk_is_another():
    assert DESK.grant(BOB_ACTS) is DESK.grant(BOB_ACTS)
    now = folded(DESK, HARDWARE, BOB_HAS_IT)
    assert now.grant(BOB_ACTS).permissions == {P.TICKET_NOTE, P.TICKET_VIEW}
    left = folded(now, w.PersonDeactivated(person_id=BOB))
    with pytest.raises(UnknownPerson):
        left.grant(BOB_ACTS)
