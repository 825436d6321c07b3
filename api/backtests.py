"""Backtests (D8): what a rule, or a draft of it, would have done in a stretch of the past. Nothing is done."""

from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Path, Response
from pydantic import BaseModel, Field, model_validator

from api import routing
from api.auth import Caller, needs
from api.bodies import Body
from api.jobs import JobView, ask, find
from api.known import ticket_seen
from api.policies import REFUSED, PolicyKey
from api.problems import problems
from api.rules import RuleKey
from api.ticket_changes import TicketNumber
from domain.backtest.rules import drafted
from domain.backtest.story import Found, Span
from domain.calendars.calendar import UnknownCalendar
from domain.conditions import InvalidCondition
from domain.errors import CommandIdReused, InvalidInput, NotAllowed
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.rulebook import UnknownSetup
from domain.rules.rule import RuleDefinition
from domain.setup.rules import InvalidRule
from domain.sla.policy import PolicyDefinition
from domain.ticket.state import UnknownTicket
from domain.values import Moment
from eventstore.jobs import TooManyJobs, UnknownJob
from processors.jobs.backtests import Backtest, BacktestAsked
from processors.promised_past import drafted_policy
from processors.rereading import Rereading

router = routing.router("rules")

JobId = Annotated[UUID, Path(examples=["018f0000-0000-7000-8000-000000000001"])]


class SpanBody(Body):
    """The stretch of the past, without its end."""

    from_: Moment = Field(alias="from", examples=["2026-10-01T00:00:00Z"])
    to: Moment = Field(examples=["2026-11-01T00:00:00Z"])

    @model_validator(mode="after")
    def _forwards(self) -> "SpanBody":
        if self.from_ >= self.to:
            raise ValueError("to must be later than from")
        return self


class BacktestBody(SpanBody):
    """The stretch of the past; and the draft, if it is not the rule as it is."""

    draft: RuleDefinition | None = Field(default=None, description="The rule as it might be; it need not be set up.")


class PolicyBacktestBody(SpanBody):
    """The stretch of the past; and the draft, if it is not the policy as it is."""

    draft: PolicyDefinition | None = Field(
        default=None, description="The policy as it might be; it need not be set up."
    )


class FactView(BaseModel):
    """What would have become of a promise: breached, of which measure; reminded or escalated, by which step; or promised at all."""

    fact: str
    measure: str | None
    step: str | None


class ActView(BaseModel):
    """What it would have done to the ticket then, in words and all; or why it could not."""

    at: str
    version: int = Field(description="The version of the ticket that it would have acted on.")
    actions: list[dict[str, Any]]
    refusal: str | None
    refused_because: str | None
    fact: FactView | None = Field(description="Of a policy.")


@router.post(
    "/rules/{key}/backtest",
    status_code=202,
    response_model=JobView,
    responses=problems(
        UnknownSetup,
        InvalidRule,
        InvalidCondition,
        InvalidInput,
        UnknownCalendar,
        TooManyJobs,
        CommandIdReused,
        NotAllowed,
    ),
)
async def backtest(key: RuleKey, body: BacktestBody, me: Caller = needs(*Backtest.NEEDS)) -> Response:
    """Tell what the rule would have done, had it been in force then among the others: how often, when, to which tickets.

    The job's result has the sums, by day too; its items are the tickets, of those that you may see. Nothing is done.
    """
    desk = await me.desk_now()
    rule = (
        desk.rule(key)
        if body.draft is None
        else drafted(desk, me.workspace_id, key, body.draft, me.services.desk.clock())
    )
    return await ask(me, Backtest.NAME, BacktestAsked(rule=rule, since=body.from_, until=body.to))


@router.post(
    "/policies/{key}/backtest",
    status_code=202,
    response_model=JobView,
    responses=problems(*REFUSED, TooManyJobs, CommandIdReused, NotAllowed),
)
async def backtest_policy(key: PolicyKey, body: PolicyBacktestBody, me: Caller = needs(*Backtest.NEEDS)) -> Response:
    """Tell how the policy would have been kept, had it been in force then among the others: the breach and escalation rates.

    The job's result has the sums, by measure and by day too; its items are the tickets that had something late. Nothing is done.
    """
    desk = await me.desk_now()
    policy = (
        desk.policy_versions(key)[-1]
        if body.draft is None
        else drafted_policy(desk, me.workspace_id, key, body.draft, me.services.desk.clock())
    )
    return await ask(me, Backtest.NAME, BacktestAsked(policy=policy, since=body.from_, until=body.to))


@router.get("/tickets/{number}/backtests/{job_id}", responses=problems(UnknownTicket, UnknownJob))
async def read_backtest_of_ticket(
    number: TicketNumber, job_id: JobId, me: Caller = needs(*Backtest.NEEDS)
) -> list[ActView]:
    """What the rule of a backtest would have done to the ticket, in its words; or what would have become of the promise. Needs `ticket.view` too."""
    me.require(Permission.TICKET_VIEW)
    await ticket_seen(me, number)
    return await anyio.to_thread.run_sync(_acts, me, number, job_id)


def _acts(me: Caller, number: str, job_id: UUID) -> list[ActView]:
    job = find(me, job_id)
    if job["kind"] != Backtest.NAME:
        raise UnknownJob(job=job_id)
    asked = BacktestAsked.model_validate(job["parameters"])
    with me.services.reading(me.workspace_id) as db:
        span, keyring = Span(asked.since, min(asked.until, job["asked_at"])), me.services.desk.keyring
        reread = Rereading(db, keyring, me.workspace_id, asked.tested, span)
        told = reread.of([ticket_id(me.workspace_id, number)])
    return [_view(found) for each in told for found in each.found]


def _view(found: Found) -> ActView:
    return ActView(
        at=found.at.isoformat(),
        version=found.version,
        actions=[action.model_dump(mode="json") for action in found.actions],
        refusal=found.refusal.code if found.refusal else None,
        refused_because=str(found.refusal) if found.refusal else None,
        fact=FactView(fact=found.fact.kind, measure=found.fact.measure, step=found.fact.step) if found.fact else None,
    )
