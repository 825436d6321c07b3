"""What a desk does with tickets, in plain dicts and sets, written from the list of features and not from our deciders.

An action either happens, or raises `No` with every reason that may be given, having changed nothing.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID, uuid5

Ticket = dict[str, Any]
# A team, a person, several people, a role.
Given = tuple[UUID | None, UUID | None, tuple[UUID, ...], str | None]
NOBODY: Given = (None, None, (), None)
FINISHED = {"resolved", "confirmed", "rated", "closed"}
WORKED = {"open", "pending", "resolved", "closed"}
NEXT_KINDS = {
    "new": WORKED | {"new"},
    "open": WORKED,
    "pending": WORKED,
    "resolved": {"open", "pending", "confirmed", "closed"},
    "confirmed": {"open", "rated", "closed"},
    "rated": {"open", "closed"},
    "closed": {"open"},
}
LEVELS = ["low", "normal", "high", "urgent"]
MARKS = ("archived", "pinned", "spam", "blocks", "snoozed", "snoozed_until")


class Who(NamedTuple):
    """Somebody acting: kind person, requester or system."""

    kind: str
    id: UUID


class No(Exception):
    """Refused, for any of these reasons."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = set(reasons)


def blank(number: str) -> Ticket:
    """A ticket that is not there."""
    return {
        **dict.fromkeys(("opened", "erased", "withdrawn", *MARKS), False),
        **dict.fromkeys(("blocks", "snoozed_until", "type", "due_at", "requester", "rating", "confidential")),
        **dict.fromkeys(("merged_into", "before", "split_from", "draft_by", "form")),
        **dict.fromkeys(("urges", "transfers", "returns", "reopenings", "replies", "notes"), 0),
        "number": number,
        "title": "",
        "description": "",
        "fields": {},
        "status": "",
        "kind": "new",
        "priority": "normal",
        "category": (),
        "tags": set(),
        "assignee": NOBODY,
        "previous": [],
        "messages": {},
        "files": {},
        "followers": set(),
        "mentioned": set(),
        "absorbed": {},
        "splits": {},
        "split_of": None,
        "links": set(),
    }


@dataclass
class Done:
    """What a command did to a ticket, for whoever undoes it."""

    number: str
    by: Who
    before: Ticket
    after: Ticket

    @property
    def changed(self) -> bool:
        """Whether anything is different."""
        return self.before != self.after


@dataclass
class Desk:
    """People, statuses and tickets. `roles` says for each what it may do and which types and categories it reaches."""

    people: dict[UUID, dict[str, Any]]
    roles: dict[str, tuple[frozenset[str], set[str], set[tuple[str, ...]]]]
    teams: set[UUID]
    statuses: dict[str, str]
    categories: set[tuple[str, ...]]
    # Categories whose tickets only some may handle.
    handlers: dict[tuple[str, ...], set[UUID]]
    tickets: dict[str, Ticket] = field(default_factory=dict)
    blocked: set[UUID] = field(default_factory=set)
    bodies: dict[UUID, str] = field(default_factory=dict)
    done: dict[UUID, Done] = field(default_factory=dict)
    now: Any = None

    def ticket(self, number: str) -> Ticket:
        """The ticket of that number, or one that is not there."""
        return self.tickets.get(number) or blank(number)

    def works(self, person: UUID | None) -> bool:
        """Whether it is somebody who works here still."""
        return person in self.people and self.people[person]["active"]

    def role(self, who: Who) -> str:
        """The role of whoever acts."""
        if who.kind == "requester":
            return "requester"
        if not self.works(who.id):
            raise No("unknown_person")
        return str(self.people[who.id]["role"])

    def can(self, who: Who, permission: str) -> bool:
        """Whether their role has the permission."""
        return who.kind == "system" or permission in self.roles[self.role(who)][0]

    def reaches(self, who: Who, ticket: Ticket) -> bool:
        """Whether the ticket is there for them at all (B7, A13)."""
        if who.kind == "system":
            return True
        if who.kind == "requester":
            return bool(ticket["requester"] == who.id)
        _, types, categories = self.roles[self.role(who)]
        branches = {ticket["category"][:depth] for depth in range(1, 1 + len(ticket["category"]))}
        if not (types or categories) or ticket["type"] in types or branches & categories:
            return True
        takes_part = {ticket["assignee"][1]} | ticket["followers"] | ticket["mentioned"]
        return who.id in takes_part or self.given_to(who.id, ticket["assignee"])

    def given_to(self, person: UUID, given: Given) -> bool:
        """Whether nobody has it yet, and the person is one of those who may claim it (A9)."""
        team, somebody, people, role = given
        if somebody or given == NOBODY or not self.works(person):
            return False
        who = self.people[person]
        of_team = team is None or team in who["teams"]
        return person in people if people else of_team and (role is None or who["role"] == role)

    def gate(self, who: Who, ticket: Ticket, needs: str) -> None:
        """What is not theirs is refused before anything is said of it."""
        allowed = self.can(who, needs)
        hidden = ticket["opened"] and not self.reaches(who, ticket)
        if not allowed or hidden:
            raise No(*["not_allowed"] * (not allowed), *["unknown_ticket"] * hidden)

    def status_of(self, kind: str) -> str:
        """The first status of the kind."""
        return next(key for key, each in self.statuses.items() if each == kind)

    def may_follow(self, ticket: Ticket, status: str) -> bool:
        """Whether the status may follow the ticket's present one (A6)."""
        return self.statuses[status] in NEXT_KINDS[ticket["kind"]]


