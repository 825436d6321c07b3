"""The machine's actions as our commands, and as actions of a composite."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain.actions import ActOnTicket
from domain.ticket import commands as c
from domain.ticket import confidential, drafting, handling, marking, messages, settling
from domain.values import Assignee, Attachment
from tests.domain.machine.model import Given

REASON = "INTERNAL reason"
Asked = dict[str, Any]
Wish = tuple[type[c.TicketCommand], Asked]


def assignee(to: Given) -> Assignee:
    """As our commands have it."""
    team, person, people, role = to
    return Assignee(team=team, person=person, people=people, role=role)


def attachment(file: UUID) -> Attachment:
    """A file of that id."""
    return Attachment(
        attachment_id=file, name="log.txt", media_type="text/plain", size=3, sha256="0" * 64, key="a" * 43
    )


def _translated(asked: Asked) -> Asked:
    translators: dict[str, Callable[[Any], Any]] = {"to": assignee, "assignee": assignee}
    same = {name: translators.get(name, _same)(value) for name, value in asked.items() if name != "files"}
    files = {"attachments": tuple(map(attachment, asked["files"]))} if "files" in asked else {}
    return same | files


def _same(value: Any) -> Any:
    return value


_KINDS: dict[str, type[c.TicketCommand]] = {
    "open": c.OpenTicket,
    "draft": drafting.DraftTicket,
    "submit": drafting.SubmitDraft,
    "discard": drafting.DiscardDraft,
    "edit": c.EditTicket,
    "prioritise": c.ChangePriority,
    "tag": c.TagTicket,
    "look": handling.LookAtTicket,
    "accept": handling.AcceptTicket,
    "assign": c.AssignTicket,
    "transfer": handling.TransferTicket,
    "urge": handling.UrgeTicket,
    "move": c.MoveTicket,
    "resolve": c.ResolveTicket,
    "reopen": c.ReopenTicket,
    "close": c.CloseTicket,
    "confirm": settling.ConfirmTicket,
    "rate": settling.RateTicket,
    "reply": c.ReplyToTicket,
    "note": c.NoteOnTicket,
    "remark": messages.RemarkOnTicket,
    "attach": messages.AttachToTicket,
    "snooze": marking.SnoozeTicket,
    "wake": marking.WakeTicket,
    "spam": marking.MarkSpam,
    "unspam": marking.UnmarkSpam,
    "hide": confidential.SetConfidential,
    "show": confidential.ViewConfidential,
}
_OTHERWISE: dict[str, Callable[[Asked], Wish]] = {
    "claim": lambda asked: (handling.ClaimTicket, {"accept": asked.get("accept_too", False)}),
    "return": lambda _: (handling.ReturnTicket, {"reason": REASON}),
    "detach": lambda asked: (messages.RemoveAttachment, {"attachment_id": asked["file"], "reason": REASON}),
    "redact": lambda asked: (messages.RedactMessage, {"message_id": asked["message"], "reason": REASON}),
    "follow": lambda asked: (marking.FollowTicket, {"person_id": asked["person"]}),
    "unfollow": lambda asked: (marking.UnfollowTicket, {"person_id": asked["person"]}),
    "pin": lambda asked: (marking.PinTicket if asked["on"] else marking.UnpinTicket, {}),
    "archive": lambda asked: (marking.ArchiveTicket if asked["on"] else marking.UnarchiveTicket, {}),
    "erase": lambda _: (c.EraseTicket, {"reason": REASON}),
    "act": lambda asked: (ActOnTicket, {"actions": [as_action(name, **each) for name, each in asked["actions"]]}),
}


def wish(name: str, asked: Asked) -> Wish:
    """The command's class and its fields."""
    return _OTHERWISE[name](asked) if name in _OTHERWISE else (_KINDS[name], _translated(asked))


_DO: dict[str, Callable[[Asked], Asked]] = {
    "prioritise": lambda asked: {"do": "set_priority", **asked},
    "move": lambda asked: {"do": "set_status", **asked},
    "tag": lambda asked: {"do": "add_tags", "tags": asked["add"]},
    "edit": lambda asked: {"do": "set_category", "category": asked["category"]},
    "claim": lambda asked: {"do": "claim", "accept": asked.get("accept_too", False)},
    "return": lambda _: {"do": "return", "reason": REASON},
    "follow": lambda asked: {"do": "follow", "person_id": asked["person"]},
    "unfollow": lambda asked: {"do": "unfollow", "person_id": asked["person"]},
    "pin": lambda asked: {"do": "pin" if asked["on"] else "unpin"},
    "archive": lambda asked: {"do": "archive" if asked["on"] else "unarchive"},
    "spam": lambda _: {"do": "mark_spam"},
    "unspam": lambda _: {"do": "unmark_spam"},
    "erase": lambda _: {"do": "delete", "reason": REASON},
}


def as_action(name: str, **asked: Any) -> Asked:
    """The same as data."""
    return _DO[name](asked) if name in _DO else {"do": name, **_translated(asked)}
