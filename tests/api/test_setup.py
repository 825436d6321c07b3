"""A desk is set up over the API: life cycle, teams, people, roles, tags, macros, organisations."""

import httpx
import pytest

from domain.permissions import PERMISSIONS, RoleName
from tests.waiting import wait_until


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("code"))


def done(answer: httpx.Response) -> dict:
    assert answer.is_success, answer.text
    return answer.json()


def named(rows, **wanted):
    return next(row for row in rows if wanted.items() <= row.items())


@pytest.fixture
def agent(server):
    with server.acting(RoleName.AGENT) as client:
        yield client


def test_a_life_cycle_of_one_s_own(admin, opened):
    number = opened()
    done(admin.post("/statuses", json={"key": "parts", "title": "Parts", "kind": "pending"}))
    done(admin.patch("/statuses/parts", json={"title": "等配件", "why": "Chinese desk", "expected": "Understood"}))
    done(admin.put("/statuses/new/moves", json={"to": ["parts", "open"]}))
    statuses = admin.get("/statuses").json()
    assert named(statuses, key="parts")["title"] == "等配件"
    assert named(statuses, key="new")["next"] == ["open", "parts"]
    wait_until(lambda: code(admin.put(f"/tickets/{number}/status", json={"status": "closed"}))[0] == 409, 5)
    done(admin.put("/statuses/pending/retired", json={"why": "replaced"}))
    assert code(admin.put("/statuses/parts/retired", json={})) == (409, "only_status_of_its_kind")
    order = [status["key"] for status in statuses][::-1]
    done(admin.put("/statuses/order", json={"order": order}))
    assert [status["key"] for status in admin.get("/statuses").json()] == order
    assert named(admin.get("/statuses").json(), key="pending")["active"] is False
    done(admin.delete("/statuses/pending/retired"))
    assert code(admin.patch("/statuses/nowhere", json={"title": "x"})) == (422, "unknown_status")


def test_teams_with_leads(server, admin):
    team, ann = str(server.acme.team), str(server.acme.people[RoleName.AGENT])
    done(admin.patch(f"/teams/{team}", json={"title": "First line"}))
    assert code(admin.put(f"/teams/{team}/leads", json={"leads": [ann]})) == (422, "not_of_team")
    done(admin.put(f"/people/{ann}/teams", json={"teams": [team]}))
    done(admin.put(f"/teams/{team}/leads", json={"leads": [ann]}))
    done(admin.put(f"/teams/{team}/retired"))
    assert admin.get("/teams").json() == [{"id": team, "title": "First line", "leads": [ann], "active": False}]
    done(admin.delete(f"/teams/{team}/retired"))


def test_people_say_when_they_work(server, admin, agent):
    ann, lead = str(server.acme.people[RoleName.AGENT]), str(server.acme.people[RoleName.LEAD])
    done(agent.put("/me/duty", json={"on_duty": False}))
    assert code(agent.put(f"/people/{lead}/duty", json={"on_duty": False})) == (403, "not_allowed")
    away = {"starts": "2026-12-24T00:00:00Z", "ends": "2026-12-27T00:00:00Z"}
    absence = done(agent.post(f"/people/{ann}/absences", json=away))["id"]
    assert code(agent.post(f"/people/{ann}/absences", json=away)) == (409, "absence_overlaps")
    done(admin.put(f"/people/{ann}/skills", json={"skills": {"french": 3}}))
    done(admin.put(f"/people/{ann}/load-limit", json={"limit": 7}))
    shifts = [{"weekday": 4, "starts": 1320, "ends": 1800}]
    done(admin.put(f"/people/{ann}/shifts", json={"shifts": shifts, "zone": "Asia/Shanghai"}))
    seen = named(admin.get("/people").json(), id=ann)
    assert (seen["on_duty"], seen["available"], seen["skills"], seen["load_limit"]) == (False, False, {"french": 3}, 7)
    assert (seen["shifts"], seen["zone"], seen["absences"][0]["id"]) == (shifts, "Asia/Shanghai", absence)
    done(agent.delete(f"/people/{ann}/absences/{absence}"))
    assert code(agent.delete(f"/people/{ann}/absences/{absence}")) == (404, "unknown_absence")
    assert code(agent.put(f"/people/{ann}/skills", json={"skills": {}})) == (403, "not_allowed")


