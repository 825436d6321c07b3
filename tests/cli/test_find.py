"""`ledgerdesk list`, `search`, `show`, `views` and `jobs`: what each person may see, and no more."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.errors import ReadModelMissing
from cli.cluster import Cluster
from cli.showing import fitted
from domain.conditions import InvalidCondition
from domain.errors import InvalidInput, NotAllowed
from domain.event import SYSTEM, Actor
from domain.ids import workspace_id
from domain.saved_view import UnknownView
from domain.ticket.state import UnknownTicket
from eventstore import jobs
from eventstore.jobs import UnknownJob
from eventstore.vault import Vault
from projections.search_hits import SearchMissing
from tests.commandline import Run, command_line
from tests.commandline import ledgerdesk as ledgerdesk
from tests.conftest import TEMPLATE, create_database, scratch

ANN, BOB, KIM, EVE = (f"{name}@acme.example" for name in ("ann", "bob", "kim", "eve"))
URGENT = '{"field": "priority", "op": "is", "value": "urgent"}'
# A database to copy.
FILLED = "template_find"
SCOPED = ("permissions=ticket.view,workspace.view", 'categories=[["Network"]]')


@pytest.fixture(scope="module")
def filled(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Filled once: each test has a copy."""
    create_database(cluster, FILLED)
    fill(command_line(cluster.url(FILLED), tmp_path_factory.mktemp("find")))


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Run:
    """Three tickets: an urgent one of Bob's, one of the category Network, and one that Eve asked for."""
    return command_line(database_url, tmp_path / "data")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """Of the filled desk where a test asks for that."""
    if wanted := "desk" in request.fixturenames:
        request.getfixturevalue("filled")
    with scratch(cluster, FILLED if wanted else TEMPLATE) as url:
        yield url


