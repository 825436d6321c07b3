"""The timeline shows messages with their files, hides what was redacted, and keeps the desk's talk from requesters."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.ticket.commands import NoteOnTicket, ReplyToTicket
from domain.ticket.handling import TransferTicket, UrgeTicket
from domain.ticket.messages import AttachToTicket, RedactMessage, RemarkOnTicket, RemoveAttachment
from domain.values import Assignee, Attachment
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections import ticket_history, ticket_timeline
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from projections.ticket_timeline import TicketTimeline
from tests.desks import Office, an_office
from tests.projections.tables import built


def a_file(name: str) -> Attachment:
    return Attachment(attachment_id=uuid4(), name=name, media_type="text/plain", size=5, sha256="0" * 64, key="key")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A ticket with a reply and its file, a note, a remark, an urge, a transfer, and a file of its own."""
    async with an_office(database_url) as furnished:
        await furnished.ticket("T-1", description="It burns")
        await furnished.do(ReplyToTicket, number="T-1", body="Look", attachments=(a_file("plan.txt"),))
        await furnished.do(NoteOnTicket, number="T-1", body="Between us", attachments=(a_file("inside.txt"),))
        await furnished.do(RemarkOnTicket, number="T-1", body="On floor 3")
        await furnished.do(UrgeTicket, number="T-1", body="Hurry")
        colleague = Assignee(person=UUID(furnished.person.id))
        await furnished.do(TransferTicket, number="T-1", to=colleague, note="For you")
        await furnished.do(AttachToTicket, number="T-1", attachments=(a_file("loose.txt"),))
        yield furnished


def shown(office: Office, url: str, **asked: Any) -> list[dict[str, Any]]:
    built(url, TicketTimeline())
    ticket = office.command(ReplyToTicket, number="T-1", body="-").stream_id
    with connect(url, Role.READER) as db:
        bind(db.cursor(), office.workspace)
        return ticket_timeline.entries(db.cursor(), ticket, **asked)


def said(entries: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {entry["body"]: [file["name"] for file in entry["attachments"]] for entry in entries if entry["body"]}


async def test_messages_come_with_their_files(office: Office, database_url: str) -> None:
    entries = shown(office, database_url)
    everything = {"Look": ["plan.txt"], "Between us": ["inside.txt"], "On floor 3": [], "Hurry": [], "For you": []}
    assert said(entries) == {"It burns": [], **everything}
    assert [entry["attachments"][0]["name"] for entry in entries if entry["event"] == "ticket.attached"] == [
        "loose.txt"
    ]


async def test_requesters_see_what_is_public(office: Office, database_url: str) -> None:
    entries = shown(office, database_url, public_only=True)
    assert said(entries) == {"It burns": [], "Look": ["plan.txt"], "On floor 3": []}
    assert {entry["event"] for entry in entries} == {
        "ticket.opened",
        "ticket.replied",
        "ticket.remarked",
        "ticket.attached",
    }


async def test_a_redacted_message_says_only_why(office: Office, database_url: str) -> None:
    reply = next(entry for entry in shown(office, database_url) if entry["body"] == "Look")
    await office.do(RedactMessage, number="T-1", message_id=reply["message_id"], reason="wrong customer")
    entries = shown(office, database_url)
    hidden = next(entry for entry in entries if entry["message_id"] == reply["message_id"])
    assert (hidden["body"], hidden["redacted"], hidden["reason"]) == (None, True, "wrong customer")
    assert hidden["attachments"] == []
    built(database_url, TicketHistory())
    with connect(database_url, Role.READER) as db:
        bind(db.cursor(), office.workspace)
        ticket = office.command(ReplyToTicket, number="T-1", body="-").stream_id
        history = ticket_history.parsed(db.cursor(), ticket)
    assert "Look" not in str(history)
    assert "plan.txt" not in str(history)
    assert [entry["event"] for entry in history if entry["redacted"]] == ["ticket.replied", "ticket.attached"]


async def test_a_removed_file_is_gone(office: Office, database_url: str) -> None:
    files = [file for entry in shown(office, database_url) for file in entry["attachments"]]
    wanted = next(file for file in files if file["name"] == "loose.txt")
    await office.do(RemoveAttachment, number="T-1", attachment_id=wanted["attachment_id"], reason="virus")
    names = [file["name"] for entry in shown(office, database_url) for file in entry["attachments"]]
    assert names == ["plan.txt", "inside.txt"]


async def test_every_ticket_event_has_its_place_in_the_list() -> None:
    drafts = {"ticket.drafted", "ticket.draft_saved", "ticket.erased"}
    known = {kind.NAME for kind in TicketList.EVENTS}
    assert {kind.NAME for kind in ticket_history.TICKET_EVENTS} - known == drafts
