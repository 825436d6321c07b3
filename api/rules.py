"""Rules (D1, D2, D9): what is set up to happen by itself, in which order, and every version that there was (B11)."""

from datetime import datetime
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Path, Response
from pydantic import BaseModel

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.form_bodies import parts
from api.problems import problems
from api.setup_bodies import Reasons, RuleBody, RulesOrderBody
from api.ticket_views import Doer
from api.workspace import catalogue_now
from domain.calendars.calendar import UnknownCalendar
from domain.conditions import InvalidCondition
from domain.errors import (
    CommandIdReused,
    InvalidInput,
    UnknownPerson,
    UnknownRole,
    UnknownStatus,
    UnknownTeam,
    VersionConflict,
)
from domain.event import Event, Recorded
from domain.permissions import Permission
from domain.rulebook import UnknownSetup
from domain.rules.rule import Rule, RuleDefinition
from domain.setup.macros import UnknownCannedReply, UnknownMacro
from domain.setup.rules import InvalidRule, OrderRules, RetireRule, RuleRetired, RuleSet, SetRule
from domain.values import Key
from eventstore.stories import stream

router = routing.router("rules")

RuleKey = Annotated[Key, Path(examples=["urgent-first"])]
_SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(
        InvalidRule,
        InvalidCondition,
        InvalidInput,
        UnknownSetup,
        UnknownMacro,
        UnknownCannedReply,
        UnknownStatus,
        UnknownTeam,
        UnknownPerson,
        UnknownRole,
        UnknownCalendar,
        VersionConflict,
        CommandIdReused,
    ),
}


class RuleVersion(BaseModel):
    """A change of a rule: what it became, who changed it, when, why, and what that was to bring about."""

    rule: Rule
    by: Doer
    at: datetime
    why: str | None
    expected: str | None


@router.get("/rules")
async def list_rules(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[Rule]:
    """The rules in their newest versions, in the order in which they act, with those that are retired."""
    desk = await catalogue_now(me, response)
    return [desk.rule(key) for key in desk.rule_order]


@router.get("/rules/{key}", responses=problems(UnknownSetup))
async def read_rule(key: RuleKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Rule:
    """A rule in its newest version."""
    return (await catalogue_now(me, response)).rule(key)


@router.get("/rules/{key}/versions", responses=problems(UnknownSetup))
async def list_rule_versions(
    key: RuleKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[RuleVersion]:
    """Every change of a rule, oldest first."""
    (await catalogue_now(me, response)).rule(key)
    return await anyio.to_thread.run_sync(_versions, me, key)


def _versions(me: Caller, key: str) -> list[RuleVersion]:
    with me.services.reading(me.workspace_id) as db:
        events = stream(db, me.services.desk.keyring, me.workspace_id)
    found: list[RuleVersion] = []
    for recorded in events:
        match recorded.event:
            case RuleSet(rule=rule) if rule.key == key:
                found.append(_version(recorded, rule))
            case RuleRetired(key=retired) if retired == key:
                found.append(_version(recorded, found[-1].rule.model_copy(update={"retired": True})))
    return found


def _version(recorded: Recorded[Event], rule: Rule) -> RuleVersion:
    event, envelope = recorded.event, recorded.metadata
    by = Doer(kind=envelope.actor.kind, id=envelope.actor.id)
    reasons = {name: getattr(event, name) for name in ("why", "expected")}
    return RuleVersion(rule=rule, by=by, at=envelope.occurred_at, **reasons)


@router.put("/rules/{key}", **_SETS)
async def set_rule(key: RuleKey, body: RuleBody, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Set up a rule or change it: a new version. A new one acts after the others; a retired one acts again. What it does you must be allowed to do yourself."""
    return changed(await me.execute(SetRule(**me.context(), key=key, **parts(body, RuleDefinition))))


@router.put("/rules/{key}/retired", **_SETS)
async def retire_rule(key: RuleKey, body: Reasons, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Let the rule act no more; what it did keeps its name."""
    return changed(await me.execute(RetireRule(**me.context(), key=key, **dict(body))))


@router.put("/rule-order", **_SETS)
async def order_rules(body: RulesOrderBody, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Say in which order rules act."""
    return changed(await me.execute(OrderRules(**me.context(), **dict(body))))
