"""What is written on a ticket: whom a reply wakes, files, mentions, redaction."""

from datetime import UTC, datetime

import pytest

from domain.errors import InvalidInput, NotAllowed, UnknownPerson
from domain.event import Actor
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import marking, messages, ties
from domain.ticket.confidential import TicketConfidentialSet
from domain.ticket.state import Marks, TicketNotOpen, UnknownTicket
from domain.values import Attachment, StatusKind
from tests.domain.kit import ANN, BOB, LEFT, given, id_of, opened, person

ZOE = Actor(kind="requester", id=str(id_of("zoe")))
MAX = Actor(kind="requester", id=str(id_of("max")))
MESSAGE = id_of("command")
REPLIED = e.TicketReplied(message_id=MESSAGE, body="Still broken.")


def hers(status: str = "new", kind: str | None = None) -> e.TicketOpened:
    return opened(status=status, kind=kind or status, requester_id=id_of("zoe"))


def a_file(name: str) -> Attachment:
    return Attachment(
        attachment_id=id_of(name), name=name, media_type="image/png", size=9, sha256="ab" * 32, key="a2V5"
    )


def attached(name: str, **more: object) -> messages.TicketAttached:
    file = a_file(name)
    return messages.TicketAttached(
        **{"attachment_id": file.attachment_id, "media_type": "image/png", "size": 9, "sha256": file.sha256}
        | {"file_name": name, "key": "a2V5"}
        | more
    )


@pytest.mark.parametrize("was", ["resolved", "confirmed", "rated"])
def test_a_requesters_reply_reopens_what_was_thought_to_be_done(was):
    reopened = e.TicketReopened(status="open", kind=StatusKind.OPEN, previous=was, previous_kind=StatusKind(was))
    state = given(hers(was)).when(c.ReplyToTicket, by=ZOE, body="Still broken.").then(REPLIED, reopened)
    assert (state.kind, state.reopenings) == (StatusKind.OPEN, 1)


def test_a_requesters_reply_takes_up_again_what_waited_for_them():
    waiting = hers("waiting_vendor", "pending")
    taken_up = e.TicketMoved(
        status="open", kind=StatusKind.OPEN, previous="waiting_vendor", previous_kind=StatusKind.PENDING
    )
    given(waiting).when(c.ReplyToTicket, by=ZOE, body="Still broken.").then(REPLIED, taken_up)


@pytest.mark.parametrize("was", ["new", "open"])
def test_a_requesters_reply_moves_nothing_that_is_worked_on(was):
    given(hers(was)).when(c.ReplyToTicket, by=ZOE, body="Still broken.").then(REPLIED)


@pytest.mark.parametrize("was", ["pending", "resolved", "confirmed"])
def test_a_reply_of_the_desk_moves_nothing(was):
    given(hers(was)).when(c.ReplyToTicket, by=person("ann"), body="Still broken.").then(REPLIED)


def test_a_requesters_reply_wakes_a_ticket_and_brings_it_back_from_the_archive():
    asleep, archived = marking.TicketSnoozed(until=None), marking.TicketArchived()
    state = (
        given(hers("resolved"), asleep, archived)
        .when(c.ReplyToTicket, by=ZOE, body="Still broken.")
        .then(
            REPLIED,
            e.TicketReopened(
                status="open", kind=StatusKind.OPEN, previous="resolved", previous_kind=StatusKind.RESOLVED
            ),
            e.TicketUnarchived(),
            marking.TicketWoken(because="reply"),
        )
    )
    assert state.marks == Marks()


def test_a_reply_of_the_desk_lets_a_ticket_sleep():
    given(hers(), marking.TicketSnoozed(until=None)).when(c.ReplyToTicket, body="Still broken.").then(REPLIED)


def test_a_requester_writes_on_their_own_tickets_only():
    given(hers()).when(c.ReplyToTicket, by=MAX, body="x").then_refused(UnknownTicket, number="T-1")
    given(hers()).when(c.NoteOnTicket, by=ZOE, body="x").then_refused(NotAllowed, permission="ticket.note")


def test_a_closed_ticket_takes_no_reply_of_its_requester():
    given(hers("closed")).when(c.ReplyToTicket, by=ZOE, body="x").then_refused(TicketNotOpen)


@pytest.mark.parametrize(
    ("kind", "says", "internal"),
    [
        (c.ReplyToTicket, e.TicketReplied, False),
        (c.NoteOnTicket, e.TicketNoted, True),
        (messages.RemarkOnTicket, messages.TicketRemarked, False),
    ],
)
def test_a_message_brings_its_files_and_speaks_to_colleagues(kind, says, internal):
    state = (
        given(opened())
        .when(
            kind,
            by=person("ann"),
            body="看",
            attachments=(a_file("a.png"), a_file("b.png")),
            mentions=(BOB, ANN, BOB, id_of("lead")),
        )
        .then(
            says(message_id=MESSAGE, body="看"),
            attached("a.png", message_id=MESSAGE, internal=internal),
            attached("b.png", message_id=MESSAGE, internal=internal),
            messages.TicketMentioned(message_id=MESSAGE, person_id=BOB),
            messages.TicketMentioned(message_id=MESSAGE, person_id=id_of("lead")),
        )
    )
    assert [(file.name, file.internal) for file in state.attachments] == [("a.png", internal), ("b.png", internal)]
    assert [(message.message_id, message.internal) for message in state.messages] == [(MESSAGE, internal)]
    assert state.involved == {BOB, id_of("lead")}


