"""Deliveries: what goes out of the desk, how each stands, and another try for what is dead (for admins)."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_json

from api import routing
from api.auth import Caller, needs
from api.problems import problems
from domain.errors import InvalidInput
from domain.permissions import Permission
from processors import deliveries
from processors.deliveries import UnknownDelivery

router = routing.router("deliveries")

State = Literal["waiting", "sending", "sent", "dropped", "dead"]


class DeliveriesAsked(NamedTuple):
    """Which deliveries are asked for; `last` of the page before: when it was asked for, and its id."""

    state: State | None
    last: tuple[datetime, UUID] | None
    limit: int


def deliveries_asked(
    state: Annotated[State | None, Query(description="Only those.")] = None,
    before: Annotated[AwareDatetime | None, Query(description="`asked_at` of the last of the page before.")] = None,
    before_id: Annotated[UUID | None, Query(description="Its `delivery_id`.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveriesAsked:
    """The page that the query asks for, or InvalidInput."""
    if (before is None) != (before_id is None):
        raise InvalidInput(field="before", reason="goes with before_id: both of the last of the page before")
    last = (before, before_id) if before is not None and before_id is not None else None
    return DeliveriesAsked(state, last, limit)


class AttemptView(BaseModel):
    """One try."""

    at: datetime
    outcome: str


class DeliveryView(BaseModel):
    """Something that goes out of the desk; what it says is not kept."""

    delivery_id: UUID
    channel: str = Field(examples=["mail"])
    recipient: str = Field(description="person:, requester: or webhook: and the id.")
    ticket_id: UUID | None = Field(description="Null where it is about none.")
    subject_id: UUID | None = Field(
        description="What it is about where that is no ticket: a requester, the workspace, ..."
    )
    state: State
    due_at: datetime = Field(description="When it is tried, or tried again.")
    attempts: int
    outcome: str | None = Field(description="What the last try came to; null before the first.")
    asked_at: datetime
    ended_at: datetime | None
    log: list[AttemptView]


class DeliveryPage(BaseModel):
    """Deliveries, newest first; the last one's `asked_at` and `delivery_id` lead to the next page."""

    deliveries: list[DeliveryView]


class Retried(BaseModel):
    """How many are tried again."""

    retried: int


@router.get("/deliveries", response_model=DeliveryPage, responses=problems(InvalidInput))
def list_deliveries(
    me: Caller = needs(Permission.WORKSPACE_EDIT), asked: DeliveriesAsked = Depends(deliveries_asked)
) -> Response:
    """What goes out of the desk, each with every attempt and what came of it."""
    with me.services.reading(me.workspace_id) as db:
        found = deliveries.listed(db, me.workspace_id, *asked)
        tried = deliveries.attempts(db, me.workspace_id, [each.delivery_id for each in found])
    told = [
        each._asdict() | {"log": [{"at": at, "outcome": outcome} for at, outcome in tried[each.delivery_id]]}
        for each in found
    ]
    return Response(to_json({"deliveries": told}), media_type="application/json")


@router.post("/deliveries/retry")
async def retry_deliveries(me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Retried:
    """Try everything that is dead again."""
    return Retried(retried=await deliveries.again(me.services.desk.vault, me.workspace_id, None))


@router.post("/deliveries/{delivery_id}/retry", responses=problems(UnknownDelivery))
async def retry_delivery(delivery_id: UUID, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Retried:
    """Try one that is dead again, or one that waits now."""
    return Retried(retried=await deliveries.again(me.services.desk.vault, me.workspace_id, delivery_id))
