"""The model of what ties tickets together, and of taking it back (A17, A22). Both sides change at once."""

from copy import deepcopy
from typing import Any
from uuid import UUID

from tests.domain.machine.model import FINISHED, Desk, No, Ticket, Who, blank, must_be

INVERSE = {"related": "related", "parent": "child", "child": "parent", "duplicate": "original", "original": "duplicate"}


def reasons(*checks: Any) -> None:
    """Raise `No` with the reasons of all of them."""
    why: set[str] = set()
    for check, *of in checks:
        try:
            check(*of)
        except No as no:
            why |= no.reasons
    if why:
        raise No(*why)


def merge(desk: Desk, who: Who, number: str, into: str) -> None:
    """The duplicate is closed and points to where it goes on; its followers come along."""
    source, target = desk.ticket(number), desk.ticket(into)
    reasons(
        (desk.gate, who, source, "ticket.merge"),
        (desk.gate, who, target, "ticket.merge"),
        (must_be, source, "there"),
        (must_be, target, "open"),
        (_differ, number, into),
    )
    came = source["followers"] - target["followers"]
    source["before"], source["merged_into"] = (source["status"], source["kind"]), into
    if source["kind"] != "closed":
        source["status"], source["kind"] = desk.status_of("closed"), "closed"
    target["absorbed"] = target["absorbed"] | {number: came}
    target["followers"] = target["followers"] | came


def _differ(number: str, other: str) -> None:
    if number == other:
        raise No("invalid_input")


def _no_ring(number: str, other: str) -> None:
    if number == other:
        raise No("link_cycle")


def undo_merge(desk: Desk, who: Who, number: str) -> None:
    """Both are what they were; what was deleted meanwhile stays as it is."""
    source = desk.ticket(number)
    desk.gate(who, source, "ticket.merge")
    must_be(source, "readable")
    if source["before"] is None:
        raise No("not_merged")
    target = desk.ticket(source["merged_into"])
    source["status"], source["kind"] = source["before"]
    source["merged_into"] = source["before"] = None
    if target["erased"]:
        return
    came = target["absorbed"].get(number, set())
    target["absorbed"] = {each: people for each, people in target["absorbed"].items() if each != number}
    target["followers"] = target["followers"] - came


def split(desk: Desk, who: Who, number: str, message_id: UUID, title: str, new: str) -> None:
    """What the requester may read of a ticket can go on as a ticket of its own."""
    origin = desk.ticket(number)
    desk.gate(who, origin, "ticket.merge")
    must_be(origin, "there")
    said = origin["messages"].get(message_id)
    if said is None or said["redacted"] or not desk.bodies[message_id]:
        raise No("unknown_message")
    why = ["internal_message"] * said["internal"] + ["already_split"] * (message_id in origin["splits"])
    if why:
        raise No(*why)
    same = {name: origin[name] for name in ("requester", "priority", "type", "category")}
    made = {
        "title": title,
        "description": desk.bodies[message_id],
        "split_from": number,
        "split_of": message_id,
        "opened": True,
    }
    status = {"status": desk.status_of("new"), "kind": "new"}
    files = {file: about for file, about in origin["files"].items() if about["message"] == message_id}
    brought = {"files": {file: {**about, "message": None} for file, about in files.items()}}
    desk.tickets[new] = blank(new) | brought | deepcopy(same) | made | status
    origin["splits"] = origin["splits"] | {message_id: new}


def undo_split(desk: Desk, who: Who, number: str, into: str) -> None:
    """As long as nobody worked on what was split off, it is withdrawn."""
    origin, made = desk.ticket(number), desk.ticket(into)
    desk.gate(who, origin, "ticket.merge")
    reasons((must_be, origin, "there"), (_must_be_untouched, origin, made))
    origin["splits"] = {message: new for message, new in origin["splits"].items() if new != into}
    if not made["erased"]:
        made.update(withdrawn=True, merged_into=number, status=desk.status_of("closed"), kind="closed")


def _must_be_untouched(origin: Ticket, made: Ticket) -> None:
    if made["number"] not in origin["splits"].values():
        raise No("not_split")
    if worked_on(made, origin):
        raise No("split_worked_on")


def worked_on(made: Ticket, origin: Ticket) -> bool:
    """Whether somebody wrote on it, finished it, or tied it to others: that would be out of sight."""
    written = made["messages"] or set(made["files"]) - set(origin["files"]) or made["confidential"]
    tied = made["merged_into"] or made["absorbed"] or made["splits"] or made["links"]
    return bool(written or tied or made["kind"] in FINISHED)


def link(desk: Desk, who: Who, number: str, relation: str, other: str) -> None:
    """Each knows of the other; nothing has two parents, or is above itself."""
    one, two = desk.ticket(number), desk.ticket(other)
    reasons(
        (desk.gate, who, one, "ticket.link"),
        (desk.gate, who, two, "ticket.link"),
        (must_be, one, "there"),
        (must_be, two, "there"),
        (_no_ring, number, other),
        (_parents, desk, one, relation, two),
    )
    one["links"] = one["links"] | {(relation, other)}
    two["links"] = two["links"] | {(INVERSE[relation], number)}


def _parents(desk: Desk, one: Ticket, relation: str, two: Ticket) -> None:
    if relation not in ("parent", "child") or (relation, two["number"]) in one["links"]:
        return
    lower, upper = (one, two) if relation == "parent" else (two, one)
    above, ring = upper["number"], False
    while above is not None and not ring:
        ring = above == lower["number"]
        above = parent(desk.ticket(above))
    why = ["link_cycle"] * ring + ["has_parent"] * (parent(lower) is not None)
    if why:
        raise No(*why)


def parent(ticket: Ticket) -> str | None:
    """The number of the ticket above it."""
    return next((other for relation, other in ticket["links"] if relation == "parent"), None)


def unlink(desk: Desk, who: Who, number: str, relation: str, other: str) -> None:
    """What is not there is not taken away."""
    one, two = desk.ticket(number), desk.ticket(other)
    desk.gate(who, one, "ticket.link")
    must_be(one, "there")
    one["links"] = one["links"] - {(relation, other)}
    two["links"] = two["links"] - {(INVERSE[relation], number)}
