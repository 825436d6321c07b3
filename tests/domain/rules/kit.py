"""given(a desk with rules).on(a ticket).when(something happens).then(rules act): rules without anything around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.catalogue import Catalogue
from domain.event import Actor, Event, Metadata, Recorded
from domain.happening import Happening
from domain.ids import ticket_id
from domain.requester import Requester
from domain.rules.assigning import Roster
from domain.rules.chain import Chain, Look, chain, looks
from domain.rules.rule import RuleDefinition
from domain.setup.rules import SetRule
from tests.domain.happenings import situation as situation
from tests.domain.kit import DESK, NOON, WORKSPACE, opened, person
from tests.domain.setups import desk_after

T1 = ticket_id(WORKSPACE, "T-1")
ANN_ACTS = person("ann")


def trigger(when: Any, *then: dict[str, Any], title: str = "A trigger") -> RuleDefinition:
    """A trigger's definition."""
    return RuleDefinition(title=title, kind="trigger", when=when, then=then)


def leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    """A condition of one leaf."""
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def happens(*names: str) -> dict[str, Any]:
    """A condition on the names of what happened."""
    return leaf("event", "has_any", [f"ticket.{name}" for name in names])


def with_rules(desk: Catalogue = DESK, **rules: RuleDefinition) -> Catalogue:
    """The desk with these rules, in this order."""
    for key, definition in rules.items():
        desk = desk_after(desk, SetRule, key=key.replace("_", "-"), definition=definition)
    return desk


def recorded(
    event: Event, version: int = 1, by: Actor = ANN_ACTS, at: datetime = NOON, channel: str = "api", **more: Any
) -> Recorded[Event]:
    """The event as the log of a ticket T-1 has it; what one version of it did is one command's."""
    ids = {name: uuid5(T1, f"{name}{version}{at}") for name in ("event_id", "command_id", "correlation_id")}
    envelope = Metadata(workspace_id=WORKSPACE, occurred_at=at, actor=by, channel=channel, **ids | more)
    return Recorded(version, T1, version, at, envelope, event)


@dataclass(frozen=True)
class OnTicket:
    """A ticket on a desk with rules, and what is known of its requester."""

    desk: Catalogue
    events: tuple[Recorded[Event], ...]
    requester: Requester | None = None

    def when(self, *events: Event, by: Actor = ANN_ACTS, channel: str = "api", at: datetime | None = None) -> Happening:
        """One command does this to it; without a ticket yet, it opens it."""
        then = at or NOON + timedelta(minutes=len(self.events))
        first = len(self.events) + 1
        new = tuple(recorded(each, first + place, by, then, channel) for place, each in enumerate(events))
        before = situation(self.events) if self.events else None
        return Happening(new, before, situation((*self.events, *new)), self.desk, self.requester)


def ticket(desk: Catalogue, *later: Event, requester: Requester | None = None, **values: Any) -> OnTicket:
    """T-1, opened by Ann with those values, after these further events."""
    events = (opened(**values), *later)
    return OnTicket(desk, tuple(recorded(each, place) for place, each in enumerate(events, 1)), requester)


def none_yet(desk: Catalogue, requester: Requester | None = None) -> OnTicket:
    """The desk before the ticket is opened."""
    return OnTicket(desk, (), requester)


def done(happening: Happening) -> list[tuple[str, list[dict[str, Any]]]]:
    """Which rules act, with what, in order."""
    return acts_of(chain(happening, Roster()))


def acts_of(found: Chain) -> list[tuple[str, list[dict[str, Any]]]]:
    """The acts of a chain, as JSON."""
    return [
        (act.rule.key, [a.model_dump(mode="json", exclude_defaults=True) for a in act.actions]) for act in found.acts
    ]


def keys(happening: Happening) -> list[str]:
    """Which rules act, in order."""
    return [act.rule.key for act in chain(happening, Roster()).acts]


def said(happening: Happening, key: str) -> list[Look]:
    """How that rule looked at it."""
    return [look for look in looks(happening) if look.rule.key == key]


def id_named(name: str) -> UUID:
    """An id for a name."""
    return uuid5(WORKSPACE, name)
