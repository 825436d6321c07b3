"""What people put on a ticket: follow, snooze, pin, spam, archive."""

from datetime import timedelta

import pytest

from domain.command import DECIDERS
from domain.errors import InvalidInput, NotAllowed, UnknownPerson
from domain.event import ERASED
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import marking as m
from domain.ticket.state import TicketNotOpen, UnknownTicket
from domain.values import StatusKind
from tests.domain.kit import ANN, BOB, LEFT, NOON, given, id_of, opened, person

ZOE = id_of("zoe")
LATER = NOON + timedelta(hours=1)
RESOLVED = opened(status="resolved", kind="resolved")
REOPENED = e.TicketReopened(status="open", kind=StatusKind.OPEN, previous="resolved", previous_kind=StatusKind.RESOLVED)


def test_a_person_follows_once_and_no_longer():
    followed, unfollowed = m.TicketFollowed(person_id=BOB), m.TicketUnfollowed(person_id=BOB)
    state = given(opened()).when(m.FollowTicket, by=person("ann"), person_id=BOB).then(followed)
    assert state.followers == state.involved == {BOB}
    given(opened(), followed).when(m.FollowTicket, person_id=BOB).then_nothing()
    assert given(opened(), followed).when(m.UnfollowTicket, person_id=BOB).then(unfollowed).followers == set()
    given(opened(), followed, unfollowed).when(m.UnfollowTicket, person_id=BOB).then_nothing()


def test_who_left_is_not_made_to_follow_but_can_be_taken_off():
    given(opened()).when(m.FollowTicket, person_id=LEFT).then_refused(UnknownPerson)
    given(opened(), m.TicketFollowed(person_id=LEFT)).when(m.UnfollowTicket, person_id=LEFT).then(
        m.TicketUnfollowed(person_id=LEFT)
    )


@pytest.mark.parametrize("until", [LATER, None])
def test_a_ticket_sleeps_until_it_is_woken(until):
    snoozed = m.TicketSnoozed(until=until)
    state = given(opened()).when(m.SnoozeTicket, until=until).then(snoozed)
    assert (state.marks.snoozed, state.marks.snoozed_until) == (True, until)
    given(opened(), snoozed).when(m.SnoozeTicket, until=until).then_nothing()
    woken = m.TicketWoken(because="hand")
    assert not given(opened(), snoozed).when(m.WakeTicket).then(woken).marks.snoozed
    given(opened(), snoozed, woken).when(m.WakeTicket).then_nothing()


def test_a_snooze_can_be_moved_and_says_from_when():
    given(opened(), m.TicketSnoozed(until=LATER)).when(m.SnoozeTicket).then(m.TicketSnoozed(until=None, previous=LATER))


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(days=1)])
def test_nothing_sleeps_until_what_is_past(until):
    given(opened()).when(m.SnoozeTicket, until=until).then_refused(InvalidInput, field="until")
    given(opened(status="closed", kind="closed")).when(m.SnoozeTicket, until=LATER).then_refused(TicketNotOpen)


def test_time_wakes_what_is_due_and_a_timer_of_an_earlier_snooze_wakes_nothing():
    due = m.TicketSnoozed(until=NOON)
    given(opened(), due).when(m.WakeTicket, because="time").then(m.TicketWoken(because="time"))
    for later in (LATER, None):
        given(opened(), due, m.TicketSnoozed(until=later)).when(m.WakeTicket, because="time").then_nothing()


def test_content_makes_no_difference_to_what_is_decided_without_it():
    closed = opened(title=ERASED, description=ERASED, fields=ERASED)
    assert [kind for kind in DECIDERS if not kind.READS_CONTENT] == [m.WakeTicket]
    for asleep in ([], [m.TicketSnoozed(until=NOON)], [m.TicketSnoozed(until=LATER)], [m.TicketSnoozed(until=None)]):
        for because in ("time", "hand"):
            seen = [given(each, *asleep).when(m.WakeTicket, because=because).events for each in (opened(), closed)]
            assert seen[0] == seen[1]
    assert not m.TicketWoken.CONTENT


