"""Undoing one command on a ticket: fold the log to just before and just after it, and let the domain decide."""

from typing import Any
from uuid import UUID

from domain.aggregates import INITIAL, evolve
from domain.event import Actor, Event, Recorded
from domain.ids import ticket_id
from domain.ticket.state import Ticket
from domain.ticket.undoing import UndoCommand, UnknownCommand
from eventstore.desk import Desk, Receipt


async def undo(desk: Desk, number: str, undoes: UUID, context: dict[str, Any]) -> Receipt:
    """Put back what the command changed on the ticket. UnknownCommand where its history has no such command."""
    workspace = context["workspace_id"]
    events = await desk.streams.events(workspace, ticket_id(workspace, number))
    return await desk.execute(undoing(events, number, undoes, context))


def undoing(events: list[Recorded[Event]], number: str, undoes: UUID, context: dict[str, Any]) -> UndoCommand:
    """The command that puts it back, made of the ticket's history."""
    done = [recorded.version for recorded in events if recorded.metadata.command_id == undoes]
    if not done:
        raise UnknownCommand(number=number, undoes=undoes)
    before, after = _folded(events, done[0] - 1), _folded(events, done[-1])
    by = _whose(events[done[0] - 1])
    return UndoCommand(number=number, undoes=undoes, before=before, after=after, done_by=by, **context)


def _folded(events: list[Recorded[Event]], upto: int) -> Ticket:
    state: Ticket = INITIAL["ticket"]
    for recorded in events[:upto]:
        state = evolve(state, recorded.event)
    return state


def _whose(recorded: Recorded[Event]) -> Actor:
    """Who wanted it: the one for whom it was done, where that was another."""
    return recorded.metadata.doer
