"""Comparisons (D8): the desk's key figures before and after a change of a rule or policy, beside what was expected of it."""

from typing import Annotated

import anyio.to_thread
from fastapi import Path, Query

from api import routing
from api.auth import Caller, needs
from api.errors import ReadModelMissing
from api.policies import PolicyKey
from api.problems import problems
from api.rules import RuleKey
from api.ticket_lists import context, reading
from domain.backtest.comparison import MOST_DAYS, USUAL_DAYS, Kind, NoSuchChange, change_of, sides_of
from domain.errors import NotAllowed
from domain.rulebook import UnknownSetup
from domain.sla.policy import UnknownPolicy
from eventstore.stories import stream
from processors.jobs.backtests import Backtest
from projections.comparison import Comparison, compared

router = routing.router("rules")

Version = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="How long each of the two spans is.")]


@router.get(
    "/rules/{key}/versions/{version}/comparison",
    responses=problems(UnknownSetup, NoSuchChange, NotAllowed, ReadModelMissing),
)
async def compare_rule(
    key: RuleKey, version: Version, me: Caller = needs(*Backtest.NEEDS), days: Days = USUAL_DAYS
) -> Comparison:
    """The desk's figures so many days before and after that version of the rule, beside what it was to bring about.

    Of the tickets that you may see. Both spans are shorter where fewer days have passed, or it was changed again; `cut` says so.
    """
    (await me.desk_now()).rule(key)
    return await anyio.to_thread.run_sync(_compared, me, "rule", key, version, days)


@router.get(
    "/policies/{key}/versions/{version}/comparison",
    responses=problems(UnknownPolicy, NoSuchChange, NotAllowed, ReadModelMissing),
)
async def compare_policy(
    key: PolicyKey, version: Version, me: Caller = needs(*Backtest.NEEDS), days: Days = USUAL_DAYS
) -> Comparison:
    """The same of a policy. How tickets keep it is counted as it is promised now; of finished ones, as when they ended."""
    (await me.desk_now()).policy_versions(key)
    return await anyio.to_thread.run_sync(_compared, me, "policy", key, version, days)


def _compared(me: Caller, kind: Kind, key: str, version: int, days: int) -> Comparison:
    with reading(me) as db:
        change = change_of(stream(db, me.services.desk.keyring, me.workspace_id), kind, key, version)
        sides = sides_of(change, days, me.services.desk.clock())
        return compared(db, me.workspace_id, change, sides, me.reach, context(me))
