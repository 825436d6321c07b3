"""The model of what people do to one ticket: write it, hand it on, move it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.domain.machine.model import (
    FINISHED,
    LEVELS,
    NOBODY,
    Desk,
    Given,
    No,
    Ticket,
    Who,
    action,
    blank,
    hand,
    move,
    must_be,
)
from tests.domain.machine.saying import keep_files, say


def checked(desk: Desk, to: Given, category: tuple[str, ...]) -> Given:
    """Whom a ticket is given to, all known and allowed to handle it; one of several is that one."""
    team, person, people, role = to
    people = tuple(dict.fromkeys(people))
    if len(people) == 1:
        person, people = people[0], ()
    why = ["unknown_team"] * (team is not None and team not in desk.teams)
    for each in (person, *people):
        if each is not None and not desk.works(each):
            why.append("unknown_person")
        elif each is not None and team is not None and team not in desk.people[each]["teams"]:
            why.append("not_of_team")
        elif each is not None and not works_on_tickets(desk, desk.people[each]["role"]):
            why += ["cannot_work", "may_not_handle"]
        elif each is not None and not may_handle(desk, each, category):
            why.append("may_not_handle")
    if role is not None and (role == "requester" or role not in desk.roles):
        why.append("unknown_role")
    elif role is not None and not works_on_tickets(desk, role):
        why.append("cannot_work")
    if why:
        raise No(*why)
    return team, person, people, role


def works_on_tickets(desk: Desk, role: str) -> bool:
    """Whether the role does more than watch and hand on."""
    return any(f"ticket.{does}" in desk.roles[role][0] for does in ("move", "reply", "claim", "submit"))


def may_handle(desk: Desk, person: UUID, category: tuple[str, ...]) -> bool:
    """Whether the category leaves its tickets to that person."""
    return category not in desk.handlers or person in desk.handlers[category]


@action("open", needs="ticket.open", stage="any")
def open_ticket(desk: Desk, who: Who, ticket: Ticket, command: UUID, **asked: Any) -> None:
    """A1; what is refused of a draft is refused when it is submitted."""
    why = ["unknown_status"] * (asked.get("status", "new") not in desk.statuses)
    why += ["invalid_input"] * (asked.get("category", ()) not in desk.categories | {()})
    why += ["unknown_person"] * (not all(map(desk.works, asked.get("followers", ()))))
    why += ["not_allowed"] * (bool(asked.get("followers")) and not desk.can(who, "ticket.follow"))
    why += ["not_allowed"] * (asked.get("confidential") is not None and not desk.can(who, "confidential.edit"))
    try:
        to = checked(desk, asked.get("assignee", NOBODY), asked.get("category", ()))
    except No as no:
        why += no.reasons
    if why:
        raise No(*why)
    status = asked.get("status") or desk.status_of("new")
    same = {name: asked[name] for name in ("title", "description", "priority", "type", "category") if name in asked}
    also = {name: asked[name] for name in ("due_at", "confidential") if name in asked}
    ticket.update(
        blank(ticket["number"])
        | same
        | also
        | {
            "opened": True,
            "fields": as_json(asked.get("fields", {})),
            "status": status,
            "kind": desk.statuses[status],
            "tags": set(asked.get("tags", ())),
            "requester": asked.get("requester_id"),
            "assignee": to,
            "followers": set(asked.get("followers", ())),
        }
    )
    keep_files(ticket, asked.get("files", ()), None, internal=False)


@action("draft", needs="ticket.open", stage="any")
def draft(_: Desk, who: Who, ticket: Ticket, __: UUID, *, number: str = "", **form: Any) -> None:
    """A2: only the author ever sees it."""
    if ticket["opened"]:
        raise No("ticket_number_taken")
    if number and (ticket["erased"] or ticket["draft_by"] != who):
        raise No("unknown_ticket")
    ticket["draft_by"], ticket["form"] = who, form


@action("submit", needs="ticket.open", stage="any")
def submit(desk: Desk, who: Who, ticket: Ticket, command: UUID, *, files: Any = ()) -> None:
    """As if it had never been a draft."""
    if ticket["opened"] or ticket["erased"] or ticket["draft_by"] != who:
        raise No("unknown_ticket")
    if not ticket["form"].get("title"):
        raise No("draft_incomplete")
    own = {"requester_id": who.id} if who.kind == "requester" else {}
    open_ticket(desk, who, ticket, command, **ticket["form"] | own, files=files)


@action("discard", needs="ticket.open", stage="any")
def discard(_: Desk, who: Who, ticket: Ticket, __: UUID) -> None:
    """Nothing of it can be read any more."""
    if ticket["opened"] or ticket["draft_by"] != who:
        raise No("unknown_ticket")
    ticket["erased"], ticket["form"] = True, None


@action("edit", needs="ticket.edit")
def edit(desk: Desk, _: Who, ticket: Ticket, __: UUID, *, clear: Any = (), fields: Any = (), **to: Any) -> None:
    """A4: what is given is set, what is to be cleared is taken away."""
    empty = {"category": (), "description": ""}
    wanted = to | {name: empty.get(name) for name in clear}
    if wanted.get("category", ()) not in desk.categories | {()}:
        raise No("invalid_input")
    for name, value in wanted.items():
        ticket["requester" if name == "requester_id" else name] = value
    merged = {**ticket["fields"], **as_json(dict(fields))}
    ticket["fields"] = {name: value for name, value in merged.items() if value != "null"}


def as_json(fields: dict[str, Any]) -> dict[str, str]:
    """Values as they are written: to Python, 1 is True."""
    return {name: json.dumps(value, sort_keys=True) for name, value in fields.items()}


@action("prioritise", needs="ticket.edit")
def prioritise(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, priority: str) -> None:
    """A5."""
    ticket["priority"] = priority


@action("tag", needs="ticket.edit")
def tag(_: Desk, __: Who, ticket: Ticket, ___: UUID, *, add: Any = (), remove: Any = ()) -> None:
    """What is to go, goes."""
    ticket["tags"] = (ticket["tags"] | set(add)) - set(remove)


@action("look", needs="ticket.view", stage="there")
def look(desk: Desk, who: Who, ticket: Ticket, _: UUID) -> None:
    """A6: the first look of an agent opens."""
    if who.kind == "person" and ticket["kind"] == "new" and desk.can(who, "ticket.move"):
        move(ticket, desk, desk.status_of("open"))


@action("accept", needs="ticket.move")
def accept(desk: Desk, _: Who, ticket: Ticket, __: UUID) -> None:
    """Work on a new ticket begins; other work has begun."""
    if ticket["kind"] == "new":
        move(ticket, desk, desk.status_of("open"))


@action("claim", needs="ticket.claim")
def claim(desk: Desk, who: Who, ticket: Ticket, command: UUID, *, accept_too: bool = False) -> None:
    """A9: one has it, the others are told who."""
    team, person, *_ = ticket["assignee"]
    if person not in (None, who.id):
        raise No("already_claimed")
    if person is None and ticket["assignee"] != NOBODY and not desk.given_to(who.id, ticket["assignee"]):
        raise No("not_yours")
    if person is None and not may_handle(desk, who.id, ticket["category"]):
        raise No("may_not_handle")
    if person is None:
        hand(ticket, (team if team in desk.people[who.id]["teams"] else None, who.id, (), None))
    if accept_too:
        accept(desk, who, ticket, command)


@action("assign", needs="ticket.assign")
def assign(desk: Desk, _: Who, ticket: Ticket, __: UUID, *, to: Given) -> None:
    """A9."""
    to = checked(desk, to, ticket["category"])
    if to != ticket["assignee"]:
        hand(ticket, to)


@action("transfer", needs="ticket.transfer")
def transfer(desk: Desk, who: Who, ticket: Ticket, command: UUID, *, to: Given, note: str = "") -> None:
    """A10: to somebody; to whoever has it already it is no transfer."""
    before = ticket["assignee"]
    if to == NOBODY:
        raise No("invalid_input")
    assign(desk, who, ticket, command, to=to)
    if ticket["assignee"] != before:
        ticket["transfers"] += 1


@action("return", needs="ticket.return")
def give_back(desk: Desk, who: Who, ticket: Ticket, _: UUID) -> None:
    """A11: to the newest other person who had it and may have it now, or else to the newest group or team."""
    over = desk.can(who, "ticket.assign") and desk.role(who) in ("lead", "admin")
    if ticket["assignee"][1] != who.id and not over:
        raise No("not_yours")
    for way, place in [*_earlier_people(ticket), *_earlier_groups(ticket)]:
        if _fits(desk, way, ticket["category"]):
            ticket["assignee"], ticket["previous"] = way, ticket["previous"][:place]
            ticket["returns"] += 1
            return
    raise No("no_previous_handler")


def _earlier_people(ticket: Ticket) -> Iterator[tuple[Given, int]]:
    for place, (team, person, _, _) in reversed(list(enumerate(ticket["previous"]))):
        if person not in (None, ticket["assignee"][1]):
            yield (team, person, (), None), place
            yield (None, person, (), None), place


def _earlier_groups(ticket: Ticket) -> Iterator[tuple[Given, int]]:
    for place, given in reversed(list(enumerate(ticket["previous"]))):
        group = (given[0], None, (), None) if given[1] else given
        if group not in (NOBODY, ticket["assignee"]):
            yield group, place


def _fits(desk: Desk, to: Given, category: tuple[str, ...]) -> bool:
    try:
        checked(desk, to, category)
    except No:
        return False
    return True


@action("urge", needs="ticket.urge")
def urge(desk: Desk, who: Who, ticket: Ticket, command: UUID, *, body: str) -> None:
    """A12: one level up, until urgent."""
    if ticket["kind"] in FINISHED:
        raise No("ticket_finished")
    ticket["urges"] += 1
    ticket["priority"] = LEVELS[min(LEVELS.index(ticket["priority"]) + 1, len(LEVELS) - 1)]
    say(desk, ticket, command, body, internal=who.kind != "requester")


OF_THEIR_OWN = {"confirmed": "ticket.confirm", "rated": "ticket.rate", "closed": "ticket.close"}


@action("move", needs="ticket.move", stage="any")
def put_into(desk: Desk, who: Who, ticket: Ticket, _: UUID, *, status: str) -> None:
    """A6: an illegal move is refused; and a move is no way round what has a permission of its own."""
    why = ["unknown_status"] * (status not in desk.statuses)
    own = OF_THEIR_OWN.get(desk.statuses.get(status, ""))
    why += ["not_allowed"] * (own is not None and not desk.can(who, own))
    try:
        must_be(ticket, "there")
    except No as no:
        why += no.reasons
    if why:
        raise No(*why)
    if status != ticket["status"]:
        into(desk, ticket, status)


def into(desk: Desk, ticket: Ticket, status: str) -> None:
    """By an allowed move."""
    if not desk.may_follow(ticket, status):
        raise No("illegal_move")
    move(ticket, desk, status)


@action("resolve", needs="ticket.move", stage="there")
def resolve(desk: Desk, _: Who, ticket: Ticket, __: UUID) -> None:
    """Once."""
    if ticket["kind"] != "resolved":
        into(desk, ticket, desk.status_of("resolved"))


@action("reopen", needs="ticket.move", stage="there")
def reopen(desk: Desk, _: Who, ticket: Ticket, __: UUID) -> None:
    """What is not finished goes on."""
    if ticket["kind"] in FINISHED:
        into(desk, ticket, desk.status_of("open"))


@action("close", needs="ticket.close", stage="there")
def close(desk: Desk, who: Who, ticket: Ticket, _: UUID) -> None:
    """A7, A14: a requester only what is still being worked on."""
    if ticket["kind"] == "closed":
        return
    if who.kind == "requester" and ticket["kind"] in FINISHED:
        raise No("ticket_finished")
    into(desk, ticket, desk.status_of("closed"))


@action("confirm", needs="ticket.confirm", stage="there")
def confirm(desk: Desk, _: Who, ticket: Ticket, __: UUID) -> None:
    """A7: what is rated was confirmed."""
    if ticket["kind"] not in ("confirmed", "rated"):
        into(desk, ticket, desk.status_of("confirmed"))


@action("rate", needs="ticket.rate", stage="there")
def rate(desk: Desk, _: Who, ticket: Ticket, command: UUID, *, stars: int, comment: str = "") -> None:
    """A7: once, when it is confirmed."""
    why = ["ticket_already_rated"] * (ticket["rating"] is not None)
    why += ["ticket_not_confirmed"] * (ticket["kind"] != "confirmed")
    if why:
        raise No(*why)
    ticket["rating"] = stars
    move(ticket, desk, desk.status_of("rated"))
    say(desk, ticket, command, comment, internal=False)
