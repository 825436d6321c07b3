"""What a condition can ask about. Stored conditions name these fields: add to them, never take one away."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.conditions.refusal import InvalidCondition, near
from domain.values import Priority, StatusKind


class FieldType(StrEnum):
    """What the values of a field are; it decides which operators there are."""

    OPTION = "option"
    PERSON = "person"
    TEAM = "team"
    ORGANISATION = "organisation"
    TEXT = "text"
    TAGS = "tags"
    PEOPLE = "people"
    PATH = "path"
    NUMBER = "number"
    MOMENT = "moment"
    FLAG = "flag"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the ticket, of its requester (`of_requester`), of its form (type CUSTOM) or of what just happened to it.

    `column` is its column in the list, or its key among the custom fields; `options` all values, where they are fixed.
    `of_happening`: only rules can ask for it, for only they know what happened; `before`: as it was before that.
    """

    name: str
    type: FieldType
    label: str
    column: str
    of_requester: bool = False
    options: tuple[str, ...] = ()
    of_happening: bool = False
    before: bool = False


_TICKET: dict[FieldType, dict[str, str]] = {
    FieldType.TEXT: {
        "number": "Number",
        "title": "Title",
        "merged_into": "Merged into",
        "parent": "Parent ticket",
    },
    FieldType.OPTION: {
        "status": "Status",
        "kind": "Kind of status",
        "priority": "Priority",
        "type": "Type",
        "source": "Source",
        "assignee_role": "Assigned role",
        "workflow": "Workflow",
        "node": "Step of the workflow",
        "shelf": "Where it is: on the desk, or why lists leave it out",
    },
    FieldType.PATH: {"category": "Category"},
    FieldType.PERSON: {"assignee_person": "Assignee", "requester_id": "Requester"},
    FieldType.TEAM: {"assignee_team": "Team"},
    FieldType.PEOPLE: {"candidates": "Candidates", "followers": "Followers", "involved": "Involved"},
    FieldType.TAGS: {"tags": "Tags"},
    FieldType.MOMENT: {
        "due_at": "Due",
        "opened_at": "Opened",
        "updated_at": "Changed",
        "first_response_at": "First response",
        "resolved_at": "Resolved",
        "closed_at": "Closed",
        "accepted_at": "Accepted",
        "last_reply_at": "Last reply",
        "last_requester_reply_at": "Last reply of the requester",
        "snoozed_until": "Snoozed until",
    },
    FieldType.FLAG: {"archived": "Archived", "pinned": "Pinned", "spam": "Spam", "snoozed": "Snoozed"},
    FieldType.NUMBER: {
        "rating": "Rating",
        "replies": "Replies",
        "notes": "Notes",
        "reopenings": "Reopenings",
        "reassignments": "Reassignments",
        "urges": "Urges",
        "transfers": "Transfers",
        "returns": "Returns",
        "level": "Level of escalation",
        "version": "Version",
    },
}
_REQUESTER: dict[str, tuple[FieldType, str]] = {
    "tier": (FieldType.OPTION, "Tier of the requester"),
    "plan": (FieldType.OPTION, "Plan of the requester"),
    "organisation_id": (FieldType.ORGANISATION, "Organisation of the requester"),
    "tags": (FieldType.TAGS, "Tags of the requester"),
}
# What only a rule knows: what happened, who did it, and when the ticket came to be as it is.
_HAPPENING: dict[str, tuple[FieldType, str]] = {
    "event": (FieldType.TAGS, "What happened: the names of its events"),
    "actor": (FieldType.OPTION, "What kind of actor did it"),
    "actor_id": (FieldType.PERSON, "The person or requester who did it"),
    "channel": (FieldType.OPTION, "The way it came"),
    "message": (FieldType.TEXT, "What was written with it"),
    "business_hours": (FieldType.FLAG, "In the business hours of the ticket's team, else of the desk"),
    "description": (FieldType.TEXT, "Description"),
    "moved_at": (FieldType.MOMENT, "In its status since"),
    "assigned_at": (FieldType.MOMENT, "With its assignee since"),
    "unanswered_since": (FieldType.MOMENT, "The other side waits for an answer since"),
    "touched_at": (FieldType.MOMENT, "Last worked on or written to by somebody"),
}
# Of these, and of what was before, only what happens can be asked, not a ticket while nothing does.
OF_THE_MOMENT = ("event", "actor", "channel", "message", "business_hours", "before.")
_OPTIONS = {
    "actor": ("person", "requester", "system"),
    "kind": tuple(map(str, StatusKind)),
    "priority": tuple(map(str, Priority)),
    "shelf": ("desk", "archived", "snoozed", "spam", "merged", "withdrawn"),
}
CUSTOM_PREFIX = "fields."
BEFORE_PREFIX = "before."
CUSTOM_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")

FIELDS: dict[str, Field] = {
    name: Field(name, kind, label, name, options=_OPTIONS.get(name, ()))
    for kind, names in _TICKET.items()
    for name, label in names.items()
} | {
    f"requester.{column}": Field(f"requester.{column}", kind, label, column, of_requester=True)
    for column, (kind, label) in _REQUESTER.items()
}
HAPPENING: dict[str, Field] = {
    name: Field(name, kind, label, name, options=_OPTIONS.get(name, ()), of_happening=True)
    for name, (kind, label) in _HAPPENING.items()
}


def field_named(name: str, place: str = "field") -> Field:
    """The field of that name; `fields.<key>` is a custom one, `before.<field>` what a field was before something happened.

    Raises InvalidCondition with the near misses.
    """
    if known := FIELDS.get(name) or HAPPENING.get(name):
        return known
    key = name.removeprefix(CUSTOM_PREFIX)
    if key != name and CUSTOM_KEY.fullmatch(key):
        return Field(name, FieldType.CUSTOM, key, key)
    if (now := _now(name, place)) is not None:
        return replace(now, name=name, label=f"{now.label}, before", of_happening=True, before=True)
    every = [*FIELDS, *HAPPENING, "fields.<key>", "before.<field>"]
    raise InvalidCondition(place=place, reason=f"There is no field «{name[:60]}». {near(name, every)}")


def _now(name: str, place: str) -> Field | None:
    """The field that `before.<field>` is about: one of the ticket's own or of its form."""
    inner = name.removeprefix(BEFORE_PREFIX)
    if inner == name or not (inner in FIELDS or inner.startswith(CUSTOM_PREFIX)) or inner.startswith("requester."):
        return None
    return field_named(inner, place)
