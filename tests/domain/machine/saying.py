"""The model of what people say on a ticket, what they mark it with, and of deleting it."""

from typing import Any
from uuid import UUID

from tests.domain.machine.model import FINISHED, Desk, No, Ticket, Who, action, move, must_be


def keep_files(ticket: Ticket, files: Any, message: UUID | None, *, internal: bool) -> None:
    """What was sent along."""
    ticket["files"] |= {each: {"message": message, "internal": internal} for each in files}


def say(desk: Desk, ticket: Ticket, message: UUID, body: str, *, internal: bool) -> None:
    """One more message; its text is not the ticket's state."""
    desk.bodies[message] = body
    ticket["messages"][message] = {"internal": internal, "redacted": False}


def speak(
    desk: Desk, who: Who, ticket: Ticket, message: UUID, body: str, mentions: Any, files: Any, *, internal: bool
) -> None:
    """A message, whom it mentions (A24), and what was sent along."""
    if mentions and who.kind == "requester":
        raise No("invalid_input")
    new = {each for each in mentions if each not in ticket["mentioned"] and each != who.id}
    if not all(map(desk.works, new)):
        raise No("unknown_person")
    say(desk, ticket, message, body, internal=internal)
    ticket["mentioned"] = ticket["mentioned"] | new
    keep_files(ticket, files, message, internal=internal)


@action("reply", needs="ticket.reply")
def reply(
    desk: Desk, who: Who, ticket: Ticket, command: UUID, *, body: str, mentions: Any = (), files: Any = ()
) -> None:
    """A8; the requester's takes up what waited for them, was done, or was put aside (A7, A24)."""
    speak(desk, who, ticket, command, body, mentions, files, internal=False)
    ticket["replies"] += 1
    if who.kind != "requester":
        return
    if ticket["kind"] in ("pending", "resolved", "confirmed", "rated"):
        move(ticket, desk, desk.status_of("open"))
    ticket["snoozed"], ticket["snoozed_until"] = False, None


@action("note", needs="ticket.note", stage="there")
def note(
    desk: Desk, who: Who, ticket: Ticket, command: UUID, *, body: str, mentions: Any = (), files: Any = ()
) -> None:
    """A8: the requester never sees it, and what is closed still takes it."""
    speak(desk, who, ticket, command, body, mentions, files, internal=True)
    ticket["notes"] += 1


@action("remark", needs="ticket.reply")
def remark(
    desk: Desk, who: Who, ticket: Ticket, command: UUID, *, body: str, mentions: Any = (), files: Any = ()
) -> None:
    """A8: appended to what the ticket says."""
    speak(desk, who, ticket, command, body, mentions, files, internal=False)


@action("attach", needs="ticket.reply")
def attach(desk: Desk, who: Who, ticket: Ticket, ___: UUID, *, files: Any, internal: bool = False) -> None:
    """A18; what requesters must not see is for those who write notes."""
    if internal and not desk.can(who, "ticket.note"):
        raise No("not_allowed")
    keep_files(ticket, files, None, internal=internal)


@action("detach", needs="ticket.redact", stage="there")
def detach(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, file: UUID) -> None:
    """What is not there cannot be removed."""
    if file not in ticket["files"]:
        raise No("unknown_attachment")
    ticket["files"] = {each: about for each, about in ticket["files"].items() if each != file}


@action("redact", needs="ticket.redact", stage="there")
def redact(desk: Desk, __: Who, ticket: Ticket, ___: UUID, *, message: UUID) -> None:
    """A8: out of sight, with its files; not while another ticket has the same text."""
    if message not in ticket["messages"]:
        raise No("unknown_message")
    if ticket["messages"][message]["redacted"]:
        return
    if any(made["split_of"] == message and not made["erased"] for made in desk.tickets.values()):
        raise No("message_goes_on")
    ticket["messages"][message]["redacted"] = True
    ticket["files"] = {each: about for each, about in ticket["files"].items() if about["message"] != message}


@action("follow", needs="ticket.follow", stage="there")
def follow(desk: Desk, _: Who, ticket: Ticket, __: UUID, *, person: UUID) -> None:
    """A13."""
    if not desk.works(person):
        raise No("unknown_person")
    ticket["followers"] = ticket["followers"] | {person}


@action("unfollow", needs="ticket.follow", stage="there")
def unfollow(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, person: UUID) -> None:
    """Who does not follow stays as they are."""
    ticket["followers"] = ticket["followers"] - {person}


@action("snooze", needs="ticket.mark")
def snooze(desk: Desk, _: Who, ticket: Ticket, __: UUID, *, until: Any = None) -> None:
    """A24: until later, or until the next reply."""
    if until is not None and until <= desk.now:
        raise No("invalid_input")
    ticket["snoozed"], ticket["snoozed_until"] = True, until


@action("wake", needs="ticket.mark", stage="there")
def wake(_: Desk, __: Who, ticket: Ticket, ___: UUID) -> None:
    """A24."""
    ticket["snoozed"], ticket["snoozed_until"] = False, None


@action("pin", needs="ticket.mark", stage="there")
def pin(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, on: bool) -> None:
    """A24."""
    ticket["pinned"] = on


@action("spam", needs="ticket.mark", stage="there")
def spam(desk: Desk, who: Who, ticket: Ticket, _: UUID, *, block: bool = False) -> None:
    """A24: once; whoever blocks a sender needs to be allowed to."""
    if ticket["spam"] and (not block or ticket["blocks"]):
        return
    block = block and not ticket["blocks"]
    if block and not desk.can(who, "requester.block"):
        raise No("not_allowed")
    if block and not ticket["requester"]:
        raise No("invalid_input")
    ticket["spam"] = True
    if block:
        ticket["blocks"] = ticket["requester"]
        desk.blocked.add(ticket["requester"])


@action("unspam", needs="ticket.mark", stage="there")
def unspam(desk: Desk, who: Who, ticket: Ticket, _: UUID) -> None:
    """Whom it blocked is let in again."""
    if ticket["blocks"] and not desk.can(who, "requester.block"):
        raise No("not_allowed")
    desk.blocked.discard(ticket["blocks"])
    ticket["spam"], ticket["blocks"] = False, None


@action("archive", needs="ticket.archive", stage="there")
def archive(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, on: bool) -> None:
    """A14: only what is finished."""
    if on and ticket["kind"] not in FINISHED:
        raise No("ticket_unfinished")
    ticket["archived"] = on


@action("hide", needs="confidential.edit")
def hide(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, text: str | None) -> None:
    """A16."""
    ticket["confidential"] = text


@action("show", needs="confidential.view", stage="readable")
def show(_: Desk, __: Who, ___: Ticket, ____: UUID) -> None:
    """A16: recorded, and nothing else."""


@action("erase", needs="ticket.erase", stage="any")
def erase(_: Desk, __: Who, ticket: Ticket, ___: UUID) -> None:
    """A15: for ever, and wherever it is in its life."""
    if not ticket["erased"]:
        must_be(ticket, "readable")
    elif not ticket["opened"]:
        raise No("unknown_ticket")
    ticket.update(erased=True, title=None, description=None, fields=None, confidential=None, files={})
