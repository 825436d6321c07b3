"""A workspace's own life cycle."""

import pytest

from domain.errors import InvalidInput, UnknownStatus
from domain.setup import statuses as s
from domain.ticket import commands as c
from domain.ticket.moving import IllegalMove
from domain.values import StatusKind
from domain.workspace import DEFAULT_STATUSES
from tests.domain.kit import DESK, folded, given, opened

WHY = {"why": "Too many names", "expected": "Less confusion"}
KEYS = tuple(DESK.statuses)


def next_keys(desk, key):
    return [status.key for status in desk.next_statuses(desk.status(key))]


def test_a_status_gets_another_name_and_the_reason_stays():
    renamed = s.StatusRenamed(key="pending", title="等客户", previous="Waiting for customer", **WHY)
    desk = given().when(s.RenameStatus, key="pending", title="等客户", **WHY).then(renamed)
    assert desk.status("pending").name == "等客户"
    given(renamed).when(s.RenameStatus, key="pending", title="等客户").then_nothing()
    given().when(s.RenameStatus, key="nowhere", title="X").then_refused(UnknownStatus, status="nowhere")


def test_the_first_of_a_kind_is_taken_where_only_the_kind_is_said():
    keys = tuple(sorted(KEYS, reverse=True))
    desk = given().when(s.OrderStatuses, order=keys).then(s.StatusesOrdered(order=keys, previous=KEYS))
    assert tuple(desk.statuses) == keys
    assert desk.status_of_kind(StatusKind.PENDING).key == "waiting_vendor"
    given().when(s.OrderStatuses, order=KEYS).then_nothing()


@pytest.mark.parametrize("keys", [(), KEYS[1:], (*KEYS, KEYS[0]), (*KEYS[1:], "nowhere")])
def test_an_order_names_every_status_once(keys):
    given().when(s.OrderStatuses, order=keys).then_refused(InvalidInput, field="order")


def test_a_retired_status_is_left_but_never_entered():
    retired = s.StatusRetired(key="waiting_vendor")
    desk = given().when(s.RetireStatus, key="waiting_vendor").then(retired)
    assert "waiting_vendor" not in next_keys(desk, "open")
    assert next_keys(desk, "waiting_vendor")
    sentence = given(opened(), desk=desk).when(c.MoveTicket, status="waiting_vendor").then_refused(IllegalMove)
    assert "pending" in sentence
    given(desk=desk).when(c.OpenTicket, title="x", status="waiting_vendor").then_refused(UnknownStatus)
    given(retired).when(s.RetireStatus, key="waiting_vendor").then_nothing()
    given(retired).when(s.RestoreStatus, key="waiting_vendor").then(s.StatusRestored(key="waiting_vendor"))
    given().when(s.RestoreStatus, key="open").then_nothing()


@pytest.mark.parametrize("key", ["new", "open", "confirmed", "rated"])
def test_the_only_status_of_its_kind_stays(key):
    given().when(s.RetireStatus, key=key).then_refused(s.OnlyStatusOfItsKind, status=key)


def test_once_all_others_of_a_kind_are_retired_the_last_one_stays():
    others = tuple(s.StatusRetired(key=key) for key in ("waiting_vendor",))
    given(*others).when(s.RetireStatus, key="pending").then_refused(s.OnlyStatusOfItsKind, kind="pending")


def test_a_workspace_says_which_status_may_follow():
    moves = s.MovesAllowed(key="new", to=("open", "rejected"), previous=None, **WHY)
    desk = given().when(s.AllowMoves, key="new", to=("rejected", "open", "new", "open"), **WHY).then(moves)
    assert next_keys(desk, "new") == ["open", "rejected"]
    refused = given(opened(), desk=desk).when(c.MoveTicket, status="pending")
    refused.then_refused(IllegalMove, legal="open, rejected")
    given(moves).when(s.AllowMoves, key="new", to=("open", "rejected")).then_nothing()
    back = s.MovesAllowed(key="new", to=None, previous=("open", "rejected"))
    assert next_keys(given(moves).when(s.AllowMoves, key="new", to=None).then(back), "new") == next_keys(DESK, "new")


def test_a_status_may_have_no_way_out():
    assert next_keys(folded(DESK, s.MovesAllowed(key="closed", to=(), previous=None)), "closed") == []


def test_moves_lead_to_statuses_that_there_are():
    given().when(s.AllowMoves, key="new", to=("nowhere",)).then_refused(UnknownStatus, status="nowhere")


def test_by_default_every_status_leads_somewhere():
    assert all(next_keys(DESK, key) for key, _, _ in DEFAULT_STATUSES)
