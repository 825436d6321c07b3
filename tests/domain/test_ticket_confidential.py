"""The confidential field: left, seen, never confirmed by guessing."""

import pytest

from domain.errors import NotAllowed
from domain.event import EVENTS
from domain.ticket import events as e
from domain.ticket.confidential import (
    SetConfidential,
    TicketConfidentialSet,
    TicketConfidentialViewed,
    ViewConfidential,
)
from domain.ticket.state import TicketErasedForEver, TicketNotOpen, UnknownTicket
from domain.ticket.ties import TicketMergedInto
from domain.values import StatusKind
from tests.domain.kit import given, id_of, opened, person

PIN = TicketConfidentialSet(text="PIN 1234")
ZOE = id_of("zoe")


def test_what_was_left_is_seen_and_each_view_recorded():
    given(opened()).when(SetConfidential, text="PIN 1234", by=person("agent")).then(PIN)
    given(opened(), PIN).when(ViewConfidential, by=person("lead")).then(TicketConfidentialViewed())


def test_a_guess_is_not_confirmed_by_what_is_recorded():
    given(opened(), PIN).when(SetConfidential, text="PIN 1234").then(PIN)
    given(opened(), PIN).when(SetConfidential, text="PIN 1235").then(TicketConfidentialSet(text="PIN 1235"))


def test_it_is_taken_away_once():
    gone = TicketConfidentialSet(text=None)
    given(opened(), PIN).when(SetConfidential, text=None).then(gone)
    given(opened(), PIN, gone).when(SetConfidential, text=None).then_nothing()
    given(opened(), PIN, gone).when(ViewConfidential).then_nothing()


def test_who_may_leave_it_may_not_see_it():
    given(opened(), PIN).when(ViewConfidential, by=person("agent")).then_refused(
        NotAllowed, permission="confidential.view"
    )
    given(opened(requester_id=ZOE)).when(
        SetConfidential, text="PIN 1234", by=person("zoe").model_copy(update={"kind": "requester"})
    ).then(PIN)
    given(opened(requester_id=ZOE), PIN).when(
        ViewConfidential, by=person("zoe").model_copy(update={"kind": "requester"})
    ).then_refused(NotAllowed, permission="confidential.view")


@pytest.mark.parametrize("kind", [SetConfidential, ViewConfidential])
def test_it_needs_a_ticket(kind):
    asked = {"text": "x"} if kind is SetConfidential else {}
    given().when(kind, **asked).then_refused(UnknownTicket)
    given(opened(), PIN, e.TicketErasureRequested(reason="x")).when(kind, **asked).then_refused(TicketErasedForEver)


def test_a_closed_or_merged_ticket_still_shows_it_but_takes_no_other():
    closed = opened(status="closed", kind=StatusKind.CLOSED)
    given(closed, PIN).when(ViewConfidential).then(TicketConfidentialViewed())
    given(closed, PIN).when(SetConfidential, text="x").then_refused(TicketNotOpen)
    merged = TicketMergedInto(into="T-2", status="closed", kind="closed", previous="new", previous_kind="new")
    given(opened(), PIN, merged).when(ViewConfidential).then(TicketConfidentialViewed())


def test_what_no_reader_of_the_log_is_shown_is_content_too():
    secret = {kind.NAME: kind.SECRETS for kind in EVENTS.values() if kind.SECRETS}
    assert secret == {
        "ticket.attached": {"key"},
        "ticket.confidential_set": {"text"},
        "ticket.drafted": {"form"},
        "ticket.draft_saved": {"form"},
        "ticket.undone": {"secret"},
        "workspace.webhook_set": {"url"},
        "workspace.webhook_secret_made": {"secret"},
    }
    assert all(names <= EVENTS[name].CONTENT for name, names in secret.items())
