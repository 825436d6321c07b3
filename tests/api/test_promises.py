"""Calendars and promises over HTTP (B10, E1, E8)."""

from uuid import UUID

import pytest

from domain.permissions import RoleName
from tests.api.conftest import Server

WEEK = [{"weekday": day, "starts": 540, "ends": 1080} for day in range(5)]
CHINA = {
    "title": "工作日",
    "zone": "Asia/Shanghai",
    "week": WEEK,
    "presets": [{"country": "CN", "first": 2026, "last": 2026}],
}


def done(answer):
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_a_calendar_takes_chinas_holidays_with_the_days_that_make_up_for_them(admin):
    done(admin.put("/calendars/china", json=CHINA))
    (calendar,) = done(admin.get("/calendars"))["calendars"]
    known = {day["date"]: day["like"] for day in calendar["holidays"]}
    assert known["2026-10-01"] is None
    assert known["2026-10-10"] == 0, "a Saturday that is worked"
    hours = done(admin.get("/calendars/china/hours?from=2026-09-30T00:00:00Z&to=2026-10-11T00:00:00Z"))
    assert hours["minutes"] == (1 + 3) * 540
    assert [each["starts"] for each in hours["stretches"]][-1] == "2026-10-10T01:00:00Z"


def test_a_calendar_keeps_the_holidays_that_it_was_set_with(admin):
    done(admin.put("/calendars/china", json=CHINA))
    done(admin.put("/calendars/china", json=CHINA))
    assert [each["version"] for each in done(admin.get("/calendars/china/versions"))] == [1]


@pytest.mark.parametrize(
    "preset", [{"country": "ZZ"}, {"country": "DE", "subdivision": "Nowhere"}, {"country": "CN", "first": 1980}]
)
def test_a_preset_that_there_is_not_is_refused(admin, preset):
    answer = admin.put("/calendars/x", json=CHINA | {"presets": [{"first": 2026, "last": 2026} | preset]})
    assert answer.status_code == 422


def test_countries_say_their_parts(admin):
    found = {each["country"]: each["subdivisions"] for each in done(admin.get("/holiday-presets"))}
    assert "BY" in found["DE"]
    assert found["CN"] == []


def test_who_goes_by_which_calendar(admin):
    done(admin.put("/calendars/office", json={"title": "Office", "week": WEEK}))
    done(admin.put("/default-calendar", json={"calendar": "office"}))
    assert done(admin.get("/calendars"))["default"] == "office"
    answer = admin.put("/calendars/office/retired", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "still_in_use")
    team = str(UUID(int=3))
    assert admin.put(f"/teams/{team}/calendar", json={"calendar": "office"}).json()["code"] == "unknown_team"
    answer = admin.put("/default-calendar", json={"calendar": "nowhere"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_calendar")


def test_hours_are_shown_of_a_hundred_days_at_most(admin):
    done(admin.put("/calendars/office", json={"title": "Office", "week": WEEK}))
    last = done(admin.get("/calendars/office/hours?from=9999-12-01T00:00:00Z&to=9999-12-31T00:00:00Z"))
    assert last == {"minutes": 0, "stretches": []}
    answer = admin.get("/calendars/office/hours?from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z")
    assert answer.status_code == 422


def test_a_ticket_says_what_is_promised_and_why(admin):
    done(admin.post("/tickets", json={"title": "打印机坏了", "number": "P-1", "priority": "urgent"}))
    assert done(admin.get("/tickets/P-1/sla"))["promised"] is None
    done(admin.put("/default-policy", json={"why": "Customers ask"}))
    done(admin.put("/tickets/P-1/status", json={"status": "pending"}))
    found = done(admin.get("/tickets/P-1/sla"))["promised"]
    assert found["policy"] == {"key": "default", "version": 1}
    clocks = {clock["measure"]: clock for clock in found["clocks"]}
    assert clocks["accept"]["state"] == "kept"
    assert (clocks["resolution"]["state"], clocks["resolution"]["due_at"]) == ("paused", None)
    assert clocks["resolution"]["paused"][0] | {"starts": None} == {"starts": None, "ends": None, "kind": "pending"}
    assert clocks["resolution"]["target_seconds"] == 8 * 3600


def test_policies_are_listed_in_the_order_in_which_they_are_asked(admin):
    targets = [{"measure": "accept", "normal": 30}]
    for key, position in (("last", 20), ("first", 10)):
        done(admin.put(f"/policies/{key}", json={"title": key, "position": position, "targets": targets}))
    done(admin.put("/policies/last/retired", json={}))
    assert [(each["key"], each["retired"]) for each in done(admin.get("/policies"))] == [
        ("first", False),
        ("last", True),
    ]
    assert len(done(admin.get("/policies/last/versions"))) == 1
    assert admin.get("/policies/never/versions").json()["code"] == "unknown_policy"
    assert admin.put("/policies/never/retired", json={}).json()["code"] == "unknown_policy"


def test_an_agent_promises_nothing(server: Server):
    with server.acting(RoleName.AGENT) as agent:
        assert agent.put("/default-policy", json={}).status_code == 403
        assert agent.get("/policies").status_code == 200
