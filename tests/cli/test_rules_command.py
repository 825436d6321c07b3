"""`ledgerdesk rules` and `ledgerdesk backtest`: what they say."""

import json
from uuid import uuid4

from cli.backtest import _told
from cli.story import Names, said
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
