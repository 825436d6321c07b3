"""Figures over HTTP: they are what counting the tickets by hand says, to each only of what they see (B4, B6, F7)."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from domain.permissions import RoleName
from tests.api.somebody import Somebody
from tests.api.somebody import signed_in as signed_in


@pytest.fixture
def admin(signed_in):
    return signed_in(RoleName.ADMIN)


@pytest.fixture
def trainee(signed_in, admin, tickets):
    """An agent who sees the tickets of one category alone, and is no colleague of anybody."""
    role = {"title": "t", "categories": [["vpn"]], "permissions": ["ticket.view", "workspace.view", "requester.view"]}
    assert admin.client.put("/roles/trainee", json=role).is_success
    person = admin.send("POST", "/people", name="Tim", role="trainee")["id"]
    key = admin.client.post("/api-keys", json={"person_id": person, "name": "k", "scopes": ["read"]}).json()["secret"]
    return signed_in(key)


@pytest.fixture
def tickets(admin, followed):
    """A few tickets of two people and two customers, one known twice, some of them finished or put aside."""
    assert admin.client.post("/categories", json={"path": ["vpn"]}).is_success
    people = [str(followed.acme.people[role]) for role in (RoleName.AGENT, RoleName.LEAD)]
    wang, twice, other = (admin.send("POST", "/requesters", name=name)["id"] for name in ("Wang", "Wang F", "Li"))
    for n in range(12):
        ticket = {"title": f"{n}", "assignee": {"person": people[n % 2]}, "requester_id": (wang, twice, other)[n % 3]}
        ticket |= {"tags": ["printer", "vpn"][: n % 3], "priority": ("urgent", "normal")[n % 4 == 0]}
        number = admin.send("POST", "/tickets", **ticket, category=["vpn"] if n % 4 < 2 else [])["number"]
        if n in (3, 4):
            admin.send("POST", f"/tickets/{number}/resolve")
        if n == 8:
            admin.send("PUT", f"/tickets/{number}/spam", block=False)
    admin.send("PUT", f"/requesters/{twice}/merge", into=wang)
    return wang, twice, other


def all_of(desk: Somebody) -> list[dict[str, Any]]:
    return desk.read("/tickets", everywhere=True, limit=200)["tickets"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_open(row: dict[str, Any]) -> bool:
    return row["shelf"] == "desk" and row["kind"] in ("new", "open", "pending")


@pytest.mark.parametrize("who", ["admin", "trainee"])
def test_the_use_of_tags(who, tickets, request):
    desk = request.getfixturevalue(who)
    rows = all_of(desk)
    assert len(rows) == {"admin": 12, "trainee": 6}[who]
    used = {each["tag"]: (each["open"], each["tickets"]) for each in desk.read("/tags/usage")}
    had = Counter(tag for row in rows for tag in row["tags"])
    unfinished = Counter(tag for row in filter(is_open, rows) for tag in row["tags"])
    assert used == {tag: (unfinished[tag], count) for tag, count in had.items()}
    assert [each["tag"] for each in desk.read("/tags/usage", limit=1)] == ["printer"]


@pytest.mark.parametrize("who", ["admin", "trainee"])
def test_what_each_person_has_to_do(who, tickets, request):
    desk = request.getfixturevalue(who)
    loads = {each["person"]: each for each in desk.read("/people/loads")}
    assert loads.keys() == {each["id"] for each in desk.read("/people")}
    had = Counter((row["assignee_person"], row["priority"]) for row in all_of(desk) if is_open(row))
    assert {(person, p): n for person, load in loads.items() for p, n in load["by_priority"].items()} == had
    assert all(load["open"] == sum(load["by_priority"].values()) for load in loads.values())
    assert len({person for person, _ in had}) == 2


@pytest.mark.parametrize("who", ["admin", "trainee"])
def test_a_customers_card_has_the_tickets_of_merged_records_too(who, tickets, request):
    desk, (wang, twice, _) = request.getfixturevalue(who), tickets
    theirs = [row for row in all_of(desk) if row["requester_id"] in (wang, twice)]
    card = desk.read(f"/requesters/{wang}/card")
    assert card["records"] == [wang, twice]
    assert (card["tickets"], card["open"]) == (len(theirs), len([row for row in theirs if is_open(row)]))
    assert card["open"] < card["tickets"]
    assert moment(card["last_opened_at"]) == max(moment(row["opened_at"]) for row in theirs)
    assert [row["number"] for row in card["newest"]] == [
        row["number"] for row in sorted(theirs, key=lambda row: row["opened_at"], reverse=True)
    ]
    assert desk.client.get(f"/requesters/{twice}/card").json()["code"] == "requester_merged"
    assert desk.client.get(f"/requesters/{uuid4()}/card").json()["code"] == "unknown_requester"


def test_a_customers_list_has_the_tickets_of_merged_records_too(admin, tickets):
    wang, twice, other = tickets
    found = [
        {row["requester_id"] for row in admin.read("/tickets", requester=each)["tickets"]} for each in (wang, other)
    ]
    assert found == [{wang, twice}, {other}]
    board = admin.read("/tickets/board", requester=wang, group_by="priority")
    assert sum(group["total"] for group in board["groups"]) == 8
    admin.send("DELETE", f"/requesters/{twice}/merge")
    assert {row["requester_id"] for row in admin.read("/tickets", requester=wang)["tickets"]} == {wang}


def test_stars_are_in_the_card(admin, tickets, signed_in):
    wang, twice, _ = tickets
    admin.send("DELETE", f"/requesters/{twice}/merge")
    key = admin.client.post("/api-keys", json={"requester_id": wang, "name": "k", "scopes": ["write", "read"]}).json()
    customer = signed_in(key["secret"])
    for stars in (2, 5):
        number = customer.send("POST", "/tickets", title="t")["number"]
        admin.send("POST", f"/tickets/{number}/resolve")
        customer.send("POST", f"/tickets/{number}/confirm")
        customer.send("PUT", f"/tickets/{number}/rating", stars=stars)
    admin.send("PUT", f"/requesters/{twice}/merge", into=wang)
    assert admin.read(f"/requesters/{wang}/card")["rating"] == 3.5


@pytest.mark.parametrize("who", ["admin", "trainee"])
def test_an_organisations_card_has_the_tickets_of_all_who_belong_to_it(who, admin, tickets, request):
    desk, (wang, twice, other) = request.getfixturevalue(who), tickets
    acme, same = (admin.send("POST", "/organisations", name=name)["id"] for name in ("Acme", "Acme Inc"))
    admin.send("DELETE", f"/requesters/{twice}/merge")
    for requester, organisation in ((wang, acme), (twice, same)):
        admin.send("PATCH", f"/requesters/{requester}", organisation_id=organisation)
    admin.send("PUT", f"/requesters/{twice}/merge", into=wang)
    assert desk.read(f"/organisations/{acme}/card")["records"] == [acme]
    admin.send("PUT", f"/organisations/{same}/merge", into=acme)
    theirs = [row for row in all_of(desk) if row["requester_id"] in (wang, twice)]
    card = desk.read(f"/organisations/{acme}/card")
    assert card == desk.read(f"/organisations/{same}/card")
    assert (card["records"], card["customers"]) == ([acme, same], 1)
    assert (card["tickets"], card["open"]) == (len(theirs), len([row for row in theirs if is_open(row)]))
    assert moment(card["last_opened_at"]) == max(moment(row["opened_at"]) for row in theirs)
    assert {row["number"] for row in card["newest"]} == {row["number"] for row in theirs}
    assert desk.read(f"/organisations/{acme}/card", newest=0)["newest"] == []
    admin.send("DELETE", f"/organisations/{same}/merge")
    assert desk.read(f"/organisations/{acme}/card")["records"] == [acme]
    assert desk.client.get(f"/organisations/{other}/card").json()["code"] == "unknown_organisation"
