"""What the machine found, kept as plain tests."""

import pytest

from domain.ticket import events as e
from domain.ticket import ties as t
from domain.ticket.confidential import ViewConfidential
from domain.ticket.handling import TicketUrged, UrgeTicket
from domain.ticket.marking import ArchiveTicket, TicketArchived, UnarchiveTicket
from domain.ticket.splitting import InternalMessage
from domain.ticket.state import TicketErasedForEver, UnknownTicket
from domain.ticket.undoing import ChangedSince, UndoCommand
from domain.values import StatusKind
from eventstore import counterparts
from projections.search_parts import parts
from projections.ticket_timeline import _row as timeline_row
from tests.domain.kit import folded, given, id_of, opened, person
from tests.domain.machine.machine import Game
from tests.domain.machine.memory import MemoryDesk
from tests.domain.machine.test_ticket_machine import MemoryOffice
from tests.domain.machine.world import RITA, STAFF

RESOLVED = e.TicketResolved(status="resolved", kind=StatusKind.RESOLVED, previous="new", previous_kind=StatusKind.NEW)
REOPENED = e.TicketReopened(status="open", kind=StatusKind.OPEN, previous="resolved", previous_kind=StatusKind.RESOLVED)


def game() -> Game:
    """A ticket of Rita's, and what the machine plays with."""
    begun = Game(MemoryOffice())
    begun.begin("open", STAFF["ann"], title="One", requester_id=RITA.id)
    return begun


def test_what_a_colleague_says_who_urges_is_no_ticket_for_the_customer():
    urged = given(opened()).when(UrgeTicket, by=person("ann"), body="He shouts at me").events[0]
    assert isinstance(urged, TicketUrged)
    given(opened(), urged).when(
        t.SplitTicket, message_id=urged.message_id, title="T", body="He shouts at me", into="T-9"
    ).then_refused(InternalMessage)


@pytest.mark.parametrize(("who", "hidden"), [(STAFF["ann"], True), (RITA, False)])
def test_readers_agree_on_who_sees_an_urge(who, hidden):
    one = game()
    one.act("urge", who, "1", body="He shouts at me")
    desk: MemoryDesk = one.office.desk
    (urged,) = [recorded for recorded in desk.log if isinstance(recorded.event, TicketUrged)]
    assert timeline_row(urged)[5] is hidden
    assert [part.internal for part in parts(urged)] == [hidden]


def undoing(kind, before, done, *since):
    """What comes of undoing that event, with what happened since."""
    was, after = folded(given(*before).when(kind).state), folded(given(*before, done).when(kind).state)
    asked = {"undoes": id_of("done"), "before": was, "after": after, "done_by": person("lead")}
    return given(*before, done, *since).when(UndoCommand, by=person("lead"), **asked)


def test_work_that_begins_again_by_an_undo_comes_back_into_the_lists():
    outcome = undoing(ArchiveTicket, [opened()], RESOLVED, TicketArchived())
    state = folded(outcome.state, *outcome.events)
    assert (state.finished, state.marks.archived) == (False, False)


def test_what_is_worked_on_again_is_not_archived_by_an_undo():
    before = [opened(), RESOLVED, TicketArchived()]
    undoing(UnarchiveTicket, before, e.TicketUnarchived(), REOPENED).then_refused(ChangedSince, changed="status")


def test_what_was_merged_and_deleted_has_nothing_to_show():
    merged = t.TicketMergedInto(
        into="2", status="closed", kind=StatusKind.CLOSED, previous="new", previous_kind=StatusKind.NEW
    )
    gone = e.TicketErasureRequested(reason="asked")
    given(opened(), merged, gone).when(ViewConfidential, by=person("admin")).then_refused(TicketErasedForEver)


def test_who_may_not_see_a_ticket_is_not_told_that_it_was_split():
    one = game()
    one.act("reply", RITA, "1", body="The scanner too")
    (message,) = one.model.ticket("1")["messages"]
    one.tie("split", STAFF["ann"], "1", message_id=message, title="Scanner")
    one.act("note", STAFF["ann"], "2", body="INTERNAL")
    asked = one.context(STAFF["scout"])
    command = t.UndoSplit(number="1", into="2", **asked)
    with pytest.raises(UnknownTicket):
        one.office.run(lambda desk: counterparts.undo_split(desk, command))
