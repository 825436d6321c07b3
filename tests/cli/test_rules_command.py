"""`ledgerdesk rules` and `ledgerdesk backtest`: what they say."""

import json

from cli.backtest import _told
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk

RULE = {"title": "Calm", "kind": "trigger", "when": {"all": []}, "then": [{"do": "set_priority", "priority": "low"}]}


def test_a_rule_that_is_retired_is_not_called_set(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    assert ledgerdesk("rules", "set", "calm", json.dumps(RULE)).stdout == "Rule calm: set.\n"
    assert ledgerdesk("rules", "retire", "calm").stdout == "Rule calm: retired.\n"
    assert ledgerdesk("rules", "retire", "calm").stdout == "Rule calm: nothing to change.\n"


def test_once_is_not_one_times() -> None:
    sums = {"acted": 1, "refused": 1, "tickets": 1, "days": {"2026-11-27": {"acted": 2}}}
    assert _told({"state": "done", "result": sums}) == [
        "It would have acted once on one ticket, refused once.",
        "  2026-11-27  2 times",
    ]
