"""`ledgerdesk sla` (E1, E8)."""

import json
from pathlib import Path

import pytest

from domain.errors import InvalidInput
from domain.ticket.state import UnknownTicket
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk


def test_promises_are_adopted_and_explained(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "open-ticket", "title=打印机坏了", "number=1001", "priority=urgent")
    assert ledgerdesk("sla", "explain", "1001").stdout == "Nothing is promised about ticket 1001.\n"
    assert ledgerdesk("sla", "explain", "1001", "--json").stdout == "null\n"
    assert ledgerdesk("sla", "adopt").stdout == "Policy default: set.\n"
    assert ledgerdesk("sla", "adopt").stdout == "Policy default: nothing to change.\n"
    ledgerdesk("do", "move-ticket", "1001", "status=pending")
    told = ledgerdesk("sla", "explain", "1001").stdout
    for line in (
        "Policy default version 1",
        "accept: kept, due ",
        "resolution: paused, not due while it is paused",
        "of 8:00:00 used, since ",
        " to now (pending)",
    ):
        assert line in told
    found = json.loads(ledgerdesk("sla", "explain", "1001", "--json").stdout)
    assert [clock["measure"] for clock in found["clocks"]] == ["accept", "first_response", "resolution"]


def test_there_is_nothing_to_explain_of_a_ticket_that_is_not_there(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    with pytest.raises(UnknownTicket):
        ledgerdesk("sla", "explain", "1001")


def test_calendars_are_given_the_holidays_that_are_known_now(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    calendar = {
        "title": "China",
        "week": [{"weekday": 0, "starts": 540, "ends": 1080}],
        "presets": [{"country": "CN", "first": 2026, "last": 2026}],
    }
    ledgerdesk("do", "set-calendar", "china", f"definition={json.dumps(calendar)}")
    assert ledgerdesk("sla", "renew").stdout == "Calendars with other holidays: china.\n"
    assert ledgerdesk("sla", "renew").stdout == "Calendars with other holidays: none.\n"


POLICY = {"title": "VIP", "position": 1, "targets": [{"measure": "accept", "urgent": 5}]}


def test_policies_are_set_from_json_with_who_and_why_and_listed(ledgerdesk: Run, tmp_path: Path) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("sla", "adopt")
    (file := tmp_path / "vip.json").write_text(json.dumps(POLICY))
    said = ledgerdesk("sla", "set", "vip", str(file), "--why", "They pay", "--expected", "No VIP waits").stdout
    assert said == "Policy vip: set.\n"
    assert ledgerdesk("sla", "set", "vip", json.dumps(POLICY)).stdout == "Policy vip: nothing to change.\n"
    assert ledgerdesk("sla", "set", "vip", "-", stdin=json.dumps(POLICY | {"title": "Very"})).stdout.endswith("set.\n")
    lines = ledgerdesk("sla", "policies").stdout.splitlines()
    assert [line.split("\t") for line in lines] == [
        ["vip", "accept", "version 2", "Very"],
        ["default", "accept, first_response, next_response, resolution", "version 1", "Default promises"],
    ]
    assert [policy["key"] for policy in json.loads(ledgerdesk("sla", "policies", "--json").stdout)] == [
        "vip",
        "default",
    ]


def test_a_policy_that_is_none_is_refused(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    for wrong in ('{"title": "x", "targets": []}', "nowhere.json"):
        with pytest.raises(InvalidInput):
            ledgerdesk("sla", "set", "vip", wrong)
