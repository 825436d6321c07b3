"""Timers set because of what happened before a change of the workspace that somebody else may have come to first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.happening import Happening
from processors.deciding import Reaction
from processors.process import Hasten, SetTimer, TicketProcess

# Who sets timers shares what who hastens all of them has alone: either they are there, or the change is seen.
_SHARE = "SELECT pg_advisory_xact_lock_shared(7305805, hashtext(%s))"
_ALONE = "SELECT pg_advisory_xact_lock(7305805, hashtext(%s))"
_CHANGED = """
    SELECT w.workspace, (SELECT notification_id FROM log.stored_events WHERE originator_id = w.workspace
        ORDER BY originator_version DESC LIMIT 1)
    FROM unnest(%s::uuid[]) AS w (workspace)
"""


def hastens(process: TicketProcess) -> bool:
    """Whether its timers rest on what is set up."""
    return type(process).set_up is not TicketProcess.set_up


def share(db: Cursor[Any], process: str) -> None:
    """Until the transaction ends nobody hastens the timers of the process: those that it sets are there by then."""
    db.execute(_SHARE, [process])


def hurried(db: Cursor[Any], process: TicketProcess, reactions: Sequence[Reaction], shared_upto: int) -> list[Reaction]:
    """The reactions, with those hurried whose workspace has changed since. Up to `shared_upto` streams are not in one order."""
    if not hastens(process):
        return list(reactions)
    setting = {each.workspace for each in reactions if _sets(each, shared_upto)}
    if any(isinstance(each, Hasten) for reaction in reactions for each in reaction.outputs):
        db.execute(_ALONE, [process.NAME])
    elif setting:
        share(db, process.NAME)
    if not setting:
        return list(reactions)
    changed: dict[UUID, int] = dict(db.execute(_CHANGED, [list(setting)]).fetchall())
    return [
        replace(each, hurried=True) if _sets(each, shared_upto) and _position(each) < changed[each.workspace] else each
        for each in reactions
    ]


def _sets(reaction: Reaction, upto: int) -> bool:
    return _position(reaction) <= upto and any(isinstance(each, SetTimer) for each in reaction.outputs)


def _position(reaction: Reaction) -> int:
    # What a workspace's own change leads to is as new as can be.
    return reaction.cause.position if isinstance(reaction.cause, Happening) else 2**62
