"""The clock of promises where time does not just go on: due later than before, or a machine's clock set back."""

from datetime import timedelta
from uuid import UUID, uuid4

from domain.event import Actor
from domain.requester import RegisterRequester
from domain.sla.policy import Reminder, Target
from domain.ticket.commands import ChangePriority, ReplyToTicket
from domain.ticket.promising import TicketBreached
from tests.processors.kit import BEGAN
from tests.processors.test_sla_clock import HANDLER, had, open_ticket, reminded, stage_with


def test_nobody_is_reminded_from_the_beginning_where_it_is_due_later_now():
    again = Reminder(key="again", every=10, at_most=3, to=HANDLER)
    stage = stage_with(Target(measure="accept", normal=30, low=90), reminders=(again,))
    open_ticket(stage)
    stage.sleep(minutes=55)
    stage.do(ChangePriority, number="T-1", priority="low")
    stage.advance(days=1)
    assert reminded(stage) == [(3, HANDLER)]


def test_a_question_is_waited_for_though_the_clock_was_set_back():
    stage, zoe = stage_with(Target(measure="next_response", normal=30)), Actor(kind="requester", id=str(uuid4()))
    stage.do(RegisterRequester, requester_id=UUID(zoe.id), requester_name="Zoe")
    open_ticket(stage, requester_id=UUID(zoe.id))
    stage.advance(minutes=10)
    stage.do(ReplyToTicket, number="T-1", body="Soon.")
    stage.now -= timedelta(minutes=5)
    stage.do(ReplyToTicket, number="T-1", body="When?", by=zoe)
    stage.advance(days=1)
    (late,) = had(stage, TicketBreached)
    assert late.due_at - BEGAN - timedelta(minutes=40) == timedelta(microseconds=1)
