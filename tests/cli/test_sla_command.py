"""`ledgerdesk sla` (E1, E8)."""

import json

import pytest

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
