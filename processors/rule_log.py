"""The rule log (D7): how rules looked at what happened to a ticket, worked out from the log when somebody asks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from domain.catalogue import Catalogue
from domain.conditions import Reason
from domain.copying import replace
from domain.happening import Happening
from domain.rules.automating import Look as At
from domain.rules.automating import Plan, plans
from domain.rules.chain import Look, Said, looks, workable
from domain.rules.rule import Rule


class Why(BaseModel):
    """A part of a rule's condition that decided: the question, its place in the condition, and whether it held."""

    place: str
    held: bool
    field: str | None = None
    op: str | None = None
    value: Any = None


class Named(BaseModel):
    """A version of a rule."""

    rule_id: UUID
    key: str
    title: str
    version: int


class Looked(Named):
    """How a trigger looked at what happened, or at what another rule then did (`after`)."""

    said: Said
    after: str | None = Field(default=None, description="The key of the rule whose act it looked at.")
    because: list[Why] = Field(description="What said no.")
    refusal: str | None = Field(default=None, description="Why it was refused, in words.")


class Entry(BaseModel):
    """Something that happened to the ticket, what did it if it was a rule, and how each trigger looked at it."""

    version: int = Field(description="The version of the ticket after it.")
    at: datetime
    events: list[str]
    by_rule: Named | None
    triggers: list[Looked]


class Standing(Named):
    """How an automation stands on the ticket now: since when it counts, when it acts, and what says no if it would not."""

    since: datetime | None
    due_at: datetime | None
    because: list[Why]


def entries(happened: Iterable[Happening]) -> list[Entry]:
    """The log of these happenings, each seen as triggers saw it."""
    every = list(happened)
    return [_entry(each, looks(seen)) for each, seen in zip(every, in_turn(every), strict=True)]


def in_turn(happened: Sequence[Happening]) -> Iterator[Happening]:
    """Each after what triggers made of what was before it, though the log may have that later."""
    made: dict[UUID, list[Happening]] = {}
    for each in happened:
        if each.origin is not None:
            made.setdefault(each.origin.action, []).append(each)
    ahead: list[Happening] = []
    for each in happened:
        ahead = [later for later in ahead if later.position > each.position]
        yield replace(each, ahead=tuple(event for later in ahead for event in later.events)).in_turn()
        ahead += made.get(each.metadata.command_id, ())


def standings(last: Happening, desk: Catalogue, now: datetime) -> list[Standing]:
    """How the desk's automations stand on the ticket as the last thing that happened to it left it."""
    if not workable(last.after):
        return []
    return [_standing(plan) for plan in plans(At(last.after, desk, last.requester, now))]


def _entry(happening: Happening, seen: Sequence[Look]) -> Entry:
    envelope = happening.metadata
    rule = happening.desk.rule_of(envelope.rule_id, envelope.rule_version) if envelope.rule_id else None
    return Entry(
        version=happening.after.version,
        at=happening.at,
        events=[recorded.event.NAME for recorded in happening.events],
        by_rule=Named(**_named(rule)) if rule else None,
        triggers=_looked(seen),
    )


def _looked(seen: Sequence[Look]) -> list[Looked]:
    """In order; of what rules did in turn only what somebody made of it, for most say no to most."""
    acts = [look.rule.key for look in seen if look.said is Said.ACTED]
    told = (look for look in seen if look.cause is None or look.said not in (Said.NO, Said.ONCE))
    return [
        Looked(
            **_named(look.rule),
            said=look.said,
            after=None if look.cause is None else acts[look.cause],
            because=_why(look.reasons),
            refusal=str(look.refusal) if look.refusal else None,
        )
        for look in told
    ]


def _standing(plan: Plan) -> Standing:
    return Standing(**_named(plan.rule), since=plan.since, due_at=plan.due, because=_why(plan.reasons))


def _named(rule: Rule) -> dict[str, Any]:
    return {"rule_id": rule.rule_id, "key": rule.key, "title": rule.title, "version": rule.version}


def _why(reasons: Iterable[Reason]) -> list[Why]:
    return [
        Why(place=reason.place, held=reason.held, **(reason.leaf.model_dump(mode="json") if reason.leaf else {}))
        for reason in reasons
    ]
