"""What lists show of a ticket and conditions ask about, as one flat record."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from domain.values import FINISHED, Assignee


@dataclass(slots=True)
class Row:
    """A row of `ticket_list`, in the order of its columns; the same facts are what rules see."""

    workspace_id: UUID
    ticket_id: UUID
    number: str
    title: str | None
    status: str
    kind: str
    priority: str
    type: str | None
    category: list[str]
    assignee_person: UUID | None
    assignee_team: UUID | None
    assignee_role: str | None
    candidates: list[UUID]
    requester_id: UUID | None
    tags: list[str]
    fields: dict[str, Any] | None
    source: str
    due_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    version: int
    position: int
    first_response_at: datetime | None
    accepted_at: datetime | None
    resolved_at: datetime | None
    confirmed_at: datetime | None
    closed_at: datetime | None
    last_reply_at: datetime | None
    last_requester_reply_at: datetime | None
    replies: int
    notes: int
    reopenings: int
    reassignments: int
    urges: int
    transfers: int
    returns: int
    rating: int | None
    level: int
    followers: list[UUID]
    consulted: list[UUID]
    archived_at: datetime | None
    snoozed: bool
    snoozed_until: datetime | None
    pinned: bool
    spam: bool
    merged_into: str | None
    withdrawn: bool
    parent: str | None
    workflow: str | None
    node: str | None
    erased: bool = False

    def __copy__(self) -> "Row":
        # Each happening keeps a copy of the ticket before it: what `copy` does by itself takes four times as long.
        return Row(*_every(self))

    @property
    def shelf(self) -> str:
        """Where it is: on the desk, or why lists leave it out."""
        if self.withdrawn:
            return "withdrawn"
        if self.merged_into is not None:
            return "merged"
        if self.spam:
            return "spam"
        if self.archived_at is not None:
            return "archived"
        return "snoozed" if self.snoozed else "desk"

    @property
    def finished(self) -> bool:
        """Whether the work is done, for now."""
        return self.kind in FINISHED

    @property
    def involved(self) -> list[UUID]:
        """Who keeps access to the ticket wherever it goes (A13)."""
        handler = [self.assignee_person] if self.assignee_person else []
        return joined(handler, [*self.followers, *self.consulted])

    def assign(self, to: Assignee) -> None:
        """Somebody else is responsible."""
        self.assignee_person, self.assignee_team, self.assignee_role = to.person, to.team, to.role
        self.candidates = list(to.people)


def joined(people: Iterable[UUID], more: Iterable[UUID]) -> list[UUID]:
    """All of them in order, each once."""
    return list(dict.fromkeys([*people, *more]))


_every = attrgetter(*(column.name for column in fields(Row)))
COLUMNS = tuple(column.name for column in fields(Row) if column.name != "erased")


# What a ticket has when nothing but its opening has happened.
FRESH: dict[str, Any] = {
    **dict.fromkeys(("first_response_at", "accepted_at", "resolved_at", "confirmed_at", "closed_at")),
    **dict.fromkeys(("last_reply_at", "last_requester_reply_at", "rating", "archived_at", "snoozed_until")),
    **dict.fromkeys(("merged_into", "parent", "workflow", "node")),
    **dict.fromkeys(("replies", "notes", "reopenings", "reassignments", "urges", "transfers", "returns", "level"), 0),
    **dict.fromkeys(("snoozed", "pinned", "spam", "withdrawn"), False),
}
