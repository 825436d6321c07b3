"""What the desk promises, and how its promises about a ticket stand (E1, E2, E8)."""

from datetime import datetime
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Path, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.form_bodies import parts
from api.known import ticket_seen
from api.problems import problems
from api.promise_bodies import PolicyBody
from api.setup_bodies import Reasons
from api.ticket_changes import TicketNumber
from api.workspace import catalogue_now
from domain.calendars.calendar import UnknownCalendar
from domain.catalogue import Catalogue, RetiredTeam
from domain.conditions import InvalidCondition
from domain.errors import (
    CommandIdReused,
    InvalidInput,
    UnknownPerson,
    UnknownStatus,
    UnknownTeam,
    VersionConflict,
)
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.requester import Requester
from domain.setup.policies import RetirePolicy, SetPolicy
from domain.sla.defaults import DEFAULT, DEFAULT_KEY
from domain.sla.explaining import Explanation, explained
from domain.sla.policy import Policy, PolicyDefinition, UnknownPolicy
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import Key
from processors.looking_back import happenings_of

router = routing.router("policies")

PolicyKey = Annotated[Key, Path(examples=["vip"])]
# What a definition may be refused for, whether it is set or tried out.
REFUSED = (
    UnknownPolicy,
    UnknownCalendar,
    UnknownStatus,
    UnknownPerson,
    UnknownTeam,
    RetiredTeam,
    InvalidCondition,
    InvalidInput,
)
_SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(*REFUSED, VersionConflict, CommandIdReused),
}


@router.get("/policies")
async def list_policies(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[Policy]:
    """The policies in their newest versions, in the order in which they are asked, then those that are retired."""
    return (await catalogue_now(me, response)).all_policies


@router.get("/policies/{key}/versions", responses=problems(UnknownPolicy))
async def list_policy_versions(
    key: PolicyKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[Policy]:
    """Every version of a policy."""
    return list((await catalogue_now(me, response)).policy_versions(key))


@router.put("/policies/{key}", **_SETS)
async def set_policy(key: PolicyKey, body: PolicyBody, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Promise something, or something else: a new version, which holds for all work that is going on."""
    return changed(await me.execute(SetPolicy(**me.context(), key=key, **parts(body, PolicyDefinition))))


@router.put("/policies/{key}/retired", **_SETS)
async def retire_policy(key: PolicyKey, body: Reasons, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Promise it no longer."""
    return changed(await me.execute(RetirePolicy(**me.context(), key=key, **dict(body))))


@router.put("/default-policy", **_SETS)
async def adopt_default(body: Reasons, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Promise what most desks do (E1): the policy «default», to be changed as you like."""
    return changed(await me.execute(SetPolicy(**me.context(), key=DEFAULT_KEY, definition=DEFAULT, **dict(body))))


class Sla(BaseModel):
    """How the promises about a ticket stand now, each with the time that counted and that did not."""

    at: datetime
    promised: Explanation | None = Field(description="Null where nothing is promised about it.")


@router.get("/tickets/{number}/sla", responses=problems(UnknownTicket))
async def read_sla(number: TicketNumber, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Sla:
    """Worked out from the ticket's history by what is promised now; a clock says which intervals add up to it (E8)."""
    ticket: Ticket = (await ticket_seen(me, number)).state
    requester = None
    if ticket.requester_id is not None:
        requester = (await me.services.desk.recalled(me.workspace_id, "requester", ticket.requester_id)).state
    return await anyio.to_thread.run_sync(_sla, me, number, await me.desk_now(), requester)


def _sla(me: Caller, number: str, desk: Catalogue, requester: Requester | None) -> Sla:
    services, at = me.services, me.services.desk.clock()
    with services.reading(me.workspace_id) as db:
        happened = happenings_of(db, services.desk.keyring, me.workspace_id, ticket_id(me.workspace_id, number))
    return Sla(at=at, promised=explained(happened[-1].after, desk, requester, at))
