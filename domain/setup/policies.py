"""Setting up what the desk promises (E1). A changed policy is a new version, and holds for all work that is going on."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid5

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.conditions import Condition, leaves
from domain.conditions.fields import OF_THE_MOMENT
from domain.conditions.model import follows_the_clock
from domain.conditions.operators import Asks
from domain.errors import InvalidInput
from domain.permissions import Permission
from domain.receiving import known
from domain.setup.entrusting import must_reach_everything
from domain.sla.policy import Policy, PolicyDefinition
from domain.values import Key
from domain.workspace import ReasonedCommand, ReasonedEvent

MOST_POLICIES = 200


class PolicySet(ReasonedEvent, name="workspace.policy_set", version=1):
    """The desk promises what this version says; what is promised about tickets is worked out anew from their history."""

    policy: Policy


class PolicyRetired(ReasonedEvent, name="workspace.policy_retired", version=1):
    """The desk promises this no longer."""

    key: str


class SetPolicy(ReasonedCommand):
    """Promise something, or something else: a new version."""

    key: Key
    definition: PolicyDefinition


class RetirePolicy(ReasonedCommand):
    """Promise it no longer."""

    key: Key


@decides(SetPolicy, needs=Permission.RULE_EDIT)
def set_policy(command: SetPolicy, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing; whatever it names must be there. It concerns every ticket of the desk."""
    must_reach_everything(command, desk, Permission.RULE_EDIT)
    versions, wanted = desk.policies.get(command.key, ()), command.definition
    if not versions and len(desk.policies) >= MOST_POLICIES:
        raise InvalidInput(field="key", reason=f"a workspace has at most {MOST_POLICIES} policies; change one")
    _check(wanted, desk)
    policy_id = uuid5(command.workspace_id, f"policy:{command.key}")
    policy = Policy(key=command.key, policy_id=policy_id, version=len(versions) + 1, **dict(wanted))
    if versions and versions[-1] == policy.model_copy(update={"version": len(versions)}):
        return []
    return [PolicySet(policy=policy, **command.reasons)]


def _check(wanted: PolicyDefinition, desk: Catalogue) -> None:
    if wanted.calendar is not None:
        desk.calendar(wanted.calendar)
    for target in wanted.targets:
        for status in target.statuses:
            desk.status(status)
    for step in wanted.ladder:
        known(step.to, desk)
        if step.team is not None:
            desk.active_team(step.team)
    for reminder in wanted.reminders:
        known(reminder.to + reminder.later, desk)
    for place, condition in _conditions(wanted):
        _must_ask_the_ticket(condition, place)


def _conditions(wanted: PolicyDefinition) -> Iterator[tuple[str, Condition]]:
    yield "when", wanted.when
    yield from ((f"reminders.{each.key}.when", each.when) for each in wanted.reminders)
    yield from ((f"ladder.{each.key}.when", each.when) for each in wanted.ladder if each.when is not None)


def _must_ask_the_ticket(condition: Condition, place: str) -> None:
    """A promise rests on what a ticket is: not on what just happened to it, nor on what time it is."""
    for leaf in leaves(condition):
        if leaf.operator.asks is Asks.CHANGED or leaf.field.startswith(OF_THE_MOMENT) or follows_the_clock(leaf):
            reason = f"«{leaf.field}» {leaf.op} is about a moment; ask what the ticket is"
            raise InvalidInput(field=place, reason=reason)


def with_policy(desk: Catalogue, policy: Policy) -> Catalogue:
    """The desk with this version of the policy and no other of its key."""
    return replace(desk, policies={**desk.policies, policy.key: (policy,)})


@decides(RetirePolicy, needs=Permission.RULE_EDIT)
def retire_policy(command: RetirePolicy, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing."""
    versions = desk.policy_versions(command.key)
    return [] if versions[-1].retired else [PolicyRetired(key=command.key, **command.reasons)]


@evolves(PolicySet)
def _(desk: Catalogue, event: PolicySet) -> Catalogue:
    key = event.policy.key
    return replace(desk, policies={**desk.policies, key: (*desk.policies.get(key, ()), event.policy)})


@evolves(PolicyRetired)
def _(desk: Catalogue, event: PolicyRetired) -> Catalogue:
    *before, last = desk.policies[event.key]
    return replace(desk, policies={**desk.policies, event.key: (*before, last.model_copy(update={"retired": True}))})