def test_a_pin_goes_in_and_out_once():
    assert given(opened()).when(m.PinTicket).then(m.TicketPinned()).marks.pinned
    given(opened(), m.TicketPinned()).when(m.PinTicket).then_nothing()
    assert not given(opened(), m.TicketPinned()).when(m.UnpinTicket).then(m.TicketUnpinned()).marks.pinned
    given(opened()).when(m.UnpinTicket).then_nothing()


def test_spam_is_marked_once_and_taken_back():
    assert given(opened()).when(m.MarkSpam, by=person("ann")).then(m.TicketMarkedSpam()).marks.spam
    given(opened(), m.TicketMarkedSpam()).when(m.MarkSpam).then_nothing()
    assert not given(opened(), m.TicketMarkedSpam()).when(m.UnmarkSpam).then(m.TicketUnmarkedSpam()).marks.spam
    given(opened()).when(m.UnmarkSpam).then_nothing()


def test_a_sender_is_blocked_with_their_spam_and_unblocked_with_it():
    hers, blocked = opened(requester_id=ZOE), m.TicketMarkedSpam(blocks=ZOE)
    given(hers).when(m.MarkSpam, by=person("lead"), block=True).then(blocked)
    given(hers, m.TicketMarkedSpam()).when(m.MarkSpam, by=person("lead"), block=True).then(blocked)
    given(hers, blocked).when(m.MarkSpam, by=person("lead"), block=True).then_nothing()
    given(hers, blocked).when(m.MarkSpam, by=person("ann")).then_nothing()
    given(hers, blocked).when(m.UnmarkSpam, by=person("lead")).then(m.TicketUnmarkedSpam(unblocks=ZOE))


def test_blocking_needs_a_permission_of_its_own_and_somebody_to_block():
    hers = opened(requester_id=ZOE)
    given(hers).when(m.MarkSpam, by=person("ann"), block=True).then_refused(NotAllowed, permission="requester.block")
    given(hers, m.TicketMarkedSpam(blocks=ZOE)).when(m.UnmarkSpam, by=person("ann")).then_refused(NotAllowed)
    given(opened()).when(m.MarkSpam, by=person("lead"), block=True).then_refused(InvalidInput, field="block")


@pytest.mark.parametrize("kind", ["resolved", "confirmed", "rated", "closed"])
def test_finished_work_is_archived_once(kind):
    ticket = opened(status=kind, kind=kind)
    assert given(ticket).when(m.ArchiveTicket).then(m.TicketArchived()).marks.archived
    given(ticket, m.TicketArchived()).when(m.ArchiveTicket).then_nothing()
    assert not given(ticket, m.TicketArchived()).when(m.UnarchiveTicket).then(e.TicketUnarchived()).marks.archived
    given(ticket).when(m.UnarchiveTicket).then_nothing()


@pytest.mark.parametrize("kind", ["new", "open", "pending"])
def test_unfinished_work_is_not_archived(kind):
    given(opened(status=kind, kind=kind)).when(m.ArchiveTicket).then_refused(m.TicketUnfinished)
    given(RESOLVED).when(m.ArchiveTicket, by=person("ann")).then_refused(NotAllowed, permission="ticket.archive")


@pytest.mark.parametrize(("command", "asked"), [(c.ReopenTicket, {}), (c.MoveTicket, {"status": "open"})])
def test_what_is_reopened_comes_back_from_the_archive(command, asked):
    state = given(RESOLVED, m.TicketArchived()).when(command, **asked).then(REOPENED, e.TicketUnarchived())
    assert not state.marks.archived


def test_what_is_closed_in_the_archive_stays_there():
    closed = e.TicketClosed(
        status="closed", kind=StatusKind.CLOSED, previous="resolved", previous_kind=StatusKind.RESOLVED
    )
    assert given(RESOLVED, m.TicketArchived()).when(c.CloseTicket).then(closed).marks.archived


MARKS = [
    (m.FollowTicket, {"person_id": ANN}),
    (m.UnfollowTicket, {"person_id": ANN}),
    (m.SnoozeTicket, {}),
    *((kind, {}) for kind in (m.WakeTicket, m.PinTicket, m.UnpinTicket, m.MarkSpam, m.UnmarkSpam, m.ArchiveTicket)),
]


@pytest.mark.parametrize(("kind", "asked"), MARKS)
def test_a_ticket_that_never_was_is_not_marked(kind, asked):
    given().when(kind, **asked).then_refused(UnknownTicket)
