"""What stands for a ticket in the texts of macros, canned replies and rules."""

from typing import Any
from uuid import UUID

from domain.catalogue import Catalogue, shown
from domain.macros import FIELD
from domain.requester import Requester
from domain.staff import Person
from domain.ticket.state import Ticket


def values_for(ticket: Ticket, desk: Catalogue, requester: Requester | None, agent: Person | None) -> dict[str, str]:
    """Every variable with its text; what has no value, was erased or is for the desk's eyes only comes out empty."""
    team = desk.teams.get(ticket.assignee.team) if ticket.assignee.team else None
    return _fields(ticket, desk) | {
        "ticket.number": ticket.number,
        "ticket.title": shown(ticket.title) or "",
        "ticket.status": desk.status(ticket.status).name,
        "ticket.priority": ticket.priority.value,
        "ticket.type": ticket.type or "",
        "ticket.category": " / ".join(ticket.category),
        "ticket.team": team.name if team else "",
        "ticket.assignee": _name(desk, ticket.assignee.person),
        "ticket.due_at": f"{ticket.due_at:%Y-%m-%d %H:%M} UTC" if ticket.due_at else "",
        "requester.name": (shown(requester.requester_name) if requester else None) or "",
        "agent.name": (shown(agent.name) if agent else None) or "",
        "workspace.title": desk.name,
    }


def _fields(ticket: Ticket, desk: Catalogue) -> dict[str, str]:
    # The texts go to requesters, whatever the field is for.
    values = desk.public(shown(ticket.fields)) or {}
    return {f"{FIELD}{key}": _written(value, _titles(desk, key)) for key, value in values.items()}


def _titles(desk: Catalogue, key: str) -> dict[Any, str]:
    return {option.id: option.title for option in desk.fields[key].options} if key in desk.fields else {}


def _written(value: Any, titles: dict[Any, str]) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_written(each, titles) for each in value)
    if isinstance(value, str):
        return titles.get(value, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or isinstance(value, dict) else str(value)


def _name(desk: Catalogue, person: UUID | None) -> str:
    found = desk.people.get(person) if person else None
    return (shown(found.name) if found else None) or ""