def test_people_come_and_go_but_one_admin_stays(server, admin):
    ann, boss = str(server.acme.people[RoleName.AGENT]), str(server.acme.people[RoleName.ADMIN])
    done(admin.patch(f"/people/{ann}", json={"name": "Ann Lee", "email": "ann@acme.example"}))
    assert named(admin.get("/people").json(), id=ann)["email"] == "ann@acme.example"
    done(admin.patch(f"/people/{ann}", json={"email": None}))
    assert named(admin.get("/people").json(), id=ann)["email"] is None
    done(admin.delete(f"/people/{ann}"))
    done(admin.post(f"/people/{ann}/reactivation"))
    assert code(admin.delete(f"/people/{boss}")) == (409, "last_admin")
    assert code(admin.put(f"/people/{boss}/role", json={"role": "agent"})) == (409, "last_admin")
    assert code(admin.put(f"/people/{ann}/role", json={"role": "requester"})) == (422, "unknown_role")


def test_a_role_of_one_s_own_is_held_to_its_reach(server, admin, agent, opened):
    ann = str(server.acme.people[RoleName.AGENT])
    role = {"title": "Incidents", "permissions": ["ticket.view", "ticket.note"], "types": ["incident"]}
    done(admin.put("/roles/incidents", json=role | {"why": "Contractors", "expected": "They see incidents only"}))
    done(admin.put(f"/people/{ann}/role", json={"role": "incidents"}))
    inside, outside = opened(type="incident"), opened(type="question")
    wait_until(lambda: agent.get("/me").json()["role"] == "incidents", 5)
    done(agent.post(f"/tickets/{inside}/notes", json={"body": "x"}))
    assert code(agent.post(f"/tickets/{outside}/notes", json={"body": "x"})) == (404, "unknown_ticket")
    assert code(admin.put("/roles/incidents/retired", json={})) == (409, "role_in_use")
    assert code(admin.put("/roles/agent", json=role)) == (409, "built_in_role")
    listed = named(admin.get("/roles").json(), key="incidents")
    assert (listed["types"], listed["built_in"], listed["active"]) == (["incident"], False, True)


def test_a_key_for_managing_people_cannot_make_a_role_wider_than_itself(server, admin):
    secret = admin.post("/api-keys", json={"name": "hr", "scopes": ["access.edit"]}).json()["secret"]
    with server.client(secret) as hr:
        wide = {"title": "All", "permissions": ["access.edit", "ticket.erase"]}
        assert code(hr.put("/roles/all", json=wide)) == (403, "scope_missing")
        assert code(hr.post("/people", json={"name": "x", "role": "admin"})) == (403, "scope_missing")
        someone = str(server.acme.people[RoleName.AGENT])
        assert code(hr.put(f"/people/{someone}/role", json={"role": "admin"})) == (403, "scope_missing")


def test_whoever_reaches_some_tickets_gets_no_credentials_that_reach_more(server, admin, agent):
    ann, boss = (str(server.acme.people[role]) for role in (RoleName.AGENT, RoleName.ADMIN))
    role = {"title": "Incidents", "permissions": sorted(PERMISSIONS[RoleName.ADMIN]), "types": ["incident"]}
    done(admin.put("/roles/incidents", json=role))
    done(admin.put(f"/people/{ann}/role", json={"role": "incidents"}))
    zoe = admin.post("/requesters", json={"name": "Zoe"}).json()["id"]
    wait_until(lambda: agent.get("/me").json()["role"] == "incidents", 5)
    login = {"login": "boss", "password": "correct horse battery"}
    for whose in ({"person_id": boss}, {"requester_id": zoe}):
        key = {"name": "k", "scopes": ["ticket.view"]} | whose
        assert code(agent.post("/api-keys", json=key)) == (403, "role_too_wide")
    for whose in (f"/people/{boss}", f"/requesters/{zoe}"):
        assert code(agent.put(f"{whose}/login", json=login)) == (403, "role_too_wide")
    for whose in ({}, {"person_id": ann}):
        assert agent.post("/api-keys", json={"name": "k", "scopes": ["ticket.view"]} | whose).status_code == 201


