"""What a credential allows bounds whoever uses it, also where a decision asks for more than its command needs."""

import pytest

from domain.actions import ActOnTicket
from domain.errors import NotAllowed, ScopeMissing
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.handling import LookAtTicket
from domain.ticket.marking import MarkSpam
from domain.values import Priority
from tests.domain.kit import ANN, given, id_of, opened, person

BOSS = person("admin")
EDIT = frozenset({Permission.TICKET_VIEW, Permission.TICKET_EDIT})
MOVE = frozenset({Permission.TICKET_VIEW, Permission.TICKET_MOVE, Permission.TICKET_MARK})


def test_a_command_needs_the_permission_of_the_credential_too():
    given(opened()).when(c.AssignTicket, to={"person": ANN}, by=BOSS, within=EDIT).then_refused(ScopeMissing)
    given(opened()).when(c.ChangePriority, priority="high", by=BOSS, within=EDIT).then(
        e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL)
    )


@pytest.mark.parametrize(
    "action", [{"do": "assign", "to": {"person": str(ANN)}}, {"do": "set_status", "status": "closed"}, {"do": "close"}]
)
def test_of_several_actions_each_is_bounded(action):
    actions = [{"do": "add_tags", "tags": ["vip"]}, action]
    given(opened()).when(ActOnTicket, actions=actions, by=BOSS, within=EDIT).then_refused(ScopeMissing)


def test_what_a_decision_asks_for_besides_is_bounded():
    given(opened()).when(c.MoveTicket, status="closed", by=BOSS, within=MOVE).then_refused(ScopeMissing)
    blocking = given(opened(requester_id=id_of("zoe")))
    blocking.when(MarkSpam, block=True, by=BOSS, within=MOVE).then_refused(ScopeMissing)
    secret = {"title": "x", "confidential": "1234", "by": BOSS, "within": frozenset({Permission.TICKET_OPEN})}
    given().when(c.OpenTicket, **secret).then_refused(ScopeMissing)


def test_looking_begins_no_work_where_the_credential_only_looks():
    given(opened()).when(LookAtTicket, by=BOSS, within=frozenset({Permission.TICKET_VIEW})).then()


def test_a_credential_gives_nothing_that_the_role_lacks():
    everything = frozenset(Permission)
    given(opened()).when(c.EraseTicket, reason="r", by=person("agent"), within=everything).then_refused(NotAllowed)
