"""`ledgerdesk rules` and `ledgerdesk backtest`: what they say."""

import json
from uuid import uuid4

import pytest

from cli.backtest import _told
from cli.story import Names, said
from domain.errors import InvalidInput
from domain.ticket.reporting import TicketRuleRefused, TicketRulesCut
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk
from tests.domain.kit import DESK

RULE = {"title": "Calm", "kind": "trigger", "when": {"all": []}, "then": [{"do": "set_priority", "priority": "low"}]}


def test_a_rule_that_is_retired_is_not_called_set(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    assert ledgerdesk("rules", "list").stdout == "None yet. See `ledgerdesk rules set --help`.\n"
    assert ledgerdesk("rules", "set", "calm", json.dumps(RULE)).stdout == "Rule calm: set.\n"
    assert ledgerdesk("rules", "retire", "calm").stdout == "Rule calm: retired.\n"
    assert ledgerdesk("rules", "retire", "calm").stdout == "Rule calm: nothing to change.\n"


def test_the_history_says_in_words_what_rules_could_not_do() -> None:
    names = Names(DESK, str)
    cut = TicketRulesCut(because="loop", rules=(uuid4(),), keys=("ping",))
    assert said(cut, names) == "stopped the chain of rules before «ping» acted again, for they went round in circles"
    refused = TicketRuleRefused(key="ping", because="tag_retired", action=1, do="add_tags")
    assert said(refused, names) == "was not able to do add_tags: tag retired"


def test_once_is_not_one_times() -> None:
    sums = {"acted": 1, "refused": 1, "tickets": 1, "days": {"2026-11-27": {"acted": 2}}}
    assert _told({"state": "done", "result": sums}) == [
        "It would have acted once on one ticket, refused once.",
        "  2026-11-27  2 times",
    ]


def test_people_and_teams_are_named_in_what_a_rule_does(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-team", "title=Network")
    ledgerdesk("do", "add-person", "person_name=Ann", "email=ann@acme.example", "role=agent")
    wish = {"do": "assign_by", "how": "round_robin"}
    then = [wish | {"people": ["ann@acme.example"]}, wish | {"team": "Network"}, {"do": "assign", "to": "Ann"}]
    then.append({"do": "escalate", "to": {"teams": ["Network"]}, "team": "Network"})
    named = RULE | {"then": then}
    for set_it in (("rules", "set", "calm"), ("do", "set-rule", "key=quiet")):
        before = "definition=" if set_it[0] == "do" else ""
        ledgerdesk(*set_it, before + json.dumps(named))
    calm, quiet = json.loads(ledgerdesk("rules", "list", "--json").stdout)
    assert calm["then"] == quiet["then"]
    dealt, team, given, called = calm["then"]
    assert dealt["people"] == [given["to"]["person"]]
    assert called["to"]["teams"] == [called["team"]] == [team["team"]]
    wrong = RULE | {"then": [wish | {"team": "Netwrok"}]}
    with pytest.raises(InvalidInput, match="team: is no team here"):
        ledgerdesk("rules", "set", "calm", json.dumps(wrong))


def test_who_is_reminded_is_named_in_a_policy_too(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-team", "title=Network")
    policy = {"title": "P", "targets": [{"measure": "accept", "urgent": 5}]}
    policy |= {"ladder": [{"key": "late", "level": 1, "after": 5, "to": {"teams": ["Network"]}}]}
    ledgerdesk("sla", "set", "p", json.dumps(policy))
    (set_up,) = json.loads(ledgerdesk("sla", "policies", "--json").stdout)
    assert len(set_up["ladder"][0]["to"]["teams"]) == 1