Does = Callable[..., None]


class Rule(NamedTuple):
    """What an action needs, in which stage of a ticket's life it is possible, and what it does."""

    needs: str
    stage: str
    does: Does


ACTIONS: dict[str, Rule] = {}


def action(name: str, needs: str, stage: str = "open") -> Callable[[Does], Does]:
    """Register an action. Stages: open (not closed), there (closed too), readable (merged away too), any."""

    def register(does: Does) -> Does:
        ACTIONS[name] = Rule(needs, stage, does)
        return does

    return register


def must_be(ticket: Ticket, stage: str) -> None:
    """Raise `No` unless the ticket is in that stage of its life."""
    if stage == "any":
        return
    if not ticket["opened"]:
        raise No("unknown_ticket")
    if ticket["erased"]:
        raise No("ticket_erased")
    if stage != "readable" and ticket["merged_into"]:
        raise No("ticket_merged")
    if stage == "open" and ticket["kind"] == "closed":
        raise No("ticket_closed")


def perform(desk: Desk, name: str, who: Who, ticket: Ticket, command: UUID, /, **asked: Any) -> None:
    """Do it to this ticket, or raise `No`."""
    rule = ACTIONS[name]
    desk.gate(who, ticket, rule.needs)
    must_be(ticket, rule.stage)
    rule.does(desk, who, ticket, command, **asked)


def attempt(desk: Desk, name: str, who: Who, number: str, command: UUID, /, **asked: Any) -> None:
    """Do it and remember what it changed, or raise `No` having changed nothing."""
    before = desk.ticket(number)
    ticket = deepcopy(before)
    perform(desk, name, who, ticket, command, **asked)
    if ticket != before:
        desk.tickets[number] = ticket
    desk.done[command] = Done(number, who, before, deepcopy(ticket))


def move(ticket: Ticket, desk: Desk, status: str) -> None:
    """Into the status; finished work that begins again is counted and comes off the shelf."""
    kind = desk.statuses[status]
    if ticket["kind"] in FINISHED and kind not in FINISHED:
        ticket["reopenings"] += 1
        ticket["archived"] = False
    ticket["status"], ticket["kind"] = status, kind


def hand(ticket: Ticket, to: Given) -> None:
    """Somebody else has it; who had it before is remembered."""
    ticket["previous"].append(ticket["assignee"])
    ticket["assignee"] = to


@action("act", needs="ticket.view", stage="any")
def act(desk: Desk, who: Who, ticket: Ticket, command: UUID, *, actions: list[tuple[str, dict[str, Any]]]) -> None:
    """All of them on a copy, or none. Who may begin may end, even if the ticket leaves their reach between."""
    copy, blocked = deepcopy(ticket), set(desk.blocked)
    try:
        for place, (name, asked) in enumerate(actions):
            _step(desk, name, who, copy, uuid5(command, str(place)), **asked)
    except No:
        desk.blocked = blocked
        raise
    ticket.update(copy)


def _step(desk: Desk, name: str, who: Who, ticket: Ticket, command: UUID, /, **asked: Any) -> None:
    rule = ACTIONS[name]
    if not desk.can(who, rule.needs):
        raise No("not_allowed")
    must_be(ticket, rule.stage)
    rule.does(desk, who, ticket, command, **asked)


# What an undo compares and puts back, as one; anything else that a command changed cannot be undone.
UNDOABLE: tuple[tuple[str, ...], ...] = (
    *((name,) for name in ("title", "description", "fields", "confidential", "status", "kind", "priority", "type")),
    *((name,) for name in ("category", "tags", "due_at", "requester", "assignee", "previous", "reopenings", "urges")),
    *((name,) for name in ("transfers", "returns", "followers")),
    MARKS,
)


@action("undo", needs="ticket.undo", stage="any")
def undo(desk: Desk, who: Who, ticket: Ticket, _: UUID, *, undoes: UUID) -> None:
    """Exactly what the command changed, if it is still what that command left (A22)."""
    done = desk.done.get(undoes)
    if done is None or done.number != ticket["number"]:
        raise No("unknown_command")
    must_be(ticket, "there")
    if done.by != who and not desk.can(who, "ticket.bulk"):
        raise No("not_allowed")
    changed = {name for name in ticket if done.before[name] != done.after[name]}
    groups = [group for group in UNDOABLE if changed & set(group)]
    if "blocks" in changed or not changed <= {name for group in groups for name in group}:
        raise No("not_undoable")
    if any(ticket[name] != done.after[name] for group in groups for name in group):
        raise No("changed_since")
    restored = {name: deepcopy(done.before[name]) for group in groups for name in group}
    again = ticket | restored
    # Only what is finished is archived: work that begins again comes back.
    if again["archived"] and again["kind"] not in FINISHED:
        if "archived" in restored:
            raise No("changed_since")
        restored["archived"] = False
    ticket.update(restored)
