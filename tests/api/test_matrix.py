"""Who may do what to which ticket, and to the desk: every operation of the API, asked by every role, checked against the table."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from api.app import ADDRESSES
from api.auth import Needs
from api.routing import PREFIX, operations
from api.scopes import permissions
from domain.command import DECIDERS
from domain.permissions import OF_REQUESTERS_ALONE
from tests.api.conftest import Server
from tests.api.matrix.cases import EVERYTHING, EVERYWHERE, OF_TICKETS, ON_TICKETS, OPEN, WITHOUT_ROUTE, Case
from tests.api.matrix.keys import key_for
from tests.api.matrix.sharing import shared as shared
from tests.api.matrix.world import Actor, Opened, Ownership, World, shape, verdict, world


@pytest.fixture(scope="module")
def here(shared: Server) -> Iterator[World]:
    with world(shared) as everything:
        yield everything


def routes() -> dict[tuple[str, str], Needs | None]:
    """All operations, each with what it asks of its caller."""
    app = FastAPI(openapi_url=None)
    app.router.routes.append(ADDRESSES)
    return {
        (method, shape(route.path_format)): next(
            (each.call for each in route.dependant.dependencies if isinstance(each.call, Needs)), None
        )
        for route in operations(app)
        for method in route.methods or ()
    }


def key_of(case: Case) -> tuple[str, str]:
    return case.method, shape(PREFIX + case.path)


def test_every_operation_has_its_cases():
    anybody = {(method, PREFIX + path) for method, _, path in (each.partition(" ") for each in OPEN)}
    assert {key_of(case) for case in EVERYTHING} | anybody == routes().keys()


def test_every_operation_asks_for_the_permission_of_its_command():
    asked = {key: needs.permission for key, needs in routes().items() if needs is not None}
    assert {case.name: asked[key_of(case)] for case in EVERYTHING} == {case.name: case.needs for case in EVERYTHING}


def test_every_command_is_given_by_some_operation_or_follows_from_one():
    given = {case.does.__name__ for case in EVERYTHING if isinstance(case.does, type)}
    assert {command.__name__ for command in DECIDERS} - given == WITHOUT_ROUTE.keys()


def ownerships(here: World, actor: Actor) -> list[Ownership]:
    """How tickets may stand to the actor, and whether that one reaches them."""
    mine, (team, others) = str(actor.id), here.teams
    elsewhere = Ownership("another workspace's", reached=False, elsewhere=True)
    if actor is here.zoe:
        own = Ownership("own", reached=True, opening={"requester_id": mine})
        anothers = {"requester_id": str(here.stranger)}
        return [own, Ownership("another customer's", False, anothers), Ownership("nobody's", False), elsewhere]
    if actor is not here.scoped:
        return [Ownership("anybody's", True), elsewhere]
    out = {"type": "request"}
    return [
        Ownership("in scope", True, {"type": "incident"}),
        Ownership("out of scope", False, out),
        Ownership("out of scope, assigned to them", True, {**out, "assignee": {"person": mine}}),
        Ownership("out of scope, in their team's queue", True, {**out, "assignee": {"team": str(team)}}),
        Ownership("out of scope, in another team's queue", False, {**out, "assignee": {"team": str(others)}}),
        Ownership("out of scope, followed", True, {**out, "followers": [mine]}),
        Ownership("out of scope, mentioned", True, out, mentions=actor.id),
        elsewhere,
    ]


def wrong_cells(here: World, actor: Actor, how: Ownership) -> Iterator[str]:
    ticket: Opened | None = None
    for case in (*OF_TICKETS, *ON_TICKETS):
        ticket = ticket or here.opened(how)
        answer = here.ask(actor, case, number=ticket.number, command=ticket.command, position=ticket.position)
        wanted = "refused" if case.needs not in actor.permissions else "allowed" if how.reached else "unknown"
        found = verdict(answer, case.needs)
        if found != wanted and not (case.more and wanted != "refused" and found.startswith("refused")):
            yield f"{actor.name}, {how.name}: {case.name} is {found}, not {wanted}"
        if case.method != "GET" and answer.status_code < 300:
            ticket = None


def test_who_may_do_what_to_which_ticket(here: World):
    pairs = [(actor, how) for actor in (*here.actors, here.scoped) for how in ownerships(here, actor)]
    assert "\n".join(cell for actor, how in pairs for cell in wrong_cells(here, actor, how)) == ""


def test_who_may_set_up_and_see_what(here: World):
    wrong = []
    for actor in here.actors:
        for case in EVERYWHERE:
            wanted = "refused" if case.needs and case.needs not in actor.permissions else "allowed"
            found = verdict(here.ask(actor, case), case.needs)
            # Some handlers ask for one of several permissions, or for what the body says.
            if found != wanted and not (case.more and found.startswith("refused")):
                wrong.append(f"{actor.name}: {case.name} is {found}, not {wanted}")
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("scopes", [["read"], ["write"], ["ticket.reply"]], ids=str)
def test_a_key_does_nothing_beyond_its_scopes(here: World, scopes: list[str]):
    held, key = permissions(tuple(scopes)), key_for(here.server, *scopes, person_id=here.admin.id)
    ticket, wrong = here.opened(Ownership("anybody's", True)), []
    with here.server.client(key) as client:
        restricted = Actor("key", here.admin.id, held, client)
        for case in EVERYTHING:
            answer = here.ask(restricted, case, number=ticket.number, command=ticket.command)
            missing = answer.json()["fields"]["permission"] if code(answer) == "scope_missing" else None
            # What the role itself lacks is said first, whatever the key's scopes.
            enough = {case.needs, case.instead} & (held | OF_REQUESTERS_ALONE)
            wanted = None if enough else case.needs
            if missing != wanted and not (case.more and missing):
                wrong.append(f"{case.name} misses {missing}, not {wanted}")
    assert "\n".join(wrong) == ""


def code(answer: object) -> str:
    kind = answer.headers.get("content-type", "")  # type: ignore[attr-defined]
    return str(answer.json()["code"]) if "problem" in kind else ""  # type: ignore[attr-defined]
