"""given(what happened).when(a command).then(what happens): the domain without anything around it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.aggregates import INITIAL, decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import Refusal
from domain.event import SYSTEM, Actor, Event
from domain.permissions import RoleName
from domain.ticket.events import TicketOpened
from domain.values import StatusKind
from domain.workspace import (
    DEFAULT_STATUSES,
    CategoryAdded,
    PersonAdded,
    PersonDeactivated,
    StatusAdded,
    TeamAdded,
    WorkspaceCreated,
)

WORKSPACE = UUID("11111111-1111-5111-8111-111111111111")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def id_of(name: str) -> UUID:
    """The id that a name has in these tests."""
    return uuid5(WORKSPACE, name)


def person(name: str) -> Actor:
    """Somebody acting."""
    return Actor(kind="person", id=str(id_of(name)))


BILLING, NETWORK = id_of("Billing"), id_of("Network")
ANN, BOB, LEFT = id_of("ann"), id_of("bob"), id_of("left")

# The roles that people have; that of requesters is theirs alone.
STAFF_ROLES = tuple(role for role in RoleName if role is not RoleName.REQUESTER)
# A workspace with two teams, one person of every role (named for it), and statuses of its own beside the default.
SET_UP: tuple[Event, ...] = (
    WorkspaceCreated(slug="acme", title="Acme"),
    *(StatusAdded(key=key, title=title, kind=kind) for key, title, kind in DEFAULT_STATUSES),
    StatusAdded(key="waiting_vendor", title="Waiting for vendor", kind=StatusKind.PENDING),
    StatusAdded(key="solved_by_phone", title="Solved by phone", kind=StatusKind.RESOLVED),
    StatusAdded(key="rejected", title="Rejected", kind=StatusKind.CLOSED),
    TeamAdded(team_id=BILLING, title="Billing"),
    TeamAdded(team_id=NETWORK, title="Network"),
    CategoryAdded(path=("Hardware",)),
    CategoryAdded(path=("Hardware", "Printer")),
    *(PersonAdded(person_id=id_of(role), person_name=role.title(), role=role) for role in STAFF_ROLES),
    PersonAdded(person_id=ANN, person_name="Ann", email="ann@acme.example", role=RoleName.AGENT, teams=(BILLING,)),
    PersonAdded(person_id=BOB, person_name="Bob", role=RoleName.AGENT),
    PersonAdded(person_id=LEFT, person_name="Lena", email="lena@acme.example", role=RoleName.ADMIN),
    PersonDeactivated(person_id=LEFT),
)


def folded(state: Any, *events: Event) -> Any:
    """The state after the events."""
    return reduce(evolve, events, state)


DESK: Catalogue = folded(Catalogue(), *SET_UP)


def opened(**given: Any) -> TicketOpened:
    """A ticket T-1, new and of nobody unless told otherwise."""
    return TicketOpened(**{"number": "T-1", "title": "打印机坏了", "status": "new", "kind": "new"} | given)


def wish(kind: type[Command], /, by: Actor = SYSTEM, **asked: Any) -> Command:
    """A command with an envelope; what is about a ticket is about T-1, a requester is Zoe, an organisation Acme."""
    about = {"number": "T-1", "requester_id": id_of("zoe"), "organisation_id": id_of("acme")}
    named = {name: about[name] for name in about if name in kind.model_fields and kind.AGGREGATE != "workspace"}
    for aggregate in ("requester", "organisation"):
        if aggregate != kind.AGGREGATE:
            named.pop(f"{aggregate}_id", None)
    envelope = {"workspace_id": WORKSPACE, "by": by, "at": NOON, "command_id": id_of("command")}
    return kind(**envelope | named | asked)


@dataclass(frozen=True)
class Outcome:
    """What a decision came to."""

    state: Any
    events: list[Event]
    refusal: Refusal | None

    def then(self, *expected: Event) -> Any:
        """These events and no others; answers the state after them."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == list(expected)
        return folded(self.state, *self.events)

    def then_nothing(self) -> None:
        """No change, no event."""
        self.then()

    def then_refused(self, refusal: type[Refusal], **fields: object) -> str:
        """Refused for exactly this, with at least these fields; answers the sentence."""
        assert type(self.refusal) is refusal, f"not refused, but {self.events}" if not self.refusal else self.refusal
        assert fields.items() <= self.refusal.fields.items()
        return str(self.refusal)


@dataclass(frozen=True)
class Given:
    """What happened before."""

    events: tuple[Event, ...]
    desk: Catalogue = DESK

    def when(self, kind: type[Command], /, by: Actor = SYSTEM, **asked: Any) -> Outcome:
        """Decide the command on what was given, by the system unless somebody is named."""
        command = wish(kind, by, **asked)
        if kind.AGGREGATE == "workspace":
            return decided(command, folded(self.desk, *self.events), folded(self.desk, *self.events))
        return decided(command, folded(INITIAL[kind.AGGREGATE], *self.events), self.desk)


def given(*events: Event, desk: Catalogue = DESK) -> Given:
    """These events, on the usual desk or another."""
    return Given(events, desk)


def decided(command: Command, state: Any, desk: Catalogue) -> Outcome:
    """The decision, having made sure that it left its input alone."""
    before = deepcopy((command, state, desk))
    try:
        outcome = Outcome(state, decide(command, state, desk), None)
    except Refusal as refusal:
        outcome = Outcome(state, [], refusal)
    if before != (command, state, desk):
        pytest.fail(f"{type(command).__name__} changed its input")
    return outcome