def test_tags_are_renamed_and_merged(admin):
    done(admin.post("/tags", json={"tag": "printer", "colour": "#ff8800"}))
    done(admin.post("/tags", json={"tag": "a/b"}))
    done(admin.post("/tags/renaming", json={"tag": "printer", "to": "打印机"}))
    done(admin.post("/tags/merging", json={"tags": ["a/b"], "into": "打印机"}))
    done(admin.delete("/tags/printer"))
    assert admin.get("/tags").json() == [{"tag": "打印机", "colour": "#ff8800", "active": False}]
    assert code(admin.post("/tags/merging", json={"tags": ["x"], "into": "x"})) == (422, "invalid_input")


def test_a_macro_does_all_of_it_or_nothing(admin, agent, opened):
    requester = admin.post("/requesters", json={"name": "Zoe"}).json()["id"]
    number = opened(title="No sound", requester_id=requester)
    greets = {"do": "note", "body": "{{requester.name}} asks: {{ticket.title}} ({{ticket.number}})"}
    raises = {"do": "set_priority", "priority": "high"}
    done(admin.put("/macros/greet", json={"title": "Greet", "actions": [raises, greets], "why": "w", "expected": "e"}))
    ran = done(agent.post(f"/tickets/{number}/macros/greet"))
    assert (ran["number"], ran["events"]) == (number, 2)
    events = admin.get("/events", params={"wait": False, "types": "ticket.noted"}).text
    assert f"Zoe asks: No sound ({number})" in events
    done(
        admin.put(
            "/macros/wipe",
            json={"title": "Wipe", "actions": [raises | {"priority": "low"}, {"do": "delete", "reason": "r"}]},
        )
    )
    refused = agent.post(f"/tickets/{number}/macros/wipe")
    assert (*code(refused), refused.json()["fields"]["action"]) == (403, "not_allowed", 2)
    done(admin.put("/macros/greet/retired", json={}))
    assert code(agent.post(f"/tickets/{number}/macros/greet")) == (404, "unknown_macro")
    assert code(agent.put("/macros/greet", json={"title": "x", "actions": [raises]})) == (403, "not_allowed")
    bad = admin.put("/macros/x", json={"title": "x", "actions": [{"do": "note", "body": "{{secret}}"}]})
    assert code(bad) == (422, "invalid_request")


def test_a_macro_whose_text_comes_out_empty_is_refused(admin, opened):
    done(admin.put("/macros/m", json={"title": "m", "actions": [{"do": "note", "body": "{{requester.name}}"}]}))
    assert code(admin.post(f"/tickets/{opened()}/macros/m")) == (422, "invalid_input")


def test_a_canned_reply_is_filled_in_for_a_ticket(admin, agent, opened):
    number = opened(title="No sound")
    body = "About {{ticket.title}} at {{workspace.title}}: {{ticket.priority}}, {{ticket.status}}. {{agent.name}}"
    done(admin.put("/canned-replies/hi", json={"title": "Hi", "body": body}))
    rendered = done(agent.get(f"/tickets/{number}/canned-replies/hi"))["body"]
    assert rendered == "About No sound at Acme: normal, New. Some agent"
    assert code(agent.get("/tickets/none/canned-replies/hi")) == (404, "unknown_ticket")
    assert agent.get("/canned-replies").json()[0]["key"] == "hi"
    done(admin.put("/canned-replies/hi/retired"))
    assert code(agent.get(f"/tickets/{number}/canned-replies/hi")) == (404, "unknown_canned_reply")


