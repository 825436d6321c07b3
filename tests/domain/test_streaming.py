"""What the stream to other services may show (J2)."""

from domain.aggregates import INITIAL
from domain.event import EVENTS
from domain.setup.streaming import SetStream, StreamSet
from domain.streaming import KINDS, USUALLY, Shown
from domain.ticket.undoing import TicketUndone
from tests.domain.kit import given

CLOSED = {TicketUndone.NAME}


def test_every_content_of_tickets_is_of_a_kind_or_never_shown():
    content = {
        (name, field)
        for name, kind in EVENTS.items()
        if name.startswith("ticket.") and name not in CLOSED
        for field in kind.CONTENT - kind.SECRETS
    }
    assert content == KINDS.keys()


def test_no_secret_has_a_kind():
    assert [place for place in KINDS if place[1] in EVENTS[place[0]].SECRETS] == []


def test_title_and_text_are_shown_until_a_workspace_says_otherwise():
    assert INITIAL["workspace"].streamed == USUALLY == (Shown.TITLE, Shown.TEXT)


def test_kinds_are_kept_once_and_in_order_and_the_same_again_changes_nothing():
    outcome = given().when(SetStream, shown=(Shown.FILES, Shown.TITLE, Shown.FILES), why="Asked")
    outcome.then(StreamSet(shown=(Shown.TITLE, Shown.FILES), previous=USUALLY, why="Asked"))
    given(*outcome.events).when(SetStream, shown=(Shown.FILES, Shown.TITLE)).then_nothing()
    given().when(SetStream, shown=(Shown.TEXT, Shown.TITLE)).then_nothing()
