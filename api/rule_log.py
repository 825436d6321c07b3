"""The rule log (D7): for each thing that happened to a ticket which rules acted, which did not, and what said no."""

from typing import Annotated

import anyio.to_thread
from fastapi import Query
from pydantic import BaseModel, Field

from api import routing
from api.auth import Caller, needs
from api.known import ticket_seen
from api.problems import problems
from api.ticket_changes import TicketNumber
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket.state import UnknownTicket
from processors.looking_back import happenings_of
from processors.rule_log import Entry, Standing, entries, standings

router = routing.router("rules")


class RuleLog(BaseModel):
    """Part of a ticket's rule log."""

    entries: list[Entry] = Field(description="What happened, oldest first, with how each trigger looked at it.")
    last_version: int = Field(description="Send it as `after` to get what comes next.")
    automations: list[Standing] = Field(description="How each automation stands on the ticket now.")


@router.get("/tickets/{number}/rules", responses=problems(UnknownTicket))
async def read_rule_log(
    number: TicketNumber,
    me: Caller = needs(Permission.HISTORY_VIEW),
    after: Annotated[int, Query(ge=0, le=2**62, description="Only what happened after this version.")] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many happenings.")] = 20,
) -> RuleLog:
    """Worked out from the log when it is asked for, with rules and ticket as they were then."""
    await ticket_seen(me, number)
    return await anyio.to_thread.run_sync(_log, me, number, after, limit)


def _log(me: Caller, number: str, after: int, limit: int) -> RuleLog:
    services = me.services
    with services.reading(me.workspace_id) as db:
        happened = happenings_of(db, services.desk.keyring, me.workspace_id, ticket_id(me.workspace_id, number))
    told = [each for each in happened if each.after.version > after][:limit]
    return RuleLog(
        entries=entries(told),
        last_version=told[-1].after.version if told else after,
        automations=standings(happened[-1], me.desk, services.desk.clock()),
    )
