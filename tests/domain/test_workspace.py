"""What a workspace sets up."""

import pytest
from pydantic import ValidationError

from domain import workspace as w
from domain.aggregates import decide
from domain.catalogue import Catalogue, Status
from domain.errors import UnknownPerson, UnknownTeam
from domain.permissions import RoleName
from domain.values import StatusKind
from tests.domain.kit import ANN, BILLING, BOB, DESK, LEFT, NETWORK, folded, given, id_of, person, wish

NOTHING = Catalogue()


def test_a_workspace_begins_with_a_status_of_every_kind():
    statuses = [w.StatusAdded(key=key, title=title, kind=kind) for key, title, kind in w.DEFAULT_STATUSES]
    desk = (
        given(desk=NOTHING)
        .when(w.CreateWorkspace, slug="acme", title="Acme")
        .then(w.WorkspaceCreated(slug="acme", title="Acme"), *statuses)
    )
    assert {status.kind for status in desk.statuses.values()} == set(StatusKind)
    assert all(desk.next_statuses(status) for status in desk.statuses.values())


def test_a_workspace_is_created_once():
    sentence = given().when(w.CreateWorkspace, slug="acme", title="Acme").then_refused(w.WorkspaceExists, slug="acme")
    assert "«acme»" in sentence


@pytest.mark.parametrize("slug", ["", "Acme", "a b", "-a", "a" * 51, "é"])
def test_a_slug_is_plain(slug):
    with pytest.raises(ValidationError):
        wish(w.CreateWorkspace, slug=slug, title="Acme")


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (w.AddStatus, {"key": "x", "title": "X", "kind": "open"}),
        (w.AddTeam, {"team_id": BILLING, "title": "Billing"}),
        (w.AddCategory, {"path": ("Hardware",)}),
        (w.AddPerson, {"person_id": ANN, "person_name": "Ann", "role": "agent"}),
        (w.ExtendCatalogue, {}),
    ],
)
def test_nothing_is_set_up_where_no_workspace_is(kind, asked):
    given(desk=NOTHING).when(kind, **asked).then_refused(w.UnknownWorkspace)


def test_a_status_is_added_once_and_never_changed():
    desk = (
        given()
        .when(w.AddStatus, key="waiting_parts", title="等待配件", kind="pending")
        .then(w.StatusAdded(key="waiting_parts", title="等待配件", kind=StatusKind.PENDING))
    )
    assert desk.status("waiting_parts") == Status("waiting_parts", "等待配件", StatusKind.PENDING)
    given().when(w.AddStatus, key="open", title="Open", kind="open").then_nothing()
    given().when(w.AddStatus, key="open", title="Open", kind="new").then_refused(w.AlreadyThere, what="Status")
    given().when(w.AddStatus, key="open", title="Busy", kind="open").then_refused(w.AlreadyThere, key="open")


def test_two_teams_never_have_one_name():
    given().when(w.AddTeam, team_id=ANN, title="Sales").then(w.TeamAdded(team_id=ANN, title="Sales"))
    given().when(w.AddTeam, team_id=BILLING, title="Billing").then_nothing()
    given().when(w.AddTeam, team_id=ANN, title="Billing").then_refused(w.AlreadyThere, what="Team", key="Billing")
    given().when(w.AddTeam, team_id=BILLING, title="Sales").then_refused(w.AlreadyThere, what="Team")


def test_a_category_brings_the_branches_above_it():
    (
        given()
        .when(w.AddCategory, path=("Hardware", "Screen", "Flicker"))
        .then(
            w.CategoryAdded(path=("Hardware", "Screen")),
            w.CategoryAdded(path=("Hardware", "Screen", "Flicker")),
        )
    )
    given().when(w.AddCategory, path=("Hardware", "Printer")).then_nothing()


@pytest.mark.parametrize("path", [(), ("",), ("x",) * 11])
def test_a_category_has_a_name_on_each_of_a_few_levels(path):
    with pytest.raises(ValidationError):
        wish(w.AddCategory, path=path)


def test_a_person_is_added_with_a_role_and_teams():
    desk = (
        given()
        .when(w.AddPerson, person_id=id_of("chen"), person_name="陈", role="lead", teams=(NETWORK, BILLING, NETWORK))
        .then(w.PersonAdded(person_id=id_of("chen"), person_name="陈", role=RoleName.LEAD, teams=(NETWORK, BILLING)))
    )
    assert desk.person(id_of("chen")).teams == {NETWORK, BILLING}