def test_customers_belong_to_organisations_and_are_listed(followed, admin):
    given = {"name": "Acme", "domains": ["acme.example"], "tier": "gold", "tags": ["vip"]}
    company = done(admin.post("/organisations", json=given | {"contacts": [{"kind": "Office", "value": "+1"}]}))["id"]
    changed = done(admin.patch(f"/organisations/{company}", json={"tier": None, "plan": "basic"}))
    seen = admin.get(f"/organisations/{company}").json()
    assert (seen["name"], seen["tier"], seen["plan"], seen["contacts"][0]["kind"]) == ("Acme", None, "basic", "Office")
    body = {"name": "Zoe", "email": "Zoe@acme.example", "organisation_id": company, "tags": ["vip"], "tier": "gold"}
    zoe = done(admin.post("/requesters", json=body))
    position = {"min_position": max(zoe["position"], changed["position"])}
    found = admin.get("/requesters", params={"email": "zoe@ACME.example", **position}).json()
    assert [(row["id"], row["tier"], row["tags"]) for row in found["requesters"]] == [(zoe["id"], "gold", ["vip"])]
    assert admin.get("/organisations", params=position).json()[0]["plan"] == "basic"
    forgotten = done(admin.request("DELETE", f"/organisations/{company}", json={"reason": "asked"}))
    assert admin.get("/organisations", params={"min_position": forgotten["position"]}).json() == []
    assert code(admin.get(f"/organisations/{company}")) == (410, "organisation_erased")
    assert code(admin.patch(f"/organisations/{company}", json={"tier": "x"})) == (410, "organisation_erased")
    late = admin.post("/requesters", json={"name": "x", "organisation_id": company})
    assert code(late) == (410, "organisation_erased")
    again = admin.request("DELETE", f"/organisations/{company}", json={"reason": "asked"})
    assert done(again)["events"] == 0
    done(admin.post("/requesters", json={"name": "Yan"}))
    second = done(
        admin.patch(f"/requesters/{zoe['id']}", json={"email": None, "contacts": [{"kind": "QQ", "value": "1"}]})
    )
    position = {"min_position": second["position"]}
    first_page = admin.get("/requesters", params={"limit": 1, **position}).json()
    rest = admin.get("/requesters", params={"limit": 1, "after": first_page["after"]}).json()
    assert [page["requesters"][0]["name"] for page in (first_page, rest)] == ["Yan", "Zoe"]
    assert admin.get("/requesters", params={"email": "zoe@acme.example"}).json()["requesters"] == []
    assert code(admin.get("/requesters", params={"after": "nonsense"})) == (422, "invalid_input")
    unknown = admin.post("/requesters", json={"name": "x", "organisation_id": zoe["id"]})
    assert code(unknown) == (404, "unknown_organisation")


@pytest.fixture
def two_of_one(admin):
    """Two organisations that are one, and somebody of each with a ticket."""
    pairs = []
    for name in ("Acme", "ACME Ltd"):
        company = done(admin.post("/organisations", json={"name": name}))["id"]
        customer = done(admin.post("/requesters", json={"name": "Zoe", "organisation_id": company}))["id"]
        ticket = done(admin.post("/tickets", json={"title": "x", "requester_id": customer}))
        pairs.append((company, customer, ticket["number"]))
    return pairs


def of_organisation(admin, company, position):
    """The people of an organisation, and the tickets of which a condition says that they are its."""
    people = admin.get("/requesters", params={"organisation_id": company, "min_position": position}).json()
    condition = {"field": "requester.organisation_id", "op": "is", "value": company}
    found = done(admin.post("/tickets/search", json={"condition": condition}, params={"min_position": position}))[
        "tickets"
    ]
    return {row["id"] for row in people["requesters"]}, {row["number"] for row in found}


