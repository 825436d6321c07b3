"""Drafts: whose they are, and that a submitted one is like any other ticket."""

from typing import Any

import pytest

from domain.errors import UnknownStatus
from domain.event import ERASED, Actor
from domain.setup.workflows import SetWorkflow
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.confidential import TicketConfidentialSet
from domain.ticket.decisions import ErasureNotRequested, TicketNumberTaken
from domain.ticket.drafting import (
    DiscardDraft,
    DraftIncomplete,
    DraftTicket,
    SaveForm,
    SubmitDraft,
    TicketDrafted,
    TicketDraftSaved,
    TicketFormSaved,
)
from domain.ticket.handling import AcceptTicket
from domain.ticket.state import Ticket, TicketNotOpen, UnknownTicket
from domain.values import Assignee, StatusKind
from tests.domain.kit import BOB, DESK, Outcome, decided, folded, given, id_of, opened, person, wish
from tests.domain.setups import FIRST, READY, WAY, desk_after

ANN = person("ann")
ZOE = Actor(kind="requester", id=str(id_of("zoe")))


def drafted(author: Actor = ANN, **form: object) -> TicketDrafted:
    return TicketDrafted(number="T-1", author=author, form=form)


def first_draft(by: Actor = ANN, **asked: Any) -> Outcome:
    """A draft under the number that was kept for it."""
    return decided(wish(DraftTicket, by, number="", **asked), Ticket(number="T-1"), DESK)


def test_a_draft_keeps_what_was_written_and_nothing_has_to_be():
    first_draft().then(drafted())
    asked = {"title": " Printer ", "fields": {"room": None}, "tags": ("vip",), "priority": "high"}
    first_draft(**asked).then(drafted(title="Printer", fields={"room": None}, tags=["vip"], priority="high"))


def test_the_newest_draft_counts_and_the_same_is_none():
    given(drafted(title="A")).when(DraftTicket, by=ANN, title="B").then(TicketDraftSaved(form={"title": "B"}))
    given(drafted(title="A")).when(DraftTicket, by=ANN, title="A").then_nothing()
    one, true = {"fields": {"room": 1}}, {"fields": {"room": True}}
    given(drafted(**one)).when(DraftTicket, by=ANN, **true).then(TicketDraftSaved(form=true))


@pytest.mark.parametrize("kind", [DraftTicket, SubmitDraft, DiscardDraft])
def test_to_others_a_draft_is_not_there(kind):
    given(drafted()).when(kind, by=person("admin")).then_refused(UnknownTicket)
    given(drafted()).when(kind).then_refused(UnknownTicket)
    given(drafted(ZOE)).when(kind, by=ANN).then_refused(UnknownTicket)


@pytest.mark.parametrize("kind", [c.ResolveTicket, AcceptTicket, c.EraseTicket])
def test_a_draft_is_no_ticket_to_work_on(kind):
    asked = {"reason": "x"} if kind is c.EraseTicket else {}
    given(drafted()).when(kind, **asked).then_refused(UnknownTicket)


def test_nobody_opens_a_ticket_under_a_draft_s_number():
    given(drafted()).when(c.OpenTicket, by=ANN, title="Mine").then_refused(TicketNumberTaken)
    given(opened()).when(DraftTicket, by=ANN).then_refused(TicketNumberTaken)


def test_a_draft_gets_the_next_number_and_no_other():
    given().when(DraftTicket, by=ANN).then_refused(UnknownTicket)


def test_a_submitted_draft_is_as_if_it_had_been_opened():
    asked = {"title": "打印机坏了", "priority": "high", "tags": ("vip",), "assignee": Assignee(person=BOB)}
    asked |= {"followers": (BOB,), "confidential": "PIN 1234", "fields": {"room": [1, {"a": None}]}}
    draft = first_draft(**asked).events
    opening = given().when(c.OpenTicket, by=ANN, **asked).events
    submitted = given(*draft).when(SubmitDraft, by=ANN)
    assert submitted.refusal is None
    assert submitted.events == opening
    assert TicketConfidentialSet(text="PIN 1234") in submitted.events
    assert folded(Ticket(), *draft, *submitted.events) == folded(Ticket(), *opening)


def test_a_requester_submits_their_own():
    outcome = given(drafted(ZOE, title="Help")).when(SubmitDraft, by=ZOE)
    assert outcome.events == [opened(title="Help", requester_id=id_of("zoe"))]


def test_what_is_missing_or_wrong_is_refused_at_the_end():
    given(drafted()).when(SubmitDraft, by=ANN).then_refused(DraftIncomplete, fields="title")
    wrong = drafted(title="x", priority="loud", tags=["y" * 51])
    sentence = given(wrong).when(SubmitDraft, by=ANN).then_refused(DraftIncomplete, fields="priority, tags")
    assert "loud" not in sentence
    given(drafted(title="x", status="limbo")).when(SubmitDraft, by=ANN).then_refused(UnknownStatus)


def test_files_come_with_the_submission():
    assert "attachments" in SubmitDraft.model_fields
    with pytest.raises(ValueError, match="attachments"):
        wish(DraftTicket, attachments=({"attachment_id": id_of("file")},))


def test_the_system_picks_for_the_first_step_of_a_draft_as_of_any_ticket():
    first = FIRST.model_copy(update={"claim": "system", "participants": Assignee(people=(id_of("ann"), BOB))})
    desk = desk_after(
        READY, SetWorkflow, key="desk", definition=WAY.model_copy(update={"nodes": (first, *WAY.nodes[1:])})
    )
    form = {"title": "x", "type": "incident", "fields": {"site": "office"}}
    *_, assigned = given(drafted(**form), desk=desk).when(SubmitDraft, by=ANN, pick=BOB).events
    assert assigned.assignee == Assignee(person=BOB)


def test_a_discarded_draft_is_erased_and_its_number_never_used_again():
    asked = e.TicketErasureRequested(reason="draft discarded")
    state = given(drafted(title="secret")).when(DiscardDraft, by=ANN).then(asked)
    assert state.draft is ERASED
    gone = given(drafted(title="secret"), asked)
    gone.when(DiscardDraft, by=ANN).then_nothing()
    gone.when(SubmitDraft, by=ANN).then_refused(UnknownTicket)
    gone.when(DraftTicket, by=ANN).then_refused(UnknownTicket)
    gone.when(c.OpenTicket, title="x").then_refused(TicketNumberTaken)
    gone.when(c.ConfirmTicketErasure).then(e.TicketErased())


def test_a_submitted_draft_is_a_draft_no_longer():
    done = given(drafted(title="x"), opened())
    done.when(SubmitDraft, by=ANN).then_refused(UnknownTicket)
    done.when(DiscardDraft, by=ANN).then_refused(UnknownTicket)
    done.when(DraftTicket, by=ANN, title="y").then_refused(TicketNumberTaken)
    done.when(c.ConfirmTicketErasure).then_refused(ErasureNotRequested)


def test_a_form_is_saved_without_submitting_it():
    saved = TicketFormSaved(fields={"cause": "paper"})
    state = (
        given(
            opened(),
        )
        .when(SaveForm, by=ANN, fields={"cause": "paper"})
        .then(saved)
    )
    assert (state.flow.saved, state.fields) == ({"cause": "paper"}, {})
    given(opened(), saved).when(SaveForm, fields={"cause": "paper"}).then_nothing()
    given(opened(status="closed", kind=StatusKind.CLOSED)).when(SaveForm, fields={}).then_refused(TicketNotOpen)