def test_a_person_is_added_once():
    given().when(w.AddPerson, person_id=ANN, person_name="Ann", role="agent").then_refused(w.AlreadyThere, key=str(ANN))
    given().when(w.AddPerson, person_id=id_of("new"), person_name="N", role="agent", teams=(ANN,)).then_refused(
        UnknownTeam, team=ANN
    )


@pytest.mark.parametrize("email", ["ann@acme.example", "Ann@ACME.example"])
def test_an_address_signs_in_one_person_and_is_not_repeated_in_the_refusal(email):
    outcome = given().when(w.AddPerson, person_id=id_of("new"), person_name="N", role="agent", email=email)
    sentence = outcome.then_refused(w.EmailTaken, person=ANN)
    assert email.casefold() not in sentence.casefold()


def test_the_address_of_somebody_who_left_is_free():
    outcome = given().when(
        w.AddPerson, person_id=id_of("new"), person_name="N", role="agent", email="lena@acme.example"
    )
    assert len(outcome.events) == 1


def test_a_role_changes_once():
    changed = w.RoleChanged(person_id=BOB, role=RoleName.LEAD, previous=RoleName.AGENT)
    assert given().when(w.ChangeRole, person_id=BOB, role="lead").then(changed).person(BOB).role == RoleName.LEAD
    given(changed).when(w.ChangeRole, person_id=BOB, role="lead").then_nothing()


def test_teams_change_whatever_their_order():
    changed = w.TeamsChanged(person_id=ANN, teams=(NETWORK, BILLING), previous=(BILLING,))
    desk = given().when(w.ChangeTeams, person_id=ANN, teams=(NETWORK, BILLING, NETWORK)).then(changed)
    assert desk.person(ANN).teams == {BILLING, NETWORK}
    given(changed).when(w.ChangeTeams, person_id=ANN, teams=(BILLING, NETWORK)).then_nothing()
    given().when(w.ChangeTeams, person_id=ANN, teams=(BOB,)).then_refused(UnknownTeam, team=BOB)


def test_somebody_who_left_can_do_nothing_more():
    desk = given().when(w.DeactivatePerson, person_id=BOB).then(w.PersonDeactivated(person_id=BOB))
    with pytest.raises(UnknownPerson):
        decide(wish(w.AddCategory, by=person("bob"), path=("x",)), desk, desk)


@pytest.mark.parametrize(
    ("kind", "asked"), [(w.ChangeRole, {"role": "lead"}), (w.ChangeTeams, {"teams": ()}), (w.DeactivatePerson, {})]
)
@pytest.mark.parametrize("who", [LEFT, BILLING])
def test_only_somebody_who_is_here_can_be_changed(kind, asked, who):
    given().when(kind, person_id=who, **asked).then_refused(UnknownPerson, person=who)


def test_what_is_missing_is_set_up_at_once_and_the_rest_stays():
    new = w.NewPerson(person_id=id_of("new"), person_name="New")
    known = w.NewPerson(person_id=ANN, person_name="Other name")
    (
        given()
        .when(
            w.ExtendCatalogue,
            statuses=(("open", "Other", "new"), ("parts", "Parts", "pending"), ("parts", "Parts", "pending")),
            teams=((BILLING, "Other"), (id_of("Sales"), "Sales")),
            people=(known, new, new),
            categories=(("Hardware", "Screen"), ("Hardware", "Printer")),
        )
        .then(
            w.StatusAdded(key="parts", title="Parts", kind=StatusKind.PENDING),
            w.TeamAdded(team_id=id_of("Sales"), title="Sales"),
            w.CategoryAdded(path=("Hardware", "Screen")),
            w.PersonAdded(person_id=id_of("new"), person_name="New", role=RoleName.AGENT),
        )
    )


@pytest.mark.parametrize("teams", [((ANN, "Billing"),), ((ANN, "Sales"), (BOB, "Sales"))])
def test_two_teams_set_up_at_once_never_have_one_name(teams):
    given().when(w.ExtendCatalogue, teams=teams).then_refused(w.AlreadyThere, what="Team", key=teams[0][1])


def test_an_unknown_team_names_those_that_there_are():
    with pytest.raises(UnknownTeam, match="Known: Billing, Network"):
        DESK.team(ANN)
    many = folded(DESK, *(w.TeamAdded(team_id=id_of(f"T{n}"), title=f"T{n}") for n in range(6)))
    with pytest.raises(UnknownTeam, match=r"Known: Billing, Network, T0, T1, T2 and 3 more\."):
        many.team(ANN)
    with pytest.raises(UnknownTeam, match="add one first"):
        NOTHING.team(ANN)