def test_only_people_who_are_here_are_mentioned_and_not_by_requesters():
    given(hers()).when(c.NoteOnTicket, body="x", mentions=(LEFT,)).then_refused(UnknownPerson)
    given(hers()).when(c.ReplyToTicket, by=ZOE, body="x", mentions=(ANN,)).then_refused(InvalidInput, field="mentions")


def test_a_file_is_attached_once():
    given(opened()).when(messages.AttachToTicket, attachments=(a_file("a.png"),) * 2).then(attached("a.png"))
    given(opened(), attached("a.png")).when(messages.AttachToTicket, attachments=(a_file("a.png"),)).then_nothing()


def test_a_requester_attaches_nothing_that_they_may_not_see():
    asked = {"attachments": (a_file("a.png"),), "internal": True}
    given(hers()).when(messages.AttachToTicket, by=ZOE, **asked).then_refused(NotAllowed, permission="ticket.note")
    given(hers()).when(messages.AttachToTicket, by=person("ann"), **asked).then(attached("a.png", internal=True))


def test_a_file_is_removed_once_and_only_if_it_is_there():
    asked = {"attachment_id": id_of("a.png"), "reason": "sent by mistake"}
    removed = messages.TicketAttachmentRemoved(sha256="ab" * 32, **asked)
    state = given(opened(), attached("a.png"), attached("b.png")).when(messages.RemoveAttachment, **asked).then(removed)
    assert [file.name for file in state.attachments] == ["b.png"]
    given(opened(), attached("a.png"), removed).when(messages.RemoveAttachment, **asked).then_refused(
        messages.UnknownAttachment
    )


def test_a_redacted_message_goes_with_its_files():
    said = e.TicketReplied(message_id=id_of("said"), body="4711 0815")
    before = (opened(), said, attached("a.png", message_id=id_of("said")), attached("b.png"))
    redacted = messages.TicketMessageRedacted(message_id=id_of("said"), reason="card number")
    removed = messages.TicketAttachmentRemoved(attachment_id=id_of("a.png"), sha256="ab" * 32, reason="card number")
    asked = {"message_id": id_of("said"), "reason": "card number"}
    state = given(*before).when(messages.RedactMessage, **asked).then(redacted, removed)
    assert [message.redacted for message in state.messages] == [True]
    assert [file.name for file in state.attachments] == ["b.png"]
    given(*before, redacted, removed).when(messages.RedactMessage, **asked).then_nothing()


def test_a_message_is_not_redacted_while_a_ticket_that_was_split_off_says_the_same():
    said = e.TicketReplied(message_id=id_of("said"), body="4711 0815")
    off = ties.TicketSplitOff(message_id=id_of("said"), into="T-2", title="Card", body="4711 0815")
    undone = ties.TicketSplitUndone(message_id=id_of("said"), into="T-2")
    redacted = messages.TicketMessageRedacted(message_id=id_of("said"), reason="card number")
    asked = {"message_id": id_of("said"), "reason": "card number"}
    for before in ((opened(), said, off), (opened(), said, off, undone)):
        given(*before).when(messages.RedactMessage, **asked).then_refused(messages.GoesOnElsewhere, into="T-2")
        given(*before).when(messages.RedactMessage, **asked, erased={"T-2"}).then(redacted)


def test_only_admins_redact_and_only_what_was_said():
    asked = {"message_id": id_of("said"), "reason": "r"}
    given(opened()).when(messages.RedactMessage, **asked).then_refused(messages.UnknownMessage, message=id_of("said"))
    given(opened()).when(messages.RedactMessage, by=person("lead"), **asked).then_refused(NotAllowed)


def test_a_requester_opens_their_own_ticket():
    (
        given()
        .when(
            c.OpenTicket,
            by=ZOE,
            number="",
            title="打印机坏了",
            description="起火",
            priority="high",
            fields={"room": "1"},
        )
        .then(opened(number="", requester_id=id_of("zoe"), description="起火", priority="high", fields={"room": "1"}))
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "open"),
        ("tags", ("vip",)),
        ("due_at", datetime(2026, 12, 1, tzinfo=UTC)),
        ("assignee", {"person": ANN}),
        ("followers", (ANN,)),
        ("requester_id", id_of("max")),
        ("number", "MINE-1"),
    ],
)
def test_what_is_the_desks_no_requester_says(field, value):
    asked = {"title": "x", "number": ""} | {field: value}
    given().when(c.OpenTicket, by=ZOE, **asked).then_refused(InvalidInput, field=field)


def test_a_ticket_opens_with_files_followers_and_a_secret():
    state = (
        given()
        .when(
            c.OpenTicket,
            by=person("ann"),
            title="打印机坏了",
            attachments=(a_file("a.png"),),
            followers=(BOB, BOB),
            confidential="door code",
        )
        .then(
            opened(),
            TicketConfidentialSet(text="door code"),
            attached("a.png"),
            marking.TicketFollowed(person_id=BOB),
        )
    )
    assert (state.followers, state.attachments[0].message_id) == ({BOB}, None)


def test_a_ticket_is_followed_only_by_those_who_are_here():
    given().when(c.OpenTicket, title="x", followers=(LEFT,)).then_refused(UnknownPerson)
