"""Notices: people are told something about a ticket because a rule, a macro or a colleague says so."""

from domain.errors import InvalidInput, NotAllowed, UnknownPerson
from domain.receivers import Receivers
from domain.ticket.telling import NotifyPeople, TicketNoticeGiven
from tests.domain.kit import BOB, LEFT, given, id_of, opened, person

TO_BOB = Receivers(people=(BOB,))
ZOE = id_of("zoe")


def test_a_notice_says_whom_and_what():
    told = {"to": Receivers(roles=("handler", "lead")), "text": "A part is on its way."}
    given(opened()).when(NotifyPeople, **told).then(TicketNoticeGiven(**told))


def test_a_notice_is_for_somebody():
    given(opened()).when(NotifyPeople, text="Hello?").then_refused(InvalidInput, field="to")


def test_who_left_is_told_nothing():
    given(opened()).when(NotifyPeople, to=Receivers(people=(LEFT,)), text="Hello?").then_refused(UnknownPerson)


def test_a_customer_is_written_to_where_there_is_one():
    given(opened()).when(NotifyPeople, requester=True, text="Soon.").then_refused(InvalidInput, field="requester")
    written = TicketNoticeGiven(to=Receivers(), requester=True, text="Soon.")
    given(opened(requester_id=ZOE)).when(NotifyPeople, requester=True, text="Soon.").then(written)


def test_who_may_only_write_notes_does_not_write_to_the_customer():
    asked = {"to": TO_BOB, "requester": True, "text": "Soon."}
    control_room = person("control_room")
    given(opened(requester_id=ZOE)).when(NotifyPeople, by=control_room, **asked).then_refused(NotAllowed)
    given(opened(requester_id=ZOE)).when(NotifyPeople, by=control_room, to=TO_BOB, text="Soon.").then(
        TicketNoticeGiven(to=TO_BOB, text="Soon.")
    )