def test_people_of_a_merged_organisation_belong_to_the_other_until_it_is_undone(followed, admin, two_of_one):
    (acme, zoe, first), (twin, yan, second) = two_of_one
    merged = admin.put(f"/organisations/{twin}/merge", json={"into": acme})
    assert (done(merged)["id"], merged.json()["events"], merged.headers["etag"]) == (twin, 1, '"1"')
    assert done(admin.put(f"/organisations/{twin}/merge", json={"into": acme}))["events"] == 0
    seen = [admin.get(f"/organisations/{each}").json() for each in (acme, twin)]
    assert [(each["merged_into"], each["absorbed"]) for each in seen] == [(None, [twin]), (acme, [])]
    position = merged.json()["position"]
    for company in (acme, twin):
        assert of_organisation(admin, company, position) == ({zoe, yan}, {first, second})
    assert admin.get(f"/requesters/{yan}").json()["organisation_id"] == acme
    rows = admin.get("/requesters", params={"organisation_id": acme}).json()["requesters"]
    assert {row["organisation_id"] for row in rows} == {acme}
    listed = {row["id"]: row["merged_into"] for row in admin.get("/organisations").json()}
    assert (listed[acme], listed[twin]) == (None, acme)
    assert code(admin.patch(f"/organisations/{twin}", json={"tier": "x"})) == (409, "organisation_merged")
    late = admin.post("/requesters", json={"name": "x", "organisation_id": twin})
    assert code(late) == (409, "organisation_merged")
    undone = done(admin.delete(f"/organisations/{twin}/merge"))
    assert (undone["events"], done(admin.delete(f"/organisations/{twin}/merge"))["events"]) == (1, 0)
    assert of_organisation(admin, acme, undone["position"]) == ({zoe}, {first})
    assert of_organisation(admin, twin, undone["position"]) == ({yan}, {second})
    assert admin.get(f"/requesters/{yan}").json()["organisation_id"] == twin


def test_what_cannot_be_merged_is_said(admin, agent, two_of_one):
    (acme, zoe, _), (twin, *_) = two_of_one

    def merging(one, into, client=admin, **headers):
        answer = client.put(f"/organisations/{one}/merge", json={"into": into}, headers=headers)
        return answer.status_code, answer.json().get("code")

    assert merging(acme, acme) == (422, "invalid_input")
    assert merging(acme, zoe) == merging(zoe, acme) == (404, "unknown_organisation")
    assert merging(twin, acme, agent) == (403, "not_allowed")
    assert code(agent.delete(f"/organisations/{twin}/merge")) == (403, "not_allowed")
    assert code(admin.delete(f"/organisations/{zoe}/merge")) == (404, "unknown_organisation")
    changed = admin.patch(f"/organisations/{twin}", json={"tier": "gold"})
    late = admin.put(f"/organisations/{twin}/merge", json={"into": acme}, headers={"If-Match": '"1"'})
    assert (code(late), late.json()["fields"]["since"]) == (
        (412, "version_conflict"),
        [{"version": 2, "event": "organisation.changed"}],
    )
    assert merging(twin, acme, **{"If-Match": changed.headers["etag"], "Idempotency-Key": "merge"}) == (200, None)
    assert merging(acme, twin) == (409, "organisation_merged")
    gone = done(admin.post("/organisations", json={"name": "Gone"}))["id"]
    done(admin.request("DELETE", f"/organisations/{gone}", json={"reason": "asked"}))
    assert merging(gone, acme) == merging(acme, gone) == (410, "organisation_erased")
    done(admin.request("DELETE", f"/organisations/{acme}", json={"reason": "asked"}))
    again = {"If-Match": changed.headers["etag"], "Idempotency-Key": "merge"}
    assert merging(twin, acme, **again) == (200, None)
    assert done(admin.delete(f"/organisations/{twin}/merge"))["events"] == 1
