"""`ledgerdesk do`: every command of the domain by name, with people and teams by name, in somebody's name, and refused like elsewhere."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.asking import FOLLOWING, NotByHand, UnknownAction, actions
from cli.do import described
from cli.story import Names, said
from domain.catalogue import Catalogue
from domain.command import DECIDERS
from domain.errors import InvalidInput, NotAllowed
from domain.event import ERASED, Actor
from domain.organisation_merges import OrganisationMergedAway
from domain.requester import UnknownRequester
from domain.ticket import flowing
from domain.ticket.events import TicketFieldsSet
from domain.ticket.handling import AlreadyClaimed
from domain.ticket.state import UnknownTicket
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk
from tests.eventstore.samples import SAMPLES

ANN, BOB = "ann@acme.example", "bob@acme.example"


@pytest.fixture
def desk(ledgerdesk: Run) -> Run:
    """A desk with a team, an admin and an agent, set up by the actions themselves."""
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-team", "title=Network")
    ledgerdesk("do", "add-person", "person_name=Ann", f"email={ANN}", "role=admin", "teams=Network")
    ledgerdesk("do", "add-person", "person_name=Bob", f"email={BOB}", "role=agent", "teams=Network")
    ledgerdesk("do", "open-ticket", "1", "title=No Wi-Fi = no work", "tags=wifi, office")
    return ledgerdesk


def receipt(run: Run, *words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("do", *words, "--json").stdout)
    return found


def shown(run: Run, number: str = "1") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("show", number, "--json").stdout)
    return found


@pytest.mark.parametrize("name", sorted(actions()))
def test_every_command_can_be_described(name: str) -> None:
    told = "\n".join(described(name))
    assert told.startswith(f"{name}: ")
    assert DECIDERS[actions()[name]][1].value in told
    assert ("not done by hand" in told) == (name in FOLLOWING)


def test_a_description_says_what_is_needed_and_how_it_is_written(ledgerdesk: Run) -> None:
    told = ledgerdesk("do", "transfer-ticket", "--describe").stdout
    for line in (
        "number           text (needed, may be given without its name)",
        "to               {team, person, people, role} (needed)",
        ".person        person (login, e-mail address, name or id)",
        "note             text (optional)",
    ):
        assert line in told


def test_a_history_can_tell_every_event_of_a_ticket() -> None:
    names = Names(Catalogue(), str)
    for event in SAMPLES:
        if event.NAME.startswith("ticket."):
            assert "cannot describe" not in said(event, names)


def test_what_nobody_wrote_is_not_called_erased() -> None:
    names, asked = Names(Catalogue(), str), {"approval_id": uuid4(), "mode": "all", "approvers": ()}
    by = Actor(kind="person", id=str(uuid4()))
    for note, told in ((None, False), (ERASED, True)):
        event = flowing.ApprovalRequested(**asked, asked_by=by, note=note)
        assert ("[erased]" in said(event, names)) is told
    paid = TicketFieldsSet(fields={"cost": {"amount": "12.30", "currency": "CNY"}}, previous={"cost": None})
    assert "12.30 CNY" in said(paid, names)


def test_the_list_has_every_action_that_is_done_by_hand(ledgerdesk: Run) -> None:
    listed = {line.split()[0] for line in ledgerdesk("do", "--list").stdout.splitlines() if line.startswith("  ")}
    assert listed == actions().keys() - FOLLOWING.keys()


def test_a_tickets_life_by_hand(desk: Run) -> None:
    assert receipt(desk, "assign-ticket", "1", "to=Network")["events"] == 1
    assert receipt(desk, "claim-ticket", "1", "accept=true", "--as", BOB)["version"] == 4
    desk("do", "change-priority", "1", "priority=high", "--as", "Bob")
    desk("do", "tag-ticket", "1", "add=vip", "remove=wifi,office")
    desk("do", "edit-ticket", "1", "fields.plan=gold", "fields.seats=14", "category=")
    desk("do", "reply-to-ticket", "1", "body=Which floor = which access point?", "mentions=Ann", "--as", BOB)
    desk("do", "follow-ticket", "1", "person_id=me", "--as", ANN)
    desk("do", "snooze-ticket", "1")
    desk("do", "transfer-ticket", "1", f"to.person={ANN}", "note=yours", "--as", BOB)
    found = shown(desk)
    assert (found["title"], found["priority"], found["tags"]) == ("No Wi-Fi = no work", "high", ["vip"])
    assert found["fields"] == {"plan": "gold", "seats": 14}
    assert (found["followers"], found["marks"], found["transfers"]) == (["Ann"], ["snoozed"], 1)
    assert found["assignee"].startswith("Ann")
    assert [message["text"] for message in found["messages"]] == ["Which floor = which access point?"]
    assert "nothing to change" in desk("do", "change-priority", "1", "priority=high").stdout


def test_what_touches_two_tickets_is_done_on_both(desk: Run) -> None:
    desk("do", "open-ticket", "2", "title=The same again")
    desk("do", "merge-ticket", "2", "into=1")
    assert (shown(desk, "2")["merged_into"], shown(desk)["absorbed"]) == ("1", ["2"])
    desk("do", "undo-merge", "2")
    assert (shown(desk, "2")["merged_into"], shown(desk)["absorbed"]) == (None, [])
    desk("do", "link-ticket", "1", "relation=child", "other=2")
    assert shown(desk, "2")["links"] == ["parent 1"]
    desk("do", "reply-to-ticket", "1", "body=And the scanner is broken", "--as", BOB)
    message = shown(desk)["messages"][0]["message_id"]
    split = receipt(desk, "split-ticket", "1", f"message_id={message}", "title=Scanner")["number"]
    assert shown(desk, split)["split_from"] == "1"


READS = (
    ("show", "1"),
    ("show", "1", "--json"),
    ("history", "1"),
    ("history", "1", "--json"),
    ("export", "events"),
    ("export", "events", "--ticket", "1"),
)


def test_undo_redaction_and_erasure_leave_nothing_behind(desk: Run) -> None:
    done = receipt(desk, "change-priority", "1", "priority=urgent", "--as", ANN)
    desk("do", "undo-command", "1", f"undoes={done['command_id']}", "--as", ANN)
    assert shown(desk)["priority"] == "normal"
    desk("do", "note-on-ticket", "1", "body=the PIN is 1234", "--as", BOB)
    message = shown(desk)["messages"][0]["message_id"]
    desk("do", "redact-message", "1", f"message_id={message}", "reason=a PIN", "--as", ANN)
    for command in READS:
        assert "1234" not in desk(*command).stdout
    desk("do", "erase-ticket", "1", "reason=asked to", "--as", ANN)
    assert shown(desk)["title"] is None


def test_confidential_text_is_shown_to_who_asks_for_it_alone(desk: Run) -> None:
    desk("do", "set-confidential", "1", "text=PIN 1234")
    assert "1234" not in desk("show", "1", "--json").stdout + desk("history", "1").stdout
    with pytest.raises(NotAllowed):
        desk("do", "view-confidential", "1", "--as", BOB)
    assert desk("do", "view-confidential", "1", "--as", ANN).stdout == "PIN 1234\n"
    desk("do", "set-confidential", "1", "text=")
    assert desk("do", "view-confidential", "1", "--as", ANN).stdout == "\n"


def test_files_are_attached(desk: Run, tmp_path: Path) -> None:
    (tmp_path / "floor plan.pdf").write_bytes(b"%PDF-1.7")
    desk("do", "attach-to-ticket", "1", "--file", tmp_path / "floor plan.pdf")
    (file,) = shown(desk)["attachments"]
    assert (file["name"], file["media_type"], file["size"]) == ("floor plan.pdf", "application/pdf", 8)
    for words in (
        ["attach-to-ticket", "1", "--file", tmp_path / "none.pdf"],
        ["close-ticket", "1", "--file", tmp_path / "floor plan.pdf"],
        ["attach-to-ticket", "1", "attachments=[]"],
    ):
        with pytest.raises(InvalidInput):
            desk("do", *words)


def test_a_desk_is_set_up_by_hand(desk: Run) -> None:
    colours = json.dumps([{"id": "red", "title": "Red"}])
    desk(
        "do",
        "set-field",
        "colour",
        "definition.title=Colour",
        "definition.kind=dropdown",
        f"definition.options={colours}",
    )
    desk("do", "set-template", "parts", "title=Parts", 'uses=[{"key": "colour"}]', "why=better forms")
    desk("do", "set-type", "part", "definition.title=Part", "definition.template=parts", "definition.team=Network")
    nodes = [
        {"key": "first", "title": "First", "participants": {"people": [BOB]}, "next": ["end"]},
        {"key": "end", "title": "End", "ends": True},
    ]
    flow = json.dumps({"title": "Way", "start": "first", "nodes": nodes})
    desk("do", "set-workflow", "way", f"definition={flow}")
    desk("do", "set-type", "part", "definition.title=Part", "definition.template=parts", "definition.workflow=way")
    desk("do", "set-skills", BOB, "skills.wifi=4")
    desk("do", "set-team-leads", "Network", "leads=Ann")
    desk("do", "open-ticket", "2", "title=One in red", "type=part", "fields.colour=red")
    found = shown(desk, "2")
    assert (found["workflow"], found["node"], found["assignee"]) == ("way", "first", "Bob")
    desk("do", "submit-step", "2", "next=end", "--as", BOB)
    assert shown(desk, "2")["kind"] == "resolved"


def test_customers_are_registered_and_blocked(desk: Run) -> None:
    bank = receipt(desk, "add-organisation", "organisation_name=Bank", "tier=gold")["organisation_id"]
    eve = receipt(desk, "register-requester", "requester_name=Eve", f"organisation_id={bank}")["requester_id"]
    twin = receipt(desk, "register-requester", "requester_name=Eve")["requester_id"]
    desk("do", "merge-requester", twin, f"into={eve}")
    same = receipt(desk, "add-organisation", "organisation_name=The Bank")["organisation_id"]
    desk("do", "merge-organisation", same, f"into={bank}")
    with pytest.raises(OrganisationMergedAway, match=f"{same} was merged into {bank}"):
        desk("do", "change-requester", eve, f"organisation_id={same}")
    desk("do", "undo-organisation-merge", same)
    desk("do", "change-requester", eve, f"organisation_id={same}")
    desk("do", "open-ticket", "2", "title=Spam", f"requester_id={eve}")
    desk("do", "mark-spam", "2", "block=yes", "--as", ANN)
    assert shown(desk, "2")["marks"] == ["spam"]
    for words in (
        ["open-ticket", "title=x", f"requester_id={uuid4()}"],
        ["change-requester", str(uuid4()), "tier=gold"],
    ):
        with pytest.raises(UnknownRequester):
            desk("do", *words)


WRONG = (
    (["open-ticket"], "title"),
    (["open-ticket", "title="], "title"),
    (["open-ticket", "title=x", "title=y"], "title"),
    (["open-ticket", "title=x", "colour=red"], "colour"),
    (["open-ticket", "title=x", "fields=[1"], "fields"),
    (["open-ticket", "title=x", "due_at=tomorrow"], "due_at"),
    (["open-ticket", "1", "also", "title=x"], "argument 2"),
    (["change-priority", "1", "priority=huge"], "priority"),
    (["assign-ticket", "1", "to=Nobody Known"], "to"),
    (["assign-ticket", "1", "to.team=Fire brigade"], "team"),
    (["assign-ticket", "1", "to.team=Network", "to={}"], "to"),
    (["rate-ticket", "1", "stars=6"], "stars"),
    (["set-field", "x", "definition=words"], "definition"),
    (["undo-command", "1"], "undoes"),
    (["undo-command", "1", "undoes=it"], "undoes"),
    (["undo-command", "1", "undoes=[1]"], "undoes"),
)


def test_a_wrong_value_is_said_with_its_field_and_changes_nothing(desk: Run) -> None:
    for words, field in WRONG:
        with pytest.raises(InvalidInput, match=f"^{field}: "):
            desk("do", *words)
    assert shown(desk)["version"] == 1


def test_refusals_are_those_of_the_desk(desk: Run) -> None:
    desk("do", "assign-ticket", "1", "to=Ann")
    with pytest.raises(AlreadyClaimed):
        desk("do", "claim-ticket", "1", "--as", BOB)
    with pytest.raises(UnknownTicket):
        desk("do", "close-ticket", "99")
    with pytest.raises(UnknownAction, match="claim-ticket"):
        desk("do", "clam-ticket", "1")
    with pytest.raises(NotByHand, match="merge-ticket"):
        desk("do", "absorb-ticket", "1", "absorbed=2")
    with pytest.raises(NotAllowed):
        desk("do", "add-status", "waiting", "title=Waiting", "kind=pending", "--as", BOB)


def test_another_workspace_is_another_world(desk: Run) -> None:
    desk("workspace", "create", "other", "--title", "Other")
    with pytest.raises(UnknownTicket):
        desk("do", "close-ticket", "1", "-w", "other")
    for words in (["assign-ticket", "1", "to=Ann"], ["close-ticket", "1", "--as", ANN]):
        with pytest.raises(Exception, match=r"is neither a person|not been built"):
            desk("do", *words, "-w", "other")
    made = receipt(desk, "open-ticket", "1", "title=Theirs", "-w", "other")
    assert UUID(made["stream_id"])
    assert json.loads(desk("show", "1", "-w", "acme", "--json").stdout)["title"] == "No Wi-Fi = no work"
