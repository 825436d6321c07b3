"""`ledgerdesk compare` (D8)."""

import json

import pytest

from domain.backtest.comparison import NoSuchChange
from domain.errors import NotAllowed
from domain.rulebook import UnknownSetup
from domain.sla.policy import UnknownPolicy
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk
from tests.projections.tables import built

RULE = {"title": "Calm", "kind": "trigger", "when": {"all": []}, "then": [{"do": "set_priority", "priority": "low"}]}


@pytest.fixture
def desk(ledgerdesk: Run, database_url: str) -> Run:
    """A rule, a policy, and a ticket that came after both."""
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("rules", "set", "calm", json.dumps(RULE), "--why", "Too much haste", "--expected", "Less of it")
    ledgerdesk("sla", "adopt")
    ledgerdesk("do", "open-ticket", "1001", "title=打印机坏了")
    ledgerdesk("do", "add-person", "person_name=Bob", "email=bob@acme.example", "role=agent")
    built(database_url, TicketList(), TicketHistory())
    return ledgerdesk


def test_figures_stand_beside_what_was_expected(desk: Run) -> None:
    told = desk("compare", "calm").stdout
    for line in (
        "Rule calm, version 1: «Calm»",
        "by The system",
        "why: Too much haste",
        "expected: Less of it",
        "instead of 14: no more time has passed yet",
        f"{'tickets opened':32}{0:>12}{1:>12}",
        f"{'first response, median':32}{'-':>12}{'-':>12}",
    ):
        assert line in told
    found = json.loads(desk("compare", "default", "--policy", "--json").stdout)
    assert (found["kind"], found["version"], found["cut"]) == ("policy", 1, "too_early")


def test_what_never_was_is_refused_and_so_is_who_makes_no_reports(desk: Run) -> None:
    for refusal, arguments in (
        (NoSuchChange, ("calm", "--version", "2")),
        (UnknownSetup, ("none",)),
        (UnknownPolicy, ("calm", "--policy")),
        (NotAllowed, ("calm", "--as", "bob@acme.example")),
    ):
        with pytest.raises(refusal):
            desk("compare", *arguments)
