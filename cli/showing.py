"""Tickets on a terminal: a line each, or one with everything that an action may need to name."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from cli.history import Story, as_object, standing
from cli.story import Names, minute
from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket.state import Approval, Ticket
from domain.values import Assignee

TITLE = 60
# What says a message's text, in whichever event it is.
_TEXTS = ("body", "comment", "note", "reason")


class Shown(NamedTuple):
    """A ticket for programs and for people."""

    facts: dict[str, Any]
    lines: list[str]


def table(rows: Iterable[dict[str, Any]], names: Names) -> Iterator[str]:
    """A line a ticket: number, status, priority, who has it, title."""
    for row in rows:
        cells = (row["number"], names.status(row["status"]), row["priority"], _handler(row, names))
        widths = (8, 22, 7, 26)
        yield "  ".join([*map(fitted, cells, widths), row["title"] or "[erased]"])


def _handler(row: dict[str, Any], names: Names) -> str:
    if "assignee_person" not in row:
        return ""
    return names.assignee(Assignee(team=row["assignee_team"], person=row["assignee_person"]))


def fitted(text: str, width: int) -> str:
    """The text in so many columns; Chinese characters take two."""
    kept, used = "", 0
    for letter in text:
        used += 2 if east_asian_width(letter) in "WF" else 1
        if used > width:
            return kept + " " * (width - sum(2 if east_asian_width(each) in "WF" else 1 for each in kept))
        kept += letter
    return kept + " " * (width - used)


def of_log(story: Story, number: str) -> Shown:
    """The ticket as its events leave it, its messages, files, ties and approvals with their ids."""
    ticket, names = story.ticket, story.names
    facts = as_object(story, number)
    del facts["history"]
    facts |= {
        "description": shown(ticket.description),
        "type": ticket.type,
        "due_at": ticket.due_at,
        "next": [status.key for status in names.next_statuses(ticket.status)],
        "followers": sorted(map(names.person, ticket.followers)),
        "marks": [name for name in ("archived", "pinned", "spam", "snoozed") if getattr(ticket.marks, name)],
        "snoozed_until": ticket.marks.snoozed_until,
        "urges": ticket.urges,
        "transfers": ticket.transfers,
        "returns": ticket.returns,
        "rating": ticket.rating,
        "level": ticket.level,
        "merged_into": ticket.ties.merged_into,
        "absorbed": [each.number for each in ticket.ties.absorbed],
        "split_from": ticket.ties.split_from,
        "splits": [each.number for each in ticket.ties.splits],
        "links": sorted(f"{link.relation} {link.number}" for link in ticket.ties.links),
        "workflow": ticket.flow.workflow.key if ticket.flow.workflow else None,
        "node": ticket.flow.node,
        "approvals": [_approval(each, names) for each in ticket.flow.approvals],
        "attachments": [] if ticket.erasing else _attachments(ticket),
        "messages": list(_messages(ticket, story.events, names)),
    }
    return Shown(facts, [f"{number} {standing(ticket, names)}", *_lines(facts)])


def _approval(approval: Approval, names: Names) -> dict[str, Any]:
    return {
        "approval_id": approval.approval_id,
        "mode": approval.mode,
        "approvers": [names.person(each) for each in approval.approvers],
        "approved": [names.person(each) for each in approval.approved],
        "outcome": approval.outcome or "open",
    }


def _attachments(ticket: Ticket) -> list[dict[str, Any]]:
    fields = ("attachment_id", "media_type", "size", "internal", "message_id")
    return [{"name": shown(file.name)} | {each: getattr(file, each) for each in fields} for file in ticket.attachments]


def _messages(ticket: Ticket, events: list[Recorded[Event]], names: Names) -> Iterator[dict[str, Any]]:
    told = {str(message.message_id): message for message in ticket.messages}
    for recorded in events:
        message = told.pop(str(getattr(recorded.event, "message_id", "")), None)
        if message is None:
            continue
        text = next((getattr(recorded.event, name) for name in _TEXTS if hasattr(recorded.event, name)), None)
        yield {
            "message_id": message.message_id,
            "at": recorded.metadata.occurred_at,
            "by": names.actor(recorded.metadata.doer),
            "internal": message.internal,
            "redacted": message.redacted,
            "text": None if message.redacted else shown(text),
        }


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    plain = (
        "type",
        "workflow",
        "node",
        "urges",
        "transfers",
        "returns",
        "rating",
        "level",
        "merged_into",
        "split_from",
    )
    for name in plain:
        if facts[name]:
            yield f"  {name.replace('_', ' ')}: {facts[name]}"
    for name in ("marks", "followers", "absorbed", "splits", "links", "next"):
        if facts[name]:
            yield f"  {name}: {', '.join(facts[name])}"
    for approval in facts["approvals"]:
        who = ", ".join(approval["approvers"])
        yield f"  approval {approval['approval_id']}: {approval['outcome']}, {approval['mode']} of {who}"
    for file in facts["attachments"]:
        yield f"  file {file['attachment_id']}: {file['name']}, {file['media_type']}, {file['size']} bytes"
    if facts["description"]:
        yield f"\n{facts['description']}"
    for message in facts["messages"]:
        inside = ", inside" if message["internal"] else ""
        text = "[redacted]" if message["redacted"] else message["text"] or "[erased]"
        yield f"\n{minute(message['at'])}  {message['by']}{inside}  {message['message_id']}\n    {text}"