def fill(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-category", "path=Network")
    ledgerdesk("do", "set-role", "network", "title=Network", *SCOPED)
    for name, email, role in (("Ann", ANN, "admin"), ("Bob", BOB, "agent"), ("Kim", KIM, "network")):
        ledgerdesk("do", "add-person", f"person_name={name}", f"email={email}", f"role={role}")
    eve = json.loads(ledgerdesk("do", "register-requester", "requester_name=Eve", f"email={EVE}", "--json").stdout)
    ledgerdesk("do", "open-ticket", "1", "title=打印机坏了", "priority=urgent", "assignee=Bob")
    ledgerdesk("do", "open-ticket", "2", "title=No Wi-Fi", "category=Network")
    ledgerdesk("do", "open-ticket", "3", "title=Broken scanner", f"requester_id={eve['requester_id']}")
    ledgerdesk("do", "note-on-ticket", "3", "body=the scanner of gate four", "--as", BOB)
    ledgerdesk("do", "save-view", "title=Hot", f"condition={URGENT}", "sharing=shared", "--as", ANN)
    ledgerdesk("rebuild")


def listed(run: Run, *words: str) -> list[str]:
    return [row["number"] for row in answer(run, "list", "--sort", "number", *words)["tickets"]]


def answer(run: Run, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json").stdout)
    return found


def test_lists_by_view_by_condition_and_by_who_looks(desk: Run) -> None:
    assert listed(desk) == ["1", "2", "3"]
    assert listed(desk, "--view", "urgent") == listed(desk, "--where", URGENT) == ["1"]
    assert listed(desk, "--view", "mine", "--as", BOB) == ["1"]
    assert listed(desk, "--view", "Hot", "--as", BOB) == ["1"]
    assert listed(desk, "--as", KIM) == ["2"]
    assert listed(desk, "--as", EVE) == ["3"]
    assert "notes" not in answer(desk, "list", "--as", EVE)["tickets"][0], "how the desk works on it is not theirs"
    with pytest.raises(InvalidInput, match="neither a person nor a requester"):
        desk("list", "--as", "Nobody Known")
    first = answer(desk, "list", "--sort", "number", "--limit", "2")
    assert (first["total"], first["total_is_capped"]) == (3, False)
    assert listed(desk, "--limit", "2", "--after", first["next"]) == ["3"]
    lines = desk("list", "--sort", "number").stdout.splitlines()
    assert lines[0].split() == ["1", "New", "urgent", "Bob", "打印机坏了"]
    assert lines[-1] == "3 of 3"


def test_a_search_finds_what_the_searcher_may_see(desk: Run) -> None:
    assert [each["ticket"]["number"] for each in answer(desk, "search", "打印")["tickets"]] == ["1"]
    (found,) = answer(desk, "search", "gate", "four", "--as", BOB)["tickets"]
    assert (found["ticket"]["number"], found["snippet"]) == ("3", "the scanner of gate four")
    assert "the scanner of gate four" in desk("search", "gate four").stdout
    for who in (KIM, EVE):
        assert answer(desk, "search", "gate", "--as", who)["tickets"] == []


def test_views_have_their_counts(desk: Run) -> None:
    counts = {view["key"]: view["tickets"] for view in answer(desk, "views", "--as", BOB)["views"]}
    assert (counts["mine"], counts["urgent"], counts["all_open"]) == (1, 1, 3)
    (hot,) = (view for view in answer(desk, "views", "--as", BOB)["views"] if view["title"] == "Hot")
    assert hot["tickets"] == 1
    assert "Hot" in desk("views", "--as", KIM).stdout
    for view in answer(desk, "views", "--as", KIM)["views"]:
        assert view["tickets"] <= 1


def test_a_ticket_is_shown_with_what_actions_need_to_name(desk: Run) -> None:
    text = desk("show", "3").stdout
    (message,) = answer(desk, "show", "3")["messages"]
    for part in ("«Broken scanner» is New", "for Eve", message["message_id"], "the scanner of gate four", "next: open"):
        assert part in text


def test_what_cannot_be_asked_is_said(desk: Run) -> None:
    refusals: dict[type[Exception], list[tuple[str, ...]]] = {
        InvalidInput: [
            ("list", "--where", "{"),
            ("list", "--where", URGENT, "--view", "urgent"),
            ("list", "--view", "mine"),
            ("list", "--view", "urgent", "--as", "nobody@acme.example"),
            ("list", "--after", "x"),
            ("list", "--sort", "colour"),
            ("views",),
            ("jobs", "one"),
            ("jobs", "--cancel"),
        ],
        InvalidCondition: [("list", "--where", '{"field": "colour", "op": "is", "value": 1}')],
        UnknownView: [("list", "--view", "Cold", "--as", BOB)],
        UnknownTicket: [("show", "4")],
        UnknownJob: [("jobs", str(uuid4()))],
    }
    for refusal, commands in refusals.items():
        for command in commands:
            with pytest.raises(refusal):
                desk(*command)


def test_a_desk_without_a_worker_says_that_lists_are_not_built(ledgerdesk: Run) -> None:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    for command, missing in ((("list",), ReadModelMissing), (("search", "word"), SearchMissing)):
        with pytest.raises(missing):
            ledgerdesk(*command)


def test_jobs_are_listed_shown_and_cancelled(desk: Run, database_url: str) -> None:
    assert desk("jobs").stdout == "No jobs.\n"
    asked = uuid4()
    asyncio.run(_ask(database_url, asked, SYSTEM))
    assert [job["job_id"] for job in answer(desk, "jobs")["jobs"]] == [str(asked)]
    with pytest.raises(UnknownJob):
        desk("jobs", str(asked), "--as", KIM)
    with pytest.raises(UnknownJob):
        desk("jobs", str(asked), "--cancel", "--as", KIM)
    assert answer(desk, "jobs", str(asked))["state"] == "queued"
    desk("jobs", str(asked), "--cancel", "--as", ANN)
    assert answer(desk, "jobs", str(asked))["state"] == "cancelled"


async def _ask(url: str, job_id: UUID, by: Actor) -> None:
    async with Vault(url) as vault:
        await jobs.ask(vault, job_id, workspace_id("acme"), "export", by, {"what": "tickets", "format": "csv"})


def test_who_may_not_look_is_refused(desk: Run) -> None:
    desk("do", "set-role", "blind", "title=Blind", "permissions=workspace.view")
    desk("do", "add-person", "person_name=Max", "role=blind")
    with pytest.raises(NotAllowed):
        desk("list", "--as", "Max")


def test_chinese_takes_two_columns() -> None:
    assert fitted("打印机", 5) == "打印 "
    assert fitted("ab", 4) == "ab  "


def test_an_organisation_s_name_means_the_one_that_goes_on(desk: Run) -> None:
    bank, same = [answer(desk, "do", "add-organisation", "organisation_name=Bank")["organisation_id"] for _ in range(2)]
    desk("rebuild")
    with pytest.raises(InvalidInput, match="several have that name"):
        desk("do", "change-organisation", "Bank", "tier=gold")
    desk("do", "merge-organisation", same, f"into={bank}")
    answer(desk, "do", "add-organisation", "organisation_name=Shop")
    desk("rebuild")
    desk("do", "merge-organisation", "Shop", "into=Bank")
    desk("rebuild")
    assert answer(desk, "do", "change-requester", EVE, "organisation_id=Bank")["events"] == 1
    # One that is merged alone has the name: it is meant where there is no other.
    assert answer(desk, "do", "undo-organisation-merge", "Shop")["events"] == 1


def test_figures_count_what_each_may_see(desk: Run) -> None:
    eve = str(UUID(answer(desk, "do", "register-requester", "requester_name=Eva")["requester_id"]))
    desk("do", "tag-ticket", "1", "add=printer,old")
    desk("do", "tag-ticket", "2", "add=printer")
    desk("do", "edit-ticket", "2", f"requester_id={eve}")
    desk("do", "resolve-ticket", "2")
    desk("do", "merge-requester", eve, f"into={EVE}")
    desk("rebuild")
    tags = {each["tag"]: (each["open"], each["tickets"]) for each in answer(desk, "figures", "tags")["tags"]}
    assert tags == {"printer": (1, 2), "old": (1, 1)}
    assert [each["tag"] for each in answer(desk, "figures", "tags", "--as", KIM)["tags"]] == ["printer"]
    (bob,) = answer(desk, "figures", "people")["people"]
    assert bob == {"person": "Bob", "open": 1, "by_priority": {"urgent": 1}}
    assert answer(desk, "figures", "people", "--as", KIM)["people"] == []
    card = answer(desk, "figures", "customer", EVE)
    assert (card["open"], card["tickets"]) == (1, 2)
    assert {row["number"] for row in card["newest"]} == {"2", "3"}
    assert desk("figures", "customer", EVE).stdout.startswith("1 open, 2 in all, newest 20")
    desk("do", "add-organisation", "organisation_name=Bank")
    desk("rebuild")
    desk("do", "change-requester", EVE, "organisation_id=Bank")
    desk("rebuild")
    bank = answer(desk, "figures", "organisation", "Bank")
    assert (bank["customers"], bank["tickets"], [row["number"] for row in bank["newest"]]) == (1, 1, ["3"])
    assert desk("figures", "organisation", "Bank").stdout.startswith("1 open, 1 in all, newest 20")
    with pytest.raises(NotAllowed):
        desk("figures", "organisation", "Bank", "--as", EVE)
    with pytest.raises(NotAllowed):
        desk("figures", "tags", "--as", EVE)
